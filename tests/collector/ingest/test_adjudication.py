"""A tree that does not fit, against a real database: what is asked, what it ends in, and what is kept."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from random import Random

import psycopg
import pytest

from collector.ingest import fork_proofs
from collector.ingest.adjudication import ROUNDS
from collector.ingest.lost import LOST_BYTES, shown_entries
from collector.ingest.prepare import Prepared, prepare
from collector.ingest.writer import Writer
from collector.store.database import Connection
from collector.store.queries import load
from protocol import merkle
from protocol.batch import Batch, pack_batch
from protocol.branch import Branch
from protocol.fork_proof import DifferentLeaves, DifferentPrefix, Fork, Roots, decode, verify_fork
from protocol.leaves import Ask, Leaves, pack_leaves, parse_leaves
from protocol.message import Refusal, parse_down
from protocol.note import Checkpoint
from tests.collector.ingest.conftest import NOW_MS, Enrol, offer
from tests.foreign import flip_a_bit, pack_plainly
from tests.light_agent import BLOCK_MS, RECEIPT_KEY, START_MS, LightAgent

_FORKS = load("forks")


class Scene:
    """A writer and what it answers; `hears` is what the network makes of what the agent says."""

    def __init__(self, connection: Connection, clock: Callable[[], int] = lambda: NOW_MS) -> None:
        self.connection = connection
        self.clock = clock
        self.asked: list[Ask] = []

    def say(self, *messages: Prepared, can_ask: bool = True) -> object:
        """The answer to the last one, by a writer of its own: nothing is remembered but in the database."""
        writer = Writer(self.connection, RECEIPT_KEY, clock_ms=self.clock, can_ask=can_ask)
        answer = [writer.write([message])[0] for message in messages][-1]
        return None if answer is None else parse_down(answer)

    def converse(
        self, agent: LightAgent, message: Prepared, *, hears: Callable[[bytes], bytes] = lambda raw: raw
    ) -> Refusal | bytes:
        """Everything that is asked is answered, until there is another answer than a question."""
        answer = self.say(message)
        while isinstance(answer, Ask):
            self.asked.append(answer)
            answer = self.say(prepare(agent.topic, hears(agent.leaves(answer))))
        assert isinstance(answer, Refusal | bytes)
        return answer

    def standing(self, agent: LightAgent) -> str:
        row = self.connection.execute("SELECT standing FROM journal WHERE origin = %s", [agent.origin]).fetchone()
        assert row is not None
        return str(row[0])

    def outcome(self) -> str | None:
        row = self.connection.execute("SELECT outcome FROM adjudication").fetchone()
        return None if row is None else row[0]

    def proof(self, agent: LightAgent) -> tuple[object, Fork] | None:
        """The best proof, verified by the agent's key alone."""
        row = self.connection.execute(_FORKS.find_proof, {"origin": agent.origin}).fetchone()
        if row is None:
            return None
        proof = decode(bytes(row[0]))
        return proof.shown, verify_fork(proof, agent.key.verifier)

    def is_innocent(self) -> bool:
        row = self.connection.execute(
            "SELECT (SELECT count(*) FROM fork_proof), (SELECT count(*) FROM journal WHERE standing = 'fork')"
        ).fetchone()
        return row == (0, 0)


@pytest.fixture
def scene(connection: Connection) -> Scene:
    return Scene(connection)


def twins(enrol: Enrol, *, shared: int, first: int, second: int) -> tuple[LightAgent, LightAgent]:
    """Two logs of one key: `shared` entries, then each goes on by itself."""
    one, other = enrol(), LightAgent()
    one.append_readings(shared)
    other.append_all_of(one)
    one.append_readings(first)
    other.append_readings(second, power_mw=40_000)
    return one, other


def altered(agent: LightAgent, old: int, size: int | None = None) -> Prepared:
    """A batch under the agent's own note, with another entry than it sent."""
    batch = agent.batch(old, size)
    entries = (*batch.entries[:-1], batch.entries[-1].replace(b'"e":', b'"E":'))
    return prepare(agent.topic, pack_batch(Batch(batch.old, batch.note, entries)))


