"""The authorities' files: made once, private, rotated by a number, and told with a remedy where they are missing."""

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collector.certificates.authority import Revoked
from collector.certificates.broker_files import AGENTS, REVOKED, SERVICES, write_broker_files
from collector.certificates.directory import (
    generations,
    load_authority,
    make_next,
    read_bundle,
    tls_directory,
    worker_context,
)
from collector.errors import ConfigError

NOW = datetime(2025, 12, 1, 3, 0, tzinfo=UTC)
DOMAIN = "jishi.example"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    for kind in ("services", "agents"):
        make_next(tmp_path / "data", kind, domain=DOMAIN, now=NOW)
    return tmp_path / "data"


@pytest.fixture
def broker_dir(tmp_path: Path) -> Path:
    path = tmp_path / "broker"
    path.mkdir()
    return path


def key_of(data_dir: Path, kind: str, number: int = 1) -> Path:
    return tls_directory(data_dir) / f"{kind}-{number}.key"


def test_only_we_may_read_the_keys(data_dir: Path) -> None:
    assert stat.S_IMODE(tls_directory(data_dir).stat().st_mode) == 0o700
    for kind in ("services", "agents"):
        assert stat.S_IMODE(key_of(data_dir, kind).stat().st_mode) == 0o600


def test_a_key_that_others_may_read_is_refused(data_dir: Path) -> None:
    key_of(data_dir, "agents").chmod(0o640)
    with pytest.raises(ConfigError, match=r"agents-1\.key may be read by others: chmod 600"):
        load_authority(data_dir, "agents")


def test_the_newest_generation_signs_and_all_are_trusted(data_dir: Path) -> None:
    first = load_authority(data_dir, "agents")
    second = make_next(data_dir, "agents", domain=DOMAIN, now=NOW)
    assert generations(data_dir, "agents") == [1, 2]
    assert load_authority(data_dir, "agents").certificate == second.certificate
    assert load_authority(data_dir, "agents", 1).certificate == first.certificate
    assert read_bundle(data_dir, "agents").count(b"BEGIN CERTIFICATE") == 2
    assert generations(data_dir, "services") == [1]


def test_what_is_missing_or_wrong_names_the_remedy(data_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="`jishi-collector ca init` makes it"):
        load_authority(tmp_path / "elsewhere", "agents")
    with pytest.raises(ConfigError, match="`jishi-collector ca init` makes it"):
        read_bundle(tmp_path / "elsewhere", "services")
    with pytest.raises(ConfigError, match="`jishi-collector ca worker-cert` makes it"):
        worker_context(data_dir)
    key_of(data_dir, "services").rename(tmp_path / "in a safe")
    with pytest.raises(ConfigError, match="bring it back from where it is kept"):
        load_authority(data_dir, "services")
    key_of(data_dir, "agents").write_bytes(b"nonsense")
    with pytest.raises(ConfigError, match="restore both from a backup"):
        load_authority(data_dir, "agents")
    (tmp_path / "in a safe").rename(key_of(data_dir, "agents"))
    with pytest.raises(ConfigError, match="is not the key of the certificate beside it"):
        load_authority(data_dir, "agents")


def test_an_interrupted_making_is_noticed(data_dir: Path) -> None:
    key_of(data_dir, "agents", 2).touch(0o600)
    with pytest.raises(ConfigError, match="another process is making this authority, or one was interrupted"):
        make_next(data_dir, "agents", domain=DOMAIN, now=NOW)
    assert load_authority(data_dir, "agents").generation == 1, "the one before still signs"


def test_the_brokers_files_are_touched_only_where_they_change(data_dir: Path, broker_dir: Path) -> None:
    assert write_broker_files(data_dir, broker_dir, {}, now=NOW) == [AGENTS, SERVICES, REVOKED]
    assert write_broker_files(data_dir, broker_dir, {}, now=NOW) == []
    revoked = {1: [Revoked(7, NOW)]}
    assert write_broker_files(data_dir, broker_dir, revoked, now=NOW) == [REVOKED]
    assert write_broker_files(data_dir, broker_dir, revoked, now=NOW) == []
    assert write_broker_files(data_dir, broker_dir, {}, now=NOW) == [REVOKED]
    make_next(data_dir, "agents", domain=DOMAIN, now=NOW)
    assert write_broker_files(data_dir, broker_dir, {}, now=NOW) == [AGENTS, REVOKED]
    assert (broker_dir / REVOKED).read_bytes().count(b"BEGIN X509 CRL") == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in broker_dir.iterdir()} == {0o644}


def test_a_retired_generation_leaves_the_brokers_files(data_dir: Path, broker_dir: Path) -> None:
    make_next(data_dir, "agents", domain=DOMAIN, now=NOW)
    write_broker_files(data_dir, broker_dir, {}, now=NOW)
    for path in tls_directory(data_dir).glob("agents-1.*"):
        path.unlink()
    assert write_broker_files(data_dir, broker_dir, {}, now=NOW) == [AGENTS, REVOKED]
    assert (broker_dir / REVOKED).read_bytes().count(b"BEGIN X509 CRL") == 1


def test_a_list_that_cannot_be_read_is_written_anew(data_dir: Path, broker_dir: Path) -> None:
    write_broker_files(data_dir, broker_dir, {}, now=NOW)
    (broker_dir / REVOKED).write_bytes(b"half a li")
    assert write_broker_files(data_dir, broker_dir, {}, now=NOW) == [REVOKED]


def test_a_directory_that_cannot_be_written_is_named(data_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot write to .*nowhere"):
        write_broker_files(data_dir, tmp_path / "nowhere", {}, now=NOW)
