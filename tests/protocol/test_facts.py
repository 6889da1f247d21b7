"""Facts: one byte string each, strictly read; what contradicts itself is refused with its reason."""

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from protocol import facts
from protocol.errors import MalformedFact, TooLarge
from protocol.facts import Correction, Decision, Document, HandEntry, Order, OrderDocument, Reported, Use, Voucher

OWNER, OTHER = "12100000400000624D", "91440300708461136T"
AT, DAY_MS = 1_764_554_716_036, 86_400_000
SHA = "9f" * 32
USE = Use(
    v=1, at=AT, by="lims", asset="A001", start=AT - 7_200_000, end=AT, purpose="service-order", order="SO-14", samples=3
)
ORDER = Order(
    v=1, at=AT, by="li.ming", unit=OWNER, order="SO-14", beneficiary=OTHER, beneficiary_name="平安", way="commissioned",
    first_day="2025-12-01", last_day="2025-12-31", fee_fen=1_250_000, voucher=Voucher("省科技厅", "V-7", 500_000),
    documents=(Document("agreement", SHA),),
)  # fmt: skip
CORRECTION = Correction(
    v=1, at=AT, by="li.ming", approver="wang.fang", approved_at=AT, reason="wrong order", target=f"fact:{SHA}", use=USE
)
HAND = HandEntry(
    v=1, at=AT, by="li.ming", approver="wang.fang", approved_at=AT, reason="agent's disk full", asset="A001",
    day="2025-12-01", seconds=3600, source="log book 7, page 12",
)  # fmt: skip
REPORTED = Reported(
    v=1, at=AT, by="li.ming", unit=OWNER, asset="A009", first_day="2025-12-01", last_day="2025-12-02", effective_s=7200,
    external_s=3600,
)  # fmt: skip
ATTACHED = OrderDocument(v=1, at=AT, by="li.ming", unit=OWNER, order="SO-14", document=Document("invoice", SHA))
DECISION = Decision(
    v=1, at=AT, by="li.ming", asset="A001", start=AT - 7_200_000, end=AT, verdict="exclude", why="the beam was off",
    flags=("constant-load", "replayed-trace"), approver="wang.fang", approved_at=AT,
)  # fmt: skip
EVERY_KIND = [USE, ORDER, CORRECTION, HAND, REPORTED, ATTACHED, DECISION]


@pytest.mark.parametrize("fact", EVERY_KIND, ids=lambda fact: fact.kind)
def test_what_is_written_is_read_again(fact: facts.Fact) -> None:
    raw = facts.encode(fact)
    assert facts.decode(raw) == fact
    assert raw.startswith(b'{"kind":"%s","v":1,"at":' % fact.kind.encode())
    assert facts.KINDS[fact.kind] is type(fact)


def test_every_kind_has_an_example() -> None:
    assert {type(fact) for fact in EVERY_KIND} == set(facts.KINDS.values())


def test_a_use_has_these_bytes() -> None:
    assert facts.encode(USE) == (
        b'{"kind":"use","v":1,"at":1764554716036,"by":"lims","asset":"A001","start":1764547516036,'
        b'"end":1764554716036,"purpose":"service-order","order":"SO-14","samples":3}'
    )
    assert facts.identity(b"{}") == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert facts.target_of("44" * 32) == f"fact:{'44' * 32}"
    assert facts.target_of_declaration("jishi.example/a/em-01/1", 7) == "entry:jishi.example/a/em-01/1#7"


@dataclass
class Wrong:
    fact: facts.Fact
    changes: dict[str, Any]
    complaint: str


