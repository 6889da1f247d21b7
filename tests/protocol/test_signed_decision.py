"""A decision signed by its approver: the fact's own bytes, by a person's key, and nothing else."""

import pytest
from msgspec.structs import replace

from protocol import facts
from protocol.errors import BadSignature, MalformedFact, MalformedName
from protocol.facts import Decision
from protocol.keys import COSIGNATURE, ED25519, SigningKey
from protocol.note import sign
from protocol.signed_decision import decision_text, open_decision, parse_decision, sign_decision

WANG = SigningKey("jishi.example/person/wang", ED25519, b"w" * 32)
T = 1_764_554_716_000
DECISION = Decision(
    v=1, at=T, by="li.ming", asset="A001", start=T - 7_200_000, end=T, verdict="exclude", why="a heater hung on it",
    flags=("constant-load",), approver="wang.fang", approved_at=T + 1,
)  # fmt: skip


def test_what_is_signed_is_the_fact_that_counts_byte_for_byte() -> None:
    text = decision_text(DECISION)
    assert text == f"jishi-decision/v1\n{facts.encode(DECISION).decode()}\n"
    assert open_decision(sign_decision(text, WANG), WANG.verifier) == DECISION


def test_another_key_of_the_same_name_or_a_changed_word_does_not_open_it() -> None:
    raw = sign_decision(decision_text(DECISION), WANG)
    with pytest.raises(BadSignature):
        open_decision(raw, SigningKey(WANG.name, ED25519, b"x" * 32).verifier)
    with pytest.raises(BadSignature):
        open_decision(raw.replace(b"exclude", b"accepts"), WANG.verifier)


def test_only_a_persons_key_signs_and_only_decisions_are_signed() -> None:
    receipt = SigningKey("jishi.example/receipt/1", COSIGNATURE, b"w" * 32)
    agent = SigningKey("jishi.example/a/em-01/1", ED25519, b"w" * 32)
    for key in (receipt, agent):
        with pytest.raises(MalformedName):
            sign_decision(decision_text(DECISION), key)
    with pytest.raises(MalformedName):
        open_decision(sign(decision_text(DECISION), agent), agent.verifier)
    stamping = SigningKey(WANG.name, COSIGNATURE, b"w" * 32)
    with pytest.raises(BadSignature, match="not a key for notes"):
        open_decision(sign_decision(decision_text(DECISION), WANG), stamping.verifier)
    use = facts.Use(v=1, at=T, by="lims", asset="A001", start=T, end=T + 1, purpose="teaching")
    with pytest.raises(MalformedFact, match="a decision is expected"):
        sign_decision(f"jishi-decision/v1\n{facts.encode(use).decode()}\n", WANG)


@pytest.mark.parametrize("text", [
    decision_text(DECISION)[:-1], decision_text(DECISION) + "\n", "jishi-findings/v1\n{}\n", "",
    decision_text(DECISION).replace('"v":1', '"v": 1'),
    decision_text(replace(DECISION, why="x")).replace("x", "\ud800"),
])  # fmt: skip
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(MalformedFact):
        parse_decision(text)
