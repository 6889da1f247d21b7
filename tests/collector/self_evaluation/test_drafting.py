"""What a draft says: figures out of the best source, lists of services and income, exact to the second and the fen."""

from datetime import date

import pytest

from collector.evaluation.figures import list_figures, list_indicators
from collector.evaluation.rounds import find_round
from collector.registry.access import Scope
from collector.self_evaluation.drafting import draft_report
from collector.self_evaluation.report import Income, Line, Report, decode, encode
from protocol.facts import Correction, Order
from tests.collector.self_evaluation.lab import (
    AGREEMENT,
    BEIJING,
    HOUR,
    INVOICE,
    MONDAY,
    SHENZHEN,
    TODAY,
    TUESDAY,
    XIAN,
    Lab,
    added_document,
    order,
)


def drafted(lab: Lab, year: int = 2025, *, today: date = TODAY) -> Report:
    with lab.connection.transaction():
        return draft_report(lab.connection, XIAN, year, texts={}, today=today)


def line(report: Report, asset_no: str) -> Line:
    return next(each for each in report.lines if each.asset_no == asset_no)


def income(report: Report, number: str) -> Income:
    return next(each for each in report.income if each.order == number)


def test_the_hours_of_closed_records_are_added_up_for_what_is_counted(lab: Lab) -> None:
    report = drafted(lab)
    assert [(each.asset_no, each.is_in, each.reason) for each in report.lines] == [
        ("A001", True, "meets-rules"), ("B001", False, "below-value"), ("C001", False, "exempt"),
        ("D001", True, "meets-rules"),
    ]  # fmt: skip
    held = line(report, "A001").seconds
    assert held is not None
    assert (held.effective_s, held.verified_s, held.claimed_s) == (5 * HOUR, 3 * HOUR, HOUR)
    assert (held.network_s, held.observed_s, held.hand_s) == (365 * 86_400, 5 * HOUR, 0)
    assert held.a_s + held.b_s + held.c_s + held.d_s + held.x_s == held.effective_s
    silent = line(report, "D001").seconds
    assert silent is not None
    assert (silent.effective_s, silent.network_s) == (0, 365 * 86_400)
    assert line(report, "B001").seconds is None
    assert report.indicators.seconds.effective_s == 5 * HOUR
    average = report.indicators.measured("average_effective")
    assert (average.numerator, average.denominator) == (held.counted_s, 2)
    assert report.indicators.measured("docked_share").numerator == 1


def test_each_line_names_its_records_and_their_hash(lab: Lab) -> None:
    before = drafted(lab)
    assert (line(before, "A001").records, len(line(before, "A001").records_sha256)) == (2, 64)
    assert line(before, "D001").records == 0
    lab.say(added_document("SO-2"))
    lab.derive()
    after = drafted(lab)
    assert line(after, "A001").records_sha256 != line(before, "A001").records_sha256
    assert after.source.sha256 != before.source.sha256


def test_the_network_and_the_systems_that_sent_anything_are_told(lab: Lab) -> None:
    report = drafted(lab)
    assert {name: count for name, count in report.network.items() if count} == {
        "not-eligible": 1, "exempt": 1, "overdue": 1, "joined": 1,
    }  # fmt: skip
    joined = line(report, "A001")
    assert (joined.network, joined.network_since, joined.network_proof) == ("joined", "2020-02-03", "陕科平台〔2020〕2")
    assert [(each.system, each.facts) for each in report.docked] == [("lims", 11)]


def test_services_are_listed_by_order_and_instrument_whether_they_were_charged_or_not(lab: Lab) -> None:
    found = [(each.order, each.beneficiary, each.part.asset_no, each.part.verified_s, each.part.claimed_s)
             for each in drafted(lab).services]  # fmt: skip
    assert found == [
        ("SO-1", SHENZHEN, "A001", 3 * HOUR, 0), ("SO-1", SHENZHEN, "B001", HOUR, 0),
        ("SO-2", BEIJING, "A001", 0, HOUR),
    ]  # fmt: skip
    first = drafted(lab).services[0].part
    assert (first.first_day, first.last_day, first.days) == (MONDAY.isoformat(), TUESDAY.isoformat(), 2)