def test_entries_altered_on_the_way_end_in_ok_and_are_sent_again(scene: Scene, enrol: Enrol) -> None:
    agent = enrol()
    agent.append_readings(300)
    scene.say(offer(agent))
    agent.append_readings(4)
    refusal = scene.converse(agent, altered(agent, 300))
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.held) == ("gap", 300), "which an agent answers with the same once more"
    assert [(ask.level, ask.first, ask.count) for ask in scene.asked] == [(8, 0, 2), (0, 256, 48)]
    assert (scene.standing(agent), scene.outcome(), scene.is_innocent()) == ("ok", "ok", True)
    assert isinstance(scene.say(offer(agent, 300)), bytes)
    assert scene.standing(agent) == "ok"


def test_a_question_needs_one_answer_where_the_tiles_are_whole(scene: Scene, enrol: Enrol) -> None:
    agent = enrol()
    agent.append_readings(512)
    scene.say(offer(agent))
    agent.append_readings(1)
    assert isinstance(scene.converse(agent, altered(agent, 512)), Refusal)
    assert [ask.level for ask in scene.asked] == [8]
    assert scene.outcome() == "ok"


def test_a_log_that_was_edited_below_its_receipt_is_proved_where_it_parts(scene: Scene, enrol: Enrol) -> None:
    one, other = twins(enrol, shared=270, first=300, second=400)
    scene.say(offer(one))
    assert isinstance(scene.say(offer(other, 560)), Ask), "what is in the batch does not show it"
    refusal = scene.converse(other, offer(other, 560))
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.receipt is not None) == ("fork", True)
    assert [(ask.level, ask.first) for ask in scene.asked] == [(8, 0), (0, 256)]
    shown, fork = scene.proof(one) or (None, None)
    assert isinstance(shown, DifferentLeaves)
    assert fork == Fork(Checkpoint(one.origin, 570, one.root()), Checkpoint(one.origin, 670, other.root()), 270)
    assert (scene.standing(one), scene.outcome()) == ("fork", "fork")


def test_the_batch_itself_may_show_where_they_part(scene: Scene, enrol: Enrol) -> None:
    one, other = twins(enrol, shared=270, first=20, second=40)
    scene.say(offer(one))
    refusal = scene.converse(other, offer(other, 262))
    assert isinstance(refusal, Refusal)
    assert (refusal.code, scene.asked) == ("fork", [])
    shown, fork = scene.proof(one) or (None, None)
    assert isinstance(shown, DifferentLeaves)
    assert (fork and fork.index, fork and fork.b.root) == (270, other.root())


def test_two_roots_of_one_size_are_proof_without_an_index(scene: Scene, enrol: Enrol) -> None:
    one, other = twins(enrol, shared=3, first=6, second=6)
    scene.say(offer(one))
    refusal = scene.say(prepare(other.topic, other.hello()))
    assert isinstance(refusal, Refusal)
    shown, fork = scene.proof(one) or (None, None)
    assert isinstance(shown, Roots)
    assert (fork and fork.a.root, fork and fork.b.root) == (one.root(), other.root())
    scene.say(offer(other, 8))
    assert connection_count(scene) == 1, "one is enough"
    scene.say(offer(other))
    shown, fork = scene.proof(one) or (None, None)
    assert isinstance(shown, DifferentLeaves), "the whole batch shows more"
    assert fork is not None
    assert fork.index == 3


def connection_count(scene: Scene) -> int:
    row = scene.connection.execute("SELECT count(*) FROM fork_proof").fetchone()
    assert row is not None
    return int(row[0])


def test_an_older_note_that_is_not_our_beginning_is_proof_and_the_index_is_asked_for(
    scene: Scene, enrol: Enrol
) -> None:
    one, other = twins(enrol, shared=300, first=600, second=300)
    scene.say(offer(one))
    assert isinstance(scene.say(offer(other, 590)), Ask)
    shown, _ = scene.proof(one) or (None, None)
    assert isinstance(shown, DifferentPrefix), "whether or not anybody answers"
    refusal = scene.converse(other, offer(other, 590))
    assert isinstance(refusal, Refusal)
    assert refusal.code == "fork"
    shown, fork = scene.proof(one) or (None, None)
    assert isinstance(shown, DifferentLeaves)
    assert fork is not None
    assert (fork.index, fork.a.size, fork.b.size) == (300, 600, 900)


def test_a_hello_of_an_older_tree_is_asked_where_it_parts(scene: Scene, enrol: Enrol) -> None:
    one, other = twins(enrol, shared=300, first=600, second=300)
    scene.say(offer(one))
    refusal = scene.converse(other, prepare(other.topic, other.hello()))
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.receipt is not None, len(scene.asked)) == ("fork", True, 2)
    fork = (scene.proof(one) or (None, None))[1]
    assert fork is not None
    assert fork.index == 300
    assert connection_count(scene) == 2, "the two notes, and where they part"


