"""Judges the messages of one transaction in their order, each by its kind.

Batches are judged in offers.py, hellos and requests for the next epoch in greetings.py, hashes that were asked for in
adjudication.py; here what is left, hints and messages that are none of ours. Answers are made only once all are judged:
a receipt covers what comes after too.
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

from psycopg.types.json import Jsonb

from collector.ingest.adjudication import hear
from collector.ingest.greetings import greet, succeed
from collector.ingest.held import HeldJournal
from collector.ingest.offers import give_receipts, judge_offer
from collector.ingest.prepare import Answered, Glimpse, Greeting, Poison, Prepared, Succession
from collector.ingest.work import Answer, Work
from collector.store.queries import load
from protocol.errors import ForeignBytesError
from protocol.hint import open_hint
from protocol.message import Refusal, pack

log = logging.getLogger(__name__)
_SQL = load("ingest")
_EPOCHS = load("epochs")


def judge(work: Work, messages: Sequence[Prepared]) -> list[bytes | None]:
    """Judges the messages in order; returns the answers, to be sent once everything is committed."""
    answers = [_judge(work, message) for message in messages]
    give_receipts(work)
    return [answer() for answer in answers]


def _judge(work: Work, message: Prepared) -> Answer:
    match message:
        case Poison():
            return _answer_poison(work, message)
        case Greeting():
            return greet(work, message, work.journals.get(message.origin))
        case Succession():
            return succeed(work, message)
        case Glimpse():
            _keep_hint(work, message, work.journals.get(message.origin))
            return _no_answer
        case Answered():
            return hear(work, message, work.journals.get(message.origin))
    return judge_offer(work, message)


def _keep_hint(work: Work, glimpse: Glimpse, journal: HeldJournal | None) -> None:
    """Keeps an agent's newest hint; one that does not verify is dropped."""
    work.counts["hints"] += 1
    if journal is None or journal.held.revoked or journal.held.agent_id != glimpse.agent_id:
        return
    try:
        hint = open_hint(glimpse.note, journal.held.key)
    except ForeignBytesError as error:
        log.debug("dropped hint agent=%s: %s", glimpse.agent_id, error)
        return
    values = {
        "agent_id": glimpse.agent_id,
        "origin": hint.origin,
        "at_ms": hint.time_ms,
        "waiting": hint.waiting,
        "showing": Jsonb([asdict(one) for one in hint.showing]),
        "now": work.now,
    }
    work.connection.execute(_EPOCHS.put_hint, values)


def _answer_poison(work: Work, poison: Poison) -> Answer:
    """A refusal with what is held of the agent's newest log; an agent that nobody enrolled gets none."""
    work.counts["messages_malformed"] += 1
    log.debug("refused message agent=%s code=%s: %s", poison.agent_id, poison.code, poison.detail)
    row = work.connection.execute(_SQL.load_newest_journal, {"agent_id": poison.agent_id}).fetchone()
    if row is None:
        return _no_answer
    return partial(pack, Refusal(poison.code, row[0], poison.detail, row[1]))


def _no_answer() -> None:
    return None
