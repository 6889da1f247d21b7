"""The demo's audit: it must be able to fail."""

from pathlib import Path

import pytest

from deploy.demo.truth import TruthError, compare, read_truth

TRUTH = [(100, 200, "off"), (200, 300, "run"), (300, 400, "standby")]


def test_equal_records_lose_and_double_nothing() -> None:
    result = compare(TRUTH, [(0, 100, "unobserved"), *TRUTH], tolerance_s=3)
    assert (result.lost_s, result.doubled_s, result.unobserved_s) == (0, 0, 0)
    assert (result.true_run_s, result.recorded_run_s) == (100, 100)


def test_a_boundary_within_the_tolerance_is_the_meters_not_ours() -> None:
    shifted = [(100, 198, "off"), (198, 302, "run"), (302, 400, "standby")]
    result = compare(TRUTH, shifted, tolerance_s=3)
    assert (result.lost_s, result.doubled_s) == (0, 0)


def test_a_run_that_no_record_holds_is_lost() -> None:
    result = compare(TRUTH, [(100, 200, "off"), (200, 400, "standby")], tolerance_s=3)
    assert result.lost_s == 94
    assert result.doubled_s == 0


def test_seconds_that_are_in_no_record_are_lost() -> None:
    result = compare(TRUTH, TRUTH[:2], tolerance_s=3)
    assert result.lost_s == 94


def test_declared_unobserved_is_not_lost_but_counted() -> None:
    gap = [(100, 200, "off"), (200, 250, "run"), (250, 300, "unobserved"), (300, 400, "standby")]
    result = compare(TRUTH, gap, tolerance_s=3)
    assert (result.lost_s, result.unobserved_s) == (0, 50)


def test_run_that_never_was_is_doubled() -> None:
    result = compare(TRUTH, [(100, 400, "run")], tolerance_s=3)
    assert result.doubled_s == 94 + 94


def test_two_records_over_one_second_are_doubled() -> None:
    result = compare(TRUTH, [*TRUTH, (290, 300, "run")], tolerance_s=3)
    assert result.doubled_s == 10


def test_truth_file_becomes_spans(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    path.write_text(
        '{"at_ms": 100900, "state": "off", "power_mw": 0}\n'
        '{"at_ms": 200100, "state": "run", "power_mw": 900000}\n'
        '{"at_ms": 300000, "end": true}\n'
    )
    assert read_truth(path) == [(100, 200, "off"), (200, 300, "run")]


def test_a_broken_truth_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    path.write_text('{"at_ms": 1, "state": "off"}\nnot json\n')
    with pytest.raises(TruthError, match="line 2"):
        read_truth(path)