def test_two_answers_that_were_signed_over_one_size_are_a_fork_too(scene: Scene, enrol: Enrol) -> None:
    """A clone hears the question and answers it with a tree of its own: the key signed both."""
    one, other = twins(enrol, shared=270, first=300, second=400)
    scene.say(offer(one))
    asked = scene.say(offer(other, 560))
    assert isinstance(asked, Ask)
    one.append_readings(200)
    refusal = scene.say(prepare(one.topic, one.leaves(asked)))
    assert isinstance(refusal, Refusal)
    assert refusal.code == "fork"
    shown, fork = scene.proof(one) or (None, None)
    assert isinstance(shown, Roots)
    assert fork is not None
    assert {fork.a.root, fork.b.root} == {one.root(670), other.root()}


@pytest.mark.parametrize(("word", "outcome", "code"), [("unknown", "gap", "gap"), ("deleted", "suspect", "suspect")])
def test_what_cannot_be_answered_accuses_nobody(scene: Scene, enrol: Enrol, word: str, outcome: str, code: str) -> None:
    one, other = twins(enrol, shared=270, first=300, second=400)
    scene.say(offer(one))
    asked = scene.say(offer(other, 560))
    assert isinstance(asked, Ask)
    nothing = Leaves(asked.log, asked.size, asked.level, asked.first, b"", (), word)  # type: ignore[arg-type]
    refusal = scene.say(prepare(one.topic, pack_leaves(nothing)))
    assert isinstance(refusal, Refusal)
    assert (refusal.code, scene.outcome(), scene.standing(one)) == (code, outcome, outcome)
    assert scene.is_innocent()


def test_tops_of_entries_that_were_deleted_are_taken_to_be_ours(scene: Scene, enrol: Enrol) -> None:
    one, other = twins(enrol, shared=600, first=100, second=200)
    scene.say(offer(one))

    def without_the_first_tiles(raw: bytes) -> bytes:
        leaves = parse_leaves(raw)
        return raw if not leaves.level else pack_leaves(replace(leaves, first=2, hashes=leaves.hashes[2:]))

    refusal = scene.converse(other, offer(other, 690), hears=without_the_first_tiles)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "fork"
    fork = (scene.proof(one) or (None, None))[1]
    assert fork is not None
    assert fork.index == 600


def test_a_lying_agent_that_answers_with_wrong_hashes_stays_suspect_and_is_bounded(scene: Scene, enrol: Enrol) -> None:
    one, other = twins(enrol, shared=270, first=300, second=400)
    scene.say(offer(one))
    chance = Random(6)

    def lie(raw: bytes) -> bytes:
        leaves = parse_leaves(raw)
        return pack_leaves(replace(leaves, hashes=tuple(chance.randbytes(32) for _ in leaves.hashes)))

    refusal = scene.converse(other, offer(other, 560), hears=lie)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, len(scene.asked), scene.standing(one)) == ("suspect", ROUNDS, "suspect")
    assert isinstance(scene.say(offer(other, 560)), Refusal), "and no more questions for a while"
    assert scene.is_innocent()
    scene.clock = lambda: NOW_MS + 11 * 60_000
    assert isinstance(scene.say(offer(other, 560)), Ask)
    honest = scene.converse(other, offer(other, 560))
    assert isinstance(honest, Refusal)
    assert honest.code == "fork"


def test_hashes_of_a_tree_that_was_never_signed_are_no_fork(scene: Scene, enrol: Enrol) -> None:
    """They agree with each other, and not with the root under which they come."""
    agent, made_up = enrol(), LightAgent()
    agent.append_readings(600)
    made_up.append_readings(604, power_mw=40_000)
    scene.say(offer(agent))
    agent.append_readings(4)

    def another_tree(raw: bytes) -> bytes:
        leaves = parse_leaves(raw)
        asked = Ask(leaves.log, leaves.size, leaves.level, leaves.first, len(leaves.hashes))
        return pack_leaves(replace(leaves, hashes=parse_leaves(made_up.leaves(asked)).hashes))

    refusal = scene.converse(agent, altered(agent, 600), hears=another_tree)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, {ask.level for ask in scene.asked}) == ("suspect", {8}), "not one hash of it was believed"
    assert (scene.standing(agent), scene.is_innocent()) == ("suspect", True)


