"""The second verifier, from the documents alone, agrees with `jishi-audit verify`, on whole and altered bundles."""

import shutil
from pathlib import Path

import pytest

from protocol.audit.cli import main
from tests.second_verifier import verify

EXAMPLES = Path(__file__).parent.parent / "docs" / "examples"
TRUST = EXAMPLES / "bundle-trust.txt"


def audit(bundle: Path) -> int:
    return main(["verify", str(bundle), "--trust", str(TRUST)])


def test_both_find_nothing_wrong_with_the_example() -> None:
    assert verify(EXAMPLES / "bundle", TRUST.read_text("utf-8")) == []
    assert audit(EXAMPLES / "bundle") == 0


FILES = [
    each.relative_to(EXAMPLES / "bundle").as_posix() for each in (EXAMPLES / "bundle").rglob("*") if each.is_file()
]


@pytest.mark.parametrize("path", sorted(FILES))
def test_both_find_a_bit_that_was_altered_and_a_file_that_is_gone(path: str, tmp_path: Path) -> None:
    copy = tmp_path / "bundle"
    shutil.copytree(EXAMPLES / "bundle", copy)
    raw = (copy / path).read_bytes()
    at = len(raw) // 2
    (copy / path).write_bytes(raw[:at] + bytes([raw[at] ^ 4]) + raw[at + 1 :])
    assert verify(copy, TRUST.read_text("utf-8")) != []
    assert audit(copy) != 0
    (copy / path).unlink()
    assert verify(copy, TRUST.read_text("utf-8")) != []
    assert audit(copy) != 0


def test_both_trust_nobody_that_was_not_named() -> None:
    other = TRUST.read_text("utf-8").replace("receipt jishi", "# receipt jishi")
    assert verify(EXAMPLES / "bundle", other) != []
