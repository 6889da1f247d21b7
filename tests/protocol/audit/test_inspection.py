"""The steps of an on-site check at the command line: from a bundle on a stick to a signed note."""

import errno
import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from protocol import entry, hours, merkle
from protocol.audit import inspect_steps, inspection, key_file
from protocol.audit.cli import main
from protocol.entry import Inspect
from protocol.errors import ForeignBytesError, MalformedFindings, MalformedSealed
from protocol.findings import Findings, Step, open_findings
from protocol.keys import ED25519, SigningKey
from protocol.live_test import TOLERANCE_MS
from protocol.note import Checkpoint, sign_checkpoint
from protocol.person_key import person_key_text
from protocol.slip import Slip
from tests.protocol.days import DAY, meter, record_of

AGENT = SigningKey("jishi.example/a/em-01/1", ED25519, bytes(range(32)))
NONCE = "0f1e2d3c" * 4
NAME = "jishi.example/person/wang"
WORDS = "dice cellar lamp mouse"
NOW_MS = 1_772_416_800_000


@pytest.fixture(autouse=True)
def _words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JISHI_PASSPHRASE", WORDS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(inspection, "_now_ms", lambda: NOW_MS)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """As much of a bundle as the draw needs."""
    where = tmp_path / "bundle"
    (where / "hours").mkdir(parents=True)
    records = hours.encode(record_of(meter())) + b"\n"
    (where / "hours" / "records.jsonl").write_bytes(records)
    line = f"{hashlib.sha256(records).hexdigest()} {len(records)} hours/records.jsonl"
    (where / "MANIFEST").write_text(f"jishi-bundle/v1\nasset A001\nfrom {DAY}\nto {DAY}\n{line}\n\n— x y\n", "utf-8")
    return where


@pytest.fixture
def slip(tmp_path: Path) -> Path:
    raw = entry.encode(entry.make(Inspect(NONCE), index=7, wall_ms=NOW_MS, mono_ms=5, boot="5f3a9c01"))
    note = sign_checkpoint(Checkpoint(AGENT.name, 8, merkle.EMPTY_ROOT), AGENT)
    path = tmp_path / "em.slip"
    path.write_bytes(Slip(raw, note).to_bytes())
    return path


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    path = tmp_path / "keys.txt"
    path.write_text(f"# mine\nagent {AGENT.verifier}\n", "utf-8")
    return path


def test_from_the_bundle_to_a_signed_note(
    bundle: Path, slip: Path, trust: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["key", "new", "wang.key", "--name", NAME]) == 0
    vkey = capsys.readouterr().out.strip()
    with trust.open("a", encoding="utf-8") as file:
        file.write(f"person {vkey}\n")
    assert main(["inspect", "slip", str(slip), "--nonce", NONCE, "--trust", str(trust)]) == 0
    assert main(["inspect", "sample", str(bundle), "--seed", "4 2 6", "--count", "3", "--out", "sample.json"]) == 0
    assert str(DAY) in capsys.readouterr().out
    assert main(["inspect", "form", "A001", "--sample", "sample.json", "--out", "form.toml"]) == 0
    form = Path("form.toml")
    filled = form.read_text("utf-8").replace('[""]', '["王敏"]').replace('place = ""', 'place = "B"')
    filled = filled.replace('plate = ""', 'plate = "P"').replace('found = "open"', 'found = "differs"')
    form.write_text(filled.replace("# paper_h = 0.0", "paper_h = 1.5"), "utf-8")
    Path("steps.jsonl").write_bytes(b'{"do":"off","at":%d,"host":%d}\n' % (NOW_MS, NOW_MS - 1200))
    signing = ["inspect", "findings", "form.toml", "--slip", str(slip), "--steps", "steps.jsonl", "--sample",
               "sample.json", "--key", "wang.key", "--trust", str(trust), "--out", "note"]  # fmt: skip
    assert main(signing) == 0, capsys.readouterr().err
    found = _open("note")
    assert (found.asset, found.clock_ms, len(found.steps)) == ("A001", -1200, 1)
    assert found.nonce is not None
    assert (found.nonce.nonce, found.nonce.index) == (NONCE, 7)
    assert found.sample is not None
    assert [(row.day, row.found, row.paper_s) for row in found.sample.rows] == [(str(DAY), "differs", 5400)]
    assert main(["inspect", "show", "note", "--trust", str(trust)]) == 0
    told = capsys.readouterr().out
    for word in (f"signed 签名          {NAME}", "王敏", "in-order 属实", "4 2 6", "differs", "1.50 h", NONCE):
        assert word in told, word
    assert main(["inspect", "show", "note", "--trust", str(trust), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["asset"] == "A001"
    assert main(signing) == 1
    assert "nothing is written over" in capsys.readouterr().err


def _open(path: str) -> Findings:
    key = key_file.load(Path("wang.key"), WORDS.encode())
    return open_findings(Path(path).read_bytes(), key.verifier)


def test_a_key_file_is_its_owners_alone_and_needs_the_passphrase(capsys: pytest.CaptureFixture[str]) -> None:
    key = key_file.make(Path("wang.key"), NAME, WORDS.encode())
    assert stat.S_IMODE(Path("wang.key").stat().st_mode) == 0o600
    assert key.seed.hex().encode() not in Path("wang.key").read_bytes()
    assert key_file.load(Path("wang.key"), WORDS.encode()).verifier == key.verifier
    with pytest.raises(ForeignBytesError):
        key_file.load(Path("wang.key"), b"another passphrase")
    assert main(["key", "new", "wang.key", "--name", NAME]) == 1
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize("words", ["", "short"])
def test_a_short_passphrase_is_refused(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.setenv("JISHI_PASSPHRASE", words)
    monkeypatch.setattr(key_file, "getpass", lambda _: words)
    with pytest.raises(MalformedSealed, match="at least 10"):
        key_file.ask_passphrase(is_new=True)


def test_nobody_types_a_passphrase_for_what_is_refused_anyhow(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key_file.make(Path("wang.key"), NAME, WORDS.encode())
    monkeypatch.setattr(key_file, "ask_passphrase", lambda **_: pytest.fail("it was asked for"))
    assert main(["key", "new", "other.key", "--name", "wang"]) == 1
    assert main(["key", "prove", "wang.key", "nowhere.txt", "--out", "proof"]) == 1
    assert "jishi-audit: nowhere.txt: No such file or directory" in capsys.readouterr().err


def test_a_short_passphrase_is_told_before_it_is_typed_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JISHI_PASSPHRASE")
    typed = iter(["short"])
    monkeypatch.setattr(key_file, "getpass", lambda _: next(typed))
    with pytest.raises(MalformedSealed, match="at least 10"):
        key_file.ask_passphrase(is_new=True)


def test_a_full_stick_is_told_and_leaves_no_half_file(
    monkeypatch: pytest.MonkeyPatch, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = ["inspect", "sample", str(bundle), "--seed", "s", "--count", "1", "--out", "sample.json"]

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as stick:
        stick.setattr(os, "fsync", full)
        assert main(sample) == 1
        assert "No space left on device" in capsys.readouterr().err
    assert main(sample) == 0, "the same name is free"


def test_a_proof_is_signed_over_the_registrys_text_alone(capsys: pytest.CaptureFixture[str]) -> None:
    key = key_file.make(Path("wang.key"), NAME, WORDS.encode())
    Path("good").write_text(person_key_text(str(key.verifier), "王敏", "0f" * 16), "utf-8")
    Path("bad").write_text("0f" * 16, "utf-8")
    assert main(["key", "prove", "wang.key", "good", "--out", "proof"]) == 0
    assert main(["key", "prove", "wang.key", "bad", "--out", "other"]) == 1
    assert not Path("other").exists()


def test_a_slip_that_the_agent_did_not_sign_is_refused(
    slip: Path, trust: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = SigningKey(AGENT.name, ED25519, b"o" * 32)
    trust.write_text(f"agent {other.verifier}\n", "utf-8")
    assert main(["inspect", "slip", str(slip), "--trust", str(trust)]) == 1
    trust.write_text(f"export {SigningKey('x.example/export/1', ED25519, b'e' * 32).verifier}\n", "utf-8")
    assert main(["inspect", "slip", str(slip), "--trust", str(trust)]) == 1
    assert "trusts no key" in capsys.readouterr().err


def test_a_slip_over_another_nonce_is_refused(slip: Path, trust: Path) -> None:
    assert main(["inspect", "slip", str(slip), "--nonce", "ff" * 16, "--trust", str(trust)]) == 1


def test_records_that_the_manifest_does_not_name_are_not_drawn_from(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(bundle, "other")
    with Path("other/hours/records.jsonl").open("ab") as file:
        file.write(b" ")
    assert main(["inspect", "sample", "other", "--seed", "s"]) == 1
    assert "not the file that MANIFEST names" in capsys.readouterr().err
    assert main(["inspect", "sample", str(bundle), "--seed", "s", "--count", "0"]) == 1
    assert main(["inspect", "sample", "nowhere", "--seed", "s"]) == 1
    Path("torn.zip").write_bytes(b"PK\x03\x04 torn")
    assert main(["inspect", "sample", "torn.zip", "--seed", "s"]) == 1


def test_the_example_bundle_of_the_documents_is_drawn_from(capsys: pytest.CaptureFixture[str]) -> None:
    example = Path(__file__).parents[3] / "docs" / "examples" / "bundle"
    assert main(["inspect", "sample", str(example), "--seed", "4 2 6"]) == 0
    assert "seed 4 2 6" in capsys.readouterr().out


# The guided live test


def _break_off() -> str:
    raise KeyboardInterrupt


class Person:
    """Answers what he is asked, and lets time pass between."""

    def __init__(self, *answers: tuple[float, str]) -> None:
        self._answers: Iterator[tuple[float, str]] = iter(answers)
        self.now_ms = NOW_MS
        self.told: list[str] = []

    def ask(self, _question: str) -> str:
        waits_s, answer = next(self._answers)
        self.now_ms += round(waits_s * 1000)
        return answer


def lead(person: Person) -> list[tuple[str, int, int | None]]:
    steps = inspect_steps.lead(ask=person.ask, tell=person.told.append, now_ms=lambda: person.now_ms)
    return [(step.do, (step.at - NOW_MS) // 1000, step.host and step.host - step.at) for step in steps]


def test_each_step_lasts_as_long_as_it_must() -> None:
    person = Person((0, ""), (0, ""), (119, ""), (1, ""), (0, ""), (90, ""), (0, ""), (120, ""), (0, ""),
                    (180, ""), (0, ""), (120, ""), (0, ""))  # fmt: skip
    told = lead(person)
    assert [step[:2] for step in told] == [
        ("off", 0), ("on", 120), ("idle", 210), ("run", 330), ("off", 510), ("end", 630)
    ]  # fmt: skip
    assert any("119 s since" in line for line in person.told)


def test_a_test_that_is_broken_off_keeps_the_steps_that_were_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = iter(["", "", "s"])
    monkeypatch.setattr(inspection, "_ask", lambda _: _break_off() if (said := next(answers, None)) is None else said)
    assert main(["inspect", "test", "--out", "steps.jsonl"]) == 1
    assert "the steps so far are in steps.jsonl" in capsys.readouterr().err
    assert [step.do for step in inspect_steps.parse_steps(Path("steps.jsonl").read_bytes())] == ["off"]


def test_every_step_is_longer_than_what_is_left_out_at_its_two_ends() -> None:
    for question in inspect_steps.PLAN[:-1]:
        assert question.least_s * 1000 >= 2 * TOLERANCE_MS + 30_000, question.do


def test_it_says_until_when_a_step_lasts() -> None:
    person = Person((0, ""), (0, ""), (0, "s"), (0, "s"), (0, "s"), (0, "s"), (120, ""), (0, ""))
    lead(person)
    until = inspect_steps.show(Step(do="off", at=NOW_MS + 120_000)).split()[1]
    assert [line for line in person.told if until in line]


def test_steps_may_be_left_out_but_not_the_end() -> None:
    person = Person((0, "s"), (0, "S"), (0, "s"), (0, ""), (0, ""), (0, "s"), (180, "s"), (0, ""))
    assert [step[:2] for step in lead(person)] == [("run", 0), ("end", 180)]


def test_the_hosts_clock_stands_beside() -> None:
    at = inspect_steps.read_clock("10:00:00", NOW_MS)
    assert inspect_steps.read_clock("09:59:58", at) == at - 2000
    assert abs(inspect_steps.read_clock("23:59:59", inspect_steps.read_clock("00:00:01", at)) - at) < 86_400_000
    for wrong in ("25:00:00", "10:00", "", "10:00:00x"):
        with pytest.raises(MalformedFindings):
            inspect_steps.read_clock(wrong, NOW_MS)


def test_the_form_can_be_asked_for(monkeypatch: pytest.MonkeyPatch, bundle: Path) -> None:
    assert main(["inspect", "sample", str(bundle), "--seed", "s", "--count", "1", "--out", "sample.json"]) == 0
    answers = iter(
        [
            'room "B"',
            "plate",
            "王敏, Zhao",
            "Li",
            "",
            "",
            "question",
            "questions",
            "",
            "yes",
            "match",
            "25",
            "1,5",
            "ok",
        ]
    )
    monkeypatch.setattr(inspection, "_ask", lambda _: next(answers))
    assert main(["inspect", "form", "A001", "--sample", "sample.json", "--ask", "--out", "form.toml"]) == 0
    key_file.make(Path("wang.key"), NAME, WORDS.encode())
    assert main(["inspect", "findings", "form.toml", "--sample", "sample.json", "--key", "wang.key", "--out", "n"]) == 0
    found = _open("n")
    assert (found.inspectors, found.place, found.verdict) == (("王敏", "Zhao"), 'room "B"', "questions")
    assert found.sample is not None
    assert [(row.found, row.paper_s, row.remark) for row in found.sample.rows] == [("match", 5400, "ok")]


def test_a_form_of_a_live_test_begins_with_it_and_ends_when_it_is_signed(capsys: pytest.CaptureFixture[str]) -> None:
    steps = [Step(do="off", at=NOW_MS - 900_500), Step(do="end", at=NOW_MS - 300_000)]
    Path("steps.jsonl").write_bytes(inspect_steps.write_steps(steps))
    assert main(["inspect", "form", "A001", "--steps", "steps.jsonl", "--out", "form.toml"]) == 0
    form = Path("form.toml")
    signing = ["inspect", "findings", "form.toml", "--steps", "steps.jsonl", "--key", "wang.key", "--out", "n"]
    key_file.make(Path("wang.key"), NAME, WORDS.encode())
    assert main(signing) == 1
    assert "place (地点 room), plate (铭牌 name plate), inspectors" in capsys.readouterr().err
    filled = form.read_text("utf-8").replace('[""]', '["王敏"]').replace('= ""', '= "B"', 2)
    form.write_text(filled, "utf-8")
    assert main(signing) == 0
    found = _open("n")
    assert found.begun <= steps[0].at
    assert found.ended == NOW_MS


FIELDS: list[Callable[[str], str]] = [
    lambda text: text.replace("asset", "asse"),
    lambda text: text.replace('verdict = "in-order"', 'verdict = "fine"'),
    lambda text: re.sub('begun = ".*"', 'begun = "yesterday"', text),
    lambda text: text.replace('place = ""', "place = 3"),
    lambda text: text + '\n[days."2026-03-09"]\nfound = "match"\n',
    lambda text: "[" * 5000,
]


@pytest.mark.parametrize("change", FIELDS)
def test_a_form_that_cannot_be_is_refused(change: Callable[[str], str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "form", "A001", "--out", "form.toml"]) == 0
    form = Path("form.toml")
    key_file.make(Path("wang.key"), NAME, WORDS.encode())
    form.write_text(change(form.read_text("utf-8")), "utf-8")
    assert main(["inspect", "findings", "form.toml", "--key", "wang.key", "--out", "n"]) == 1
    assert not Path("n").exists()
    assert "jishi-audit: " in capsys.readouterr().err
