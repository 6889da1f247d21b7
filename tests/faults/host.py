"""An instrument's PC: a simulated meter on a pseudo-terminal, an enrolled agent, and its line to the broker.

What really happened stands in `truth`, which the simulator writes and no part of the system reads. `remember` keeps
what the journal on disk holds now, before a fault takes it away: what was issued stays issued.
"""

import asyncio
import contextlib
import shutil
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import httpx

from agent import enrolment, status
from agent.clock import SystemClock
from agent.enrolment import Answer
from agent.identity import journal_directory, read_enrolment
from agent.journal import Journal
from collector.app import create_app
from collector.config import Config
from collector.registry import enrolment as registry
from collector.store.database import Connection
from protocol.entry import Body, Storage, WatcherChange, decode
from protocol.errors import MalformedEntry
from tests.faults.facts import Issued, read_issued
from tests.faults.line import LOOPBACK, Line
from tests.faults.program import Program

AGENT = """\
[agent]
id = "{agent_id}"
state_dir = "state"
block_s = 1

[collector]
url = "{url}"
road = "{road}"

[[watcher]]
name = "meter"
kind = "modbus-meter"
asset = "{asset}"
port = "{directory}/port"
map = "sdm120"
poll_s = 0.5
"""
Road = Literal["mqtt", "https", "auto"]
SPEED = 900
"""Of the simulated instrument: each of its phases then takes about eight seconds."""


