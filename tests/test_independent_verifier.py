"""The second verifier agrees with `jishi-audit verify` on whole bundles, on altered ones, and on signed lies.

`tests/independent_verifier.py` was written by somebody who saw docs/ and bundles, and no line of this project's code.
It computes hours and grades itself; what it does not do, it says ("not checked"). Only what both call VALID is VALID.
"""

import shutil
from pathlib import Path

import pytest

from protocol.audit.cli import main
from protocol.verify.verdicts import Verdict
from tests.independent_verifier import judge
from tests.protocol.bundles import trust_text
from tests.protocol.verify.test_verification import LIES, honest, world
from tests.protocol.verify.verifying import run
from tests.protocol.zips import zipped

EXAMPLES = Path(__file__).parent.parent / "docs" / "examples"
TRUST = EXAMPLES / "bundle-trust.txt"
VALID = (0, [], [])


def audit(bundle: Path) -> int:
    return main(["verify", str(bundle), "--trust", str(TRUST)])


def test_both_find_nothing_wrong_with_the_example_and_nothing_is_left_unchecked() -> None:
    assert judge(EXAMPLES / "bundle", TRUST.read_text("utf-8")) == VALID
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
    assert judge(copy, TRUST.read_text("utf-8"))[0] != 0
    assert audit(copy) != 0
    (copy / path).unlink()
    assert judge(copy, TRUST.read_text("utf-8"))[0] != 0
    assert audit(copy) != 0


def test_both_trust_nobody_that_was_not_named() -> None:
    other = TRUST.read_text("utf-8").replace("receipt jishi", "# receipt jishi")
    assert judge(EXAMPLES / "bundle", other)[0] == 1


def test_both_read_a_zip_and_compute_its_hours_and_grades(tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_bytes(zipped(world().sealed()))
    assert judge(tmp_path / "b.zip", trust_text().decode()) == VALID
    assert run(world().sealed()).verdict is Verdict.VALID


@pytest.mark.parametrize("name", LIES)
def test_neither_believes_a_lie_that_bears_the_export_keys_signature(name: str, tmp_path: Path) -> None:
    files = dict(honest())
    LIES[name][0](files)
    lied = world().sealed(files)
    (tmp_path / "b.zip").write_bytes(zipped(lied))
    verdict, found, _ = judge(tmp_path / "b.zip", trust_text().decode())
    assert run(lied).verdict is not Verdict.VALID
    assert verdict != 0
    assert found