def test_the_income_list_names_beneficiary_instrument_days_hours_charge_and_document(lab: Lab) -> None:
    found = income(drafted(lab), "SO-1")
    assert (found.beneficiary, found.beneficiary_name, found.content) == (SHENZHEN, "深圳某公司", "形貌分析")
    assert [(each.asset_no, each.verified_s + each.claimed_s) for each in found.parts] == [
        ("A001", 3 * HOUR), ("B001", HOUR),
    ]  # fmt: skip
    assert (found.fee_fen, found.fee_year) == (123_456, 2025)
    assert [(each.kind, each.sha256) for each in found.documents] == [("invoice", INVOICE)]


def test_who_is_in_the_income_list_and_what_it_adds_up_to(lab: Lab) -> None:
    report = drafted(lab)
    # SO-3 names nobody, SO-5 is of the unit itself, SO-4 was not served and its charge is of another year.
    assert [each.order for each in report.income] == ["SO-1", "SO-2", "SO-6"]
    assert (income(report, "SO-2").fee_fen, income(report, "SO-6").fee_fen) == (None, 0)
    assert report.income_fen == 123_456
    assert (report.unnamed_orders, report.unnamed_fen) == (1, 50_000)
    assert report.beneficiaries == 2


def test_whom_an_order_does_not_name_the_registry_does(lab: Lab) -> None:
    assert income(drafted(lab), "SO-6").beneficiary_name == "北京某研究所"


def test_a_charge_is_in_the_sum_of_one_year_alone_although_two_years_were_served(lab: Lab) -> None:
    lab.say(Correction(
        v=1, at=2, by="li", approver="wang", approved_at=3, reason="begun before", target=_ref(lab, "SO-2"),
        order=order("SO-2", BEIJING, fee_fen=1_000, first_day="2024-06-01"),
    ))  # fmt: skip
    lab.derive()
    report = drafted(lab)
    assert (income(report, "SO-2").fee_fen, income(report, "SO-2").fee_year) == (1_000, 2024)
    assert report.income_fen == 123_456
    before = drafted(lab, 2024)
    assert [(each.order, each.fee_year) for each in before.income] == [("SO-2", 2024), ("SO-4", 2024)]
    assert before.income_fen == 1_700


def test_a_corrected_order_and_an_added_document_show_as_they_hold_now(lab: Lab) -> None:
    lab.say(Correction(
        v=1, at=2, by="li", approver="wang", approved_at=3, reason="typed wrong", target=_ref(lab, "SO-1"),
        order=order("SO-1", SHENZHEN, beneficiary_name="深圳某公司", fee_fen=123_457),
    ))  # fmt: skip
    lab.say(added_document("SO-1"))
    lab.derive()
    found = income(drafted(lab), "SO-1")
    assert found.fee_fen == 123_457
    assert [(each.kind, each.sha256) for each in found.documents] == [("agreement", AGREEMENT)]


def test_the_source_is_the_round_before_the_frozen_year_before_the_closed_records(lab: Lab) -> None:
    assert drafted(lab).source.kind == "closed"
    frozen = lab.freeze()
    report = drafted(lab)
    assert (report.source.kind, report.source.name, report.source.sha256) == ("frozen", "2025", frozen.sha256)
    assert line(report, "A001").records_sha256 != ""
    lab.hold_round("2025-first")
    report = drafted(lab)
    assert (report.source.kind, report.source.name, report.source.sha256) == ("round", "2025-first", frozen.sha256)


def test_a_round_and_a_frozen_year_give_what_the_closed_records_give(lab: Lab) -> None:
    closed = drafted(lab)
    lab.freeze()
    frozen = drafted(lab)
    lab.hold_round()
    of_round = drafted(lab)
    for each in (frozen, of_round):
        assert each.lines == closed.lines
        assert each.indicators == closed.indicators
        assert (each.services, each.income) == (closed.services, closed.income)


