"""A wall clock that a test sets: what is shifted, and that nothing else is."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.wall_clock import WallClock, why_not

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

YEAR_MS = 365 * 86_400_000
TELLER = """\
import json, sys, threading, time
from datetime import datetime, UTC
for line in sys.stdin:
    before = time.monotonic()
    threading.Event().wait(0.05)
    print(json.dumps({
        "wall": time.time(), "now": datetime.now(UTC).timestamp(), "mono": time.monotonic(),
        "boot": time.clock_gettime(time.CLOCK_BOOTTIME), "waited": time.monotonic() - before,
    }), flush=True)
"""
Told = dict[str, float]


@pytest.fixture
def clock(tmp_path: Path) -> Iterator[WallClock]:
    made = WallClock(tmp_path)
    yield made
    made.close()


@pytest.fixture
def ask(clock: WallClock) -> Iterator[Callable[[], Told]]:
    command = [sys.executable, "-c", TELLER]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clock.environment, text=True
    ) as teller:

        def asked() -> Told:
            assert teller.stdin is not None
            assert teller.stdout is not None
            print("?", file=teller.stdin, flush=True)
            told: Told = json.loads(teller.stdout.readline())
            return told

        yield asked
        teller.communicate()


@pytest.mark.parametrize("step_ms", [YEAR_MS, -YEAR_MS, -1, 1_234_567, -1_700_000_000_000])
def test_a_step_moves_the_wall_clock_of_a_running_program_and_no_other(
    clock: WallClock, ask: Callable[[], Told], step_ms: int
) -> None:
    ask()
    clock.step(step_ms)
    told = ask()
    for what in ("wall", "now"):
        assert told[what] - step_ms / 1000 == pytest.approx(time.time(), abs=10)
    assert told["mono"] == pytest.approx(time.monotonic(), abs=10)
    assert told["boot"] == pytest.approx(time.clock_gettime(time.CLOCK_BOOTTIME), abs=10)
    assert told["waited"] < 10, "waits go by the monotonic clock"


def test_a_sleep_moves_boot_time_and_wall_clock_alike(clock: WallClock, ask: Callable[[], Told]) -> None:
    clock.sleep(3_600_000)
    told = ask()
    assert told["wall"] - 3600 == pytest.approx(time.time(), abs=10)
    assert told["boot"] - 3600 == pytest.approx(time.clock_gettime(time.CLOCK_BOOTTIME), abs=10)
    assert told["mono"] == pytest.approx(time.monotonic(), abs=10)
