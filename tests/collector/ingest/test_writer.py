"""The writer against a real database: exact bytes, once each, answered only after the commit."""

import random
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest
from msgspec import structs
from psycopg import sql

from collector.ingest.accept import Held, Outcome, RootAt, accept
from collector.ingest.prepare import Offer, Poison, prepare
from collector.ingest.writer import DatabaseLost, Writer
from collector.registry import instruments, people, policies
from collector.store import database
from collector.store.database import Connection
from protocol import merkle, note
from protocol.batch import Batch, pack_batch, parse_bundle
from protocol.days_decided import DECIDES_AFTER_MS, DECIDES_BEFORE_MS
from protocol.derivation import evidence_window
from protocol.interval import day_bounds_ms
from protocol.leaves import ask_tops
from protocol.message import Refusal, Welcome, parse_down
from protocol.policy import MAX_DWELL_MS, MAX_WINDOW_MS, Counter, EvidenceRule, Policy, Trigger, parse_policy
from tests.collector.ingest.conftest import NOW_MS, Enrol, offer
from tests.light_agent import BLOCK_MS, RECEIPT_KEY, START_MS, LightAgent, reading


def test_an_accepted_batch_is_stored_byte_for_byte_and_receipted(
    connection: Connection, enrol: Enrol, writer: Writer
) -> None:
    agent = enrol()
    agent.append_readings(20)
    answer = writer.write([offer(agent)])[0]
    assert _stored_entries(connection, agent) == agent.entries
    receipt = note.open_receipt(answer or b"", RECEIPT_KEY.verifier)
    assert (receipt.checkpoint.size, receipt.checkpoint.root) == (20, agent.root())
    assert receipt.time_s == NOW_MS // 1000
    row = connection.execute("SELECT note, receipt FROM batch").fetchone()
    assert row == (None, answer), "the receipt begins with the note"
    assert receipt.checkpoint == note.open_checkpoint(answer or b"", agent.key.verifier), (
        "and so bears the agent's line"
    )
    assert _held(connection, agent) == (20, answer, "ok")


def test_readings_are_decoded_beside_the_bytes(connection: Connection, enrol: Enrol, writer: Writer) -> None:
    agent = enrol()
    agent.append_notes(1)
    agent.append(reading(BLOCK_MS, durations_ms=(1000, 2000)))
    writer.write([offer(agent)])
    columns = (
        "entry_index, wall_ms, mono_ms, start_mono_ms, start_at, end_at, counter, watcher, channel, boot,"
        " durations_ms, means, lows, highs, deltas, states, counts, events"
    )
    row = connection.execute(f"SELECT {columns} FROM reading".encode()).fetchone()
    assert row is not None
    mono_ms = 2 * BLOCK_MS
    assert row[:4] == (1, START_MS + mono_ms, mono_ms, BLOCK_MS)
    assert [int(at.timestamp() * 1000) for at in row[4:6]] == [START_MS + BLOCK_MS, START_MS + BLOCK_MS + 3000]
    assert row[6:10] == (1_646_300, "meter1", "power", "5f3a9c01")
    assert row[10:12] == ([1000, 2000], [900_000, 900_037])
    assert row[12:15] == ([899_300, 899_337], [900_900, 900_937], [0, 1000])
    assert row[15:] == (None, None, None)


def test_every_shape_of_reading_gets_its_row(connection: Connection, enrol: Enrol, writer: Writer) -> None:
    agent = enrol()
    gauge = reading(0)
    without_counter = structs.replace(gauge, deltas=None, counter=None)
    shape = {"means": None, "lows": None, "highs": None, "deltas": None, "counter": None}
    agent.append(without_counter)
    agent.append(structs.replace(gauge, **shape, channel="state", states=("开机", "on", "a", "b", "c")))
    agent.append(structs.replace(gauge, **shape, channel="files", counts=(1, -2, 3, 4, 5)))
    agent.append(structs.replace(gauge, **shape, channel="card", durations_ms=(0,), events=("f00d",)))
    writer.write([offer(agent)])
    rows = connection.execute(
        "SELECT deltas, counter, states, counts, events, durations_ms FROM reading ORDER BY entry_index"
    ).fetchall()
    assert [row[:5] for row in rows] == [
        (None, None, None, None, None),
        (None, None, ["开机", "on", "a", "b", "c"], None, None),
        (None, None, None, [1, -2, 3, 4, 5], None),
        (None, None, None, None, ["f00d"]),
    ]
    assert rows[3][5] == [0]


