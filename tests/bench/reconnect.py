"""A broker restarts under two thousand agents: how evenly they come back, and how soon all is receipted.

Each client is the agent's own Conversation with its own Backoff, over a real connection to a real broker, before a
real ingest worker and database; only the journal is a list. What the collector's welcome names as spread decides the
first attempt, as it does in the field. For 16 000 the same functions are asked without any network: when would each
come? Everything shares this machine.
"""

import asyncio
import multiprocessing
import resource
import secrets
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from random import Random

from psycopg import conninfo

from agent.backoff import Backoff
from agent.conversation import Conversation
from agent.exchange import (
    Appended,
    Connect,
    Connected,
    Disconnect,
    Due,
    Event,
    KeepReceipt,
    Lost,
    Phase,
    Received,
    SendBatch,
    SendHello,
)
from collector.embedded.broker import EmbeddedBroker
from collector.embedded.postgres import EmbeddedPostgres
from collector.ingest.answers import AGENTS_PER_S, spread_for
from collector.ingest.worker import Worker
from collector.registry import instruments
from collector.store import database, migrate
from protocol.topics import down_topic
from tests.bench.mqtt_client import MqttClient
from tests.conftest import find_free_port
from tests.light_agent import RECEIPT_KEY, LightAgent

CLIENTS = 2000
MODELLED = 16_000
FILES = CLIENTS + 500
TIMEOUT_S = 180.0


class Ledger:
    """A light agent as its conversation sees it."""

    receipted_size = 0
    readable_from = 0

    def __init__(self, agent: LightAgent) -> None:
        self._agent = agent
        self.origin = agent.origin

    @property
    def size(self) -> int:
        return len(self._agent.entries)

    def root_at(self, size: int) -> bytes:
        return self._agent.root(size)

    def batch_end(self, first: int, *, most_entries: int, most_bytes: int) -> int:
        return min(self.size, first + most_entries)