def test_an_answer_that_nobody_can_have_signed_is_asked_for_again(scene: Scene, enrol: Enrol) -> None:
    one, other = twins(enrol, shared=270, first=300, second=400)
    rogue = LightAgent(seed=b"x" * 32)
    scene.say(offer(one))
    asked = scene.say(offer(other, 560))
    assert isinstance(asked, Ask)
    rogue.append_all_of(one)
    rogue.append_readings(500)
    again = scene.say(prepare(one.topic, rogue.leaves(asked)))
    assert again == asked
    assert scene.is_innocent()


def test_hashes_of_another_question_answer_nothing(scene: Scene, enrol: Enrol) -> None:
    one, other = twins(enrol, shared=270, first=300, second=400)
    scene.say(offer(one))
    asked = scene.say(offer(other, 560))
    assert isinstance(asked, Ask)
    for wrong in (Ask(asked.log, 600, 8, 0, 3), Ask(asked.log, asked.size, 0, 256, 256)):
        assert scene.say(prepare(one.topic, other.leaves(wrong))) == asked


def test_an_answer_that_nobody_waits_for_is_told_what_is_held(scene: Scene, enrol: Enrol) -> None:
    agent, stranger = enrol(), LightAgent("em-77")
    agent.append_readings(5)
    stranger.append_readings(5)
    scene.say(offer(agent))
    refusal = scene.say(prepare(agent.topic, agent.leaves(Ask(agent.origin, 5, 0, 0, 5))))
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.held) == ("gap", 5)
    unknown = scene.say(prepare(stranger.topic, stranger.leaves(Ask(stranger.origin, 5, 0, 0, 5))))
    assert isinstance(unknown, Refusal)
    assert (unknown.code, unknown.held) == ("unknown-key", 0)
    foreign = scene.say(prepare(stranger.topic, agent.leaves(Ask(agent.origin, 5, 0, 0, 5))))
    assert isinstance(foreign, Refusal)
    assert foreign.code == "unknown-key"


def test_a_medium_is_asked_nothing(scene: Scene, enrol: Enrol) -> None:
    one, other = twins(enrol, shared=270, first=300, second=400)
    scene.say(offer(one))
    refusal = scene.say(offer(other, 560), can_ask=False)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, scene.outcome()) == ("suspect", "suspect")


@pytest.mark.parametrize("seed", range(6))
def test_bits_flipped_anywhere_end_in_ok_and_accuse_nobody(scene: Scene, enrol: Enrol, seed: int) -> None:
    """Half of what an honest agent sends arrives with one bit flipped, batches and answers alike."""
    agent, chance = enrol(), Random(seed)
    agent.append_readings(520)
    held = 0

    def flipped(raw: bytes) -> bytes:
        return flip_a_bit(raw, chance) if chance.random() < 0.5 else raw

    for _ in range(400):
        size = min(len(agent.entries), held + chance.randrange(1, 90))
        batch = agent.batch(held, size)
        sent = pack_batch(batch) if chance.random() < 0.5 else pack_plainly(batch)
        answer = scene.say(prepare(agent.topic, flipped(sent)))
        while isinstance(answer, Ask):
            scene.asked.append(answer)
            answer = scene.say(prepare(agent.topic, flipped(agent.leaves(answer))))
        assert scene.is_innocent()
        if isinstance(answer, bytes):
            held = size
        if held == len(agent.entries):
            break
    assert (held, scene.standing(agent)) == (520, "ok")
    assert scene.asked, "some flips are seen by nothing but the root"
    rows = scene.connection.execute("SELECT count(*) FROM lost_batch").fetchone()
    assert rows == (0,)


def test_the_branch_that_came_later_is_kept_with_the_time_it_covers(scene: Scene, enrol: Enrol) -> None:
    one, other = twins(enrol, shared=4, first=2, second=5)
    scene.say(offer(one))
    sent = offer(other, 2)
    scene.converse(other, sent)
    scene.converse(other, sent)
    kept = scene.connection.execute("SELECT first, size, batch FROM lost_batch").fetchall()
    assert kept == [(2, 9, other.payload(2))], "once, as it came"
    rows = scene.connection.execute("SELECT entry_index, watcher, channel FROM lost_reading ORDER BY 1").fetchall()
    assert rows == [(index, "meter1", "power") for index in range(4, 9)], "not what both have"
    span = scene.connection.execute("SELECT min(start_at), max(end_at) FROM lost_reading").fetchone()
    assert span is not None
    assert [round(at.timestamp() * 1000) for at in span] == [START_MS + 4 * BLOCK_MS, START_MS + 9 * BLOCK_MS]
    values = {"asset_no": "A001", "start": span[0], "end": span[1]}
    assert len(scene.connection.execute(_FORKS.list_lost_of_instrument, values).fetchall()) == 5
    assert not scene.connection.execute(_FORKS.list_lost_of_instrument, {**values, "asset_no": "A002"}).fetchall()
    stored = scene.connection.execute("SELECT count(*) FROM reading").fetchone()
    assert stored == (6,), "and counts nowhere"


