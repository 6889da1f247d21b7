"""Rights, roles and scopes: what is not in the table is refused, and nobody hands on more than he has."""

import pytest

from collector.errors import RegistryError
from collector.registry.access import EVERYTHING, ROLES, Access, Right, Scope, check_role, parse_scope
from tests.collector.province import USCC

UNIT, INSTRUMENT = Scope("unit", USCC), Scope("instrument", "A001")
PROVINCE, CITY, COUNTY = Scope("division", "61"), Scope("division", "6101"), Scope("division", "610131")


def test_the_rights_of_the_roles_are_these_and_no_others() -> None:
    figures = {"instruments", "hours", "policies"}
    assert {role: set(map(str, rights)) for role, rights in ROLES.items()} == {
        "platform": figures,
        "reader": figures | {"readings", "pages"},
        "operator": figures | {"readings", "pages", "agents"},
        "booker": {"instruments", "bookings"},
        "officer": figures | {"readings", "pages", "facts", "bookings"},
        "approver": figures | {"readings", "pages", "facts", "bookings", "rulings"},
        "inspector": figures | {"readings", "pages", "agents", "audit", "findings", "scores"},
        "registrar": figures | {"readings", "pages", "agents", "audit", "findings", "scores", "registry", "freeze"},
        "evaluator": figures | {"readings", "pages", "rounds", "scores"},
        "expert": figures | {"points", "scores"},
        "supervisor": figures | {"readings", "pages", "agents", "monitoring"},
    }


@pytest.mark.parametrize("right", Right)
@pytest.mark.parametrize("role", [None, "", "Inspector", "administrator"])
def test_a_role_that_the_table_does_not_name_may_do_nothing(role: str | None, right: Right) -> None:
    assert not Access(role).allows(right)


@pytest.mark.parametrize("scope", [UNIT, INSTRUMENT, PROVINCE])
def test_what_belongs_to_no_instrument_needs_a_scope_of_everything(scope: Scope) -> None:
    for right in (Right.AUDIT, Right.REGISTRY, Right.FREEZE):
        assert Access("registrar").allows(right)
        assert not Access("registrar", scope).allows(right)


@pytest.mark.parametrize("scope", [UNIT, INSTRUMENT, PROVINCE])
def test_a_round_belongs_to_the_whole_platform(scope: Scope) -> None:
    for role, right in (("evaluator", Right.ROUNDS), ("expert", Right.POINTS), ("inspector", Right.SCORES)):
        assert Access(role).allows(right)
        assert not Access(role, scope).allows(right)


def test_an_officer_of_a_unit_records_facts_there_and_rules_on_nothing() -> None:
    assert Access("officer", UNIT).allows(Right.FACTS)
    assert not Access("officer", UNIT).allows(Right.RULINGS)
    assert Access("approver", UNIT).allows(Right.RULINGS)


@pytest.mark.parametrize(
    ("held", "asked", "is_covered"),
    [
        (Access("operator"), Access("operator"), True),
        (Access("operator"), Access("reader", UNIT), True),
        (Access("operator"), Access("inspector"), False),
        (Access("reader", UNIT), Access("reader", UNIT), True),
        (Access("reader", UNIT), Access("platform", UNIT), True),
        (Access("reader", UNIT), Access("reader"), False),
        (Access("reader", UNIT), Access("reader", INSTRUMENT), False),
        (Access("platform"), Access("reader"), False),
        (Access("officer", UNIT), Access("approver", UNIT), False),
        (Access("officer", UNIT), Access("booker", UNIT), True),
        (Access("booker", UNIT), Access("officer", UNIT), False),
        (Access("inspector"), Access("officer"), False),
        (Access("registrar"), Access("inspector", UNIT), True),
        (Access(None), Access("platform"), False),
        (Access("reader", PROVINCE), Access("platform", CITY), True),
        (Access("reader", CITY), Access("reader", COUNTY), True),
        (Access("reader", CITY), Access("reader", PROVINCE), False),
        (Access("reader", CITY), Access("reader", Scope("division", "6102")), False),
        (Access("reader", PROVINCE), Access("reader", UNIT), False),
        (Access("reader", UNIT), Access("reader", COUNTY), False),
    ],
)
def test_nobody_hands_on_more_than_he_has(held: Access, asked: Access, is_covered: bool) -> None:
    assert held.covers(asked) is is_covered


def test_whoever_looks_after_a_division_asks_and_says_nothing_in_a_units_name() -> None:
    for right in (Right.FACTS, Right.RULINGS):
        assert Access("approver", UNIT).allows(right)
        assert not Access("approver", COUNTY).allows(right)
    assert Access("approver", COUNTY).allows(Right.HOURS)


@pytest.mark.parametrize(
    "scope", [EVERYTHING, PROVINCE, CITY, COUNTY, UNIT, INSTRUMENT, Scope("instrument", "2019/0012 甲:乙")]
)
def test_a_scope_is_written_as_it_is_read(scope: Scope) -> None:
    assert parse_scope(str(scope)) == scope


@pytest.mark.parametrize(
    "text",
    ["", "all", "everything:", "unit:", "unit", f"unit:{USCC[:-1]}5", "instrument:", "instrument:a\nb",
     "instrument:" + "x" * 65, "division:", "division:6", "division:610", "division:61010", "division:6101310",
     "division:910000", "division:六一", "division:61\n", "unit:" + "9" * 10_000],
)  # fmt: skip
def test_anything_else_is_no_scope(text: str) -> None:
    with pytest.raises(RegistryError):
        parse_scope(text)


def test_an_unknown_role_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(RegistryError, match="platform, reader, officer, approver, operator, inspector, registrar"):
        check_role("root")
