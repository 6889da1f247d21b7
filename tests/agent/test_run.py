"""The whole agent as a process: a simulated meter, a real broker, a collector of protocol only, and kill -9."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.recorder import SCRATCH_EVERY_MS
from collector.embedded.broker import EmbeddedBroker
from protocol.batch import parse_batch
from protocol.entry import Entry, Reading, Start, Stop, WatcherChange, decode
from protocol.note import cosign, open_checkpoint
from tests.agent.conftest import AGENT_KEY, RECEIPT_KEY
from tests.agent.enrolled import enrol_in
from tests.agent.fake_collector import FakeCollector
from tests.agent.test_uplink_broker import eventually

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the simulator needs pseudo-terminals")


class Host:
    """An instrument's PC: a meter on its serial port, an enrolled agent, and hands to start and kill it."""

    def __init__(self, directory: Path, broker_port: int) -> None:
        self.directory = directory
        self.configuration = enrol_in(directory, broker_port=broker_port, port=directory / "port", block_s=5)
        self.children: list[subprocess.Popen[bytes]] = []
        self.log = (directory / "agent.log").open("ab")

    def command(self, *words: str) -> subprocess.Popen[bytes]:
        program = [sys.executable, "-c", "import sys; from agent.cli import main; sys.exit(main())", *words]
        self.children.append(subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=self.log))
        return self.children[-1]

    def plug_in(self) -> subprocess.Popen[bytes]:
        port, truth = str(self.directory / "port"), str(self.directory / "truth")
        child = self.command("simulate", "--model", "oven", "--link", port, "--truth", truth, "--speed", "60")
        eventually((self.directory / "port").exists)
        return child

    def start(self) -> subprocess.Popen[bytes]:
        return self.command("run", "-c", str(self.configuration))

    def status(self) -> dict[str, object]:
        found: dict[str, object] = json.loads((self.directory / "state" / "status.json").read_text("utf-8"))
        return found

    def close(self) -> None:
        for child in reversed(self.children):
            child.kill()
            child.wait()
        self.log.close()


@pytest.fixture
def host(tmp_path: Path, broker: EmbeddedBroker) -> Iterator[Host]:
    made = Host(tmp_path / "pc", broker.port)
    yield made
    made.close()


@pytest.fixture
def collector(broker: EmbeddedBroker) -> Iterator[FakeCollector]:
    made = FakeCollector(broker.port, agent=AGENT_KEY.verifier, key=RECEIPT_KEY)
    yield made
    made.close()


def entries_of(collector: FakeCollector) -> list[Entry]:
    return [decode(raw) for raw in list(collector.entries)]


def covered_ms(entries: list[Entry]) -> int:
    """Time that the power blocks cover, and a check that none overlaps another."""
    spans = sorted(
        (entry.body.start_mono_ms, sum(entry.body.durations_ms))
        for entry in entries
        if isinstance(entry.body, Reading) and entry.body.channel == "power"
    )
    for (start, length), (following, _) in itertools.pairwise(spans):
        assert start + length <= following, "two blocks cover the same time"
    return sum(length for _, length in spans)


def has(kind: type, collector: FakeCollector, *, times: int = 1) -> Callable[[], bool]:
    return lambda: sum(isinstance(entry.body, kind) for entry in entries_of(collector)) >= times


def test_it_records_delivers_and_ends_in_order(host: Host, collector: FakeCollector) -> None:
    host.plug_in()
    agent = host.start()
    eventually(has(Reading, collector), within_s=30)
    eventually(lambda: host.status()["state"] == "running")
    agent.send_signal(signal.SIGTERM)
    assert agent.wait(20) == 0
    kinds = [entry.kind for entry in entries_of(collector)]
    assert kinds[:2] == ["genesis", "start"]
    assert {"config", "watcher", "reading"} <= set(kinds)
    assert kinds[-1] == "stop"
    status = host.status()
    assert status["state"] == "stopped"
    journal = status["journal"]
    assert isinstance(journal, dict)
    assert journal["size"] == journal["receipted"] == collector.size


def test_kill_9_at_any_moment_loses_seconds_and_doubles_nothing(host: Host, collector: FakeCollector) -> None:
    host.plug_in()
    started = time.monotonic()
    lives_s = (6.3, 7.9)
    for life, lived_s in enumerate(lives_s, 1):
        agent = host.start()
        eventually(has(WatcherChange, collector, times=life), within_s=30)
        time.sleep(lived_s)  # real processes live in real time
        agent.kill()
        agent.wait()
    agent = host.start()
    eventually(has(Start, collector, times=3), within_s=30)
    eventually(has(WatcherChange, collector, times=3), within_s=30)
    agent.send_signal(signal.SIGTERM)
    assert agent.wait(20) == 0
    entries = entries_of(collector)
    assert [entry.index for entry in entries] == list(range(len(entries)))
    assert isinstance(entries[-1].body, Stop)
    lasted_ms = (time.monotonic() - started) * 1000
    lost_ms = SCRATCH_EVERY_MS + 1000 + 100  # since the scratch file was written, and since the last sample
    assert covered_ms(entries) >= sum(lived_s * 1000 - lost_ms for lived_s in lives_s)
    assert covered_ms(entries) <= lasted_ms


def test_a_second_agent_on_the_directory_is_refused_and_the_first_goes_on(host: Host, collector: FakeCollector) -> None:
    host.plug_in()
    first = host.start()
    eventually(has(Start, collector), within_s=30)
    second = host.start()
    assert second.wait(30) == 1
    host.log.flush()
    assert "is being written by another agent" in (host.directory / "agent.log").read_text("utf-8")
    assert first.poll() is None
    assert host.status()["state"] == "running"


def test_no_child_outlives_a_killed_agent(host: Host, collector: FakeCollector) -> None:
    import psutil

    host.plug_in()
    agent = host.start()
    eventually(has(WatcherChange, collector), within_s=30)
    children = psutil.Process(agent.pid).children(recursive=True)
    assert children, "the serial port lives in a process of its own"
    os.kill(agent.pid, signal.SIGKILL)
    agent.wait()
    eventually(lambda: not any(child.is_running() and child.status() != "zombie" for child in children))


def test_what_waits_is_exported_beside_the_running_agent_and_its_receipt_comes_home(
    host: Host, broker: EmbeddedBroker, tmp_path: Path
) -> None:
    """No collector answers: what the agent recorded is carried to one, and the agent learns of it while it runs."""
    host.plug_in()
    host.start()
    eventually((host.directory / "state" / "status.json").exists, within_s=30)
    eventually(lambda: host.status()["journal"]["size"] >= 3, within_s=30)  # type: ignore[index]
    assert host.command("export", "-c", str(host.configuration), str(tmp_path)).wait(60) == 0
    (parcel,) = tmp_path.glob("jishi.example_a_em-01_1")
    last = max(parcel.glob("*.batch"))
    batch = parse_batch(last.read_bytes())
    size = open_checkpoint(batch.note, AGENT_KEY.verifier).size
    (parcel / "receipt").write_bytes(cosign(batch.note, RECEIPT_KEY, time_s=int(time.time())))
    assert host.command("import-receipts", "-c", str(host.configuration), str(tmp_path)).wait(60) == 0
    eventually(lambda: host.status()["journal"]["receipted"] == size, within_s=30)  # type: ignore[index]
