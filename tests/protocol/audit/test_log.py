"""`jishi-audit log`: a directory is the log that a key signed, or it says which file is not, and how it ends."""

import json
from pathlib import Path

import pytest

from protocol import log_leaf, merkle, tiles
from protocol.audit import cli, log
from protocol.keys import COSIGNATURE, ED25519, SigningKey
from protocol.note import Checkpoint, cosign, sign, sign_checkpoint

KEY = SigningKey("jishi.example/log/2026-1", ED25519, b"l" * 32)
RECEIPT = SigningKey("jishi.example/receipt/1", COSIGNATURE, b"r" * 32)
TIME_S = 1_796_000_000
HASH = "ab" * 32


def leaves(size: int) -> list[bytes]:
    """A log of the collector: what opened it, then minutes."""
    opened = log_leaf.Opened(
        log="2026-1", key=str(KEY.verifier), receipt=str(RECEIPT.verifier), predecessor="", why="first log"
    )
    minutes = (log_leaf.Minute(t=TIME_S + 60 * n, random=HASH, receipts=n, root=HASH) for n in range(1, size))
    return [log_leaf.encode(opened), *map(log_leaf.encode, minutes)]


def write(directory: Path, entries: list[bytes], *, since: int = 0) -> Checkpoint:
    """Files of this log, with the partial ones that it had at size `since`; the checkpoint that they lead to."""
    for size in {since, len(entries)} - {0}:
        for place, raw in parts(entries[:size]).items():
            (directory / place).parent.mkdir(parents=True, exist_ok=True)
            (directory / place).write_bytes(raw)
    checkpoint = Checkpoint(KEY.name, len(entries), merkle.root(map(merkle.leaf_hash, entries)))
    put_checkpoint(directory, sign_checkpoint(checkpoint, KEY))
    return checkpoint


def parts(entries: list[bytes]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    builder = tiles.Builder()
    for entry in entries:
        files |= {tile.path: raw for tile, raw in builder.add(merkle.leaf_hash(entry))}
    files |= {tile.path: raw for tile, raw in builder.partial()}
    for index, width in tiles.bundles_of(len(entries)):
        bundle = entries[index * 256 : index * 256 + width]
        files[tiles.entries_path(index, width=width)] = tiles.pack_entries(bundle)
    return files


def put_checkpoint(directory: Path, note: bytes) -> None:
    (directory / "checkpoint").write_bytes(cosign(note, RECEIPT, time_s=TIME_S))


def audit(capsys: pytest.CaptureFixture[str], directory: Path, *words: str, key: str = "") -> tuple[int, str]:
    code = cli.main(["log", str(directory), "--key", key or str(KEY.verifier), *words])
    said = capsys.readouterr()
    return code, said.out + said.err


def test_a_whole_log_is_valid_and_told(capsys, tmp_path):
    checkpoint = write(tmp_path, leaves(300))
    code, said = audit(capsys, tmp_path)
    assert (code, said.splitlines()[-1].split(":")[0]) == (0, "VALID")
    assert f"300 entries, root {checkpoint.root.hex()}" in said
    assert "2026-11-30" in said
    assert "1 opened, 299 minute" in said


def test_json_says_the_same(capsys, tmp_path):
    checkpoint = write(tmp_path, leaves(3))
    code, said = audit(capsys, tmp_path, "--json")
    assert code == 0
    assert json.loads(said) == {
        "verdict": "VALID",
        "key": KEY.name,
        "origin": KEY.name,
        "size": 3,
        "root": checkpoint.root.hex(),
        "time_s": TIME_S,
        "leaves": {"opened": 1, "minute": 2},
        "found": [],
        "faults": 0,
        "not_judged": [],
    }


def test_each_bit_of_each_file_counts(tmp_path):
    write(tmp_path, leaves(5), since=3)
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) == 5
    for file in files:
        raw = file.read_bytes()
        for at in range(len(raw)):
            file.write_bytes(raw[:at] + bytes([raw[at] ^ 1 << at % 8]) + raw[at + 1 :])
            report = log.check_directory(tmp_path, KEY.verifier)
            assert report.verdict == log.CONTRADICTED, f"byte {at} of {file.name}"
        file.write_bytes(raw)
    assert log.check_directory(tmp_path, KEY.verifier).verdict == log.VALID


