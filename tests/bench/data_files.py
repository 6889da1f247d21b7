"""What looking at a directory of data files costs: processor time of one look, and memory of the child that looks.

The files lie in the temporary directory, so a local disk's cache answers; a share takes longer, but not more processor.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from agent.watchers.data_listing import ScanSettings
from agent.watchers.data_scan import Telling, look
from agent.watchers.growth import Follower

SIZES = (1_000, 20_000, 100_000)
FILES_A_FOLDER = 500
LOOKS = 5
POLL_S = 10.0
CPU_LIMIT_PERCENT = 5.0  # of one core, at 20 000 files


def measure() -> Iterable[dict[str, object]]:
    """Yield milliseconds of processor time of a look, its share of a core at the usual poll, and the child's memory."""
    for size in SIZES:
        with tempfile.TemporaryDirectory() as scratch:
            _fill(Path(scratch), size)
            settings = ScanSettings(scratch, ["*.tif"], 8, 2 * size, None, POLL_S, 60.0)
            look_ms = _look_ms(settings)
            yield {"name": f"a look at {size} files", "value": round(look_ms, 1), "unit": "ms"}
            share = look_ms / (POLL_S * 10)
            figure = {"name": f"the same each {POLL_S:g} s", "value": round(share, 2), "unit": "% of a core"}
            yield {**figure, "limit": CPU_LIMIT_PERCENT} if size == SIZES[1] else figure
            yield {"name": f"memory of its child, {size} files", "value": _child_mib(settings), "unit": "MiB"}


def _fill(directory: Path, size: int) -> None:
    for number in range(size):
        folder = directory / f"run-{number // FILES_A_FOLDER}"
        if number % FILES_A_FOLDER == 0:
            folder.mkdir()
        (folder / f"frame-{number:06}.tif").touch()


def _look_ms(settings: ScanSettings) -> float:
    follower, telling = Follower(60_000), Telling()
    look(settings, follower, telling)
    began_s = time.process_time()
    for _ in range(LOOKS):
        look(settings, follower, telling)
    return (time.process_time() - began_s) * 1000 / LOOKS


def _child_mib(settings: ScanSettings) -> float:
    command = [sys.executable, "-m", "agent.watchers.data_scan", json.dumps(settings._replace(poll_s=2.0))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        for _ in range(2):
            child.stdout.readline()
        memory = psutil.Process(child.pid).memory_info().rss
        child.kill()
    return round(memory / 2**20, 1)