def test_an_entry_that_nobody_understands_is_stored_and_earns_nothing(
    connection: Connection, enrol: Enrol, writer: Writer
) -> None:
    agent = enrol()
    agent.append_readings(1)
    agent.append_raw(b"\xff\x00 no entry")
    agent.append_raw(agent.entries[0])  # a reading, in the wrong place
    agent.append_readings(1)
    assert writer.write([offer(agent)])[0] is not None
    assert _stored_entries(connection, agent) == agent.entries
    assert connection.execute("SELECT array_agg(entry_index ORDER BY entry_index) FROM reading").fetchone() == ([0, 3],)
    assert writer.counts["entries_undecoded"] == 2


def test_the_same_batches_three_times_and_shuffled_are_stored_once(
    connection: Connection, enrol: Enrol, writer: Writer
) -> None:
    agent = enrol()
    agent.append_readings(40)
    pieces = [(old, old + size) for old in range(0, 40, 5) for size in (5, 7) if old + size <= 40] * 3
    random.Random(20251201).shuffle(pieces)
    while _held(connection, agent)[0] < 40:
        for start in range(0, len(pieces), 4):
            writer.write([offer(agent, *piece) for piece in pieces[start : start + 4]])
    assert _stored_entries(connection, agent) == agent.entries
    assert connection.execute("SELECT count(*), count(DISTINCT entry_index) FROM reading").fetchone() == (40, 40)


def test_a_repeat_gets_the_very_receipt_that_is_stored(connection: Connection, enrol: Enrol, writer: Writer) -> None:
    agent = enrol()
    agent.append_readings(6)
    first = writer.write([offer(agent)])[0]
    later = Writer(connection, RECEIPT_KEY, clock_ms=lambda: NOW_MS + 60_000)
    assert later.write([offer(agent)]) == [first]
    assert later.write([offer(agent, 2, 4)]) == [first]


def test_batches_of_one_log_in_one_transaction_share_the_receipt_that_covers_them(
    connection: Connection, enrol: Enrol, writer: Writer
) -> None:
    agent, other = enrol(), enrol("other-01")
    for each in (agent, other):
        each.append_readings(9)
    batches = [offer(agent, 0, 3), offer(other, 0, 2), offer(agent, 3, 6), offer(agent, 0, 2), offer(agent, 5, 9)]
    answers = writer.write(batches)
    sizes = [answer and note.open_receipt(answer, RECEIPT_KEY.verifier).checkpoint.size for answer in answers]
    assert sizes == [None, 2, None, None, 9]
    assert _stored_entries(connection, agent) == agent.entries
    rows = connection.execute("SELECT size, note, receipt FROM batch WHERE journal_id = 1 ORDER BY first").fetchall()
    assert [size for size, *_ in rows] == [3, 6, 9]
    assert [row[1] for row in rows] == [agent.checkpoint(3), agent.checkpoint(6), None], "the last is in the receipt"
    assert {receipt for *_, receipt in rows} == {answers[-1]}


def test_a_refusal_behind_accepted_batches_carries_their_receipt(
    connection: Connection, enrol: Enrol, writer: Writer
) -> None:
    agent = enrol()
    agent.append_readings(9)
    answers = writer.write([offer(agent, 0, 3), offer(agent, 5, 9), prepare(agent.topic, agent.hello())])
    refusal, welcome = _refusal(answers[1]), _welcome(answers[2])
    assert answers[0] is not None
    assert (refusal.held, refusal.receipt) == (welcome.held, welcome.receipt) == (3, answers[0])


