"""What the agent costs the instrument's PC, connected through a real broker, over 30 s after it has settled.

First one simulated meter polled each second: the main process, and beside it the child that owns the serial port. Then
eight watchers, four of them at serial ports (eight_watchers.py): all processes together.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psutil

from agent.status import read as read_status
from collector.embedded.broker import EmbeddedBroker
from tests.agent.conftest import AGENT_KEY, RECEIPT_KEY
from tests.agent.enrolled import enrol_in
from tests.agent.fake_collector import FakeCollector
from tests.bench.eight_watchers import WATCHERS, simulated
from tests.conftest import find_free_port

SETTLE_S = 10.0
MEASURE_S = 30.0
RSS_LIMIT_MB = 32.0
CPU_LIMIT_PERCENT = 0.5
ALL_PSS_LIMIT_MB = 80 * 10**6 / 2**20
ALL_CPU_LIMIT_PERCENT = 1.0


def measure() -> Iterable[dict[str, object]]:
    """Yield memory and processor share of an agent with one meter, then of one with eight watchers."""
    with _running("", lambda place, port: simulated(place, broker_port=port)) as agent:
        yield from _figures(agent)
    with _running(WATCHERS, lambda place, port: simulated(place, broker_port=port)) as agent:
        yield from _figures_of_all(agent)


@contextmanager
def _running(watchers: str, simulate: Callable[[Path, int], AbstractContextManager[None]]) -> Iterator[psutil.Process]:
    """An enrolled agent with one Modbus meter and these watchers, settled and receipted."""
    program = str(Path(sys.executable).with_name("jishi-agent"))
    with (
        tempfile.TemporaryDirectory() as scratch,
        EmbeddedBroker(find_free_port()) as broker,
        simulate(Path(scratch), broker.port),
    ):
        place = Path(scratch)
        collector = FakeCollector(broker.port, agent=AGENT_KEY.verifier, key=RECEIPT_KEY)
        configuration = enrol_in(place, broker_port=broker.port, port=place / "port", block_s=10)
        with configuration.open("a", encoding="utf-8") as file:
            file.write(watchers.format(place=place, broker_port=broker.port))
        _wait((place / "port").exists)
        agent = subprocess.Popen([program, "run", "-c", str(configuration)], stderr=subprocess.DEVNULL)
        try:
            _wait(lambda: collector.size > 4)  # genesis, start, configuration, a watcher is up, a first block
            _wait(lambda: _all_heard(place))
            time.sleep(SETTLE_S)
            yield psutil.Process(agent.pid)
        finally:
            agent.terminate()
            agent.wait(30)
            collector.close()


def _all_heard(place: Path) -> bool:
    """Whether every watcher has said something: an instrument that is off does not answer for its state."""
    status = read_status(place / "state") or {"watchers": []}
    return "starting" not in {watcher["state"] for watcher in status["watchers"] or [{"state": "starting"}]}


def _figures_of_all(agent: psutil.Process) -> Iterable[dict[str, object]]:
    processes = [agent, *agent.children(recursive=True)]
    before, start = sum(map(_busy_s, processes)), time.monotonic()
    time.sleep(MEASURE_S)
    cpu_percent = 100 * (sum(map(_busy_s, processes)) - before) / (time.monotonic() - start)
    pss_mb = sum(process.memory_full_info().pss for process in processes) / 1024**2
    yield _figure("eight watchers memory", pss_mb, "MiB PSS", limit=ALL_PSS_LIMIT_MB) | {"processes": len(processes)}
    yield _figure("eight watchers processor", cpu_percent, "% of a core", limit=ALL_CPU_LIMIT_PERCENT)


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