class Host:
    """One PC. `lives` are the wall times (s) from which to which its agent ran."""

    def __init__(
        self,
        agent_id: str,
        directory: Path,
        line: Line,
        *,
        web: Line,
        seed: int,
        road: Road = "mqtt",
    ) -> None:
        self.agent_id = agent_id
        self.asset = f"A-{agent_id}"
        self.directory = directory
        self.line = line
        self.web = web
        self.truth = directory / "truth"
        self.lives: list[tuple[float, float]] = []
        self.revoked_size: int | None = None
        self.is_dated = True  # its wall clock is right
        self._copies: list[Path] = []  # state directories of other PCs that were set up from a copy of this
        self._issued: dict[str, Issued] = {}
        self._began_s = 0.0
        directory.mkdir()
        self.road = road
        self.url = f"http://{LOOPBACK}:{web.port}"
        self.configuration = directory / "agent.toml"
        self.configure()
        self.agent = self._program("agent", "run", "-c", str(self.configuration))
        self.meter = self._program(
            *("meter", "simulate", "--model", "oven", "--link", str(directory / "port"), "--truth", str(self.truth)),
            *("--speed", str(SPEED), "--seed", str(seed)),
        )

    @property
    def state_dir(self) -> Path:
        return self.directory / "state"

    @property
    def journal_dir(self) -> Path:
        """Of the epoch that the enrolment names now."""
        enrolled = read_enrolment(self.state_dir, agent_id=self.agent_id)
        assert enrolled is not None, f"{self.agent_id} is not enrolled"
        return journal_directory(self.state_dir, enrolled.epoch)

    def configure(self) -> None:
        """Write the configuration as it should be at the next start."""
        values = {"agent_id": self.agent_id, "asset": self.asset, "directory": self.directory}
        text = AGENT.format(**values, url=self.url, road=self.road)
        self.configuration.write_text(text, encoding="utf-8")

    def enrol(self, connection: Connection, config: Config) -> None:
        """As `jishi-agent enroll` does, with the real application and no socket in between."""
        now = datetime.now(UTC)
        watch = [registry.Watch("meter", "power", self.asset)]
        token = registry.make_token(connection, self.agent_id, watch=watch, now=now, valid_for=timedelta(hours=1))
        clock = SystemClock()
        enrolment.enrol(self.state_dir, agent_id=self.agent_id, token=token, ask=_ask(config), clock=clock)

    def start(self) -> None:
        """Let the agent run; the meter too, at the first time."""
        if not self.truth.exists():
            self.meter.start()
            await_file(self.directory / "port", within_s=20)
        self._began_s = time.time()
        self.agent.start()

    def stop(self) -> None:
        """Ask the agent to end."""
        self.agent.stop()
        self._lived()

    def kill(self) -> None:
        """kill -9 of the agent."""
        self.agent.kill()
        self._lived()

    def record(self, entries: int) -> None:
        """While the agent is down, put so many entries into its journal: a backlog."""
        enrolled = read_enrolment(self.state_dir, agent_id=self.agent_id)
        assert enrolled is not None
        journal, clock = Journal.open(self.journal_dir, origin=enrolled.origin), SystemClock()
        for number in range(entries):
            journal.append(Storage(f"entry {number} of a backlog"), clock.now(), boot=clock.boot_id)
        journal.close()

    def record_raw(self, entries: Sequence[bytes]) -> None:
        """While the agent is down, put these bytes into its journal: what an agent of another version wrote."""
        segment = max(self.journal_dir.glob("*.log"))
        with segment.open("ab") as file:
            for entry in entries:
                file.write(b"%08x %s\n" % (zlib.crc32(entry), entry))

    def remember(self) -> None:
        """Keep what the journals on disk hold now."""
        for issued in (each for state_dir in (self.state_dir, *self._copies) for each in read_issued(state_dir)):
            before = self._issued.get(issued.origin)
            self._issued[issued.origin] = before.merge(issued) if before else issued

    def issued(self) -> list[Issued]:
        """All that this PC ever issued, by epoch; the last is the one that goes on."""
        self.remember()
        return sorted(self._issued.values(), key=lambda each: each.epoch)

    def size(self) -> int:
        """Entries on disk of the newest epoch."""
        return max(read_issued(self.state_dir), key=lambda each: each.epoch).size

    def receipted(self) -> int:
        """How many of them a receipt on disk covers."""
        return max(read_issued(self.state_dir), key=lambda each: each.epoch).receipted

    def has_reading(self, *, since: int) -> bool:
        """Whether a reading was journalled at or behind this index."""
        newest = max(read_issued(self.state_dir), key=lambda each: each.epoch)
        return _has_reading(newest, since, newest.size)

    def has_fresh_reading(self, *, since: int) -> bool:
        """Whether a reading was journalled at or behind this index and a receipt covers it."""
        newest = max(read_issued(self.state_dir), key=lambda each: each.epoch)
        return _has_reading(newest, since, newest.receipted)

    def is_delivered(self) -> bool:
        """Whether all is receipted that is there now."""
        newest = max(read_issued(self.state_dir), key=lambda each: each.epoch)
        return newest.receipted == newest.size > 0

    def copy_state(self, to: Path) -> None:
        """A copy of the whole state directory, as an image of the disk would hold it."""
        shutil.copytree(self.state_dir, to)

    def watcher_state(self) -> str:
        """What the journal said last of the meter: up or down."""
        entries = self.issued()[-1].entries
        changes = (body for index in sorted(entries, reverse=True) for body in _bodies(entries[index]))
        return next((body.state for body in changes if isinstance(body, WatcherChange)), "")

    def has_said(self, words: bytes) -> bool:
        """Whether a `storage` entry of the newest epoch says this."""
        entries = (entry for same in self.issued()[-1].entries.values() for entry in same)
        return any(b'"k":"storage"' in entry and words in entry for entry in entries)

    def starts(self) -> int:
        """How often the agent has come up."""
        return self.agent.log.read_text("utf-8", errors="replace").count("agent started")

    def trouble(self) -> str:
        """Why the meter is not read, as `status` says; empty where it is."""
        shown = status.read(self.state_dir) or {"watchers": []}
        return next((str(watcher["reason"]) for watcher in shown["watchers"]), "")

    def move_state(self, to: Path) -> None:
        """Have the state directory on another file system; the agent is down."""
        shutil.move(self.state_dir, to)
        self.state_dir.symlink_to(to)
        subprocess.run(["sync", "-f", str(to)], check=True)  # it was there for long

    def another_agent(self) -> Program:
        """A second agent with the same configuration, not started."""
        return self._program("second agent", "run", "-c", str(self.configuration))

    def clone(self) -> Program:
        """The agent of a PC that was set up from a copy of this one's disk, and has no meter; not started."""
        copy = self.directory / "clone"
        self.copy_state(copy)
        self._copies.append(copy)
        text = self.configuration.read_text("utf-8").replace('"state"', '"clone"').replace("/port", "/no-port")
        configuration = self.directory / "clone.toml"
        configuration.write_text(text, "utf-8")
        return self._program("clone", "run", "-c", str(configuration))

    @contextmanager
    def blind(self) -> Iterator[None]:
        """The agent runs, and what happens meanwhile it cannot record."""
        self._lived()
        yield
        self._began_s = time.time()

    def unplug(self) -> None:
        """End the instrument: the truth ends here."""
        self.meter.stop()

    def close(self) -> None:
        for program in (self.agent, self.meter):
            program.kill()

    def _lived(self) -> None:
        if self._began_s:
            self.lives.append((self._began_s, time.time()))
            self._began_s = 0.0

    def _program(self, name: str, *words: str) -> Program:
        log = self.directory / f"{name}.log"
        return Program(f"{name} {self.agent_id}", ("tests.faults.hurried", "agent", *words), log=log)


def _has_reading(journal: Issued, first: int, end: int) -> bool:
    entries = (entry for index in range(first, end) for entry in journal.entries.get(index, ()))
    return any(b'"k":"reading"' in entry for entry in entries)


def _bodies(same: frozenset[bytes]) -> Iterator[Body]:
    for raw in same:
        with contextlib.suppress(MalformedEntry):
            yield decode(raw).body


def await_file(path: Path, *, within_s: float) -> None:
    deadline_s = time.monotonic() + within_s
    while not path.exists():
        assert time.monotonic() < deadline_s, f"{path} did not appear"
        time.sleep(0.02)


def _ask(config: Config) -> Callable[[str, dict[str, str]], Answer]:
    return lambda path, members: asyncio.run(_post(config, path, members))


async def _post(config: Config, path: str, members: dict[str, str]) -> Answer:
    app = create_app(config)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://collector") as client,
    ):
        answer = await client.post(path, json=members)
    return Answer(answer.status_code, answer.content, None)
