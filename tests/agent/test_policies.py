"""Policies from a welcome: kept as they came, by instrument, for a preview that decides nothing."""

import pytest

from agent import config, policies
from agent.policies import keep, load, path_for
from protocol.message import SentPolicy
from tests.agent.enrolled import enrol_in

BODY = (
    b'{"v":1,"name":"x","valid_mw":[0,15000000],"gap_ms":60000,'
    b'"standby":{"on_mw":40000,"off_mw":25000,"on_ms":20000,"off_ms":60000},'
    b'"run":{"on_mw":900000,"off_mw":600000,"on_ms":20000,"off_ms":180000}}'
)


@pytest.fixture
def configuration(tmp_path):
    return config.load(enrol_in(tmp_path, broker_port=1, port=tmp_path / "port"))


def test_a_policy_is_kept_byte_for_byte_for_the_instrument_of_its_watcher(configuration):
    assert load(configuration.state_dir, "A001") is None
    keep(configuration, [SentPolicy("meter1", BODY)])
    assert path_for(configuration.state_dir, "A001").read_bytes() == BODY
    kept = load(configuration.state_dir, "A001")
    assert kept is not None
    assert kept.run.on_mw == 900_000


def test_a_newer_policy_takes_its_place(configuration):
    keep(configuration, [SentPolicy("meter1", BODY)])
    keep(configuration, [SentPolicy("meter1", BODY.replace(b"600000,", b"500000,"))])
    kept = load(configuration.state_dir, "A001")
    assert kept is not None
    assert kept.run.off_mw == 500_000


@pytest.mark.parametrize("sent", [SentPolicy("meter1", b"{}"), SentPolicy("unknown", BODY)])
def test_what_is_no_policy_or_of_no_watcher_of_ours_is_not_kept(configuration, sent):
    keep(configuration, [SentPolicy("meter1", BODY), sent])
    assert path_for(configuration.state_dir, "A001").read_bytes() == BODY
    assert len(list((configuration.state_dir / policies.DIRECTORY).iterdir())) == 1


def test_an_asset_number_that_no_file_name_can_hold_has_its_place(configuration):
    place = path_for(configuration.state_dir, "仪器/2026:" + "长" * 57)
    assert place.parent == configuration.state_dir / policies.DIRECTORY
    assert len(place.name) == 21


def test_a_file_that_was_damaged_is_no_policy(configuration):
    keep(configuration, [SentPolicy("meter1", BODY)])
    path_for(configuration.state_dir, "A001").write_bytes(BODY[:50])
    assert load(configuration.state_dir, "A001") is None
