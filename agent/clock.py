"""Wall clock, monotonic clock and boot, read together and handed in everywhere.

Durations come from the monotonic clock within one boot; the wall clock only says when that was. Nothing else
in the agent asks the system for the time, so a test moves the time instead of waiting for it.

The boot id is random for each boot of the machine. psutil.boot_time() is no identity: it moves with the wall
clock.
"""

from __future__ import annotations

import secrets
import sys
import time
from pathlib import Path
from typing import NamedTuple, Protocol

JUMP_LIMIT_MS = 2000
"""Wall and monotonic clock may drift apart by this much between two looks; more is a jump."""

_LINUX_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Instant(NamedTuple):
    """One moment on both clocks: UTC milliseconds since 1970, and milliseconds of the monotonic clock."""

    wall_ms: int
    mono_ms: int


class Clock(Protocol):
    """What the agent needs to know about time."""

    @property
    def boot_id(self) -> str:
        """Eight lowercase hex digits, the same as long as the monotonic clock runs on."""
        ...

    def now(self) -> Instant:
        """Both clocks, read one right after the other."""
        ...

    def asleep_ms(self) -> int:
        """How long the machine has been suspended since it booted; 0 where the system does not tell."""
        ...


class SystemClock:
    """The clocks of this machine."""

    def __init__(self) -> None:
        self._boot_id = _read_boot_id()

    @property
    def boot_id(self) -> str:
        return self._boot_id

    def now(self) -> Instant:
        return Instant(time.time_ns() // 1_000_000, time.monotonic_ns() // 1_000_000)

    def asleep_ms(self) -> int:
        if sys.platform == "win32":
            return _asleep_on_windows_ms()
        if not hasattr(time, "CLOCK_BOOTTIME"):
            return 0
        without_sleep_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        return (time.clock_gettime_ns(time.CLOCK_BOOTTIME) - without_sleep_ns) // 1_000_000


def _asleep_on_windows_ms() -> int:
    """The difference of a count that goes on during sleep and hibernation and of one that does not.

    Windows' monotonic clock is the first of them, so there a sleep is a hole in what was observed and no jump. Source:
    GetTickCount64 and QueryUnbiasedInterruptTime (in 100 ns), both since Windows 7.
    """
    import ctypes

    kernel32 = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    kernel32.GetTickCount64.restype = ctypes.c_ulonglong
    awake = ctypes.c_ulonglong()
    if not kernel32.QueryUnbiasedInterruptTime(ctypes.byref(awake)):
        return 0
    return max(0, int(kernel32.GetTickCount64()) - awake.value // 10_000)


def jump_ms(before: Instant, after: Instant) -> int:
    """By how much the wall clock left the monotonic clock between two instants of one boot; 0 is no jump.

    Positive: the wall clock went ahead (set forward, or the machine slept while the monotonic clock stood).
    """
    drift_ms = (after.wall_ms - before.wall_ms) - (after.mono_ms - before.mono_ms)
    return drift_ms if abs(drift_ms) > JUMP_LIMIT_MS else 0


def _read_boot_id() -> str:
    try:
        return _LINUX_BOOT_ID.read_text("ascii")[:8].lower()
    except OSError:
        # Elsewhere no identity of the boot can be had without rights. A random one for each start of the
        # program is safe: no duration is ever taken across two ids.
        return secrets.token_hex(4)
