"""What the agent costs the instrument's PC: one simulated meter polled each second, connected through a real broker.

Measured on the main process over 30 s, after it has settled, been welcomed and receipted; the child that owns the
serial port is named beside it.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil

from collector.embedded.broker import EmbeddedBroker
from tests.agent.conftest import AGENT_KEY, RECEIPT_KEY
from tests.agent.enrolled import enrol_in
from tests.agent.fake_collector import FakeCollector
from tests.conftest import find_free_port

SETTLE_S = 10.0
MEASURE_S = 30.0
RSS_LIMIT_MB = 32.0
CPU_LIMIT_PERCENT = 0.5


def measure() -> Iterable[dict[str, object]]:
    """Yield memory (MB) and processor share (% of a core) of the agent."""
    program = str(Path(sys.executable).with_name("jishi-agent"))
    with tempfile.TemporaryDirectory() as scratch, EmbeddedBroker(find_free_port()) as broker:
        place = Path(scratch)
        collector = FakeCollector(broker.port, agent=AGENT_KEY.verifier, key=RECEIPT_KEY)
        configuration = enrol_in(place, broker_port=broker.port, port=place / "port", block_s=10)
        simulate = [
            program,
            "simulate",
            "--model",
            "oven",
            "--link",
            str(place / "port"),
            "--truth",
            str(place / "truth"),
        ]
        children = [subprocess.Popen(simulate, stdout=subprocess.DEVNULL)]
        try:
            _wait(lambda: (place / "port").exists())
            command = [program, "run", "-c", str(configuration)]
            children.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
            _wait(lambda: collector.size > 4)  # genesis, start, configuration, the watcher is up, a first block
            time.sleep(SETTLE_S)
            yield from _figures(psutil.Process(children[1].pid))
        finally:
            for child in reversed(children):
                child.terminate()
                child.wait(30)
            collector.close()


def _figures(agent: psutil.Process) -> Iterable[dict[str, object]]:
    processes = [agent, *agent.children()]
    before, start = [_busy_s(process) for process in processes], time.monotonic()
    time.sleep(MEASURE_S)
    lasted_s = time.monotonic() - start
    for process, name, busy_s in zip(processes, ("agent", "agent serial child"), before, strict=False):
        rss_mb = process.memory_info().rss / 1024**2
        cpu_percent = 100 * (_busy_s(process) - busy_s) / lasted_s
        yield _figure(f"{name} memory", rss_mb, "MiB", limit=RSS_LIMIT_MB)
        yield _figure(f"{name} processor", cpu_percent, "% of a core", limit=CPU_LIMIT_PERCENT)


def _figure(name: str, value: float, unit: str, *, limit: float) -> dict[str, object]:
    return {"name": name, "value": round(value, 3), "unit": unit, "limit": limit, "ratio": round(value / limit, 3)}


def _busy_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _wait(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not what():
        if time.monotonic() > deadline:
            raise TimeoutError("the agent did not come up within 60 s")
        time.sleep(0.05)
