"""How two reports differ: figure by figure, what is named held against what has the same name."""

from typing import Any

import msgspec

from collector.evaluation.indicators import Indicators, Quotient, Seconds
from collector.self_evaluation.changes import MAX_SHOWN, Difference, differences
from collector.self_evaluation.report import Docked, Report, Source

INDICATORS = Indicators(1, "U", 1, 0, 100, (), (Quotient("average_effective", 7, 2),), Seconds(), ())
REPORT = Report(
    1, "U", "单位", 2025, "2025-12-31", Source("closed", "", "a", "2025-12-31"), INDICATORS, {"joined": 1},
    (Docked("lims", 3), Docked("paper", 1)), (), (), (), (), 0, 0, {"staff": "12"},
)  # fmt: skip


def changed(**members: Any) -> list[Difference]:
    return differences(REPORT, msgspec.structs.replace(REPORT, **members))


def test_a_report_does_not_differ_from_itself() -> None:
    assert changed() == []


def test_what_people_wrote_is_no_figure() -> None:
    assert changed(texts={"staff": "13", "docking": "x"}) == []


def test_a_figure_is_named_by_its_place() -> None:
    assert changed(network={"joined": 2}) == [Difference("network.joined", "1", "2")]
    assert changed(unnamed_fen=5) == [Difference("unnamed_fen", "0", "5")]


def test_members_of_a_list_are_told_by_their_names_whatever_their_place() -> None:
    assert changed(docked=(Docked("paper", 1), Docked("lims", 3))) == []
    assert changed(docked=(Docked("paper", 2), Docked("lims", 3))) == [Difference("docked[paper].facts", "1", "2")]
    assert changed(docked=(Docked("lims", 3),)) == [Difference("docked[paper]", '{"system":"paper","facts":1}', "")]


def test_an_indicator_shows_numerator_and_denominator() -> None:
    other = msgspec.structs.replace(INDICATORS, measures=(Quotient("average_effective", 8, 2),))
    assert changed(indicators=other) == [Difference("indicators.measures.average_effective", '"7/2"', '"8/2"')]


def test_a_long_value_is_cut() -> None:
    [found] = changed(name_zh="长" * 1000)
    assert len(found.now) == MAX_SHOWN
    assert found.now.endswith("…")
