"""Two clocks and a boot."""

import re

import pytest

from agent.clock import Instant, SystemClock, jump_ms


def test_the_system_clock_goes_on_and_knows_its_boot() -> None:
    clock = SystemClock()
    before, after = clock.now(), clock.now()
    assert after.mono_ms >= before.mono_ms
    assert re.fullmatch("[0-9a-f]{8}", clock.boot_id)
    assert SystemClock().boot_id == clock.boot_id or clock.asleep_ms() == 0
    assert clock.asleep_ms() >= 0


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
