"""`jishi-audit fork`: what a third party is told, with nothing but the file and a key."""

import json
from pathlib import Path

import pytest

from protocol.audit import cli
from protocol.fork_proof import ForkProof, Roots, encode
from tests.protocol.test_fork_proof import KEY, LOG, NEXT, leaves_proof, note_of, prefix_proof, tree

VKEY = str(KEY.verifier)
ROOTS = ForkProof(note_of(tree(5)), note_of(tree(5, parts_at=2)), Roots())


def run(capsys: pytest.CaptureFixture[str], path: Path, raw: bytes, *words: str) -> tuple[int, str, str]:
    path.write_bytes(raw)
    code = cli.main(["fork", str(path), *words])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.parametrize(
    ("proof", "says"),
    [
        (ROOTS, "Both are of the same size"),
        (leaves_proof(tree(5), tree(9, parts_at=2), 3), "Entry 3 is one thing in the first and another in the second"),
        (prefix_proof(tree(5), tree(9, parts_at=2)), "The first 5 entries of the second are not those of the first"),
    ],
)
def test_a_proof_is_told_in_words_and_names_no_culprit(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, proof: ForkProof, says: str
) -> None:
    code, out, err = run(capsys, tmp_path / "proof", encode(proof), "--key", VKEY)
    assert (code, err) == (0, "")
    assert f"FORK PROVED: the key of {LOG} signed two histories" in out
    assert says in out
    assert "It names a log, not a culprit" in out


def test_one_line_for_programs(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    proof = leaves_proof(tree(5), tree(9, parts_at=2), 3)
    code, out, _ = run(capsys, tmp_path / "proof", encode(proof), "--key", VKEY, "--json")
    told = json.loads(out)
    assert code == 0
    assert (told["log"], told["fork"], told["index"]) == (LOG, True, 3)
    assert [each["size"] for each in told["trees"]] == [5, 9]


def test_what_proves_nothing_accuses_nobody(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "proof"
    code, out, err = run(capsys, path, encode(ROOTS), "--key", str(NEXT.verifier))
    assert (code, out) == (1, "")
    assert f"{path} proves nothing against {NEXT.name}" in err
    code, out, err = run(capsys, path, encode(ROOTS)[:-3], "--key", VKEY)
    assert (code, out) == (1, "")
    assert str(path) in err
    code, out, err = run(capsys, path, encode(ROOTS), "--key", "noise")
    assert (code, out) == (1, "")
    assert cli.main(["fork", str(tmp_path / "none"), "--key", VKEY]) == 1
