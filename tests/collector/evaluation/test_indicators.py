"""Indicators are exact quotients of sums, the same in whatever order rows come, and add up over units."""

from fractions import Fraction

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from collector.evaluation.indicators import ALL_UNITS, MEASURES, SECONDS, Figure, Seconds, compute, decode, encode
from collector.evaluation.population import Member

XIAN, BEIJING = "91610131MA6TYUUC74", "12100000400000624D"


def member(name: str, uscc: str | None = XIAN, **said: object) -> Member:
    held: dict[str, object] = {"kind": "instrument", "name": name, "uscc": uscc, "value_fen": 30_000_000,
                               "government_fen": 30_000_000, "shareable": True, "is_in": True,
                               "reason": "meets-rules", "note": ""}  # fmt: skip
    return Member(**{**held, **said})  # type: ignore[arg-type]


def figure(name: str, uscc: str = XIAN, *policies: str, **seconds: int) -> Figure:
    return Figure(name, uscc, Seconds(**seconds), policies)


def test_a_unit_with_three_instruments() -> None:
    members = [
        member("A1", bookable=True),
        member("A2", value_fen=70_000_000, shareable=None, bookable=False),
        member("A3", shareable=False, is_in=False, reason="exempt", bookable=True),
        member("F1", kind="facility", value_fen=10**9),
    ]
    figures = [
        figure("A1", XIAN, "9f", "ab", effective_s=7300, counted_s=7200, counted_verified_s=1800, claimed_s=900,
               verified_s=1900, observed_s=80_000, network_s=86_400),
        figure("A2", XIAN, "9f", network_s=86_400),
    ]  # fmt: skip
    _, xian = compute(members, figures)
    assert (xian.uscc, xian.instruments, xian.facilities, xian.value_fen) == (XIAN, 2, 1, 100_000_000)
    found = {each.measure: (each.numerator, each.denominator) for each in xian.measures}
    assert found == {
        "open_rate_value": (30_000_000, 100_000_000),
        "opened_rate_count": (1, 2),
        "docked_share": (1, 2),
        "bookable_share": (1, 2),
        "average_effective": (7200, 2),
        "sharing_rate_verified": (1800, 7200),
    }
    assert tuple(found) == MEASURES
    assert [tuple(msgspec.structs.astuple(each)) for each in xian.excluded] == [("instrument", "exempt", 1)]
    assert xian.policies == ("9f", "ab") or xian.policies == ("ab", "9f")
    assert xian.policies == tuple(sorted(xian.policies))
    assert xian.coverage == Fraction(80_000, 172_800)
    assert (xian.seconds.claimed_s, xian.seconds.verified_s) == (900, 1900), "printed beside, in no numerator"


def test_a_quotient_over_nothing_is_undefined_and_zero() -> None:
    _, xian = compute([member("A1")], [])
    rate = xian.measured("sharing_rate_verified")
    assert (rate.is_undefined, rate.value) == (True, 0)
    average = xian.measured("average_effective")
    assert (average.is_undefined, average.value, average.denominator) == (False, 0, 1), "silent, and in the denominator"
    assert xian.coverage is None


def test_what_nobody_owned_is_among_the_exclusions_of_all_units_only() -> None:
    everything, xian = compute([member("A1"), member("A2", None, is_in=False, reason="no-owner")], [])
    assert everything.uscc == ALL_UNITS
    assert [each.reason for each in everything.excluded] == ["no-owner"]
    assert xian.excluded == ()


names = st.sampled_from([f"A{n}" for n in range(12)])
members = st.lists(
    st.builds(
        member,
        names,
        st.sampled_from([XIAN, BEIJING]),
        value_fen=st.integers(20_000_000, 10**13),
        shareable=st.sampled_from([None, True]),
        is_in=st.booleans(),
        kind=st.sampled_from(["instrument", "instrument", "facility"]),
    ),
    unique_by=lambda each: each.name,
    min_size=1,
)
seconds = st.builds(Seconds, **{name: st.integers(0, 366 * 86400) for name in SECONDS})
policies = st.lists(st.sampled_from(["9f", "ab", "cd"]), unique=True).map(sorted).map(tuple)


@given(members, st.data())
def test_order_does_not_matter_and_sums_over_units_are_the_whole(held: list[Member], data: st.DataObject) -> None:
    figures = [
        Figure(each.name, str(each.uscc), data.draw(seconds), data.draw(policies))
        for each in held
        if each.is_in and each.kind == "instrument" and data.draw(st.booleans())
    ]
    found = compute(held, figures)
    assert compute(data.draw(st.permutations(held)), data.draw(st.permutations(figures))) == found
    whole, *units = found
    for name in ("instruments", "facilities", "value_fen"):
        assert sum(getattr(each, name) for each in units) == getattr(whole, name)
    for name in SECONDS:
        assert sum(getattr(each.seconds, name) for each in units) == getattr(whole.seconds, name)
    for measure in MEASURES:
        parts = [each.measured(measure) for each in units]
        assert sum(part.numerator for part in parts) == whole.measured(measure).numerator
        assert sum(part.denominator for part in parts) == whole.measured(measure).denominator
    assert {policy for each in units for policy in each.policies} == set(whole.policies)
    assert sum(each.count for unit in units for each in unit.excluded) == sum(each.count for each in whole.excluded)


@given(members)
def test_what_was_computed_has_one_byte_string(held: list[Member]) -> None:
    for each in compute(held, []):
        assert encode(decode(encode(each))) == encode(each)
        assert decode(encode(each)) == each
