"""Units that were poor twice in a row, their little used instruments, and transfers that somebody signed."""

from datetime import timedelta

import pytest

from collector.cases.signing import open_signed
from collector.cases.transfers import (
    Moved,
    Rated,
    Wanted,
    bring_transfer,
    draw_transfer,
    list_candidates,
    list_transfers,
    list_twice_poor,
    twice_poor,
)
from collector.errors import CaseError
from protocol.signed_case import sign_case
from tests.collector.cases.test_fraud import ZHAO
from tests.collector.evaluation.following import AFTER, published
from tests.collector.evaluation.world import BEIJING, XIAN, World, by
from tests.collector.person_keys import register_key

LATER = AFTER + timedelta(days=1)


def rated(year: int, rating: str, *, uscc: str = XIAN) -> Rated:
    return Rated(uscc, "西安", "", year, f"{year}", year, rating)


@pytest.mark.parametrize(
    ("ratings", "is_twice"),
    [
        ([(2025, "poor"), (2026, "poor")], True),
        ([(2025, "poor"), (2027, "poor")], True),
        ([(2026, "poor"), (2025, "poor")], True),
        ([(2024, "good"), (2025, "poor"), (2026, "poor")], True),
        ([(2025, "poor"), (2026, "good"), (2027, "poor")], False),
        ([(2024, "poor"), (2025, "poor"), (2026, "good")], False),
        ([(2025, "poor")], False),
        ([], False),
    ],
)
def test_twice_in_a_row_means_its_two_latest_results(ratings: list[tuple[int, str]], is_twice: bool) -> None:
    others = [rated(2025, "poor", uscc=BEIJING), rated(2026, "good", uscc=BEIJING)]
    found = twice_poor([*(rated(*each) for each in ratings), *others])
    assert [each.uscc for each in found] == ([XIAN] if is_twice else [])
    if is_twice:
        assert found[0].first.year < found[0].second.year == max(year for year, _ in ratings)


def poor_twice(world: World) -> None:
    """The round of 2025 is published, and XIAN was poor in it and in a round of 2024 before."""
    published(world, **{f"u{XIAN}": "poor"})
    world.connection.execute(
        "INSERT INTO round (name, year, as_of, min_value_fen, over_government_percent, edition)"
        " VALUES ('2024', 2024, '2024-12-31', 20000000, 50, 1)"
    )
    world.connection.execute(
        "INSERT INTO round_publication (round_id, sha256, body, published_on) SELECT n.round_id, p.sha256, p.body,"
        " '2025-02-01' FROM round n, round_publication p WHERE n.name = '2024'"
    )


def moved(world: World, **change: object) -> Moved:
    [unit] = list_twice_poor(world.connection)
    asset = list_candidates(world.connection, unit, Wanted(9000))[0].asset_no
    return Moved(XIAN, asset, "within-department", BEIJING, "zhaomin")._replace(**change)


def test_the_list_has_the_units_instruments_with_their_figures_the_least_used_first(judged: World) -> None:
    poor_twice(judged)
    units = list_twice_poor(judged.connection)
    [unit] = [each for each in units if each.uscc == XIAN]
    assert (unit.first.round, unit.second.round) == ("2024", "2025")
    everything = list_candidates(judged.connection, unit, Wanted(9000))
    assert [each.asset_no for each in everything] == [
        row[0]
        for row in judged.province.rows(
            "SELECT m.name FROM round_member m JOIN round USING (round_id) LEFT JOIN round_figure f"
            " ON (f.round_id, f.asset_no) = (m.round_id, m.name)"
            f" WHERE round.name = '2025' AND is_in AND m.kind = 'instrument' AND m.uscc = '{XIAN}'"
            " ORDER BY coalesce(f.counted_s, 0), m.name"
        )
    ]
    seconds = sorted(each.counted_s for each in everything)
    hours = seconds[-1] // 3600
    assert len(list_candidates(judged.connection, unit, Wanted(hours))) == sum(s < hours * 3600 for s in seconds)
    assert list_candidates(judged.connection, unit, Wanted(9000, "0303")) == []
    judged.connection.execute("ALTER TABLE instrument_description DISABLE TRIGGER USER")
    judged.connection.execute(
        "UPDATE instrument_description SET class_code = '03030101' WHERE asset_no = %s", [everything[0].asset_no]
    )
    [only] = list_candidates(judged.connection, unit, Wanted(9000, "0303"))
    assert only.asset_no == everything[0].asset_no


def test_a_transfer_is_what_an_approver_signed(judged: World) -> None:
    poor_twice(judged)
    judged.person("zhaomin", "approver")
    judged.person("Wang", "evaluator")
    register_key(judged.connection, ZHAO, person="zhaomin")
    wanted = moved(judged)
    before = judged.province.rows("SELECT count(*) FROM ownership")
    with judged.connection.transaction():
        text = draw_transfer(judged.connection, wanted, by=by("used 3 h a year", now=LATER))
    note = sign_case(text, ZHAO)
    with judged.connection.transaction():
        signed = open_signed(judged.connection, note, now=LATER)
        bring_transfer(judged.connection, signed, by=by(now=LATER))
    [held] = list_transfers(judged.connection)
    assert (held.uscc, held.asset_no, held.round, held.decision.to) == (XIAN, wanted.asset_no, "2025", BEIJING)
    assert held.decision.why == "used 3 h a year"
    assert judged.province.rows("SELECT count(*) FROM ownership") == before, "the registry's own fact moves it"
    with pytest.raises(CaseError, match="was brought before"), judged.connection.transaction():
        bring_transfer(judged.connection, signed, by=by(now=LATER))


def test_what_is_not_on_the_list_is_not_transferred(judged: World) -> None:
    published(judged, **{f"u{XIAN}": "poor"})
    judged.person("zhaomin", "approver")
    with pytest.raises(CaseError, match="was not poor in its two latest"), judged.connection.transaction():
        draw_transfer(judged.connection, Moved(XIAN, "A000", "within-unit", None, "zhaomin"), by=by())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"asset_no": "NONE"}, "was not counted in round 2025"),
        ({"to": None}, "names the unit that gets it"),
        ({"to": XIAN}, "the one that has it"),
    ],
)
def test_a_transfer_that_cannot_be_is_refused(judged: World, change: dict[str, object], says: str) -> None:
    poor_twice(judged)
    judged.person("zhaomin", "approver")
    with pytest.raises(CaseError, match=says), judged.connection.transaction():
        draw_transfer(judged.connection, moved(judged, **change), by=by())
