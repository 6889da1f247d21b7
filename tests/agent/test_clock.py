"""Two clocks and a boot."""

import ctypes
import re
from types import SimpleNamespace
from typing import Any

import pytest

from agent.clock import Instant, SystemClock, _asleep_on_windows_ms, jump_ms


def test_the_system_clock_goes_on_and_knows_its_boot() -> None:
    clock = SystemClock()
    before, after = clock.now(), clock.now()
    assert after.mono_ms >= before.mono_ms
    assert re.fullmatch("[0-9a-f]{8}", clock.boot_id)
    assert SystemClock().boot_id == clock.boot_id or clock.asleep_ms() == 0
    assert clock.asleep_ms() >= 0


class Kernel32:
    """What Windows would answer: ten minutes since the boot, of which it was awake for four."""

    works = True

    class GetTickCount64:
        restype: object = None

        def __new__(cls) -> int:  # type: ignore[misc]
            return 600_000

    @classmethod
    def QueryUnbiasedInterruptTime(cls, reference: Any) -> bool:  # noqa: N802 (Windows' name)
        reference._obj.value = 240_000 * 10_000
        return cls.works


def test_on_windows_sleep_is_the_difference_of_two_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(kernel32=Kernel32), raising=False)
    assert _asleep_on_windows_ms() == 360_000
    monkeypatch.setattr(Kernel32, "works", False)
    assert _asleep_on_windows_ms() == 0


@pytest.mark.parametrize(
    ("wall", "mono", "jump"),
    [
        (10_000, 10_000, 0),
        (12_000, 10_000, 0),
        (12_001, 10_000, 2001),
        (7_999, 10_000, -2001),
        (28_810_000, 10_000, 28_800_000),
    ],
)
def test_a_jump_is_more_than_two_seconds_between_the_clocks(wall: int, mono: int, jump: int) -> None:
    assert jump_ms(Instant(1000, 500), Instant(1000 + wall, 500 + mono)) == jump