@pytest.mark.parametrize("alter", ["receipted already", "no room for a line"])
def test_a_note_that_cannot_be_cosigned_is_refused_and_stops_nobody(
    connection: Connection, enrol: Enrol, writer: Writer, alter: str
) -> None:
    agent, other = enrol(), enrol("other-01")
    for each in (agent, other):
        each.append_readings(3)
    batch = agent.batch()
    line = LightAgent("stranger").checkpoint().rpartition(b"\n\n")[2]
    altered = note.cosign(batch.note, RECEIPT_KEY, time_s=1) if "already" in alter else batch.note + line * 63
    answers = writer.write([prepare(agent.topic, pack_batch(replace(batch, note=altered))), offer(other)])
    assert _refusal(answers[0]).code == "malformed"
    assert answers[1] is not None
    assert writer.counts["transactions_repeated"] == 0


def test_an_altered_batch_is_suspect_and_loses_nothing(connection: Connection, enrol: Enrol, writer: Writer) -> None:
    agent = enrol()
    agent.append_readings(4)
    writer.write([offer(agent)])
    agent.append_readings(2)
    batch = agent.batch(4)
    altered = replace(batch, entries=(batch.entries[0], batch.entries[1][:-1]))
    asked = parse_down(writer.write([prepare(agent.topic, pack_batch(altered))])[0] or b"")
    assert asked == ask_tops(agent.origin, 6), "what the agent has is told by its hashes"
    assert _held(connection, agent)[2] == "suspect"
    writer.write([offer(agent, 4)])
    assert _held(connection, agent)[::2] == (6, "ok")
    assert _stored_entries(connection, agent) == agent.entries


def test_at_most_two_suspects_are_kept(connection: Connection, enrol: Enrol, writer: Writer) -> None:
    agent = enrol()
    for size in range(1, 6):
        agent.append_readings(1)
        batch = replace(agent.batch(), entries=(b"x",) * size)
        writer.write([prepare(agent.topic, pack_batch(batch))])
    assert connection.execute("SELECT kind, count(*) FROM held_note GROUP BY kind").fetchall() == [("suspect", 2)]


def test_a_fork_is_proved_by_two_notes_and_stays_proved(connection: Connection, enrol: Enrol, writer: Writer) -> None:
    agent, clone = enrol(), LightAgent()
    agent.append_readings(8)
    clone.append_readings(8, power_mw=7)
    writer.write([offer(agent)])
    for old, size in ((0, 8), (0, 5)):
        refusal = _refusal(writer.write([offer(clone, old, size)])[0])
        assert (refusal.code, refusal.held) == ("fork", 8)
    agent.append_readings(1)
    writer.write([offer(agent, 8)])
    assert _held(connection, agent)[::2] == (9, "fork")
    kept = connection.execute("SELECT note FROM held_note WHERE kind = 'fork' ORDER BY id").fetchall()
    assert kept == [(clone.checkpoint(8),), (clone.checkpoint(5),)]


def test_an_older_checkpoint_from_the_middle_of_a_stored_batch_is_compared_too(
    connection: Connection, enrol: Enrol, writer: Writer
) -> None:
    agent, clone = enrol(), LightAgent()
    agent.append_readings(20)
    clone.append_readings(20, power_mw=7)
    writer.write([offer(agent, 0, 6)])
    receipt = writer.write([offer(agent, 6, 20)])[0]
    for size in range(1, 20):
        assert writer.write([offer(agent, 0, size)])[0] == receipt
    for size in (6, 11):
        assert _refusal(writer.write([offer(clone, 0, size)])[0]).code == "fork"


def test_a_gap_says_what_is_held(connection: Connection, enrol: Enrol, writer: Writer) -> None:
    agent = enrol()
    agent.append_readings(9)
    writer.write([offer(agent, 0, 3)])
    refusal = _refusal(writer.write([offer(agent, 5, 9)])[0])
    assert (refusal.code, refusal.held) == ("gap", 3)
    assert refusal.receipt == _held(connection, agent)[1]
    assert _held(connection, agent)[2] == "gap"


def test_a_batch_from_a_key_that_nobody_enrolled_is_refused(
    connection: Connection, enrol: Enrol, writer: Writer
) -> None:
    agent, stranger, impostor = enrol(), LightAgent("stranger"), LightAgent(seed=b"i" * 32)
    for each in (agent, stranger, impostor):
        each.append_readings(3)
    borrowed_topic = prepare(agent.topic, stranger.payload())
    answers = writer.write([offer(stranger), offer(impostor), borrowed_topic, offer(agent)])
    assert [_refusal(answer).code for answer in answers[:3]] == ["unknown-key"] * 3
    assert all(_refusal(answer).receipt is None for answer in answers[:3])
    assert _stored_entries(connection, agent) == agent.entries