def test_the_figures_of_a_round_are_the_rounds_own(lab: Lab) -> None:
    lab.freeze()
    lab.hold_round()
    report = drafted(lab)
    held = find_round(lab.connection, "2025")
    assert [each.seconds for each in report.lines if each.seconds] == [
        each.seconds for each in list_figures(lab.connection, held)
    ]
    [_, own] = list_indicators(lab.connection, held)
    assert report.indicators == own.indicators
    [own] = list_indicators(lab.connection, held, scope=Scope("unit", XIAN))
    assert report.indicators == own.indicators


def test_what_changes_after_freezing_changes_no_hour_of_the_report(lab: Lab) -> None:
    lab.freeze()
    before = drafted(lab)
    lab.say(added_document("SO-2"))
    lab.derive()
    after = drafted(lab)
    assert after.lines == before.lines
    assert after.services == before.services


def test_an_instrument_that_was_bought_after_the_round_began_says_so(lab: Lab) -> None:
    lab.freeze()
    lab.hold_round()
    lab.province.add_instrument("E001")
    found = line(drafted(lab), "E001")
    assert (found.is_in, found.reason, found.seconds) == (False, "not-in-round", None)


def test_a_year_under_way_counts_up_to_yesterday_and_names_what_is_not_closed(lab: Lab) -> None:
    lab.connection.execute("DELETE FROM dirty_day")
    report = drafted(lab, today=date(2025, 3, 4))
    assert (report.as_of, report.source.last_day) == ("2025-03-03", "2025-03-03")
    held = line(report, "A001").seconds
    assert held is not None
    assert (held.effective_s, held.network_s) == (3 * HOUR, 62 * 86_400)


def test_days_that_are_not_closed_are_in_no_figure_and_are_counted(lab: Lab) -> None:
    lab.connection.execute("SET session_replication_role = replica")
    lab.connection.execute("UPDATE hour_record SET revision = NULL WHERE day = %s AND asset_no = 'A001'", [TUESDAY])
    report = drafted(lab)
    held = line(report, "A001").seconds
    assert held is not None
    assert (held.effective_s, report.source.open_days, line(report, "A001").records) == (3 * HOUR, 1, 1)


@pytest.mark.parametrize("frozen", [False, True])
def test_hours_under_another_owner_are_not_the_units(lab: Lab, frozen: bool) -> None:
    lab.connection.execute(
        "INSERT INTO ownership (asset_no, uscc, from_day) VALUES ('A001', %s, '2020-01-01'), ('A001', %s, %s)",
        [BEIJING, XIAN, TUESDAY],
    )
    of_other = Order(v=1, at=1, by="x", unit=BEIJING, order="SO-1", beneficiary=SHENZHEN)
    lab.say(of_other)
    lab.connection.execute("INSERT INTO dirty_day SELECT asset_no, day, now() FROM hour_record ON CONFLICT DO NOTHING")
    lab.derive()
    if frozen:
        lab.freeze()
    report = drafted(lab)
    held = line(report, "A001").seconds
    assert held is not None
    assert (held.effective_s, held.elsewhere_s) == (2 * HOUR, 3 * HOUR)
    assert line(report, "A001").records == 1
    assert [(each.order, each.part.asset_no, each.part.verified_s) for each in report.services] == [
        ("SO-1", "A001", HOUR), ("SO-1", "B001", HOUR),
    ]  # fmt: skip


def test_the_same_records_give_the_same_bytes(lab: Lab) -> None:
    report = drafted(lab)
    assert encode(report) == encode(drafted(lab))
    assert decode(encode(report)) == report


def _ref(lab: Lab, number: str) -> str:
    [(sha256,)] = lab.province.rows("SELECT sha256 FROM fact WHERE kind = 'order' AND order_no = %s", number)
    return f"fact:{sha256}"
