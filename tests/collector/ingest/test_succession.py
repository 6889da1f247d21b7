"""An agent whose journal cannot go on asks for the next epoch, and goes on under it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from collector.ingest.prepare import Prepared, prepare
from collector.ingest.writer import Writer
from collector.registry import enrolment, epochs, people
from collector.registry.enrolment import Watch
from collector.store.database import Connection
from protocol.entry import Genesis
from protocol.epoch import EpochReason, EpochRequest, NextEpoch, Taken, pack_next_epoch, sign_request
from protocol.message import Refusal, Welcome, parse_down
from protocol.note import Checkpoint, open_receipt
from tests.collector.ingest.conftest import NOW_MS, offer
from tests.light_agent import RECEIPT_KEY, LightAgent

Enrol = Callable[..., LightAgent]
Down = Welcome | Refusal | Taken | bytes
NONCE = "0f" * 16


class Clock:
    """The writer's clock, in UTC ms."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def writer(connection: Connection, clock: Clock) -> Writer:
    return Writer(connection, RECEIPT_KEY, clock_ms=clock)


def ask(old: LightAgent, new: LightAgent, *, reason: EpochReason = "fork", size: int | None = None) -> Prepared:
    """The request of `old` for the log of `new`, with what it has of its own."""
    size = len(old.entries) if size is None else size
    request = EpochRequest(Checkpoint(old.origin, size, old.root(size)), reason, new.key.verifier)
    signed = sign_request(request, old_key=old.key, new_key=new.key)
    return prepare(old.topic, pack_next_epoch(NextEpoch(NONCE, signed, new.checkpoint())))


def answer(writer: Writer, message: Prepared) -> Down:
    [raw] = writer.write([message])
    assert raw is not None
    return parse_down(raw)


def successor(epoch: int = 2, *, seed: bytes = b"2" * 32) -> LightAgent:
    agent = LightAgent("em-01", epoch=epoch, seed=seed)
    agent.append(Genesis(("A001",), agent.vkey, "a build"))
    return agent


def begun(connection: Connection) -> list[epochs.Epoch]:
    return epochs.list_epochs(connection, agent_id="em-01")


def test_the_next_epoch_is_opened_flagged_and_flows(connection: Connection, enrol: Enrol, writer: Writer) -> None:
    old, new = enrol(), successor()
    old.append(Genesis(("A001",), old.vkey, "a build"))
    old.append_readings(4)
    writer.write([offer(old)])
    welcome = answer(writer, ask(old, new, reason="behind", size=3))
    assert isinstance(welcome, Welcome)
    assert (welcome.nonce, welcome.held, welcome.receipt) == (NONCE, 0, None)
    first, second = begun(connection)
    assert (first.epoch, first.unreviewed, first.standing) == (1, False, "ok")
    assert (second.epoch, second.reason, second.predecessor) == (2, "behind", old.origin)
    assert (second.had, second.held, second.missing, second.fits, second.unreviewed) == (3, 5, 2, True, True)
    new.append_readings(4)
    receipt = answer(writer, offer(new))
    assert isinstance(receipt, bytes)
    assert open_receipt(receipt, RECEIPT_KEY.verifier).checkpoint == Checkpoint(new.origin, 5, new.root())
    assert connection.execute("SELECT count(*) FROM reading").fetchone() == (8,)


def test_the_old_log_goes_on_where_somebody_else_still_writes_it(
    connection: Connection, enrol: Enrol, writer: Writer
) -> None:
    old, clone, new = enrol(), LightAgent(), successor()
    old.append_readings(3)
    writer.write([offer(old)])
    clone.append_readings(1)
    clone.append_notes(2)
    refused = answer(writer, offer(clone))
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.log) == ("fork", old.origin)
    assert isinstance(answer(writer, ask(clone, new)), Welcome)
    old.append_readings(2)
    assert isinstance(answer(writer, offer(old, 3)), bytes)
    assert isinstance(answer(writer, offer(new)), bytes)
    first, second = begun(connection)
    assert (first.size, first.standing, second.size, second.fits) == (5, "fork", 1, False)
    kept = connection.execute("SELECT kind, note FROM held_note ORDER BY id").fetchall()
    assert [kind for kind, _ in kept] == ["fork", "fork"], "the batch, and the request that the old key signed"


def test_the_same_request_again_gets_the_same_answer_because_replies_get_lost(
    connection: Connection, enrol: Enrol, writer: Writer, clock: Clock
) -> None:
    old, new = enrol(), successor()
    first = answer(writer, ask(old, new))
    assert answer(writer, ask(old, new)) == first
    new.append_readings(1)
    writer.write([offer(new)])
    clock.now_ms += 3_600_000
    later = answer(writer, ask(old, new))
    assert isinstance(later, Welcome)
    assert later.held == 2
    assert [epoch.epoch for epoch in begun(connection)] == [1, 2]