def test_a_revoked_key_is_refused(connection: Connection, enrol: Enrol, writer: Writer) -> None:
    agent = enrol()
    agent.append_readings(3)
    connection.execute("UPDATE journal SET revoked_at = now()")
    assert _refusal(writer.write([offer(agent)])[0]).code == "revoked"
    assert _held(connection, agent)[0] == 0


def test_a_key_revoked_while_its_batch_is_judged_does_not_slip_through(
    connection: Connection, dsn: str, enrol: Enrol, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = enrol()
    agent.append_readings(3)
    with database.connect(dsn, application="test") as other:
        writer = Writer(connection, RECEIPT_KEY, clock_ms=lambda: NOW_MS)
        _before_first_accept(monkeypatch, lambda: other.execute("UPDATE journal SET revoked_at = now()"))
        assert _refusal(writer.write([offer(agent)])[0]).code == "revoked"


def test_poison_is_answered_with_what_is_held_and_counted(connection: Connection, enrol: Enrol, writer: Writer) -> None:
    agent = enrol()
    agent.append_readings(3)
    writer.write([offer(agent)])
    poison = [prepare(agent.topic, bad) for bad in (b"", b"\xff" * 100, b"jishi-batch/v1\nold 1\n\n")]
    assert all(isinstance(bad, Poison) for bad in poison)
    stranger = prepare(LightAgent("stranger").topic, b"rubbish")
    answers = writer.write([*poison, stranger])
    assert [(_refusal(answer).code, _refusal(answer).held) for answer in answers[:3]] == [("malformed", 3)] * 3
    assert answers[3] is None
    assert writer.counts["messages_malformed"] == 4


def test_a_hello_is_welcomed_with_the_latest_receipt(connection: Connection, enrol: Enrol, writer: Writer) -> None:
    agent = enrol()
    first = _welcome(writer.write([prepare(agent.topic, agent.hello("a" * 32))])[0])
    assert (first.nonce, first.held, first.receipt, first.levels) == ("a" * 32, 0, None, ())
    agent.append_readings(5)
    receipt = writer.write([offer(agent)])[0]
    second = _welcome(writer.write([prepare(agent.topic, agent.hello())])[0])
    assert (second.held, second.receipt, second.time_ms, second.window) == (5, receipt, NOW_MS, 4)


def test_a_welcome_carries_the_levels_of_the_policy_in_force(
    connection: Connection, enrol: Enrol, writer: Writer
) -> None:
    agent = enrol()
    people.register_person(connection, "li.ming")
    policy = policies.register_policy(
        connection,
        b'{"v":1,"name":"x","valid_mw":[0,15000000],"gap_ms":60000,'
        b'"standby":{"on_mw":40000,"off_mw":25000,"on_ms":20000,"off_ms":60000},'
        b'"run":{"on_mw":900000,"off_mw":600000,"on_ms":20000,"off_ms":180000}}',
    )
    policies.put_in_force(connection, policy, asset_no=None, from_day=date(2025, 1, 1), approved_by="li.ming")
    welcome = _welcome(writer.write([prepare(agent.topic, agent.hello())])[0])
    assert [(level.watcher, level.values) for level in welcome.levels] == [("meter1", policy.levels())]
    assert [parse_policy(each.body) for each in welcome.policies] == [policy]


def test_a_hello_with_a_second_root_proves_a_fork(connection: Connection, enrol: Enrol, writer: Writer) -> None:
    agent, clone = enrol(), LightAgent()
    agent.append_readings(5)
    clone.append_readings(5, power_mw=7)
    writer.write([offer(agent)])
    assert _refusal(writer.write([prepare(clone.topic, clone.hello())])[0]).code == "fork"
    assert _held(connection, agent)[2] == "fork"


@pytest.mark.parametrize("unique", [True, False], ids=["", "where the table guards no uniqueness"])
def test_a_writer_that_was_overtaken_judges_again_and_stores_nothing_twice(
    connection: Connection, dsn: str, enrol: Enrol, monkeypatch: pytest.MonkeyPatch, unique: bool
) -> None:
    if not unique:
        connection.execute("ALTER TABLE batch DROP CONSTRAINT batch_pkey")
        connection.execute("ALTER TABLE reading DROP CONSTRAINT IF EXISTS reading_pkey")
    agent = enrol()
    agent.append_readings(12)
    with database.connect(dsn, application="test") as other:
        slow = Writer(connection, RECEIPT_KEY, clock_ms=lambda: NOW_MS)
        fast = Writer(other, RECEIPT_KEY, clock_ms=lambda: NOW_MS)
        answers: list[bytes | None] = []
        _before_first_accept(monkeypatch, lambda: answers.extend(fast.write([offer(agent, 0, 8)])))
        answers += slow.write([offer(agent, 0, 5), offer(agent, 5, 12)])
    assert slow.counts["transactions_repeated"] == 1
    assert _stored_entries(connection, agent) == agent.entries
    assert answers[0] == answers[1]
    assert note.open_receipt(answers[2] or b"", RECEIPT_KEY.verifier).checkpoint.size == 12
    assert connection.execute("SELECT count(*), count(DISTINCT entry_index) FROM reading").fetchone() == (12, 12)


def test_rows_that_the_database_refuses_do_not_keep_evidence_out(
    connection: Connection, enrol: Enrol, writer: Writer
) -> None:
    agent, other = enrol(), enrol("other-01")
    for each in (agent, other):
        each.append_readings(3)
    offered = offer(agent)
    assert isinstance(offered, Offer)
    bad = replace(offered, tails=(b"no row at all", *offered.tails[1:]))
    answers = writer.write([bad, offer(other)])
    assert all(note.open_receipt(answer or b"", RECEIPT_KEY.verifier).checkpoint.size == 3 for answer in answers)
    assert _stored_entries(connection, agent) == agent.entries
    assert connection.execute("SELECT count(*) FROM reading").fetchone() == (3,)


@pytest.mark.parametrize(("entries", "rows"), [(250, 250), (700, 0)])
def test_a_batch_from_all_centuries_is_stored_without_rows_and_an_honest_one_with_them(
    connection: Connection, enrol: Enrol, writer: Writer, entries: int, rows: int
) -> None:
    """A clock that steps by a week in each entry is a trouble; a thousand partitions would be everybody's."""
    agent = enrol()
    for number in range(entries):
        agent.append(reading(number * 300_000), wall_ms=START_MS + number * 7 * 86_400_000)
    assert writer.write([offer(agent)]) != [None]
    assert _stored_entries(connection, agent) == agent.entries
    assert connection.execute("SELECT count(*) FROM reading").fetchone() == (rows,)
    assert writer.counts["entries_undecoded"] == entries - rows


def test_a_message_that_cannot_be_stored_at_all_gets_no_answer_and_harms_nobody(
    connection: Connection, enrol: Enrol, writer: Writer
) -> None:
    agent, other = enrol(), enrol("other-01")
    for each in (agent, other):
        each.append_readings(3)
    connection.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'the disk is full'; END$$;"
        "CREATE TRIGGER refuse BEFORE INSERT ON batch FOR EACH ROW WHEN (NEW.journal_id = 1)"
        " EXECUTE FUNCTION refuse()"
    )
    answers = writer.write([offer(agent), offer(other)])
    assert answers[0] is None
    assert answers[1] is not None
    assert writer.counts["messages_failed"] == 1
    assert _held(connection, agent)[0] == 0