def test_samples_of_a_larger_log_count_as_well(tmp_path):
    write(tmp_path, leaves(600), since=590)
    for file in [file for file in tmp_path.rglob("*") if file.is_file()]:
        raw = file.read_bytes()
        for at in (0, len(raw) // 3, len(raw) - 1):
            file.write_bytes(raw[:at] + bytes([raw[at] ^ 64]) + raw[at + 1 :])
            assert log.check_directory(tmp_path, KEY.verifier).verdict == log.CONTRADICTED, f"byte {at} of {file}"
        file.write_bytes(raw)


def test_each_missing_file_makes_it_incomplete_and_is_named(capsys, tmp_path):
    write(tmp_path, leaves(300))
    for file in [file for file in tmp_path.rglob("*") if file.is_file()]:
        raw = file.read_bytes()
        file.unlink()
        code, said = audit(capsys, tmp_path)
        assert code == 1
        assert f"missing     {file.relative_to(tmp_path)}: " in said
        file.write_bytes(raw)


def test_a_file_cut_short_is_contradicted(capsys, tmp_path):
    write(tmp_path, leaves(300))
    for file in [file for file in tmp_path.rglob("*") if file.is_file()]:
        raw = file.read_bytes()
        file.write_bytes(raw[:-1])
        assert audit(capsys, tmp_path)[0] == 2, file
        file.write_bytes(raw)


def test_what_is_wrong_is_said_however_much_is_missing(tmp_path):
    write(tmp_path, leaves(256 * 130))
    for number in range(120):
        (tmp_path / tiles.entries_path(number)).unlink()
    last = tmp_path / tiles.entries_path(129)
    last.write_bytes(last.read_bytes()[:-1] + b"x")
    report = log.check_directory(tmp_path, KEY.verifier)
    assert (report.verdict, report.faults) == (log.CONTRADICTED, 123)
    assert len(report.found) <= log.MOST_FOUND + 1


def test_another_key_is_told_from_a_damaged_log(capsys, tmp_path):
    write(tmp_path, leaves(3))
    other = SigningKey(KEY.name, ED25519, b"o" * 32)
    code, said = audit(capsys, tmp_path, key=str(other.verifier))
    assert code == 2
    assert "bears 0 lines of the key jishi.example/log/2026-1+" in said
    code, said = audit(capsys, tmp_path, key="nonsense")
    assert code == 1
    assert "vkey" in said or "key" in said


def test_a_log_that_names_another_key_in_its_first_leaf_is_contradicted(capsys, tmp_path):
    other = SigningKey(KEY.name, ED25519, b"o" * 32)
    checkpoint = write(tmp_path, leaves(3))
    put_checkpoint(tmp_path, sign_checkpoint(checkpoint, other))
    code, said = audit(capsys, tmp_path, key=str(other.verifier))
    assert code == 2
    assert "the first leaf names another key of the log" in said


def test_an_entry_of_ours_that_is_no_leaf_is_contradicted(capsys, tmp_path):
    write(tmp_path, [*leaves(3), b"nonsense", leaves(1)[0]])
    code, said = audit(capsys, tmp_path)
    assert code == 2
    assert "entry 3: not a leaf of the log" in said
    assert "entry 4 opens the log once more" in said


def test_a_foreign_log_is_checked_as_far_as_its_layout_goes(capsys, tmp_path):
    entries = [b"entry %d" % n for n in range(300)]
    checkpoint = write(tmp_path, entries)
    key = SigningKey("key.of.another.name", ED25519, b"f" * 32)
    note = sign(f"example.com/log\n300\n{checkpoint.text.splitlines()[2]}\nan extension line\n", key)
    (tmp_path / "checkpoint").write_bytes(note)
    (tmp_path / ".state").mkdir()
    (tmp_path / ".state" / "treeState").write_bytes(b"of the program that wrote it")
    code, said = audit(capsys, tmp_path, key=str(key.verifier))
    assert code == 0
    assert "log         example.com/log" in said
    assert "not judged  1 files that the checkpoint does not speak of: .state/treeState" in said


def test_files_beyond_the_checkpoint_are_named_and_not_judged(tmp_path):
    entries = leaves(300)
    write(tmp_path, entries)
    held = (tmp_path / "checkpoint").read_bytes()
    write(tmp_path, [*entries, entries[1]])
    (tmp_path / "checkpoint").write_bytes(held)
    report = log.check_directory(tmp_path, KEY.verifier)
    assert report.verdict == log.VALID
    assert report.not_judged == ("tile/0/001.p/45", "tile/entries/001.p/45")


def test_a_checkpoint_that_claims_more_than_anybody_can_have_ends_at_the_first_missing_file(capsys, tmp_path):
    write(tmp_path, leaves(300))
    put_checkpoint(tmp_path, sign_checkpoint(Checkpoint(KEY.name, 2**53 - 1, bytes(32)), KEY))
    code, said = audit(capsys, tmp_path)
    assert code == 1
    assert "nothing follows" in said


def test_a_directory_that_is_none_is_said(capsys, tmp_path):
    code, said = audit(capsys, tmp_path / "none")
    assert code == 1
    assert "is no directory: name the one that holds `checkpoint`" in said
    code, said = audit(capsys, tmp_path)
    assert code == 1
    assert "the checkpoint is missing" in said