@pytest.mark.parametrize(
    "wrong",
    [
        Wrong(USE, {"end": USE.start}, "ends after it begins"),
        Wrong(USE, {"end": USE.start - 1}, "ends after it begins"),
        Wrong(USE, {"end": USE.start + 31 * DAY_MS + 1}, "at most 31 days"),
        Wrong(USE, {"purpose": "maintenance"}, "serve no order"),
        Wrong(USE, {"purpose": "fun"}, "Invalid enum value"),
        Wrong(USE, {"samples": 0}, "samples"),
        Wrong(USE, {"v": 2}, r"\$\.v"),
        Wrong(ORDER, {"beneficiary": OTHER[:-1] + "A"}, "check character should be T"),
        Wrong(ORDER, {"unit": "x"}, "no unified social credit code"),
        Wrong(ORDER, {"last_day": "2025-11-30"}, "ends before it begins"),
        Wrong(ORDER, {"last_day": None}, "stand together"),
        Wrong(ORDER, {"first_day": "20251201"}, "YYYY-MM-DD"),
        Wrong(ORDER, {"fee_fen": -1}, "fee_fen"),
        Wrong(ORDER, {"documents": ORDER.documents * 2}, "named twice"),
        Wrong(CORRECTION, {"approver": "li.ming"}, "a second person"),
        Wrong(CORRECTION, {"target": "fact:9f"}, "entry:<origin>#<index>"),
        Wrong(CORRECTION, {"order": ORDER}, "not both"),
        Wrong(CORRECTION, {"target": None, "use": None}, "takes something out"),
        Wrong(HAND, {"approver": "li.ming"}, "a second person"),
        Wrong(HAND, {"seconds": 86_401}, "seconds"),
        Wrong(HAND, {"day": "2025-12-1"}, "YYYY-MM-DD"),
        Wrong(HAND, {"day": "2025-02-29"}, "day"),
        Wrong(DECISION, {"approver": "li.ming"}, "a second person"),
        Wrong(DECISION, {"end": DECISION.start}, "ends after it begins"),
        Wrong(DECISION, {"end": DECISION.start + 31 * DAY_MS + 1}, "at most 31 days"),
        Wrong(DECISION, {"verdict": "perhaps"}, "Invalid enum value"),
        Wrong(DECISION, {"flags": ["constant-load"] * 2}, "each once"),
        Wrong(REPORTED, {"external_s": 7201}, "external <= effective"),
        Wrong(REPORTED, {"effective_s": 172_801}, "the period's seconds"),
    ],
    ids=lambda wrong: f"{wrong.fact.kind}-{wrong.changes}",
)
def test_a_fact_that_contradicts_itself_is_refused(wrong: Wrong) -> None:
    members = msgspec.json.decode(facts.encode(wrong.fact)) | msgspec.to_builtins(wrong.changes)
    raw = msgspec.json.encode({name: value for name, value in members.items() if value is not None})
    with pytest.raises(MalformedFact, match=wrong.complaint):
        facts.decode(raw)


@pytest.mark.parametrize(
    "raw",
    [
        facts.encode(USE).replace(b'"v":1', b'"v": 1'),
        facts.encode(USE).replace(b'{"kind":"use","v":1', b'{"v":1,"kind":"use"'),
        facts.encode(USE).replace(b'"v":1', b'"v":1,"v":1'),
        facts.encode(USE).replace(b"lims", b"l\\u0069ms"),
        facts.encode(USE)[:-1] + b',"user":null}',
        facts.encode(USE) + b"\n",
    ],
)
def test_the_same_in_other_bytes_is_no_fact(raw: bytes) -> None:
    with pytest.raises(MalformedFact, match="canonical"):
        facts.decode(raw)


def test_control_characters_and_long_facts_are_refused() -> None:
    with pytest.raises(MalformedFact, match="control character"):
        facts.decode(facts.encode(USE).replace(b"lims", b"li\\nms"))
    with pytest.raises(TooLarge, match="8192"):
        facts.decode(facts.encode(USE) + b" " * facts.MAX_FACT_BYTES)
    with pytest.raises(ValueError, match="may be written"):
        facts.encode(msgspec.structs.replace(USE, by="li\nms"))
