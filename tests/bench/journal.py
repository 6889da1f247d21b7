"""What the agent's journal costs beside a bare append and fdatasync of the same lines, and what a month's outage costs.

The two take turns, line by line, on the same disk, because the time of a sync changes from second to second. The month
is told in outage.py.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from agent import segment
from agent.clock import Instant
from agent.journal import Journal
from collector.embedded.broker import EmbeddedBroker
from protocol.entry import encode, make
from tests.agent.conftest import AGENT_KEY, BOOT, ORIGIN, RECEIPT_KEY
from tests.agent.fake_collector import FakeCollector
from tests.bench.outage import DAYS
from tests.conftest import find_free_port
from tests.light_agent import BLOCK_MS, START_MS, reading

APPENDS = 3000
RSS_LIMIT_MB = 20.0
MEMORY = Path("/dev/shm")


def measure() -> Iterable[dict[str, object]]:
    """Yield appends a second beside the bare file's, then memory over the month and over the draining after it."""
    yield _appends()
    yield from _month()


def _appends() -> dict[str, object]:
    with tempfile.TemporaryDirectory() as scratch:
        journal = Journal.open(Path(scratch) / "journal", origin=ORIGIN, create=True)
        bare = os.open(Path(scratch) / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        ours_s, peer_s = 0.0, 0.0
        for index in range(APPENDS):
            body, at = reading(index * BLOCK_MS), Instant(START_MS + index * BLOCK_MS, index * BLOCK_MS)
            line = segment.line(encode(make(body, index=index, wall_ms=at.wall_ms, mono_ms=at.mono_ms, boot=BOOT)))
            peer_s += _took_s(lambda line=line: _append_bare(bare, line))
            ours_s += _took_s(lambda body=body, at=at: journal.append(body, at, boot=BOOT))
        os.close(bare)
        journal.close()
    figure = {"name": "appends of readings", "value": round(APPENDS / ours_s), "unit": "entries/s"}
    peer = {"peer": round(APPENDS / peer_s), "peer_name": "bare append and fdatasync of the same lines"}
    return figure | peer | {"ratio": round(peer_s / ours_s, 3)}


def _append_bare(fd: int, line: bytes) -> None:
    os.write(fd, line)
    os.fdatasync(fd)


def _took_s(what: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    what()
    return time.perf_counter() - began_s


def _month() -> Iterator[dict[str, object]]:
    port = find_free_port()
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as scratch:
        command = [sys.executable, "-m", "tests.bench.outage", f"{scratch}/journal", str(port)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as agent:
            assert agent.stdout is not None
            begun, over = (json.loads(agent.stdout.readline()) for _ in range(2))
            with EmbeddedBroker(port):
                collector = FakeCollector(port, agent=AGENT_KEY.verifier, key=RECEIPT_KEY)
                drained = json.loads(agent.stdout.readline())
                agent.wait(60)
                collector.close()
    what = f"{DAYS} days without a collector"
    yield _grown(f"memory gained in {what}", over["rss_mb"] - begun["rss_mb"]) | {"rss_mb": round(over["rss_mb"], 1)}
    yield {"name": f"journal after {what}", "value": round(over["bytes"] / 10**6, 1), "unit": "MB"} | {
        "entries": over["entries"]
    }
    assert drained["receipted"] == drained["entries"], "the month was not delivered"
    yield _grown("memory gained while it drained", drained["rss_mb"] - over["rss_mb"])


def _grown(name: str, mb: float) -> dict[str, object]:
    return {
        "name": name,
        "value": round(mb, 1),
        "unit": "MB",
        "limit": RSS_LIMIT_MB,
        "ratio": round(mb / RSS_LIMIT_MB, 3),
    }
