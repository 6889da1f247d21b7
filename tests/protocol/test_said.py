"""What counts of what was said about a day: orders and owners, corrections, stays, hand entries."""

from datetime import date
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.attribution import Served, attribute
from protocol.facts import Correction, Document, Fact, HandEntry, Order, OrderDocument, Use
from protocol.interval import day_bounds_ms
from protocol.said import Claims, Said, Stay, claims_of

OWNER, OTHER, SPIN_OFF = "12100000400000624D", "91440300708461136T", "91110000802100433B"
DAY = date(2026, 3, 2)
MIDNIGHT_MS, _ = day_bounds_ms(DAY)
HOUR = 3600
SHA = [f"{number:064x}" for number in range(40)]


def ref(number: int) -> str:
    """How the nth fact of a test is named."""
    return f"fact:{SHA[number]}"


def at(hour: float) -> int:
    return MIDNIGHT_MS + round(hour * 3_600_000)


def use(
    start: float, end: float, purpose: str = "service-order", number: str | None = "SO-1", asset: str = "A001"
) -> Use:
    return Use(v=1, at=1, by="lims", asset=asset, start=at(start), end=at(end), purpose=purpose, order=number)  # type: ignore[arg-type]


def order(
    beneficiary: str | None = OTHER, *, number: str = "SO-1", files: int = 0, unit: str = OWNER, **more: str
) -> Order:
    documents = tuple(Document("agreement", SHA[file]) for file in range(files))
    return Order(v=1, at=1, by="li", unit=unit, order=number, beneficiary=beneficiary, documents=documents, **more)  # type: ignore[arg-type]


def correction(
    target: str | None, approved_at: int = 5, *, use: Use | None = None, order: Order | None = None
) -> Correction:
    return Correction(
        v=1, at=4, by="li", approver="wang", approved_at=approved_at, reason="typo", target=target, use=use, order=order
    )


def hand(seconds: int = HOUR, number: str | None = None) -> HandEntry:
    return HandEntry(
        v=1, at=4, by="li", approver="wang", approved_at=5, reason="agent down", asset="A001", day=DAY.isoformat(),
        seconds=seconds, source="page 7", order=number,
    )  # fmt: skip


def stay(start: float, end: float, purpose: str = "own-research", number: str | None = None, **more: object) -> Stay:
    given = {"origin": "jishi.example/a/em-01/1", "entry_index": 7, "is_closed": True} | more
    return Stay(purpose=purpose, order=number, start_ms=at(start), end_ms=at(end), **given)  # type: ignore[arg-type]


def said(*facts: Fact, present: tuple[Stay, ...] = (), owner: str = OWNER) -> Said:
    return Said(owner, {ref(number): fact for number, fact in enumerate(facts)}, present)


def claims(*facts: Fact, present: tuple[Stay, ...] = (), owner: str = OWNER) -> Claims:
    return claims_of(said(*facts, present=present, owner=owner), "A001", DAY)


def standing(found: Claims) -> list[str]:
    return [claim.standing for claim in found.claims]


@pytest.mark.parametrize(
    ("facts", "expected", "flags"),
    [
        ([use(9, 10), order(files=1)], "verified", ()),
        ([use(9, 10), order()], "claimed", ()),
        ([use(9, 10), order(OWNER, files=1)], "internal", ()),
        ([use(9, 10), order(SPIN_OFF, files=1)], "verified", ()),
        ([use(9, 10), order(None, files=1)], "unresolved", ()),
        ([use(9, 10)], "unresolved", ("order-unknown",)),
        ([use(9, 10), order(unit=SPIN_OFF)], "unresolved", ("order-unknown",)),
        ([use(9, 10, number=None)], "unresolved", ()),
        ([use(9, 10, "own-research", None)], "internal", ()),
        ([use(9, 10, "teaching", None)], "internal", ()),
        ([use(9, 10, "teaching"), order(files=1)], "verified", ()),
        ([use(9, 10, "calibration", None)], "internal", ()),
        ([use(9, 10), order(first_day="2026-03-02", last_day="2026-03-02")], "claimed", ()),
        ([use(9, 10), order(first_day="2026-03-03", last_day="2026-03-09")], "unresolved", ("order-outside-its-days",)),
        ([use(9, 10), order(first_day="2026-02-01", last_day="2026-03-01")], "unresolved", ("order-outside-its-days",)),
    ],
)
def test_whom_a_use_served(facts: list[Fact], expected: str, flags: tuple[str, ...]) -> None:
    found = claims(*facts)
    assert (standing(found), found.flags) == ([expected], flags)


