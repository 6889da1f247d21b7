"""What is decided of a unit: two people, evidence that is no suspicion, one byte string that a key signs."""

from typing import Any

import pytest
from msgspec.structs import replace

from protocol.errors import BadSignature, MalformedCase, MalformedName
from protocol.keys import ED25519, SigningKey
from protocol.signed_case import Fraud, Transfer, case_text, identity, open_case, parse_case, sign_case

WANG = SigningKey("jishi.example/person/wang", ED25519, b"w" * 32)
UNIT, OTHER = "91610131MA6TYUUC74", "12100000400000624D"
T = 1_764_554_716_000
FRAUD = Fraud(
    v=1, at=T, by="li.ming", unit=UNIT, round="2025", first_year=2026, last_year=2028, why="invented service",
    evidence=("finding:" + "ab" * 32, "document:" + "cd" * 32), approver="wang.fang",
)  # fmt: skip
TRANSFER = Transfer(
    v=1, at=T, by="li.ming", unit=UNIT, round="2026", asset="A001", way="within-department", to=OTHER,
    why="12 h a year", approver="wang.fang",
)  # fmt: skip


@pytest.mark.parametrize("decision", [FRAUD, TRANSFER])
def test_what_is_signed_is_opened_as_it_was_and_has_one_identity(decision: Fraud | Transfer) -> None:
    text = case_text(decision)
    assert text.startswith('jishi-case/v1\n{"kind":"')
    assert open_case(sign_case(text, WANG), WANG.verifier) == decision == parse_case(text)
    assert identity(decision) == identity(parse_case(text)) != identity(replace(decision, why="another reason"))


def test_another_key_or_a_changed_year_does_not_open_it() -> None:
    raw = sign_case(case_text(FRAUD), WANG)
    with pytest.raises(BadSignature):
        open_case(raw, SigningKey(WANG.name, ED25519, b"x" * 32).verifier)
    with pytest.raises(BadSignature):
        open_case(raw.replace(b"2028", b"2048"), WANG.verifier)
    with pytest.raises(MalformedName):
        sign_case(case_text(FRAUD), SigningKey("jishi.example/a/em-01/1", ED25519, b"w" * 32))


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a flag": ({"evidence": ("flag:" + "ab" * 32,)}, "evidence"),
    "nothing": ({"evidence": ()}, "documents alone prove no fraud"),
    "documents alone": ({"evidence": ("document:" + "ab" * 32,)}, "documents alone prove no fraud"),
    "one thing twice": ({"evidence": FRAUD.evidence[:1] * 2}, "named twice"),
    "one person": ({"approver": "li.ming"}, "these are two people"),
    "a code that is none": ({"unit": UNIT[:-1] + "5"}, "check character"),
    "years that end before they begin": ({"last_year": 2025}, "ends in the year in which it begins or later"),
    "no reason": ({"why": ""}, "why"),
    "a control character": ({"why": "a\nb"}, "control character"),
    "half a character": ({"why": "\ud800"}, "characters that are none"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_proves_no_fraud_cannot_be_signed(name: str) -> None:
    change, says = WRONG[name]
    with pytest.raises((MalformedCase, ValueError), match=says):
        case_text(replace(FRAUD, **change))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"way": "within-unit"}, "one inside names none"),
        ({"to": None}, "names the unit that gets it"),
        ({"to": UNIT}, "the one that has it"),
        ({"to": OTHER[:-1] + "E"}, "check character"),
        ({"way": "sold"}, "way"),
    ],
)
def test_a_transfer_says_to_whom(change: dict[str, Any], says: str) -> None:
    with pytest.raises((MalformedCase, ValueError), match=says):
        case_text(replace(TRANSFER, **change))


@pytest.mark.parametrize(
    "text",
    [
        case_text(FRAUD)[:-1],
        case_text(FRAUD) + "\n",
        "jishi-decision/v1\n{}\n",
        "",
        case_text(FRAUD).replace(":1", ": 1"),
    ],
)
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(MalformedCase):
        parse_case(text)
