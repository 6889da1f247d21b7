"""The pictures: what they show, and that their size is bounded."""

import re
from xml.etree import ElementTree

import pytest

from agent.desk.strip import COLUMNS, clock, draw_axis, draw_power, draw_states, draw_swatch
from agent.preview import Day, Power
from protocol.timeline import Span

MIDNIGHT_MS = 1_764_518_400_000  # 2025-12-01 00:00 in Shanghai
HOUR_MS = 3_600_000


def day(*, spans: tuple[Span, ...] = (), powers: tuple[Power, ...] = ()) -> Day:
    return Day(MIDNIGHT_MS, MIDNIGHT_MS + 12 * HOUR_MS, powers, spans, None)


def span(start_h: float, end_h: float, state: str) -> Span:
    return Span(MIDNIGHT_MS + round(start_h * HOUR_MS), MIDNIGHT_MS + round(end_h * HOUR_MS), state)  # type: ignore[arg-type]


def bars(svg: str) -> list[tuple[str, str, str]]:
    found = ElementTree.fromstring(svg).iter("rect")
    return [
        (one.get("class", ""), one.get("x", ""), one.get("width", "")) for one in found if "bar" in one.get("class", "")
    ]


def test_each_state_stands_where_it_was_and_runs_are_drawn_last() -> None:
    svg = draw_states(day(spans=(span(0, 6, "run"), span(6, 12, "off"))), label="今日", name=lambda state: f"<{state}>")
    assert bars(svg) == [("bar off", "25.000%", "25.000%"), ("bar run", "0.000%", "25.000%")]
    assert "00:00–06:00 &lt;run&gt;" in svg
    assert 'class="until" x1="50.000%"' in svg


def test_a_run_of_seconds_is_marked_as_thin_and_what_was_not_observed_is_hatched() -> None:
    svg = draw_states(day(spans=(span(0, 0.005, "run"), span(1, 2, "unobserved"))), label="x", name=str)
    assert [kind for kind, _, _ in bars(svg)] == ["bar unobserved", "bar run thin"]
    assert svg.count("url(#unobserved)") == 1


def test_power_is_a_line_with_a_hole_where_nothing_was_read() -> None:
    powers = (
        Power(MIDNIGHT_MS, MIDNIGHT_MS + HOUR_MS, 900_000),
        Power(MIDNIGHT_MS + 2 * HOUR_MS, MIDNIGHT_MS + 3 * HOUR_MS, 0),
    )
    svg = draw_power(day(powers=powers), label="x")
    assert len(re.findall('class="power-line"', svg)) == 2
    ElementTree.fromstring(svg)


def test_a_restless_day_makes_no_larger_picture() -> None:
    powers = tuple(
        Power(MIDNIGHT_MS + 1000 * second, MIDNIGHT_MS + 1000 * (second + 1), 1000 * (second % 977))
        for second in range(43_200)
    )
    svg = draw_power(day(powers=powers), label="x")
    assert len(svg) < 20 * COLUMNS


def test_nothing_at_all_can_be_drawn() -> None:
    assert bars(draw_states(day(), label="x", name=str)) == []
    ElementTree.fromstring(draw_power(day(), label="x"))
    ElementTree.fromstring(draw_axis())


@pytest.mark.parametrize("state", ["run", "standby", "off", "unobserved"])
def test_each_state_has_a_swatch_and_no_inline_style(state: str) -> None:
    assert f'class="bar {state}"' in draw_swatch(state)
    assert "style=" not in draw_swatch(state)


def test_times_are_those_of_china() -> None:
    assert clock(MIDNIGHT_MS) == "00:00"
    assert clock(MIDNIGHT_MS + 13 * HOUR_MS + 59 * 60_000 + 59_999) == "13:59"
    assert clock(-1) == "07:59"
