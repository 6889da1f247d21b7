"""A wall clock that a test sets under a running program, as a person, a dead battery or a wrong time server does.

    clock = WallClock(directory)
    Popen(..., env={**os.environ, **clock.environment})
    clock.step(ms)      the wall clock is set
    clock.sleep(ms)     the machine was suspended: wall clock and boot time go on, the monotonic clock stood still

A small library that is preloaded does it (wall_clock.c). It is compiled when it is asked for.
"""

import mmap
import shutil
import struct
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")


def why_not() -> str | None:
    """Why no clock can be set here; None where it can."""
    if sys.platform != "linux":
        return "preloading a library is Linux's"
    return None if shutil.which("cc") else "there is no C compiler (apt-get install gcc libc6-dev)"


class WallClock:
    """The clock of all programs that are started with `environment`. At first it is right."""

    def __init__(self, directory: Path) -> None:
        shifts = directory / "wall_clock"
        shifts.write_bytes(struct.pack("=qq", 0, 0))
        with shifts.open("r+b") as file:
            self._shifts = mmap.mmap(file.fileno(), 16)
        self.environment = {"LD_PRELOAD": str(_library(directory)), "JISHI_WALL_CLOCK": str(shifts)}

    @property
    def ahead_ms(self) -> int:
        """By how much it is ahead of the right time."""
        ahead_ms: int = struct.unpack_from("=q", self._shifts, 0)[0]
        return ahead_ms

    def step(self, ms: int) -> None:
        """Set it forward, or back where it is negative."""
        struct.pack_into("=q", self._shifts, 0, self.ahead_ms + ms)

    def sleep(self, ms: int) -> None:
        """Let the machine have been suspended for so long."""
        asleep_ms = struct.unpack_from("=q", self._shifts, 8)[0]
        struct.pack_into("=q", self._shifts, 8, asleep_ms + ms)
        self.step(ms)

    def close(self) -> None:
        self._shifts.close()


def _library(directory: Path) -> Path:
    library = directory / "wall_clock.so"
    command = ["cc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", str(library), str(SOURCE)]
    subprocess.run(command, check=True, capture_output=True)
    return library
