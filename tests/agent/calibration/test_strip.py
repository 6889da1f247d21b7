"""The trace in a terminal: lowest to highest power of each column, and the state below it."""

import pytest

from agent.calibration.examine import examine
from agent.calibration.strip import ROWS, columns, height, strip
from tests.agent.calibration.loads import HOUR, recording, samples


def test_no_spike_is_lost():
    some = samples((HOUR, 3), (1, 5000), (HOUR, 3))
    shown = columns(some, 10)
    assert len(shown) == 10
    assert [column.high_mw for column in shown].count(5_000_000) == 1
    assert {column.low_mw for column in shown} == {3_000}


def test_a_stretch_without_samples_has_no_column():
    starts = [column.start_ms for column in columns(samples((HOUR, 3), (HOUR, None), (HOUR, 3)), 30)]
    assert len(starts) == pytest.approx(20, abs=1)


def test_the_scale_is_linear_up_to_10_w_and_logarithmic_above():
    assert [height(mw) for mw in (-5, 0, 5_000, 10_000, 100_000, 1_000_000)] == [0, 0, 0.5, 1, 2, 3]


def test_the_whole_strip():
    result = examine(recording((HOUR, 1), (HOUR, 1000), (HOUR, None), (HOUR, 1)), "x")
    lines = strip(result.recording.samples, result.spans, width=53).split("\n")
    assert len(lines) == ROWS + 2
    assert max(map(len, lines)) <= 53
    assert lines[0].endswith("┤          ██████████")
    assert lines[ROWS - 1].endswith("0 W ┤██████████░░░░░░░░░░          ██████████")
    assert lines[-1] == " " * 13 + "·" * 10 + "█" * 10 + " " * 10 + "·" * 10
