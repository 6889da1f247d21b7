"""Directories that were put back or cloned: real agents, a real broker, a real database, and nothing lost."""

import itertools
import shutil
import threading
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from agent import config, identity
from agent.clock import SystemClock
from agent.enrolment import Answer, enrol
from agent.journal import Journal
from agent.notify import ServiceManager
from agent.rotation import rotate
from agent.run import Agent
from collector.embedded.broker import EmbeddedBroker
from collector.ingest.worker import Worker
from collector.registry import enrolment, epochs, instruments, people
from collector.registry.enrolment import Watch
from collector.store.database import Connection
from protocol.batch import parse_bundle
from tests.integration.site import eventually
from tests.light_agent import DOMAIN, RECEIPT_KEY

CONFIGURATION = """\
[agent]
id = "em-01"
state_dir = "state"
block_s = 1

[collector]
url = "http://127.0.0.1:9"

[[watcher]]
name = "pc"
kind = "host"
asset = "A001"
poll_s = 1
"""


class Host:
    """A PC with an enrolled agent on it, which the test tends in place of the main thread."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.state_dir = directory / "state"
        self.agent: Agent | None = None
        self.manager = ServiceManager.from_environment({})

    def start(self) -> None:
        configuration = config.load(self.directory / "agent.toml")
        who = identity.load(self.state_dir, agent_id="em-01")
        self.agent = Agent(configuration, who, clock=SystemClock())
        self.agent.start()

    def stop(self) -> None:
        if self.agent is not None:
            self.agent.stop("the test is over")
            self.agent = None

    def tend(self) -> None:
        assert self.agent is not None
        self.agent.tend(self.manager)

    @property
    def epoch(self) -> int:
        return identity.load(self.state_dir, agent_id="em-01").enrolment.epoch

    def delivered(self) -> int:
        """Entries that the agent in force holds a receipt over."""
        self.tend()
        assert self.agent is not None
        return self.agent._epoch.journal.receipted_size

    def clone(self, name: str) -> "Host":
        directory = self.directory.with_name(name)
        shutil.copytree(self.directory, directory)
        return Host(directory)


@pytest.fixture
def worker(dsn: str, broker: EmbeddedBroker) -> Iterator[Worker]:
    made = Worker(dsn, broker_host=broker.host, broker_port=broker.port, receipt_key=RECEIPT_KEY)
    thread = threading.Thread(target=made.run)
    thread.start()
    yield made
    made.stop()
    thread.join(30)
    assert not thread.is_alive()


@pytest.fixture
def make_token(connection: Connection) -> Callable[[], str]:
    """Tokens for em-01, whose host watcher measures A001."""
    instruments.register_instrument(connection, "A001", name_zh="电子显微镜")
    people.register_person(connection, "inspector")

    def make() -> str:
        watch = [Watch("pc", "host", "A001")]
        return enrolment.make_token(
            connection, "em-01", watch=watch, now=datetime.now(UTC), valid_for=timedelta(hours=1)
        )

    return make


@pytest.fixture
def ask(connection: Connection, broker: EmbeddedBroker) -> Callable[[str, dict[str, str]], Answer]:
    """What the API does for an agent that enrols."""

    def answer(path: str, members: dict[str, str]) -> Answer:
        now = datetime.now(UTC)
        if path.endswith("challenge"):
            asked = enrolment.challenge(connection, **members, domain=DOMAIN, now=now)
            return Answer(200, msgspec.json.encode({"origin": asked.origin, "nonce": asked.nonce}), None)
        asked_with = {name: members[name] for name in ("token", "agent_id", "vkey", "proof")}
        done = enrolment.redeem(connection, **asked_with, domain=DOMAIN, now=now)
        body = {
            "origin": done.origin,
            "agent_id": "em-01",
            "epoch": done.epoch,
            "domain": DOMAIN,
            "receipt_vkey": str(RECEIPT_KEY.verifier),
            "broker": {"host": broker.host, "port": broker.port},
            "assets": ["A001"],
        }
        return Answer(201, msgspec.json.encode(body), None)

    return answer


@pytest.fixture
def host(
    tmp_path: Path, make_token: Callable[[], str], ask: Callable[[str, dict[str, str]], Answer]
) -> Iterator[Callable[..., Host]]:
    """The enrolled PC; or, with a name, a clone of it. All are stopped at the end."""
    first = Host(tmp_path / "pc")
    first.directory.mkdir()
    (first.directory / "agent.toml").write_text(CONFIGURATION, encoding="utf-8")
    enrol(first.state_dir, agent_id="em-01", token=make_token(), ask=ask, clock=SystemClock())
    hosts = {"pc": first}

    def named(name: str = "pc") -> Host:
        if name not in hosts:
            hosts[name] = first.clone(name)
        return hosts[name]

    yield named
    for each in hosts.values():
        each.stop()


def run_until(host: Host, size: int) -> None:
    """A life of the agent, until so many entries of its epoch are receipted."""
    host.start()
    eventually(lambda: host.delivered() >= size)
    host.stop()


def stored_twice(connection: Connection) -> list[object]:
    """Readings of one boot and instant that the collector holds more than once."""
    return connection.execute(
        "SELECT boot, start_mono_ms, channel FROM reading GROUP BY 1, 2, 3 HAVING count(*) > 1"
    ).fetchall()


def holes(connection: Connection) -> list[object]:
    """Logs of which the collector does not hold every entry that it receipted."""
    return connection.execute(
        "SELECT origin FROM journal j"
        " WHERE size <> (SELECT sum(size - first) FROM batch b WHERE b.journal_id = j.journal_id)"
    ).fetchall()


def test_a_directory_that_was_put_back_goes_on_in_the_next_epoch_by_itself(
    connection: Connection, worker: Worker, host: Callable[..., Host]
) -> None:
    pc = host()
    run_until(pc, 5)
    older = pc.clone("backup")
    run_until(pc, 12)
    lost = connection.execute("SELECT size FROM journal").fetchone()
    shutil.rmtree(pc.directory)
    older.directory.rename(pc.directory)
    pc.start()
    eventually(lambda: (pc.tend(), pc.epoch)[1] == 2)
    eventually(lambda: pc.delivered() >= 6)
    first, second = epochs.list_epochs(connection)
    assert (first.size,) == lost, "the old log stands as it was"
    assert (second.reason, second.predecessor, second.unreviewed, second.genesis_fits) == (
        "behind",
        first.origin,
        True,
        True,
    )
    assert second.held == first.size
    assert second.missing > 0
    assert second.fits is not None
    assert holes(connection) == []


def test_a_cloned_directory_becomes_two_epochs_and_both_flow(
    connection: Connection, worker: Worker, host: Callable[..., Host]
) -> None:
    pc = host()
    run_until(pc, 5)
    twins = [pc, host("twin")]
    for twin in twins:
        twin.start()
    eventually(lambda: sorted((twin.tend(), twin.epoch)[1] for twin in twins) == [1, 2], within_s=60)
    sizes = [twin.delivered() for twin in twins]
    eventually(lambda: all(twin.delivered() >= size + 5 for twin, size in zip(twins, sizes, strict=True)), within_s=90)
    assert sorted(twin.epoch for twin in twins) == [1, 2], "it has settled"
    [_, second] = epochs.list_epochs(connection)
    assert (second.reason, second.unreviewed) in (("fork", True), ("behind", True))
    assert holes(connection) == []


def test_what_was_recorded_under_a_number_that_was_gone_is_counted_once_under_the_next(
    connection: Connection, worker: Worker, host: Callable[..., Host]
) -> None:
    """A card that puts the disk back at each boot: the second day proposes the number of the first."""
    pc = host()
    run_until(pc, 5)
    mornings = [pc.clone(f"morning{day}") for day in range(2)]
    run_until(pc, 9)
    for day, morning in enumerate(mornings):
        connection.execute("ALTER TABLE epoch_begun DISABLE TRIGGER epoch_begun_is_a_fact")
        connection.execute("UPDATE epoch_begun SET begun_at = begun_at - interval '1 day'")
        morning.start()
        eventually(lambda: (morning.tend(), morning.epoch)[1] == day + 2)  # noqa: B023
        eventually(lambda: morning.delivered() >= 4)  # noqa: B023
        morning.stop()
    assert [each.epoch for each in epochs.list_epochs(connection)] == [1, 2, 3]
    assert holes(connection) == []


def test_a_damaged_journal_goes_on_in_the_next_epoch_while_nobody_can_be_reached(
    connection: Connection, host: Callable[..., Host], dsn: str, broker: EmbeddedBroker
) -> None:
    pc = host()
    pc.start()
    eventually(lambda: (pc.tend(), pc.agent._epoch.journal.size)[1] >= 8)  # type: ignore[union-attr]
    pc.stop()
    log = next((pc.state_dir / "journal" / "1").glob("*.log"))
    lines = log.read_bytes().splitlines(keepends=True)
    assert b'"reading"' in lines[5] or b'"reading"' in lines[6]
    log.write_bytes(b"".join([*lines[:4], lines[4].replace(b'"v"', b'"V"'), *lines[5:]]))
    recorded = sum(b'"k":"reading"' in line for line in lines) - (b'"k":"reading"' in lines[4])
    pc.start()
    assert pc.epoch == 2
    eventually(lambda: (pc.tend(), pc.agent._epoch.journal.size)[1] >= recorded + 4)  # type: ignore[union-attr]
    late = Worker(dsn, broker_host=broker.host, broker_port=broker.port, receipt_key=RECEIPT_KEY)
    thread = threading.Thread(target=late.run)
    thread.start()
    try:
        eventually(lambda: pc.delivered() >= recorded + 4, within_s=60)
        pc.stop()
    finally:
        late.stop()
        thread.join(30)
    assert stored_twice(connection) == []
    [_, second] = epochs.list_epochs(connection)
    assert second.reason == "damaged"


def test_a_revoked_agent_goes_on_watching_and_a_token_brings_it_back_with_all_it_saw(
    connection: Connection,
    worker: Worker,
    host: Callable[..., Host],
    make_token: Callable[[], str],
    ask: Callable[[str, dict[str, str]], Answer],
) -> None:
    pc = host()
    pc.start()
    eventually(lambda: pc.delivered() >= 5)
    epochs.revoke(connection, "em-01", epoch=None, by="inspector", why="a test", now=datetime.now(UTC))
    eventually(lambda: (pc.tend(), pc.agent._epoch.uplink.view().state)[1] == "shunned")  # type: ignore[union-attr]
    seen = pc.agent._epoch.journal.size  # type: ignore[union-attr]
    eventually(lambda: pc.agent._epoch.journal.size >= seen + 3)  # type: ignore[union-attr]
    pc.stop()
    enrol(pc.state_dir, agent_id="em-01", token=make_token(), ask=ask, clock=SystemClock(), why="was revoked")
    assert pc.epoch == 2
    pc.start()
    eventually(lambda: pc.delivered() >= 6)
    assert stored_twice(connection) == []
    spans = connection.execute(
        "SELECT start_at, end_at FROM reading WHERE channel = 'host' AND states IS NOT NULL ORDER BY start_at"
    ).fetchall()
    gaps = [later - earlier for (_, earlier), (later, _) in itertools.pairwise(spans)]
    assert max(gaps) < timedelta(seconds=10), "what it saw while it was revoked is there"
    first, second = epochs.list_epochs(connection)
    assert (first.revoked_by, first.revoked_why, second.revoked_at, second.reason) == (
        "inspector",
        "a test",
        None,
        None,
    )


def bytes_of(directory: Path, origin: str) -> list[bytes]:
    """Every entry of a journal, as it stands on the disk of a host whose agent has ended."""
    journal = Journal.open(directory, origin=origin)
    try:
        assert journal.readable_from == 0
        return list(journal.entries(0, journal.size))
    finally:
        journal.close()


def bytes_held(connection: Connection, origin: str) -> list[bytes]:
    """Every entry of a journal that the collector keeps, in their order."""
    rows = connection.execute(
        "SELECT entries FROM batch JOIN journal USING (journal_id) WHERE origin = %s ORDER BY first", [origin]
    )
    return [entry for (bundle,) in rows for entry in parse_bundle(zlib.decompress(bundle))]


def test_a_key_that_is_replaced_while_it_records_loses_nothing_and_doubles_nothing(
    connection: Connection, worker: Worker, host: Callable[..., Host]
) -> None:
    pc = host()
    pc.start()
    eventually(lambda: pc.delivered() >= 5)
    who = identity.load(pc.state_dir, agent_id="em-01")
    asking = threading.Thread(target=rotate, args=(pc.state_dir, who, "once a year"), kwargs={"clock": SystemClock()})
    asking.start()
    eventually(lambda: (pc.tend(), pc.epoch)[1] == 2)
    asking.join(30)
    assert not asking.is_alive()
    eventually(lambda: pc.delivered() >= 6)
    eventually(lambda: (pc.tend(), holes(connection))[1] == [])
    pc.stop()
    first, second = epochs.list_epochs(connection)
    assert (second.reason, second.predecessor, second.genesis_fits, second.missing) == (
        "rotated",
        first.origin,
        True,
        0,
    )
    assert second.unreviewed, "the registry has not had its word yet"
    after = identity.load(pc.state_dir, agent_id="em-01")
    assert after.key.seed != who.key.seed
    old, new = bytes_of(who.journal, first.origin), bytes_of(after.journal, second.origin)
    assert bytes_held(connection, first.origin) == old
    held = bytes_held(connection, second.origin)
    assert held == new[: len(held)]
    assert len(held) >= 6, "what it said last may be on its way"
    assert stored_twice(connection) == []
    spans = connection.execute(
        "SELECT start_at, end_at FROM reading WHERE channel = 'host' ORDER BY start_at"
    ).fetchall()
    assert max(later - earlier for (_, earlier), (later, _) in itertools.pairwise(spans)) < timedelta(seconds=10)
