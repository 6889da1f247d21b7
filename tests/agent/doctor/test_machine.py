"""Clock and sleep: what the system says, and what that means."""

import sys

import pytest

from agent.doctor.machine import clock_is_synchronised, judge_clock, judge_sleep, judge_synchronisation


@pytest.mark.parametrize(("ahead_s", "verdict"), [(0.2, "ok"), (-60, "ok"), (61, "warn"), (-86_400, "warn")])
def test_a_clock_may_be_off_by_a_minute(ahead_s: float, verdict: str) -> None:
    assert judge_clock(ahead_s).verdict == verdict


def test_a_clock_that_is_off_is_said_with_its_direction() -> None:
    assert judge_clock(7200).found == "7200 s ahead of the collector's"
    assert judge_clock(-7200).found == "7200 s behind the collector's"


@pytest.mark.parametrize(("synchronised", "verdict"), [(True, "ok"), (False, "warn"), (None, "unknown")])
def test_what_the_kernel_says_of_its_clock(synchronised: bool | None, verdict: str) -> None:
    assert judge_synchronisation(synchronised).verdict == verdict


@pytest.mark.skipif(sys.platform != "linux", reason="other systems are not asked")
def test_linux_is_asked_and_answers() -> None:
    assert clock_is_synchronised() in (True, False)


def test_sleep_is_unobserved_time() -> None:
    assert judge_sleep(59_999).verdict == "ok"
    finding = judge_sleep(8 * 3_600_000)
    assert (finding.verdict, finding.found) == (
        "warn",
        "was asleep for 480 min since it started; that time is unobserved",
    )
