"""The world of one scenario: a centre, instruments' PCs, the lines between them, and the end that everything comes to.

A scenario breaks things; `settle` mends them all, sees that a fresh event still flows, ends everything in order and
asks the oracle. Every choice comes from `random`, so that the seed repeats the sequence of faults; the moments at which
real processes meet them are the machine's.

    <directory>/<agent id>/     one PC: configuration, state, truth, logs
                broker/  keys/  ingest-0.log
"""

import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from random import Random

from collector.accounts.worker import Worker
from collector.config import Config, load_config
from collector.keys import ensure_receipt_key
from collector.registry import instruments, people, policies
from collector.store.database import Connection
from deploy.demo.truth import Span, read_truth
from protocol import hours
from protocol.interval import day_bounds_ms
from protocol.note import parse_vkey
from tests.conftest import find_free_port
from tests.faults import oracle
from tests.faults.broker import Broker, answers
from tests.faults.database import Server
from tests.faults.facts import Stored, origin_of, read_stored
from tests.faults.host import Host, Road
from tests.faults.line import LOOPBACK, Line, Switchboard
from tests.faults.oracle import Log, Watched
from tests.faults.program import ROOT, Program

DOMAIN = "jishi.example"
POLICY = ROOT / "deploy" / "demo" / "policy.json"
PATIENCE_S = 60.0
LIFE_S = 12.0
"""What a life of an agent may leave unobserved at its two ends: its start, and what was open when it was killed."""


class Stuck(AssertionError):
    """Something that a scenario waits for did not come about; the text says what."""


class World:
    """What a scenario is given."""

    def __init__(self, directory: Path, server: Server, random: Random) -> None:
        self.random = random
        self.directory = directory
        self.hosts: list[Host] = []
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

    def until(self, what: str, reached: Callable[[], object], *, within_s: float = PATIENCE_S) -> None:
        """Wait for it; Stuck when it does not come."""
        deadline_s = time.monotonic() + within_s
        while not reached():
            if time.monotonic() > deadline_s:
                raise Stuck(f"{what}: it did not come about within {within_s:.0f} s")
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
        self.violations += oracle.promised_too_early(self._sent(), self.stored(), receipt_key=self.receipt_key.verifier)

    def stored(self) -> list[Stored]:
        """What the collector holds now."""
        return read_stored(self.connection)

    def settle(self) -> list[str]:
        """Mend everything, see a fresh event flow, end in order, and judge; all violations."""
        self._mend()
        for host in self.hosts:
            self._see_fresh_event(host)
        for host in self.hosts:
            host.unplug()
        for host in self.hosts:
            host.stop()
        for program in (*self.workers, self.web):
            program.stop()
        Worker(self.database.dsn).drain(self.connection)
        logs, watched = list(self._logs()), list(self._watched())
        self.violations += oracle.judge(logs, watched, receipt_key=self.receipt_key.verifier)
        self.violations += [fall for program in self._programs() for fall in program.falls]
        return self.violations

    def close(self) -> None:
        """Leave nothing behind but files."""
        for program in self._programs():
            program.kill()
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
        for program in (*self.workers, *([self.web] if self.is_web_open else [])):
            program.start()
        for host in self.hosts:
            host.start()

    def _see_fresh_event(self, host: Host) -> None:
        before = host.size()
        try:
            self.until("a fresh reading", lambda: host.has_fresh_reading(since=before))
        except Stuck:
            self.violations.append(
                f"{host.agent_id}: no fresh event flows {PATIENCE_S:.0f} s after everything was mended: its journal "
                f"holds {host.size()} entries ({before} then), receipts are over {host.receipted()}; its last lines:\n"
                f"{host.agent.tail()}"
            )

    def _logs(self) -> Iterable[Log]:
        stored = {each.origin: each for each in self.stored()}
        keys = dict(self.connection.execute("SELECT origin, vkey FROM journal").fetchall())
        sent = self._sent()
        for host in self.hosts:
            issued = host.issued()
            for each in issued:
                vkey = keys.get(each.origin)
                key = parse_vkey(vkey) if vkey else None
                notes = frozenset(note for note in sent if origin_of(note) == each.origin)
                yield Log(each, stored.get(each.origin), key, goes_on=each is issued[-1], sent=notes)

    def _watched(self) -> Iterable[Watched]:
        for host in self.hosts:
            truth = read_truth(host.truth)
            lived_s = sum(until_s - since_s for since_s, until_s in host.lives)
            unobservable_s = truth[-1][1] - truth[0][0] - lived_s + LIFE_S * len(host.lives)
            records = list(self._recorded(host.asset))
            covered_s = None if host.is_dated else sum(map(oracle.covered_s, self._stored_of(host)))
            yield Watched(host.asset, truth, records, max(0.0, unobservable_s), covered_s)

    def _stored_of(self, host: Host) -> list[Stored]:
        origins = {each.origin for each in host.issued()}
        return [each for each in self.stored() if each.origin in origins]

    def _recorded(self, asset: str) -> Iterable[Span]:
        rows = self.connection.execute("SELECT day, body FROM hour_record WHERE asset_no = %s ORDER BY day", [asset])
        for day, body in rows.fetchall():
            midnight_s = day_bounds_ms(day)[0] // 1000
            spans = hours.decode(bytes(body)).spans
            yield from ((midnight_s + start, midnight_s + end, state) for start, end, state in spans)

    def _sent(self) -> list[bytes]:
        """Every receipt that went down a line."""
        heard = {payload for host in self.hosts for _, payload in host.line.heard}
        return [payload for payload in heard if not payload.startswith(b"jishi-")]

    def _programs(self) -> list[Program]:
        return [*self.workers, self.web, *(program for host in self.hosts for program in (host.agent, host.meter))]

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