def test_a_number_is_never_given_twice(connection: Connection, enrol: Enrol, writer: Writer, clock: Clock) -> None:
    old, new = enrol(), successor()
    answer(writer, ask(old, new))
    clock.now_ms += 3_600_000
    for number in (2, 5):
        late = successor(number, seed=b"3" * 32)
        assert answer(writer, ask(old, late)) == Taken(late.origin, 3)
    assert isinstance(answer(writer, ask(old, successor(3))), Welcome)
    now = datetime.fromtimestamp(clock.now_ms / 1000, UTC)
    watch = [Watch("meter1", "power", "A001")]
    token = enrolment.make_token(connection, "em-01", watch=watch, now=now, valid_for=timedelta(hours=1))
    challenged = enrolment.challenge(connection, token, agent_id="em-01", domain="jishi.example", now=now)
    assert challenged.origin.endswith("/4"), "tokens and agents count together"
    clock.now_ms += 3_600_000
    assert answer(writer, ask(old, successor(4))) == Taken("jishi.example/a/em-01/4", 5)


def test_an_agent_burns_no_epochs(connection: Connection, enrol: Enrol, writer: Writer, clock: Clock) -> None:
    old, new, newer = enrol(), successor(), successor(3, seed=b"3" * 32)
    answer(writer, ask(old, new))
    clock.now_ms += 599_000
    refused = answer(writer, ask(new, newer))
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.log) == ("busy", newer.origin)
    clock.now_ms += 1_000
    assert isinstance(answer(writer, ask(new, newer)), Welcome)


def test_who_has_not_the_old_key_cannot_ask(connection: Connection, enrol: Enrol, writer: Writer) -> None:
    enrol()
    impostor = LightAgent(seed=b"i" * 32)
    refused = answer(writer, ask(impostor, successor()))
    assert isinstance(refused, Refusal)
    assert refused.code == "malformed"
    assert len(begun(connection)) == 1


def test_nobody_asks_for_another_agent(connection: Connection, enrol: Enrol, writer: Writer) -> None:
    old = enrol()
    enrol("em-02")
    message = ask(old, successor())
    stolen = prepare(LightAgent("em-02").topic, pack_next_epoch(message.asked))  # type: ignore[union-attr]
    refused = answer(writer, stolen)
    assert isinstance(refused, Refusal)
    assert refused.code == "unknown-key"
    stranger = LightAgent("em-09")
    refused = answer(writer, ask(stranger, LightAgent("em-09", epoch=2)))
    assert isinstance(refused, Refusal)
    assert refused.code == "unknown-key"


def test_a_revoked_key_begins_nothing(connection: Connection, enrol: Enrol, writer: Writer) -> None:
    old = enrol()
    people.register_person(connection, "inspector")
    now = datetime.fromtimestamp(NOW_MS / 1000, UTC)
    epochs.revoke(connection, "em-01", epoch=None, by="inspector", why="stolen", now=now)
    refused = answer(writer, ask(old, successor()))
    assert isinstance(refused, Refusal)
    assert refused.code == "revoked"
    assert len(begun(connection)) == 1


def test_what_an_agent_has_beyond_what_is_held_is_no_fork(connection: Connection, enrol: Enrol, writer: Writer) -> None:
    old = enrol()
    old.append_readings(2)
    assert isinstance(answer(writer, ask(old, successor(), reason="damaged")), Welcome)
    first, second = begun(connection)
    assert (second.had, second.held, second.missing, second.fits, first.standing) == (2, 0, 0, None, "ok")


def test_requests_and_batches_of_many_agents_go_into_one_transaction(
    connection: Connection, enrol: Enrol, writer: Writer
) -> None:
    old, new, other = enrol(), successor(), enrol("em-02")
    other.append_readings(2)
    asked, late = ask(old, new), ask(old, successor(seed=b"3" * 32))
    answers = writer.write([asked, offer(new), late, offer(other)])
    kinds = [type(parse_down(raw)) for raw in answers if raw is not None]
    assert kinds == [Welcome, bytes, Taken, bytes]


def test_a_log_that_begins_with_another_key_or_none_is_noted(
    connection: Connection, enrol: Enrol, writer: Writer
) -> None:
    fits: dict[str, bool | None] = {}
    for agent_id, key in (("em-01", None), ("em-02", "another"), ("em-03", "own")):
        agent = enrol(agent_id)
        if key is not None:
            agent.append(Genesis(("A001",), agent.vkey if key == "own" else "another key", "a build"))
        agent.append_readings(1)
        assert isinstance(answer(writer, offer(agent)), bytes), "it is stored all the same"
        [held] = epochs.list_epochs(connection, agent_id=agent_id)
        fits[agent_id] = held.genesis_fits
        assert held.unreviewed is (key != "own")
    assert fits == {"em-01": False, "em-02": False, "em-03": True}