class Field:
    """What all clients share: where the broker is, and when they tried to connect (seconds), with what success."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.tried: list[float] = []
        self.refused: list[float] = []


class Client:
    """One agent: events in, actions out, on the event loop."""

    def __init__(self, number: int, field: Field, chance: Random) -> None:
        self.agent = LightAgent(f"bench-{number:05}")
        self.agent.append_readings(1)
        self._field = field
        self._loop = asyncio.get_running_loop()
        self._mqtt = MqttClient(self.agent.agent_id)
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.talk = Conversation(
            Ledger(self.agent),
            RECEIPT_KEY.verifier,
            nonce=lambda: secrets.token_hex(16),
            chance=chance,
            now_ms=self._now_ms() + chance.randint(0, 1000 * spread_for(CLIENTS)),
        )
        self._plan()

    @property
    def is_done(self) -> bool:
        return self.talk.phase is Phase.WELCOMED and self.talk.is_caught_up

    def tell(self, event: Event) -> None:
        """Hand an event to the conversation and do what it wants."""
        if isinstance(event, Lost):
            self._mqtt.close()
        for action in self.talk.handle(event, self._now_ms()):
            match action:
                case Connect():
                    self._task = self._loop.create_task(self._connect())
                case Disconnect():
                    self._mqtt.close()
                case SendHello():
                    self._mqtt.publish(self.agent.topic, self.agent.hello(action.nonce))
                case SendBatch():
                    self._mqtt.publish(self.agent.topic, self.agent.payload(action.old, action.size))
                case KeepReceipt() | _:
                    pass
        self._plan()

    async def _connect(self) -> None:
        self._field.tried.append(time.monotonic())
        try:
            heard = await self._mqtt.open("127.0.0.1", self._field.port, topic=down_topic(self.agent.agent_id))
            self.tell(Connected())
            async for raw in heard:
                self.tell(Received(raw))
        except (OSError, EOFError) as problem:
            if self.talk.phase is Phase.CONNECTING:
                self._field.refused.append(time.monotonic())
            if self.talk.phase in (Phase.CONNECTING, Phase.GREETING, Phase.WELCOMED, Phase.PAUSED):
                self.tell(Lost(repr(problem)))

    def _plan(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.talk.due_ms is not None:
            wait_s = max(0, self.talk.due_ms - self._now_ms()) / 1000
            self._timer = self._loop.call_later(wait_s, self._due)

    def _due(self) -> None:
        if self.talk.due_ms is not None and self._now_ms() >= self.talk.due_ms:
            self.tell(Due())
        else:
            self._plan()

    def _now_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000


def measure() -> Iterable[dict[str, object]]:
    """Connects a second at their peak beside their mean, refused connects, and the time until all is receipted."""
    problem = _raise_files()
    if problem:
        yield {"name": "reconnect", "value": 0, "unit": "", "missing": problem}
    else:
        yield from _measure_real()
    for away_s in (2, 60, 600):
        yield _model(MODELLED, away_s=away_s)


def _measure_real() -> Iterable[dict[str, object]]:
    with ExitStack() as stack:
        directory = Path(tempfile.mkdtemp(prefix="jishi-bench-", dir="/tmp"))
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        server = stack.enter_context(EmbeddedPostgres(directory, durable=False))
        dsn = conninfo.make_conninfo(server.dsn, dbname="postgres")
        _enrol(dsn)
        broker = stack.enter_context(EmbeddedBroker(find_free_port()))
        worker = multiprocessing.get_context("spawn").Process(target=_work, args=(dsn, broker.port), daemon=True)
        worker.start()
        stack.callback(worker.join)
        stack.callback(worker.terminate)
        yield from asyncio.run(_restart_under(broker))


async def _restart_under(broker: EmbeddedBroker) -> list[dict[str, object]]:
    field, chance = Field(broker.port), Random(20261126)
    clients = [Client(number, field, chance) for number in range(CLIENTS)]
    await _until_done(clients)
    field.tried.clear()
    field.refused.clear()
    for client in clients:
        client.agent.append_readings(1)
    broker.process.kill()
    await asyncio.to_thread(broker.restart)
    up_s = time.monotonic()
    await _until_done(clients)
    done_s = time.monotonic() - up_s
    after = [at for at in field.tried if at >= up_s]
    span_s = spread_for(CLIENTS)
    peak, mean = max(_by_second(after, up_s).values()), len(after) / span_s
    refused = sum(at >= up_s for at in field.refused)
    name = f"{CLIENTS} agents after a restart of the broker"
    return [
        {"name": f"{name}: connects a second", "value": peak, "unit": "1/s at the peak", "peer": round(mean, 1)}
        | {"ratio": round(peak / mean, 2), "limit": 2},
        {"name": f"{name}: refused connects", "value": refused, "unit": "once it listened again", "limit": 0},
        {"name": f"{name}: all receipted", "value": round(done_s, 1), "unit": "s", "spread_s": span_s},
    ]


async def _until_done(clients: list[Client]) -> None:
    end_s = time.monotonic() + TIMEOUT_S
    while not all(client.is_done for client in clients):
        phases = Counter(client.talk.phase.name for client in clients)
        assert time.monotonic() < end_s, f"not all came back: {phases}"
        for client in clients:
            if client.talk.phase is Phase.WELCOMED and not client.talk.is_caught_up:
                client.tell(Appended())
        await asyncio.sleep(0.1)


def _model(agents: int, *, away_s: int) -> dict[str, object]:
    """When each of many agents would come, by the functions that decide it, to a broker that was away so long.

    The peer is what the collector's spread means to allow in a second.
    """
    chance, arrivals = Random(20261126), []
    for _ in range(agents):
        backoff, at_ms, spread_ms = Backoff(), 0, 1000 * spread_for(agents)
        at_ms += backoff.draw_ms(chance, at_least_spread_ms=spread_ms)
        while at_ms < 1000 * away_s:
            backoff = backoff.failed()
            at_ms += backoff.draw_ms(chance, at_least_spread_ms=spread_ms)
        arrivals.append(at_ms / 1000)
    peak = max(_by_second(arrivals, float(away_s)).values())
    return {
        "name": f"{agents} agents, modelled, broker away for {away_s} s: connects a second",
        "value": peak,
        "unit": "1/s at the peak",
        "peer": AGENTS_PER_S,
        "ratio": round(peak / AGENTS_PER_S, 2),
        "last_s": round(max(arrivals) - away_s),
    }


def _by_second(moments: list[float], start_s: float) -> Counter[int]:
    return Counter(int(at - start_s) for at in moments)


def _enrol(dsn: str) -> None:
    with database.connect(dsn, application="bench") as connection:
        migrate.migrate(connection)
        instruments.register_instrument(connection, "A001", name_zh="电子显微镜")
        with connection.transaction():
            for number in range(CLIENTS):
                agent = LightAgent(f"bench-{number:05}")
                connection.execute("INSERT INTO agent (agent_id) VALUES (%s)", [agent.agent_id])
                connection.execute(
                    "INSERT INTO journal (origin, agent_id, epoch, vkey) VALUES (%s, %s, 1, %s)",
                    [agent.origin, agent.agent_id, agent.vkey],
                )


def _work(dsn: str, port: int) -> None:
    worker = Worker(dsn, broker_host="127.0.0.1", broker_port=port, receipt_key=RECEIPT_KEY)
    threading.Thread(target=worker.run, daemon=True).start()
    threading.Event().wait()


def _raise_files() -> str:
    """Allow as many open files as there are clients; what is missing where that cannot be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < FILES:
        return f"{FILES} open files are needed and {hard} are allowed: raise the hard limit (ulimit -Hn)"
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, FILES), hard))
    return ""
