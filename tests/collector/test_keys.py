"""The receipt key: made once, private, and never shown."""

import threading
from pathlib import Path

import pytest

from collector.errors import ConfigError
from collector.keys import ensure_receipt_key, load_receipt_key, receipt_key_path


def test_it_is_made_once_and_only_we_may_read_it(tmp_path: Path) -> None:
    key = ensure_receipt_key(tmp_path, "jishi.example")
    assert key.name == "jishi.example/receipt/1"
    assert receipt_key_path(tmp_path).stat().st_mode & 0o777 == 0o600
    assert receipt_key_path(tmp_path).parent.stat().st_mode & 0o777 == 0o700
    assert ensure_receipt_key(tmp_path, "jishi.example").seed == key.seed
    assert key.seed.hex() not in repr(key)


def test_two_at_once_end_with_the_same_key(tmp_path: Path) -> None:
    seeds: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: seeds.append(ensure_receipt_key(tmp_path, "jishi.example").seed))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seeds) == 8
    assert len(set(seeds)) == 1
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["receipt.key"]


def test_a_missing_one_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="jishi-collector migrate"):
        load_receipt_key(tmp_path, "jishi.example")


def test_one_that_others_may_read_is_refused(tmp_path: Path) -> None:
    ensure_receipt_key(tmp_path, "jishi.example")
    receipt_key_path(tmp_path).chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_receipt_key(tmp_path, "jishi.example")


def test_a_damaged_one_does_not_show_its_seed(tmp_path: Path) -> None:
    seed = ensure_receipt_key(tmp_path, "jishi.example").seed.hex()
    path = receipt_key_path(tmp_path)
    path.write_text(path.read_text().replace(seed, seed[:-1]))
    with pytest.raises(ConfigError, match="is damaged") as caught:
        load_receipt_key(tmp_path, "jishi.example")
    assert seed[:-1] not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_domain_never_changes(tmp_path: Path) -> None:
    ensure_receipt_key(tmp_path, "jishi.example")
    with pytest.raises(ConfigError, match="a domain never changes"):
        load_receipt_key(tmp_path, "other.example")
