"""A decision about time in doubt, from the proposal to the bundle, with the commands that people type."""

from pathlib import Path

import pytest

from collector import cli
from protocol.audit.cli import main as audit
from protocol.signed_case import Fraud, Transfer, case_text
from tests.collector.commands import said
from tests.protocol.test_signed_case import FRAUD, TRANSFER

NAME = "jishi.example/person/wang"


@pytest.fixture
def wang(
    collector: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """The file of wang's own key, registered by two others."""
    monkeypatch.setenv("JISHI_PASSPHRASE", "four words drawn at random")
    monkeypatch.setenv("JISHI_PASSWORD", "correct horse battery")
    for person, role in (("wang", "approver"), ("li.ming", "officer"), ("zhao", "registrar"), ("qian", "registrar")):
        said(capsys, "person", person, "--by", "wang")
        said(capsys, "role", person, role, "--by", "wang")
    key, proof = collector / "wang.key", collector / "wang.proof"
    assert audit(["key", "new", str(key), "--name", NAME]) == 0
    vkey = capsys.readouterr().out.strip()
    text = said(capsys, "person-key", "ask", "wang", "--vkey", vkey, "--by", "zhao")
    (collector / "wang.txt").write_text(text, "utf-8")
    assert audit(["key", "prove", str(key), str(collector / "wang.txt"), "--out", str(proof)]) == 0
    capsys.readouterr()
    said(capsys, "person-key", "add", "1", "--proof", str(proof), "--by", "qian")
    return key


def test_a_decision_goes_from_the_proposal_to_the_signature_and_counts(
    wang: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["A001", "2026-03-02T09:00", "2026-03-02T12:00", "exclude", "--reason", "a heater hung on the meter"]
    said(capsys, "propose", "decision", *words, "--by", "li.ming")
    assert "signs with a key of his own" in said(capsys, "rule", "1", "approve", "--by", "wang", status=1)
    text = wang.with_name("decision.txt")
    text.write_text(said(capsys, "decision-text", "1", "--by", "wang"), "utf-8")
    note = wang.with_name("decision.note")
    assert audit(["key", "sign", str(wang), str(text), "--out", str(note)]) == 0
    shown = capsys.readouterr().out
    for part in ("A001", "2026-03-02 09:00:00", "2026-03-02 12:00:00", "排除", "a heater hung on the meter", "li.ming"):
        assert part in shown, shown
    assert f"was signed by {NAME}" in shown
    made = said(capsys, "rule", "1", "approve", "--note", str(note), "--by", "wang")
    assert made.startswith("proposal 1 approved: decision ")
    assert audit(["note", str(note), "--key", audit_vkey(wang, capsys)]) == 0


def audit_vkey(key: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert audit(["key", "show", str(key)]) == 0
    return capsys.readouterr().out.strip()


def test_what_cannot_be_signed_or_brought_is_told(wang: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = wang.with_name("other.txt")
    other.write_text("pay to the bearer\n", "utf-8")
    assert audit(["key", "sign", str(wang), str(other), "--out", str(wang.with_name("x.note"))]) == 1
    assert "jishi-decision/v1" in capsys.readouterr().err
    assert not wang.with_name("x.note").exists()
    said(capsys, "propose", "hand", "A001", "2026-03-02", "60", "--source", "log", "--reason", "x", "--by", "li.ming")
    assert "is no decision" in said(capsys, "decision-text", "1", "--by", "wang", status=1)
    missing = said(capsys, "rule", "1", "approve", "--note", str(wang.with_name("none")), "--by", "wang", status=1)
    assert "cannot be read" in missing
    assert cli.main(["decision-text", "9", "--by", "wang"]) == 1


@pytest.mark.parametrize(
    ("decision", "parts"),
    [
        (
            FRAUD,
            ("91610131MA6TYUUC74", "弄虚作假", "2026–2028", "finding:abab", "invented service", "li.ming", "wang.fang"),
        ),
        (TRANSFER, ("91610131MA6TYUUC74", "A001", "within-department", "12100000400000624D", "12 h a year")),
    ],
)
def test_what_is_decided_of_a_unit_is_shown_before_it_is_signed(
    wang: Path, capsys: pytest.CaptureFixture[str], decision: Fraud | Transfer, parts: tuple[str, ...]
) -> None:
    text, note = wang.with_name("case.txt"), wang.with_name("case.note")
    text.write_text(case_text(decision), "utf-8")
    assert audit(["key", "sign", str(wang), str(text), "--out", str(note)]) == 0
    shown = capsys.readouterr().out
    for part in parts:
        assert part in shown, shown
    assert "hand it in: jishi-collector case bring FILE" in shown
    assert audit(["note", str(note), "--key", audit_vkey(wang, capsys)]) == 0
    text.write_text(case_text(decision).replace('"v":1', '"v":2'), "utf-8")
    assert audit(["key", "sign", str(wang), str(text), "--out", str(wang.with_name("x.note"))]) == 1
