"""Users as salted hashes: the same person is the same, another salt knows nobody, and the salt is nobody's to read."""

import stat
from pathlib import Path

import pytest

from collector.errors import ConfigError
from collector.facts.salt import hash_user, open_salt


def test_a_person_is_the_same_however_the_name_is_typed_and_another_under_another_salt() -> None:
    assert hash_user("Li  Ming", b"a") == hash_user(" ｌｉ ming ", b"a")
    assert len({hash_user("Li Ming", b"a"), hash_user("Li Ming", b"b"), hash_user("Wang", b"a")}) == 3


def test_the_salt_is_made_once_and_kept_to_ourselves(tmp_path: Path) -> None:
    salt = open_salt(tmp_path)
    path = tmp_path / "keys" / "users.salt"
    assert (open_salt(tmp_path), len(salt)) == (salt, 32)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(salt[:-1])
    with pytest.raises(ConfigError, match="has 31 bytes, not 32: restore it from a backup"):
        open_salt(tmp_path)
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="may be read by others"):
        open_salt(tmp_path)