def test_a_commit_that_fails_gives_no_receipt_and_leaves_nothing(
    connection: Connection, enrol: Enrol, writer: Writer
) -> None:
    agent = enrol()
    agent.append_readings(3)
    connection.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'not today'; END$$;"
        "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON batch DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    assert writer.write([offer(agent)]) == [None]
    assert _held(connection, agent)[:2] == (0, None)
    assert connection.execute("SELECT count(*) FROM reading").fetchone() == (0,)
    connection.execute("DROP TRIGGER refuse ON batch")
    assert writer.write([offer(agent)])[0] == _held(connection, agent)[1]
    assert _stored_entries(connection, agent) == agent.entries


def test_a_connection_that_dies_midway_answers_nothing_and_the_next_one_reads_what_is_held(
    connection: Connection, dsn: str, enrol: Enrol, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = enrol()
    agent.append_readings(5)
    with database.connect(dsn, application="doomed") as doomed:
        writer = Writer(doomed, RECEIPT_KEY, clock_ms=lambda: NOW_MS)
        pid = doomed.info.backend_pid
        _before_first_accept(monkeypatch, lambda: connection.execute("SELECT pg_terminate_backend(%s, 5000)", [pid]))
        with pytest.raises(DatabaseLost):
            writer.write([offer(agent)])
    assert _held(connection, agent)[0] == 0
    again = Writer(connection, RECEIPT_KEY, clock_ms=lambda: NOW_MS)
    assert again.write([offer(agent)])[0] is not None
    assert _stored_entries(connection, agent) == agent.entries


def test_days_are_marked_for_the_instrument_that_was_measured_then(
    connection: Connection, enrol: Enrol, writer: Writer
) -> None:
    agent = enrol()
    midnight_mono = 14 * 3_600_000  # 10:00 + 14 h
    agent.append(reading(midnight_mono - 20 * BLOCK_MS))
    agent.append(reading(midnight_mono - 10_000))
    agent.append(reading(midnight_mono + 10 * 3_600_000))
    agent.append(reading(midnight_mono, watcher="unmeasured"))
    writer.write([offer(agent, 0, 1)])
    assert _dirty(connection) == ["2025-12-01"]
    writer.write([offer(agent, 1, 2)])
    assert _dirty(connection) == ["2025-12-01", "2025-12-02"]
    connection.execute("DELETE FROM dirty_day")
    writer.write([offer(agent, 2, 4)])
    assert _dirty(connection) == ["2025-12-02"]


def test_a_day_is_marked_for_whatever_the_watcher_measured_on_it(
    connection: Connection, enrol: Enrol, writer: Writer
) -> None:
    agent = enrol()
    instruments.register_instrument(connection, "A002", name_zh="色谱")
    with connection.transaction():
        instruments.register_measurement(
            connection, "em-01", watcher="meter1", channel="power", asset_no="A002", from_day=date(2025, 12, 2)
        )
    agent.append(reading(BLOCK_MS))
    agent.append(reading(24 * 3_600_000))
    writer.write([offer(agent)])
    marked = connection.execute("SELECT asset_no, day::text FROM dirty_day ORDER BY day").fetchall()
    assert marked == [("A001", "2025-12-01"), ("A002", "2025-12-02")]


def test_a_reading_shortly_after_midnight_marks_the_day_before_because_it_may_decide_its_end(
    connection: Connection, enrol: Enrol, writer: Writer
) -> None:
    agent = enrol()
    agent.append(reading(14 * 3_600_000 + 10 * 60_000))
    writer.write([offer(agent)])
    assert _dirty(connection) == ["2025-12-01", "2025-12-02"]


@pytest.mark.parametrize(
    ("hours_after_midnight", "days"),
    [
        (-1.4, ["2025-12-01"]),
        (-1.2, ["2025-12-01", "2025-12-02"]),
        (3.2, ["2025-12-01", "2025-12-02"]),
        (3.3, ["2025-12-02"]),
    ],
)
def test_a_reading_marks_every_day_whose_evidence_window_any_policy_could_stretch_to_it(
    connection: Connection, enrol: Enrol, writer: Writer, hours_after_midnight: float, days: list[str]
) -> None:
    agent = enrol()
    agent.append(reading(round((14 + hours_after_midnight) * 3_600_000)))
    writer.write([offer(agent)])
    assert _dirty(connection) == days


def test_the_days_that_are_marked_follow_from_the_evidence_window_of_the_widest_policy() -> None:
    trigger = Trigger(on_mw=2, off_mw=1, on_ms=MAX_DWELL_MS, off_ms=MAX_DWELL_MS)
    widest = Policy(
        "widest",
        valid_mw=(0, 9),
        standby=trigger,
        run=trigger,
        gap_ms=MAX_DWELL_MS,
        sha256="0" * 64,
        counter=Counter(step_mwh=1, window_ms=MAX_WINDOW_MS),
        evidence=(EvidenceRule("files", "growth", at_least=1, hold_ms=MAX_DWELL_MS),),
    )
    day = date(2025, 12, 1)
    start_ms, end_ms = day_bounds_ms(day)
    assert evidence_window(day, widest) == (start_ms - DECIDES_AFTER_MS, end_ms + DECIDES_BEFORE_MS)


def test_the_deriver_is_told_once_it_is_committed(
    connection: Connection, dsn: str, enrol: Enrol, writer: Writer
) -> None:
    agent = enrol()
    agent.append_readings(3)
    with database.connect(dsn, application="test") as listener:
        listener.execute(sql.SQL("LISTEN {}").format(sql.Identifier(database.DIRTY_DAY_CHANNEL)))
        writer.write([offer(agent)])
        assert [notice.channel for notice in listener.notifies(timeout=10, stop_after=1)] == ["jishi_dirty_day"]


def test_who_spoke_is_noted_every_few_seconds_only(connection: Connection, enrol: Enrol) -> None:
    agent = enrol()
    now_ms = NOW_MS
    writer = Writer(connection, RECEIPT_KEY, clock_ms=lambda: now_ms)
    agent.append_readings(3)
    seen = "SELECT reported_size, (extract(epoch FROM last_seen_at) * 1000)::bigint FROM agent"
    writer.write([offer(agent, 0, 1)])
    assert connection.execute(seen.encode()).fetchone() == (1, NOW_MS)
    now_ms += 1000
    writer.write([offer(agent, 1, 2)])
    assert connection.execute(seen.encode()).fetchone() == (1, NOW_MS)
    now_ms += 5000
    writer.write([offer(agent, 2, 3)])
    assert connection.execute(seen.encode()).fetchone() == (3, NOW_MS + 6000)


def _before_first_accept(monkeypatch: pytest.MonkeyPatch, happen: Callable[[], object]) -> None:
    """Lets something happen after the journals were loaded and before the first batch is judged."""
    waiting = [happen]

    def accept_later(held: Held | None, batch: Batch, *, agent_id: str, root_at: RootAt) -> Outcome:
        while waiting:
            waiting.pop()()
        return accept(held, batch, agent_id=agent_id, root_at=root_at)

    monkeypatch.setattr("collector.ingest.offers.accept", accept_later)


def _dirty(connection: Connection) -> list[str]:
    rows = connection.execute("SELECT asset_no, day FROM dirty_day ORDER BY day").fetchall()
    assert {row[0] for row in rows} <= {"A001"}
    return [row[1].isoformat() for row in rows]


def _stored_entries(connection: Connection, agent: LightAgent) -> list[bytes]:
    """The entries as they are stored, after their root was recomputed and compared with the journal's."""
    rows = connection.execute(
        "SELECT first, b.size, entries, j.frontier, j.size FROM batch b JOIN journal j USING (journal_id)"
        " WHERE origin = %s ORDER BY first",
        [agent.origin],
    ).fetchall()
    entries: list[bytes] = []
    for first, size, compressed, _, _ in rows:
        assert first == len(entries)
        entries += parse_bundle(zlib.decompress(compressed))
        assert size == len(entries)
    if rows:
        frontier = merkle.EMPTY_FRONTIER.extend(map(merkle.leaf_hash, entries))
        assert (frontier.to_bytes(), frontier.size) == rows[-1][3:]
        assert frontier.root() == agent.root(frontier.size)
    return entries


def _held(connection: Connection, agent: LightAgent) -> tuple[int, bytes | None, str]:
    row = connection.execute("SELECT size, receipt, standing FROM journal WHERE origin = %s", [agent.origin]).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def _refusal(answer: bytes | None) -> Refusal:
    message = parse_down(answer or b"")
    assert isinstance(message, Refusal), message
    return message


def _welcome(answer: bytes | None) -> Welcome:
    message = parse_down(answer or b"")
    assert isinstance(message, Welcome), message
    return message
