"""From when a revocation counts: by the collector's log, whatever clock the registrar had."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from collector.evidence.registered import list_registered
from collector.evidence.revocations import load_revoked_from
from collector.registry import people, person_keys
from protocol.keys import SigningKey
from tests.collector.evidence.test_sequencer import Log
from tests.collector.province import Province


@pytest.fixture
def log(province: Province, tmp_path: Path) -> Log:
    province.add_instrument("A001")
    return Log(province, tmp_path)


def test_the_minute_before_it_counts_and_not_what_the_registrar_said(log: Log, wang: SigningKey) -> None:
    log.grow()
    before = log.grow()
    person_keys.revoke(
        log.connection,
        wang.name,
        by=people.find_person(log.connection, "Li"),
        why="stolen",
        now=datetime(2001, 1, 1, tzinfo=UTC),
    )
    [statement] = [each.raw for each in list_registered(log.connection, None) if each.kind == "revocation"]
    assert load_revoked_from(log.connection, statement) is None
    log.grow()
    log.grow()
    assert load_revoked_from(log.connection, statement) == before.time_s