def test_a_branch_found_by_asking_is_kept_as_far_as_its_hashes_show(scene: Scene, enrol: Enrol) -> None:
    one, other = twins(enrol, shared=270, first=300, second=500)
    scene.say(offer(one))
    scene.converse(other, offer(other, 560))
    rows = scene.connection.execute("SELECT min(entry_index), max(entry_index), count(*) FROM lost_reading").fetchone()
    assert rows == (768, 769, 2), "of tile 2 the batch has not all: nothing shows which of it was signed"
    assert scene.connection.execute("SELECT first, size FROM lost_batch").fetchall() == [(560, 770)]


def test_lost_batches_are_bounded(scene: Scene, enrol: Enrol) -> None:
    one, noise = enrol(), Random(1)
    one.append_readings(4)
    scene.say(offer(one))
    for number in range(20):
        other = LightAgent()
        for _ in range(60):
            other.append_raw(noise.randbytes(4096))
        scene.clock = partial(int, NOW_MS + number * 660_000)
        scene.say(offer(other))
    total = scene.connection.execute("SELECT sum(length(batch)), count(*) FROM lost_batch").fetchone()
    assert total is not None
    assert LOST_BYTES - 300_000 < total[0] <= LOST_BYTES
    assert total[1] == 17


def test_only_entries_that_the_tree_shows_are_laid_to_its_charge() -> None:
    agent = LightAgent()
    agent.append_readings(600)
    tree = Branch.of(list(map(merkle.leaf_hash, agent.entries)))
    assert list(shown_entries(agent.batch(500), Branch(600, tree.tops))) == list(range(512, 600))
    assert list(shown_entries(agent.batch(500), Branch(600, tree.tops, {1: tree.tiles[1]}))) == list(range(500, 600))
    batch = agent.batch(500)
    forged = Batch(500, batch.note, (*batch.entries[:50], b"{}", *batch.entries[51:]))
    assert list(shown_entries(forged, Branch(600, tree.tops))) == []
    assert 550 not in set(shown_entries(forged, tree))


def test_several_workers_and_a_restart_share_one_question(scene: Scene, enrol: Enrol) -> None:
    """`say` makes a writer each time: whoever hears the answer goes on from what is stored."""
    one, other = twins(enrol, shared=270, first=300, second=400)
    scene.say(offer(one))
    asked = scene.say(offer(other, 560))
    assert isinstance(asked, Ask)
    assert scene.say(offer(other, 560)) == asked, "sent again, asked again"
    tile = scene.say(prepare(other.topic, other.leaves(asked)))
    assert isinstance(tile, Ask)
    assert tile.level == 0
    assert scene.say(offer(other, 560)) == tile, "what was answered is not asked for again"
    refusal = scene.say(prepare(other.topic, other.leaves(tile)))
    assert isinstance(refusal, Refusal)
    assert refusal.code == "fork"


def test_a_proof_that_does_not_hold_is_not_kept(scene: Scene, enrol: Enrol, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = twins(enrol, shared=3, first=6, second=6)
    scene.say(offer(one))
    rogue = LightAgent(seed=b"x" * 32)
    rogue.append_readings(9)
    monkeypatch.setattr(fork_proofs, "_own_note", lambda *_: rogue.checkpoint())
    scene.say(offer(other))
    shown, _ = scene.proof(one) or (None, None)
    assert isinstance(shown, Roots), "what can be shown still is, and nothing else"


def test_facts_of_a_fork_cannot_be_changed(scene: Scene, enrol: Enrol) -> None:
    one, other = twins(enrol, shared=3, first=6, second=6)
    scene.say(offer(one))
    scene.say(offer(other))
    for table in ("fork_proof", "lost_batch", "lost_reading"):
        for change in (f"DELETE FROM {table}", f"UPDATE {table} SET journal_id = journal_id"):
            with pytest.raises(psycopg.errors.RestrictViolation, match="inserted, never"):
                scene.connection.execute(change.encode())
