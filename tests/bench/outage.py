"""A month without a collector, in a process of its own so that its memory is the agent's: recorder, journal, uplink.

    python -m tests.bench.outage DIRECTORY BROKER_PORT

It prints one JSON object when the month has begun, one when it is over, and one when a collector that appeared
meanwhile has receipted everything. The clock that the recorder is told moves thirty days in a minute or two; the
uplink lives in real time and meets a port where nobody listens. DIRECTORY should be in memory: what is measured is the
process, and a month of syncs would take an hour of a disk.
"""

import json
import math
import sys
import threading
import time
from pathlib import Path

import psutil

from agent.clock import SystemClock
from agent.disk import Disk
from agent.journal import Journal
from agent.reading import Channel, Sample
from agent.recorder import Recorder
from agent.roads.link import Address
from agent.roads.mqtt import MqttLink
from agent.scratch import Scratch
from agent.uplink import Uplink
from agent.watchers.watcher import Emit
from tests.agent.conftest import AGENT_KEY, ORIGIN, RECEIPT_KEY
from tests.agent.manual_clock import ManualClock

DAYS = 30
POLL_MS = 10_000
CYCLE_S = 1200
PATIENCE_S = 300


class Meter:
    """A watcher in name; what it sees is told below."""

    name, kind, asset = "meter1", "modbus-meter", "A001"
    channels = (Channel("power", "gauge", POLL_MS),)

    def run(self, emit: Emit, stop: threading.Event) -> None:
        raise NotImplementedError


def power_mw(second: int) -> int:
    """An instrument that works for twelve minutes of twenty, idles for six and is off for two."""
    at_s = second % CYCLE_S
    level = 850_000 if at_s < 720 else 330_000 if at_s < 1080 else 3_000
    return level + round(level * 0.01 * math.sin(second / 7))


def record_a_month(recorder: Recorder, clock: ManualClock) -> None:
    """Poll and tick, as watchers and the recorder's thread would."""
    counter_mwh = 0
    for poll in range(DAYS * 86_400_000 // POLL_MS):
        now = clock.advance(POLL_MS)
        power = power_mw(poll * POLL_MS // 1000)
        counter_mwh += power * POLL_MS // 3_600_000
        recorder.take(Sample("meter1", "power", now, power, counter_mwh))
        recorder.tick()


def tell(what: str, journal: Journal) -> None:
    """One line for the bench."""
    rss_mb = psutil.Process().memory_info().rss / 10**6
    told = {"what": what, "rss_mb": rss_mb, "entries": journal.size, "bytes": journal.bytes_on_disk}
    print(json.dumps({**told, "receipted": journal.receipted_size}), flush=True)


def main() -> None:
    """The month, and what comes after it."""
    directory, port = Path(sys.argv[1]), int(sys.argv[2])
    clock, real = ManualClock(), SystemClock()
    journal = Journal.open(directory, origin=ORIGIN, create=True)
    recorder = Recorder(journal, Scratch(directory, disk=Disk()), clock=clock, watchers=[Meter()])
    link = MqttLink("em-01", Address("127.0.0.1", port), epoch=1, clock=real)
    uplink = Uplink(
        journal, AGENT_KEY, receipt_key=RECEIPT_KEY.verifier, link=link, clock=real, on_hints=lambda hints: None
    )
    carrier = threading.Thread(target=uplink.run)
    carrier.start()
    recorder.begin(version="bench", configuration=None)
    tell("begun", journal)
    record_a_month(recorder, clock)
    tell("over", journal)
    deadline_s = time.monotonic() + PATIENCE_S
    while journal.receipted_size < journal.size and time.monotonic() < deadline_s:
        time.sleep(0.1)
    tell("drained", journal)
    uplink.close()
    carrier.join()


if __name__ == "__main__":
    main()
