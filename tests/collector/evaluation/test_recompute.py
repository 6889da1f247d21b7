"""The indicators, added up again from the generated numbers by code that shares nothing with the product.

The rules are read from the regulation and docs/evaluation.md, not from collector/evaluation: who is counted, which
seconds count, and that a rate is a quotient of sums.
"""

from datetime import date

import pytest

from collector.errors import RoundError
from collector.evaluation.experts import appoint_expert, open_entry
from collector.evaluation.figures import fix_data, list_indicators
from collector.evaluation.members import fix_population, list_members
from collector.evaluation.rounds import create_round, find_round
from collector.evaluation.schemes import enter_scheme
from collector.evaluation.verification import verify_round
from tests.collector.evaluation.playing import FULL, SCHEME
from tests.collector.evaluation.world import LAST, LIMIT_FEN, UNITS, Day, Held, World, by, generate, owner_on
from tests.collector.province import Province


def is_counted(held: Held) -> bool:
    """Owned on the round's date, at least 200 000 CNY, more than half of it public money, and not exempt."""
    return (
        owner_on(held, LAST) is not None
        and held.value_fen is not None
        and held.value_fen >= LIMIT_FEN
        and held.government_fen is not None
        and 2 * held.government_fen > held.value_fen
        and held.shareable is not False
    )


def counted_verified(day: Day) -> int:
    """Of external time that does not count, verified time is taken first."""
    return max(0, day.verified_s - day.uncounted_external_s)


def expect(world: World, uscc: str | None) -> dict[str, object]:
    """What one unit (None: all) must have."""
    mine = [each for each in world.held if is_counted(each) and uscc in (None, owner_on(each, LAST))]
    instruments = [each for each in mine if each.kind == "instrument"]
    owners = {each.name: owner_on(each, LAST) for each in instruments}
    days = [each for each in world.days if owners.get(each.asset_no) == each.owner]
    other = [each for each in world.days if each.asset_no in owners and owners[each.asset_no] != each.owner]
    opened = [each for each in instruments if each.shareable]
    counted = sum(sum(day.by_grade[grade] for grade in "ABC") + day.accepted_s for day in days)
    seen = {day.asset_no for day in days}
    value = sum(each.value_fen or 0 for each in instruments)
    owned_days = sum(
        1
        for each in instruments
        for number in range(365)
        if owner_on(each, date.fromordinal(date(2025, 1, 1).toordinal() + number)) == owners[each.name]
    )
    return {
        "instruments": len(instruments),
        "facilities": len(mine) - len(instruments),
        "value_fen": value,
        "open_rate_value": (sum(each.value_fen or 0 for each in opened), value),
        "opened_rate_count": (len(opened), len(instruments)),
        "docked_share": (len(seen), len(instruments)),
        "bookable_share": (sum(each.bookable is True for each in instruments), len(instruments)),
        "average_effective": (counted, len(instruments)),
        "sharing_rate_verified": (sum(map(counted_verified, days)), counted),
        "network_s": owned_days * 86_400,
        "observed_s": sum(86_400 - day.unobserved_s for day in days),
        "effective_s": sum(sum(day.by_grade.values()) for day in days),
        "claimed_s": sum(day.claimed_s for day in days),
        "verified_s": sum(day.verified_s for day in days),
        "unresolved_s": sum(day.unresolved_s for day in days),
        "hand_s": sum(day.hand_s for day in days),
        "elsewhere_s": sum(sum(day.by_grade.values()) for day in other),
        **{f"{grade.lower()}_s": sum(day.by_grade[grade] for day in days) for grade in "ABCDX"},
        "policies": tuple(sorted({day.policy for day in days})),
    }


@pytest.mark.parametrize("seed", range(6))
def test_every_indicator_agrees_to_the_second_and_the_fen(
    province: Province, dsn: str, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr("collector.evaluation.graded._AT_ONCE", 7)  # a year comes in many portions
    world = generate(province, seed, instruments=40)
    world.freeze()
    with world.connection.transaction():
        create_round(world.connection, "2025", year=2025, by=by())
        fix_population(world.connection, "2025", by=by())
    held = fix_data(world.connection, "2025", period="2025", by=by())
    found = {line.indicators.uscc: line.indicators for line in list_indicators(world.connection, held)}
    assert sum(each.instruments for uscc, each in found.items() if uscc) > 3
    for uscc in ("", *UNITS):
        expected = expect(world, uscc or None)
        if uscc not in found:
            assert expected["instruments"] == expected["facilities"] == 0
            continue
        got: dict[str, object] = {
            name: getattr(found[uscc], name) for name in ("instruments", "facilities", "value_fen")
        }
        got |= {each.measure: (each.numerator, each.denominator) for each in found[uscc].measures}
        seconds = found[uscc].seconds
        got |= {name: getattr(seconds, name) for name in expected if name.endswith("_s")}
        got["policies"] = found[uscc].policies
        assert got == expected
    assert verify_round(dsn, "2025").differences == []


def test_a_round_of_the_first_edition_goes_on_without_what_may_be_booked(world: World, dsn: str) -> None:
    with world.connection.transaction():
        create_round(world.connection, "2025", year=2025, by=by())
        world.connection.execute("ALTER TABLE round DISABLE TRIGGER round_is_a_fact")
        world.connection.execute("UPDATE round SET edition = 1")
        world.connection.execute("ALTER TABLE round ENABLE TRIGGER round_is_a_fact")
        fix_population(world.connection, "2025", by=by())
        appoint_expert(world.connection, "2025", world.person("ann", "expert").name, indicators=FULL, by=by())
    held = fix_data(world.connection, "2025", period="2025", by=by())
    for line in list_indicators(world.connection, held):
        assert (line.indicators.v, len(line.indicators.measures)) == (1, 5)
        assert "bookable_share" not in {each.measure for each in line.indicators.measures}
    assert verify_round(dsn, "2025").differences == []
    wanted = SCHEME.replace('"docked_share"', '"bookable_share"')
    with world.connection.transaction():
        entered = enter_scheme(world.connection, wanted.encode(), by=by())
    with (
        pytest.raises(RoundError, match="round 2025 was made before that was computed"),
        world.connection.transaction(),
    ):
        open_entry(world.connection, "2025", scheme=entered.sha256, by=by())


def test_every_instrument_and_facility_is_in_or_out_for_a_reason(world: World) -> None:
    with world.connection.transaction():
        create_round(world.connection, "2025", year=2025, by=by())
        fix_population(world.connection, "2025", by=by())
    members = {each.name: each for each in list_members(world.connection, find_round(world.connection, "2025"))}
    for held in world.held:
        was_owned = any(owner_on(held, date.fromordinal(date(2025, 1, 1).toordinal() + n)) for n in range(365))
        assert (held.name in members) == was_owned
        if was_owned:
            assert members[held.name].is_in == is_counted(held)
            assert members[held.name].uscc == owner_on(held, LAST)
