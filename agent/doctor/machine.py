"""The machine's clock and its sleep.

A wrong clock costs no hours, but the days that it dates are graded down; a machine asleep observes nothing.
"""

import ctypes
import os
import sys
from collections.abc import Iterator

from agent.doctor.case import Case
from agent.finding import Finding

CLOCK_LIMIT_S = 60
SLEEP_LIMIT_MS = 60_000

_TIMEX_BYTES = 512  # larger than struct timex anywhere
_STATUS_AT = 40 if sys.maxsize > 2**32 else 20  # after modes (padded), offset, freq, maxerror, esterror
_UNSYNCHRONISED = 0x0040  # STA_UNSYNC of adjtimex(2)


def examine_machine(case: Case) -> Iterator[Finding]:
    """Say whether the clock is kept right, and whether the machine sleeps."""
    yield judge_synchronisation(clock_is_synchronised())
    yield judge_sleep(case.clock.asleep_ms())
    if os.name == "nt":
        remedy = "switch off fast start-up and sleep in the power options (powercfg /h off)"
        yield Finding("sleep", "unknown", "fast start-up is not looked at here", "off", remedy)


def judge_clock(ahead_s: float) -> Finding:
    """Judge by how much this clock is ahead of the collector's."""
    direction = "ahead of" if ahead_s > 0 else "behind"
    found = f"{abs(ahead_s):.0f} s {direction} the collector's"
    if abs(ahead_s) <= CLOCK_LIMIT_S:
        return Finding("clock", "ok", found)
    remedy = "set it, and switch on time synchronisation; the days that it dates are graded lower"
    return Finding("clock", "warn", found, f"within {CLOCK_LIMIT_S} s", remedy)


def judge_synchronisation(synchronised: bool | None) -> Finding:
    """Judge what the kernel says of the clock; None where it says nothing."""
    remedy = "switch on time synchronisation (timedatectl set-ntp true, or the institute's NTP server)"
    if synchronised is None:
        return Finding("time synchronisation", "unknown", "the system does not tell", "a clock kept by NTP", remedy)
    if not synchronised:
        found = "nothing keeps this machine's clock right, says the kernel"
        return Finding("time synchronisation", "warn", found, "a clock kept by NTP", remedy)
    return Finding("time synchronisation", "ok", "the clock is kept right")


def judge_sleep(asleep_ms: int) -> Finding:
    """Judge how long the machine was asleep since it started."""
    if asleep_ms < SLEEP_LIMIT_MS:
        return Finding("sleep", "ok", "has not been asleep since it started, as far as the system tells")
    found = f"was asleep for {asleep_ms / 60_000:.0f} min since it started; that time is unobserved"
    remedy = "switch off sleep and hibernation on this machine"
    return Finding("sleep", "warn", found, "a machine that stays awake", remedy)


def clock_is_synchronised() -> bool | None:
    """Whether the kernel holds the clock to be kept right by somebody; None where it cannot be asked."""
    if sys.platform != "linux":
        return None
    timex = ctypes.create_string_buffer(_TIMEX_BYTES)  # modes 0: only ask
    try:
        if ctypes.CDLL(None).adjtimex(timex) < 0:
            return None
    except (OSError, AttributeError):
        return None
    return not int.from_bytes(timex.raw[_STATUS_AT : _STATUS_AT + 4], sys.byteorder) & _UNSYNCHRONISED
