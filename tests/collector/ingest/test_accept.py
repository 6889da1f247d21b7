"""The accept rule of evidence.md section 4, number by number."""

import base64
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.ingest.accept import (
    Accepted,
    Fork,
    Gap,
    Held,
    Outcome,
    Refused,
    Repeat,
    Suspect,
    accept,
    judge_hello,
)
from protocol import merkle, note
from protocol.batch import Batch
from tests.light_agent import LightAgent


def test_1_the_note_must_count_the_entries() -> None:
    agent = _agent(10)
    batch = Batch(0, agent.checkpoint(10), tuple(agent.entries[:9]))
    assert _refusal(_judge(agent, 0, batch)) == "malformed"


def test_1_a_batch_over_an_empty_log_is_refused() -> None:
    agent = _agent(0)
    assert _refusal(_judge(agent, 0, agent.batch())) == "malformed"


def test_1_a_note_padded_with_lines_that_nobody_asked_for_is_too_large() -> None:
    agent = _agent(3)
    line = "— padding.example/x " + base64.b64encode(bytes(1_500)).decode() + "\n"
    padded = agent.batch().note + line.encode() * 5
    assert note.verify(padded, agent.key.verifier), "a note that C2SP allows"
    assert _refusal(_judge(agent, 0, replace(agent.batch(), note=padded))) == "too-large"


def test_2_an_origin_that_nobody_enrolled_is_unknown() -> None:
    agent = _agent(3)
    assert _refusal(accept(None, agent.batch(), agent_id=agent.agent_id, root_at=_never)) == "unknown-key"


def test_2_a_log_of_another_agent_is_unknown_under_this_name() -> None:
    agent = _agent(3)
    assert _refusal(accept(_held(agent, 0), agent.batch(), agent_id="other-agent", root_at=_never)) == "unknown-key"


def test_2_a_note_by_another_key_is_unknown() -> None:
    agent, impostor = _agent(3), LightAgent(seed=b"i" * 32)
    impostor.append_readings(3)
    assert _refusal(_judge(agent, 0, impostor.batch())) == "unknown-key"


def test_2_a_note_altered_on_the_way_does_not_tell_the_agent_that_its_key_is_unknown() -> None:
    agent = _agent(3)
    batch = agent.batch()
    altered = replace(batch, note=batch.note.replace(b"\n3\n", b"\n4\n"))
    assert _refusal(_judge(agent, 0, altered)) == "malformed"


def test_2_a_revoked_key_is_refused() -> None:
    agent = _agent(3)
    held = replace(_held(agent, 0), revoked=True)
    assert _refusal(accept(held, agent.batch(), agent_id=agent.agent_id, root_at=_never)) == "revoked"


def test_2_bytes_that_are_no_note_are_malformed() -> None:
    agent = _agent(3)
    assert _refusal(_judge(agent, 0, replace(agent.batch(), note=b"hello"))) == "malformed"


def test_3_the_same_again_is_a_repeat() -> None:
    agent = _agent(10)
    assert _judge(agent, 10, agent.batch(0, 10)) == Repeat()
    assert _judge(agent, 10, agent.batch(7, 10)) == Repeat()
    assert _judge(agent, 10, agent.batch(10, 10)) == Repeat()


def test_3_another_root_of_the_same_size_is_a_fork() -> None:
    agent, other = _agent(10), _agent(10, power_mw=5)
    assert _judge(agent, 10, other.batch(0, 10)) == Fork(10)


def test_4_an_older_one_after_a_newer_is_a_repeat() -> None:
    agent = _agent(10)
    assert _judge(agent, 10, agent.batch(0, 6)) == Repeat()
    assert _judge(agent, 10, agent.batch(5, 6)) == Repeat()


def test_4_an_older_one_with_another_root_is_a_fork() -> None:
    agent, other = _agent(10), _agent(10, power_mw=5)
    assert _judge(agent, 10, other.batch(0, 6)) == Fork(6)


def test_5_a_batch_that_begins_above_what_is_held_leaves_a_gap() -> None:
    agent = _agent(10)
    assert _judge(agent, 4, agent.batch(5, 10)) == Gap(5)