def test_a_document_that_came_later_verifies_and_the_same_file_counts_once() -> None:
    added = OrderDocument(v=1, at=9, by="li", unit=OWNER, order="SO-1", document=Document("invoice", SHA[0]))
    found = claims(use(9, 10), order(), added)
    assert standing(found) == ["verified"]
    assert found.refs == (ref(0), ref(1), ref(2))
    assert claims(use(9, 10), order(files=1), added).claims[0].documents == 1


def test_while_nobody_owns_the_instrument_nothing_is_resolved() -> None:
    found = claims(use(9, 10), order(files=1), owner="")
    assert (standing(found), found.flags) == (["unresolved"], ("not-owned",))


def test_a_use_is_cut_at_midnight_and_one_of_another_instrument_or_day_is_none() -> None:
    found = claims(use(-2, 6), use(20, 30), use(24, 30), use(-4, 0), use(9, 10, asset="A002"), order())
    assert [(claim.start_s, claim.end_s) for claim in found.claims] == [(0, 6 * HOUR), (20 * HOUR, 24 * HOUR)]


def test_maintenance_and_fault_are_classes_and_no_claims_and_calibration_is_both() -> None:
    found = claims(
        use(1, 2, "maintenance", None), use(1.5, 3, "maintenance", None), use(4, 5, "fault", None),
        use(6, 7, "calibration", None),
    )  # fmt: skip
    assert found.classes == {
        "maintain": [(HOUR, 3 * HOUR)], "fault": [(4 * HOUR, 5 * HOUR)], "calibrate": [(6 * HOUR, 7 * HOUR)],
    }  # fmt: skip
    assert standing(found) == ["internal"]


def test_whoever_signed_in_claims_and_who_never_signed_out_is_flagged() -> None:
    found = claims(present=(stay(9, 10),))
    assert (standing(found), found.flags, found.refs) == (["internal"], (), ("entry:jishi.example/a/em-01/1#7",))
    assert claims(present=(stay(9, 17, is_closed=False),)).flags == ("never-closed",)


def test_a_correction_takes_out_what_was_said_and_puts_something_else_in() -> None:
    found = claims(use(9, 10), order(), order(OWNER, number="SO-2"), correction(ref(0), use=use(9, 11, number="SO-2")))
    assert [(claim.order, claim.end_s, claim.standing) for claim in found.claims] == [("SO-2", 11 * HOUR, "internal")]
    assert found.refs == (ref(0), ref(2), ref(3))


def test_a_correction_may_only_take_out_a_sign_in() -> None:
    signed_in = stay(9, 10)
    found = claims(correction(signed_in.ref), present=(signed_in,))
    assert (found.claims, found.refs) == ((), (signed_in.ref, ref(0)))


def test_a_corrected_order_changes_whom_its_uses_served() -> None:
    found = claims(use(9, 10), order(OWNER), correction(ref(1), order=order(OTHER, files=1)))
    assert (standing(found), found.refs) == (["verified"], (ref(0), ref(1), ref(2)))


def test_of_two_corrections_of_one_target_the_later_approved_holds() -> None:
    facts = [use(9, 10), correction(ref(0), 7, use=use(11, 12)), correction(ref(0), 6, use=use(13, 14))]
    assert [claim.start_s for claim in claims(*facts).claims] == [11 * HOUR]


