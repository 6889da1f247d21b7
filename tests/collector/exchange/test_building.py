"""Values become bytes: exact, whole, in the mapping's order, or not at all."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.exchange import mapping
from collector.exchange.building import Built, build, in_unit
from collector.exchange.sources import SOURCES, Values
from tests.collector.exchange.served_days import EXAMPLE

MAPPING = mapping.parse(EXAMPLE).mapping
NOTHING: Values = dict.fromkeys(SOURCES["record"])
FULL: Values = {
    **NOTHING,
    "message.inner_id": "20261116-0f", "message.revision": 1, "unit.uscc": "91610131MA6TYUUC74",
    "instrument.asset_no": "A001", "record.seconds": 5580, "record.start": 0, "record.end": 3_600_000,
    "record.side": "external", "order.amount_fen": 120_050, "order.has_agreement": True,
}  # fmt: skip


def test_a_record_is_told_in_the_order_of_the_mapping() -> None:
    made = build("record", FULL, MAPPING, record="A001")
    assert isinstance(made, Built)
    assert made.body.startswith(b'{"insCode":"91610131MA6TYUUC74","innerId":"A001",')
    assert b'"serviceAmount":1.6' in made.body, "1.55 h, halves away from zero"
    assert b'"amounts":1200.50' in made.body
    assert b'"serviceTime":"1970-01-01 08"' in made.body, "local time"
    assert b'"signAgreement":"0"' in made.body


def test_the_revision_is_no_content() -> None:
    first = build("record", FULL, MAPPING, record="A001")
    later = build("record", {**FULL, "message.revision": 2, "message.cites": "c" * 64}, MAPPING, record="A001")
    other = build("record", {**FULL, "record.seconds": 1}, MAPPING, record="A001")
    assert isinstance(first, Built)
    assert isinstance(later, Built)
    assert isinstance(other, Built)
    assert first.content == later.content != other.content
    assert first.body != later.body


@pytest.mark.parametrize(
    ("change", "field", "why"),
    [
        ({"unit.uscc": None}, "insCode", "nobody said it (unit.uscc)"),
        ({"instrument.asset_no": ""}, "innerId", "nobody said it (instrument.asset_no)"),
        ({"order.content": "长" * 601}, "serviceContent", "it has 601 characters"),
        ({"order.content": "a\nb"}, "serviceContent", "control character"),
        ({"order.way": "by-post"}, "serviceWay", "the code list way does not know it"),
        ({"order.amount_fen": None}, "amounts", "nobody said it"),
    ],
)
def test_what_cannot_be_told_is_a_fault_with_its_field(change: Values, field: str, why: str) -> None:
    faults = build("record", {**FULL, **change}, MAPPING, record="A001")
    assert isinstance(faults, list)
    assert [fault.field for fault in faults] == [field]
    assert why in faults[0].why
    assert faults[0].remedy


def test_all_faults_are_told_at_once() -> None:
    faults = build("record", NOTHING, MAPPING, record="A001")
    assert isinstance(faults, list)
    assert len(faults) > 6


@given(st.integers(-(10**15), 10**15), st.sampled_from([1, 60, 100, 3600]), st.integers(0, 6))
def test_rounding_is_off_by_half_a_digit_at_most_and_down_never_up(value: int, per_unit: int, digits: int) -> None:
    exact = Fraction(value, per_unit)
    half = in_unit(value, per_unit, digits=digits, rounding="half-up")
    down = in_unit(value, per_unit, digits=digits, rounding="down")
    assert abs(Fraction(half) - exact) * 2 * 10**digits <= 1
    assert 0 <= abs(exact) - abs(Fraction(down)) < Fraction(1, 10**digits)


def test_a_half_goes_up() -> None:
    assert in_unit(180, 3600, digits=1, rounding="half-up") == Decimal("0.1")
    assert in_unit(179, 3600, digits=1, rounding="half-up") == Decimal("0.0")
    assert in_unit(359, 3600, digits=1, rounding="down") == Decimal("0.0")