def test_6_what_is_held_already_is_dropped() -> None:
    agent = _agent(10)
    outcome = _judge(agent, 4, agent.batch(2, 10))
    assert isinstance(outcome, Accepted)
    assert outcome.first == 4
    assert outcome.entries == tuple(agent.entries[4:10])


def test_7_entries_that_lead_to_the_signed_root_are_accepted() -> None:
    agent = _agent(10)
    outcome = _judge(agent, 0, agent.batch())
    assert isinstance(outcome, Accepted)
    assert outcome.entries == tuple(agent.entries)
    assert (outcome.frontier.size, outcome.frontier.root()) == (10, agent.root())


def test_7_an_entry_that_nobody_understands_is_accepted_like_any_other() -> None:
    agent = _agent(2)
    agent.append_raw(b"\xff not an entry")
    assert isinstance(_judge(agent, 0, agent.batch()), Accepted)


@pytest.mark.parametrize(
    "alter",
    [
        lambda entries: (entries[0] + b" ", *entries[1:]),
        lambda entries: (*entries[:-1], b"x"),
        lambda entries: (entries[1], entries[0], *entries[2:]),
        lambda entries: (*entries[:-1], entries[0]),
    ],
    ids=["a byte more", "another entry", "reordered", "one twice"],
)
def test_8_entries_altered_on_the_way_are_suspect_and_no_fork(
    alter: Callable[[tuple[bytes, ...]], tuple[bytes, ...]],
) -> None:
    agent = _agent(10)
    batch = agent.batch(4, 10)
    assert _judge(agent, 4, replace(batch, entries=alter(batch.entries))) == Suspect(10)


def test_8_a_log_that_was_rolled_back_and_went_on_is_suspect() -> None:
    agent, other = _agent(10), _agent(20, power_mw=5)
    assert _judge(agent, 10, other.batch(10, 20)) == Suspect(20)


def test_a_hello_below_or_at_what_is_held_is_compared_and_above_it_is_no_gap() -> None:
    agent, other = _agent(10), _agent(10, power_mw=5)
    held = _held(agent, 10)
    for size in (0, 6, 10):
        judged = judge_hello(held, agent.checkpoint(size), agent_id="em-01", root_at=agent.root)
        assert isinstance(judged, note.Checkpoint)
    agent.append_readings(5)
    judged = judge_hello(held, agent.checkpoint(15), agent_id="em-01", root_at=agent.root)
    assert isinstance(judged, note.Checkpoint)
    assert judge_hello(held, other.checkpoint(), agent_id="em-01", root_at=agent.root) == Fork(10)
    assert judge_hello(held, other.checkpoint(6), agent_id="em-01", root_at=agent.root) == Fork(6)
    refused = judge_hello(None, agent.checkpoint(), agent_id="em-01", root_at=agent.root)
    assert _refusal(refused) == "unknown-key"


@given(
    cuts=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=12),
)
def test_any_batches_in_any_order_never_lose_or_double_an_entry(cuts: list[tuple[int, int]]) -> None:
    agent = _agent(12)
    held = _held(agent, 0)
    stored: list[bytes] = []
    for start, end in cuts:
        outcome = accept(held, agent.batch(*sorted((start, end))), agent_id="em-01", root_at=agent.root)
        if isinstance(outcome, Accepted):
            stored += outcome.entries
            held = replace(held, frontier=outcome.frontier)
        else:
            assert isinstance(outcome, Repeat | Gap | Refused)
    assert stored == agent.entries[: held.size]
    assert held.frontier.root() == agent.root(held.size)


def _agent(entries: int, *, power_mw: int = 900_000) -> LightAgent:
    agent = LightAgent()
    agent.append_readings(entries, power_mw=power_mw)
    return agent


def _held(agent: LightAgent, size: int) -> Held:
    frontier = merkle.EMPTY_FRONTIER.extend(map(merkle.leaf_hash, agent.entries[:size]))
    return Held(1, agent.agent_id, agent.key.verifier, revoked=False, frontier=frontier)


def _judge(agent: LightAgent, size: int, batch: Batch) -> Outcome:
    return accept(_held(agent, size), batch, agent_id=agent.agent_id, root_at=agent.root)


def _refusal(outcome: object) -> str:
    assert isinstance(outcome, Refused), outcome
    return outcome.code


def _never(size: int) -> bytes:
    raise AssertionError("nothing is held to compare with")