def test_a_correction_that_is_corrected_is_as_if_it_had_not_been_made() -> None:
    facts = [use(9, 10), correction(ref(0), 7, use=use(11, 12)), correction(ref(1), 8)]
    assert [claim.start_s for claim in claims(*facts).claims] == [9 * HOUR]
    # also where a clock was set back between the two approvals
    facts = [use(9, 10), correction(ref(0), 7, use=use(11, 12)), correction(ref(1), 6)]
    assert [claim.start_s for claim in claims(*facts).claims] == [9 * HOUR]


def test_hours_by_hand_stand_beside_and_are_external_only_with_an_order_of_another() -> None:
    found = claims(hand(), hand(1800, "SO-1"), hand(60, "SO-9"), order())
    assert (found.hand_s, found.hand_external_s, found.claims) == (5460, 1800, ())
    assert found.refs == (ref(0), ref(1), ref(2), ref(3))
    assert claims(hand(86_400), hand(7)).hand_s == 86_400
    assert claims(hand(), correction(ref(0))).hand_s == 0


MOMENTS = st.integers(-30, 54).map(lambda half: half / 2)


@st.composite
def anything_said(draw: st.DrawFn) -> list[Fact]:
    facts: list[Fact] = []
    for _ in range(draw(st.integers(0, 8))):
        kind = draw(st.sampled_from(("use", "order", "document", "correction", "hand")))
        start = draw(MOMENTS)
        some_use = use(
            start, start + draw(st.integers(1, 20)) / 2, number=draw(st.sampled_from((None, "SO-1", "SO-2")))
        )
        number = draw(st.sampled_from(("SO-1", "SO-2")))
        some_order = order(draw(st.sampled_from((None, OWNER, OTHER))), number=number, files=draw(st.integers(0, 2)))
        if kind == "use":
            facts.append(some_use)
        elif kind == "order":
            facts.append(some_order)
        elif kind == "document":
            document = Document("report", SHA[draw(st.integers(0, 2))])
            facts.append(OrderDocument(v=1, at=1, by="li", unit=OWNER, order=number, document=document))
        elif kind == "hand":
            facts.append(hand(draw(st.integers(1, 86_400)), draw(st.sampled_from((None, "SO-1")))))
        elif facts:
            put = draw(st.sampled_from(({}, {"use": some_use}, {"order": some_order})))
            target = ref(draw(st.integers(0, len(facts) - 1)))
            facts.append(correction(target, draw(st.integers(1, 4)), **put))
    return facts


@given(anything_said(), st.randoms(use_true_random=False))
def test_the_order_in_which_things_are_told_changes_nothing(facts: list[Fact], random: Random) -> None:
    told = said(*facts, present=(stay(8, 12), stay(10, 14, "service-order", "SO-2", entry_index=9)))
    expected = claims_of(told, "A001", DAY)
    items = list(told.facts.items())
    random.shuffle(items)
    shuffled = Said(OWNER, dict(items), told.present[::-1])
    assert claims_of(shuffled, "A001", DAY) == expected
    assert set(expected.refs) <= set(told.facts) | {each.ref for each in told.present}


@given(anything_said())
def test_what_a_day_rests_on_is_enough_to_say_it_again(facts: list[Fact]) -> None:
    told = said(*facts, present=(stay(8, 12),))
    found = claims_of(told, "A001", DAY)
    needed = {ref: fact for ref, fact in told.facts.items() if ref in found.refs}
    again = claims_of(Said(OWNER, needed, tuple(each for each in told.present if each.ref in found.refs)), "A001", DAY)
    assert again == found


def test_the_example_of_the_document_from_facts_to_hours() -> None:
    """A internal 9 to 11, B external 10 to 12: effective 3 h, external 1.5 h."""
    found = claims(use(9, 11, "own-research", None), use(10, 12), order(files=1))
    assert attribute([(9 * HOUR, 12 * HOUR)], found.claims, split="share") == (
        Served("", OWNER, "internal", 5400, 0),
        Served("SO-1", OTHER, "verified", 5400, 1),
    )
