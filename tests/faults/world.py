"""The world of one scenario: a centre, instruments' PCs, the lines between them, and the end that everything comes to.

A scenario breaks things; `settle` mends them all, sees that a fresh event still flows, ends everything in order and
asks the oracle. Every choice comes from `random`, so that the seed repeats the sequence of faults; the moments at which
real processes meet them are the machine's.

    <directory>/<agent id>/     one PC: configuration, state, truth, logs
                broker/  keys/  ingest-0.log
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from random import Random

import httpx

from collector.accounts.worker import Worker
from collector.config import Config, load_config
from collector.keys import ensure_receipt_key
from collector.registry import instruments, people, policies
from collector.store.database import Connection
from protocol.topics import down_topic, up_topic
from tests.conftest import find_free_port
from tests.faults import oracle
from tests.faults.both_sides import gather_logs, gather_watched, sent_receipts
from tests.faults.broker import Broker, answers
from tests.faults.client import Client
from tests.faults.crowd import Crowd
from tests.faults.database import Server
from tests.faults.facts import Stored, read_stored
from tests.faults.host import Host, Road
from tests.faults.line import LOOPBACK, Line, Switchboard
from tests.faults.program import ROOT, Program
from tests.light_agent import LightAgent

DOMAIN = "jishi.example"
POLICY = ROOT / "deploy" / "demo" / "policy.json"
PATIENCE_S = 60.0
CROWD_PATIENCE = 3
"""Times as much: a thousand of them share our processor with everybody else."""
_REVOKE = "UPDATE journal SET revoked_at = now() WHERE origin = %s RETURNING size"
_INSERT_JOURNAL = "INSERT INTO journal (origin, agent_id, epoch, vkey) VALUES (%(origin)s, %(agent)s, 1, %(vkey)s)"
ANSWER_S = 1.0


class Stuck(AssertionError):
    """Something that a scenario waits for did not come about; the text says what."""


class World:
    """What a scenario is given."""

    def __init__(self, directory: Path, server: Server, random: Random, *, patience_s: float = PATIENCE_S) -> None:
        self.random = random
        self.patience_s = patience_s
        self.directory = directory
        self.hosts: list[Host] = []
        self.crowd: Crowd | None = None
        self.violations: list[str] = []
        self.exits = ExitStack()  # what a scenario took of this machine and gives back at the end
        self.board = Switchboard()
        self.database = server.make()
        self.broker = Broker(directory / "broker", find_free_port())
        self.api_port = find_free_port()
        self.config = self._config(self.broker.port)
        self.receipt_key = ensure_receipt_key(directory, DOMAIN)
        self.connection: Connection = self.database.connect()
        self.workers = [self._worker(0)]
        self.web = self._program("web", "serve")
        self.is_web_open = False
        self.log = self._program("log", "log")
        self.is_log_kept = False
        self._register()
        self.broker.start()
        self.ingest.start()

    @property
    def ingest(self) -> Program:
        """The first ingest worker."""
        return self.workers[0]

    def add_worker(self) -> Program:
        """One more ingest worker, running."""
        self.workers.append(self._worker(len(self.workers)))
        self.workers[-1].start()
        return self.workers[-1]

    def open_web(self) -> None:
        """Run `serve` too: the API, and with it the HTTPS road (here without TLS)."""
        self.is_web_open = True
        self.web.start()
        self.until("the API answers", lambda: answers(self.api_port))

    def keep_log(self) -> None:
        """Run `log` too: from then on agents get beacons."""
        self.is_log_kept = True
        self.log.start()
        self.until("the first leaf", lambda: self.connection.execute("SELECT FROM log_head").fetchone() is not None)

    def host(self, *, backlog: int = 0, start: bool = True, road: Road = "mqtt") -> Host:
        """A PC with an enrolled agent; `backlog` entries are in its journal before it starts."""
        agent_id = f"em-{len(self.hosts) + 1:02}"
        line, web = Line(self.board, self.broker.port), Line(self.board, self.api_port, speaks_mqtt=False)
        seed = self.random.randrange(1 << 30)
        host = Host(agent_id, self.directory / agent_id, line, web=web, road=road, seed=seed)
        self.hosts.append(host)
        instruments.register_instrument(self.connection, host.asset, name_zh="电子显微镜")
        host.enrol(self.connection, self._config(line.port))
        host.record(backlog)
        if start:
            host.start()
        return host

    def gather(self, agents: int, *, entries: int) -> Crowd:
        """A crowd of light agents with so many entries each, enrolled and not yet started."""
        made = [LightAgent(f"light-{number:05}") for number in range(agents)]
        rows = [{"agent": agent.agent_id, "origin": agent.origin, "vkey": agent.vkey} for agent in made]
        with self.connection.cursor() as cursor:
            cursor.executemany("INSERT INTO agent (agent_id, last_epoch) VALUES (%(agent)s, 1)", rows)
            cursor.executemany(_INSERT_JOURNAL, rows)
        for agent in made:
            agent.append_readings(entries)
        self.crowd = Crowd(self.board, self.broker.port, made, self.random)
        return self.crowd

    def revoke(self, host: Host) -> None:
        """Revoke the key under which a host's journal goes on; nothing more may be stored of it."""
        origin = host.issued()[-1].origin
        row = self.connection.execute(_REVOKE, [origin]).fetchone()
        assert row is not None, f"nobody knows {origin}"
        host.revoked_size = row[0]

    def post(self, agent_id: str, payload: bytes) -> bytes:
        """The same message by HTTPS (here without TLS); the answer."""
        answer = httpx.post(
            f"http://{LOOPBACK}:{self.api_port}/api/v1/up/{agent_id}",
            content=payload,
            headers={"Content-Type": "application/octet-stream"},
            timeout=30,
            trust_env=False,
        )
        return answer.content

    def send(self, agent_id: str, payload: bytes) -> bytes | None:
        """Say this in the name of an agent, as anybody can who reaches the broker; the answer, or None for none."""
        return self.board.run(self._send(agent_id, payload))

    def until(self, what: str, reached: Callable[[], object], *, times: int = 1) -> None:
        """Wait for it; Stuck when it does not come, or cannot come any more. `times`: of the usual patience."""
        patience_s = times * self.patience_s
        deadline_s = time.monotonic() + patience_s
        while not reached():
            if falls := self.falls():
                raise Stuck(f"{what}: it cannot come about any more, {falls[0]}")
            if time.monotonic() > deadline_s:
                raise Stuck(f"{what}: it did not come about within {patience_s:.0f} s")
            time.sleep(0.03)

    def run_for(self, seconds: float) -> None:
        """Let time pass: real processes live in real time."""
        time.sleep(seconds)

    def choose_s(self, least_s: float, most_s: float) -> float:
        """A length of time from the seed."""
        return self.random.uniform(least_s, most_s)

    def kill_database(self) -> None:
        """kill -9 of the database server; whoever was connected is not any more."""
        self.database.kill()
        self.connection.close()

    def start_database(self) -> None:
        """Bring it back, and look at once whether anything was promised that is not there."""
        self.database.start()
        self.connection.close()
        self.connection = self.database.connect()
        self.violations += oracle.promised_too_early(
            sent_receipts(self.hosts), self.stored(), receipt_key=self.receipt_key.verifier
        )

    def stored(self) -> list[Stored]:
        """What the collector holds now."""
        return read_stored(self.connection)

    def settle(self) -> list[str]:
        """Mend everything, see a fresh event flow, end in order, and judge; all violations."""
        self._mend()
        for host in self.hosts:
            self._see_fresh_event(host)
        if self.crowd:
            self._see_crowd_delivered(self.crowd)
        for host in self.hosts:
            host.unplug()
        for host in self.hosts:
            host.stop()
        for program in (*self.workers, self.web, self.log):
            program.stop()
        Worker(self.database.dsn).drain(self.connection)
        logs = list(gather_logs(self.connection, self.hosts, self.crowd))
        watched = list(gather_watched(self.connection, self.hosts))
        self.violations += oracle.judge(logs, watched, receipt_key=self.receipt_key.verifier)
        self.violations += self.falls()
        return self.violations

    def close(self) -> None:
        """Leave nothing behind but files."""
        for program in self._programs():
            program.kill()
        if self.crowd:
            self.crowd.stop()
        for host in self.hosts:
            host.line.close()
            host.web.close()
        self.broker.kill()
        self.connection.close()
        self.database.drop()
        self.board.close()
        self.exits.close()

    def _mend(self) -> None:
        for host in self.hosts:
            host.remember()
        self.database.start()
        if self.connection.closed or self.connection.broken:
            self.connection = self.database.connect()
        self.broker.start()
        for host in self.hosts:
            host.line.mend()
            host.web.mend()
        for program in (
            *self.workers,
            *([self.web] if self.is_web_open else []),
            *([self.log] if self.is_log_kept else []),
        ):
            program.start()
        for host in self.hosts:
            host.start()

    def _see_fresh_event(self, host: Host) -> None:
        before = host.size()
        try:
            if host.revoked_size is None:
                self.until("a fresh reading", lambda: host.has_fresh_reading(since=before))
            else:
                self.until("a fresh entry", lambda: host.size() > before)
        except Stuck:
            self.violations.append(
                f"{host.agent_id}: no fresh event flows {self.patience_s:.0f} s after all was mended: its journal "
                f"holds {host.size()} entries ({before} then), receipts are over {host.receipted()}\n"
                f"{host.agent.tail()}"
            )

    def _see_crowd_delivered(self, crowd: Crowd) -> None:
        for agent in crowd.agents:
            agent.append_notes(1)
        try:
            self.until("the crowd's receipts", lambda: not crowd.lacking(), times=CROWD_PATIENCE)
        except Stuck:
            lacking = crowd.lacking()
            self.violations.append(f"{len(lacking)} light agents lack receipts, the first is {lacking[0]}")
        crowd.stop()

    async def _send(self, agent_id: str, payload: bytes) -> bytes | None:
        name = f"rogue-{self.random.randrange(1 << 30)}"
        async with Client(name, self.broker.port, listens_to=down_topic(agent_id)) as client:
            await client.publish(up_topic(agent_id), payload)
            with contextlib.suppress(asyncio.TimeoutError):
                return await asyncio.wait_for(client.inbox.get(), ANSWER_S)
        return None

    def falls(self) -> list[str]:
        """Who ended without having been asked."""
        programs = self._programs()
        for program in programs:
            program.look()
        return [fall for program in programs for fall in program.falls]

    def _programs(self) -> list[Program]:
        return [
            *self.workers,
            self.web,
            self.log,
            *(program for host in self.hosts for program in (host.agent, host.meter)),
        ]

    def service(self, command: str) -> Program:
        """A program of the collector, not started; who starts it ends it."""
        return self._program(command, command)

    def _worker(self, number: int) -> Program:
        return self._program(f"ingest-{number}", "ingest")

    def _program(self, name: str, command: str) -> Program:
        words = ("tests.faults.hurried", "collector", command)
        environment = self.config.environment(self.database.dsn)
        return Program(name, words, log=self.directory / f"{name}.log", environment=environment)

    def _config(self, broker_port: int) -> Config:
        """The collector's settings; `broker_port` is where agents are told that the broker is."""
        given: dict[tuple[str, str], str | int] = {
            ("collector", "domain"): DOMAIN,
            ("collector", "data_dir"): str(self.directory),
            ("database", "dsn"): self.database.dsn,
            ("broker", "host"): LOOPBACK,
            ("broker", "port"): broker_port,
            ("api", "host"): LOOPBACK,
            ("api", "port"): self.api_port,
        }
        return load_config(None, environment={}, overrides=given)

    def _register(self) -> None:
        people.register_person(self.connection, "operator")
        policy = policies.register_policy(self.connection, POLICY.read_bytes())
        policies.put_in_force(self.connection, policy, asset_no=None, from_day=date(2020, 1, 1), approved_by="operator")
