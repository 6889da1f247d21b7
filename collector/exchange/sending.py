"""Messages go out, one after the other, each with its outcome written down before the next one.

No transaction is open and nothing but the sender's one seat is held while a platform thinks. A platform that gives no
answer AWAY_AFTER times in a row is taken to be away, and the rest of the round is left.

    1  write down that it is sent, and until when its answer is waited for
    2  where an earlier answer was lost and the platform can be asked, ask it: what it took or refused is not sent again
    3  send, under the key of record and revision
    4  write down what came back
"""

import logging
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple, Protocol

from collector.errors import ExchangeError
from collector.exchange.outbox import Due, begin_attempt, end_attempt, list_due
from collector.exchange.states import ANSWER_LEASE, Answer, State, after_attempt
from collector.store.database import Connection
from collector.store.queries import load

log = logging.getLogger(__name__)

AWAY_AFTER = 3
AT_ONCE = 100
_SQL = load("exchange")


class Road(Protocol):
    """What a message is handed to: collector.exchange.platform."""

    @property
    def can_ask(self) -> bool: ...

    def send(self, due: Due) -> Answer: ...

    def ask(self, due: Due) -> Answer: ...


class Round(NamedTuple):
    """How many messages were taken to which state, and whether the platform was away."""

    counts: dict[State, int]
    is_away: bool


@contextmanager
def sender_seat(connection: Connection) -> Iterator[None]:
    """One process makes and sends at a time. ExchangeError where another one does."""
    row = connection.execute(_SQL.lock_sender).fetchone()
    if row is None or not row[0]:
        raise ExchangeError("another process is sending at this moment: wait for it, or stop it first")
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute(_SQL.unlock_sender)


def send_due(
    connection: Connection,
    road: Road,
    *,
    now: Callable[[], datetime],
    may_go_on: Callable[[], bool] = lambda: True,
    draw: Callable[[], float] = random.random,
) -> Round:
    """Sends whatever is due when the round begins, each message once; in the caller's seat."""
    counts: dict[State, int] = {}
    begun, after, silent = now(), 0, 0
    while due := list_due(connection, now=begun, after=after, limit=AT_ONCE):
        for each in due:
            if not may_go_on() or silent >= AWAY_AFTER:
                return Round(counts, silent >= AWAY_AFTER)
            after = each.message_id
            if (outcome := _attempt(connection, road, each, now=now, draw=draw)) is None:
                continue
            state, answer = outcome
            counts[state] = counts.get(state, 0) + 1
            silent = silent + 1 if answer.heard == "nothing" else 0
    return Round(counts, silent >= AWAY_AFTER)


def _attempt(
    connection: Connection, road: Road, due: Due, *, now: Callable[[], datetime], draw: Callable[[], float]
) -> tuple[State, Answer] | None:
    at = now()
    with connection.transaction():
        if not begin_attempt(connection, due, now=at, lease_until=at + ANSWER_LEASE):
            return None
    answer = _hand_over(road, due)
    following = after_attempt(answer, attempts=due.attempts + 1, now=now(), draw=draw)
    with connection.transaction():
        end_attempt(connection, due.message_id, answer, following, now=now())
    log.info(
        "message sent id=%d record=%s revision=%d outcome=%s state=%s",
        due.message_id, due.inner_id, due.revision, answer.heard, following.state,
    )  # fmt: skip
    return following.state, answer


def _hand_over(road: Road, due: Due) -> Answer:
    if due.is_unsure and road.can_ask:
        answer = road.ask(due)
        if answer.heard != "unknown":
            return answer
    return road.send(due)
