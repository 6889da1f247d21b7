"""The collector's keys on a medium: sealed, whole, and never over another key."""

import json
from pathlib import Path

import pytest

from collector import key_custody
from collector.errors import ConfigError
from collector.keys import ensure_export_key, ensure_receipt_key, load_receipt_key, make_log_key

DOMAIN, WORDS = "jishi.example", b"correct horse battery"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    ensure_receipt_key(made, DOMAIN)
    ensure_export_key(made, DOMAIN)
    make_log_key(made, f"{DOMAIN}/log/2026-1")
    return made


@pytest.fixture
def medium(tmp_path: Path, data_dir: Path) -> Path:
    path = tmp_path / "keys.sealed"
    key_custody.export_keys(data_dir, domain=DOMAIN, to=path, passphrase=WORDS)
    return path


def take(data_dir: Path, file: Path, *, domain: str = DOMAIN, passphrase: bytes = WORDS) -> list[key_custody.Held]:
    return key_custody.import_keys(data_dir, domain=domain, file=file, passphrase=passphrase)


def test_what_was_exported_comes_back_whole(data_dir: Path, medium: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    assert [held.file for held in take(other, medium)] == ["export.key", "log-2026-1.key", "receipt.key"]
    assert key_custody.list_keys(other) == key_custody.list_keys(data_dir)
    assert load_receipt_key(other, DOMAIN).seed == load_receipt_key(data_dir, DOMAIN).seed
    assert (other / "keys" / "receipt.key").stat().st_mode & 0o077 == 0
    assert take(other, medium) == []


def test_no_seed_is_in_the_file_and_others_cannot_read_it(data_dir: Path, medium: Path) -> None:
    raw = medium.read_bytes()
    for path in (data_dir / "keys").iterdir():
        assert json.loads(path.read_bytes())["seed"].encode() not in raw
    assert medium.stat().st_mode & 0o077 == 0


def test_a_file_is_never_written_over(data_dir: Path, medium: Path) -> None:
    before = medium.read_bytes()
    with pytest.raises(ConfigError, match="not overwritten"):
        key_custody.export_keys(data_dir, domain=DOMAIN, to=medium, passphrase=WORDS)
    assert medium.read_bytes() == before


def test_another_key_of_that_name_stops_it_all(medium: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    ensure_receipt_key(other, DOMAIN)
    before = key_custody.list_keys(other)
    with pytest.raises(ConfigError, match="another key"):
        take(other, medium)
    assert key_custody.list_keys(other) == before


@pytest.mark.parametrize("change", [{"passphrase": b"correct horse batterz"}, {"domain": "other.example"}])
def test_what_does_not_fit_changes_nothing(medium: Path, tmp_path: Path, change: dict[str, object]) -> None:
    other = tmp_path / "other"
    with pytest.raises(ConfigError):
        take(other, medium, **change)  # type: ignore[arg-type]
    assert not other.exists()


def test_a_changed_byte_does_not_open(medium: Path, tmp_path: Path) -> None:
    raw = bytearray(medium.read_bytes())
    at = raw.index(b"box ") + 60
    raw[at] = ord("A") if raw[at] != ord("A") else ord("B")
    medium.chmod(0o600)
    medium.write_bytes(raw)
    with pytest.raises(ConfigError, match="passphrase does not open it, or the file was changed"):
        take(tmp_path / "other", medium)


def test_a_persons_key_is_not_a_collectors(tmp_path: Path) -> None:
    from protocol.audit import key_file

    key_file.make(tmp_path / "wang.key", "jishi.example/person/wang", WORDS)
    with pytest.raises(ConfigError, match="holds person-key"):
        take(tmp_path / "other", tmp_path / "wang.key")


def test_nothing_to_export_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no keys lie"):
        key_custody.export_keys(tmp_path / "none", domain=DOMAIN, to=tmp_path / "f", passphrase=WORDS)
