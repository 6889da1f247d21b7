"""The oracle finds what it is there to find, each in a world that is right but for one thing."""

import dataclasses
from collections.abc import Callable

import pytest

from protocol.note import Checkpoint, SigningKey, cosign, sign_checkpoint
from tests.faults.facts import Issued, Stored, StoredBatch
from tests.faults.oracle import Log, Watched, judge, promised_too_early
from tests.light_agent import RECEIPT_KEY, LightAgent, reading

ROGUE_KEY = SigningKey(RECEIPT_KEY.name, RECEIPT_KEY.algorithm, b"x" * 32)


def right() -> Log:
    """A journal of six entries, delivered in two batches and receipted."""
    agent = LightAgent("em-01")
    agent.append_notes(1)
    agent.append_readings(5)
    receipt = cosign(agent.checkpoint(), RECEIPT_KEY, time_s=1)
    entries = {index: frozenset({entry}) for index, entry in enumerate(agent.entries)}
    batches = tuple(
        StoredBatch(first, size, tuple(agent.entries[first:size]), agent.checkpoint(size), receipt)
        for first, size in ((0, 4), (4, 6))
    )
    issued = Issued(agent.origin, entries, frozenset({receipt}))
    stored = Stored(agent.origin, 6, "ok", receipt, batches, readings=(1, 2, 3, 4, 5))
    return Log(issued, stored, agent.key.verifier, goes_on=True)


def with_stored(**changes: object) -> Callable[[Log], Log]:
    return lambda log: dataclasses.replace(log, stored=dataclasses.replace(log.stored, **changes))


def with_issued(**changes: object) -> Callable[[Log], Log]:
    return lambda log: dataclasses.replace(log, issued=dataclasses.replace(log.issued, **changes))


def another_byte(log: Log) -> Log:
    first, last = log.stored.batches
    entries = (last.entries[0] + b" ", *last.entries[1:])
    return with_stored(batches=(first, dataclasses.replace(last, entries=entries)))(log)


def without_the_last_batch(log: Log) -> Log:
    return with_stored(batches=log.stored.batches[:1], size=4, readings=(1, 2, 3))(log)


def a_batch_twice(log: Log) -> Log:
    return with_stored(batches=(*log.stored.batches, log.stored.batches[1]))(log)


def receipted_by_somebody_else(log: Log) -> Log:
    note = log.stored.batches[1].note
    return with_issued(receipts=log.issued.receipts | {cosign(note, ROGUE_KEY, time_s=2)})(log)


def receipted_over_another_tree(log: Log) -> Log:
    agent = LightAgent("em-01")
    note = sign_checkpoint(Checkpoint(agent.origin, 3, b"\0" * 32), agent.key)
    return with_issued(receipts=log.issued.receipts | {cosign(note, RECEIPT_KEY, time_s=2)})(log)


def never_written(log: Log) -> Log:
    return with_issued(entries={index: found for index, found in log.issued.entries.items() if index != 5})(log)


def covering_a_time_twice(_log: Log) -> Log:
    agent = LightAgent("em-01")
    agent.append(reading(0))
    agent.append(reading(200_000))
    batch = StoredBatch(0, 2, tuple(agent.entries), agent.checkpoint(), b"")
    entries = {index: frozenset({entry}) for index, entry in enumerate(agent.entries)}
    stored = Stored(agent.origin, 2, "ok", None, (batch,), readings=(0, 1))
    return Log(Issued(agent.origin, entries), stored, agent.key.verifier, goes_on=False)


FAULTS: list[tuple[Callable[[Log], Log], str]] = [
    (another_byte, "entry 4 is stored with other bytes than the journal's"),
    (another_byte, "the agent signed another tree of 6 entries than is stored"),
    (another_byte, "the receipt over 6 entries is over others than the collector stores"),
    (without_the_last_batch, "a receipt over 6 entries was given, and the collector stores 4"),
    (without_the_last_batch, "the journal holds 6 entries, and the collector stores 4"),
    (a_batch_twice, "the collector counts 6 entries, its batches hold 8"),
    (receipted_by_somebody_else, "the agent keeps a receipt that is not the collector's"),
    (receipted_over_another_tree, "the receipt over 3 entries is over others than the collector stores"),
    (never_written, "entry 5 is stored, and no journal ever held it"),
    (with_issued(receipts=frozenset()), "the agent has receipts over 0 of its 6 entries"),
    (with_stored(readings=(1, 2, 3, 4)), "4 rows for 5 readings, the first at odds: entry 5"),
    (with_stored(readings=(1, 2, 3, 4, 5, 5)), "6 rows for 5 readings, the first at odds: an entry has two"),
    (covering_a_time_twice, "two readings of meter1 power cover the same"),
    (lambda log: dataclasses.replace(log, revoked_size=5), "1 entries were stored after its key was revoked"),
]


def test_nothing_is_found_where_all_is_right() -> None:
    truth = [(0, 40, "off"), (40, 90, "run")]
    watched = Watched("A001", truth, [(0, 41, "off"), (41, 90, "run")])
    assert judge([right()], [watched], receipt_key=RECEIPT_KEY.verifier) == []


@pytest.mark.parametrize("fault,says", FAULTS, ids=[says for _, says in FAULTS])
def test_the_oracle_says_what_is_wrong(fault: Callable[[Log], Log], says: str) -> None:
    found = judge([fault(right())], [], receipt_key=RECEIPT_KEY.verifier)
    assert any(says in violation for violation in found), found


@pytest.mark.parametrize(
    "records,says",
    [
        ([(0, 90, "off")], "42 s are recorded as what they were not"),
        ([(0, 40, "run"), (40, 90, "run")], "32 s of run are recorded that were none"),
        (
            [(0, 40, "off"), (40, 70, "unobserved"), (70, 90, "run")],
            "30 s are unobserved, and nobody could observe 10 s",
        ),
        ([(0, 90, "unobserved")], "no second is recorded as observed"),
    ],
)
def test_hours_are_held_against_the_truth(records: list[tuple[int, int, str]], says: str) -> None:
    watched = Watched("A001", [(0, 40, "off"), (40, 90, "run")], records)
    found = judge([], [watched], receipt_key=RECEIPT_KEY.verifier)
    assert any(says in violation for violation in found), found


def test_a_receipt_over_more_than_is_stored_is_found_when_the_database_comes_back() -> None:
    log = without_the_last_batch(right())
    found = promised_too_early(log.issued.receipts, [log.stored], receipt_key=RECEIPT_KEY.verifier)
    assert found == ["jishi.example/a/em-01/1: a receipt over 6 entries was sent, and 4 are stored"]
    forged = cosign(right().stored.batches[1].note, ROGUE_KEY, time_s=1)
    assert promised_too_early([forged], [log.stored], receipt_key=RECEIPT_KEY.verifier) == []
