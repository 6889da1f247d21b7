"""How much agents may have under way, so that all of it together fits the broker's queue and our memory.

A broker drops silently what does not fit its queue, and an agent sends a batch only inside the window that its welcome
granted. So each welcome is a grant of bytes out of one budget, and ends when the agent has caught up with the size
that it named in its hello. While the database is slow, receipts are slow, grants last, and the room shrinks: the
next agents get a smaller window, down to one batch, and when nothing is left they are told `busy` and come again.
An agent with little to tell costs little, so those who are up to date are welcome beside a month of backlog.

The arithmetic, for one worker, whose MQTT session has one queue at the broker:

    a grant      min(window x 256 KiB, backlog x 1 KiB) + 1 KiB       256 KiB: an agent's largest batch, not
                 (agent/conversation.py MOST_BYTES)                    compressed; an entry has 300 bytes, travels as 50
    budget       128 MiB: 512 agents with any backlog and one batch each, or 65 536 with one new entry each
    queue        256 MiB (embedded/broker.py; any other broker must have as much): the budget twice, because shards
                 that just changed hands bring what another worker granted
    memory       a worker reads no more than mailbox.MAX_WAITING_BYTES ahead, whatever waits at the broker

512 batches under way are far more than a transaction takes, so the window costs no speed: 16 000 agents with a
month of backlog take turns.
"""

from collections import OrderedDict
from typing import NamedTuple

WINDOW = 4
"""Batches that an agent may have under way where there is room."""
BUDGET_BYTES = 128 * 1024 * 1024
BATCH_BYTES = 256 * 1024
ENTRY_BYTES = 1024
FORGOTTEN_AFTER_MS = 60_000
"""Without a word; an agent that gets no receipt for 30 s says hello again (faults.md section 2)."""


class _Grant(NamedTuple):
    cost_bytes: int
    until_size: int
    heard_ms: int


class Grants:
    """What one worker granted; times are told by the caller and never go far back."""

    def __init__(self, budget_bytes: int) -> None:
        self._budget_bytes = budget_bytes
        self._granted: OrderedDict[str, _Grant] = OrderedDict()  # the longest silent first
        self.granted_bytes = 0

    def ask(self, agent_id: str, *, size: int, held: int, now_ms: int) -> int:
        """The window for an agent that has `size` entries of which we hold `held`; 0: busy, come again."""
        self._end(agent_id)
        self._forget_silent(now_ms)
        room_bytes = max(0, self._budget_bytes - self.granted_bytes)
        window = -(-WINDOW * room_bytes // self._budget_bytes)
        backlog = max(0, size - held)
        while window and _cost_bytes(window, backlog) > room_bytes:
            window -= 1
        if window:
            self._begin(agent_id, _Grant(_cost_bytes(window, backlog), size, now_ms))
        return window

    def hear(self, agent_id: str, *, size: int, now_ms: int) -> None:
        """A batch of the agent up to `size` was judged."""
        grant = self._granted.get(agent_id)
        if grant is None:
            return
        self._end(agent_id)
        if size < grant.until_size:
            self._begin(agent_id, grant._replace(heard_ms=now_ms))

    def _begin(self, agent_id: str, grant: _Grant) -> None:
        self._granted[agent_id] = grant
        self.granted_bytes += grant.cost_bytes

    def _end(self, agent_id: str) -> None:
        grant = self._granted.pop(agent_id, None)
        self.granted_bytes -= grant.cost_bytes if grant else 0

    def _forget_silent(self, now_ms: int) -> None:
        while self._granted:
            agent_id, grant = next(iter(self._granted.items()))
            if now_ms - grant.heard_ms < FORGOTTEN_AFTER_MS:
                return
            self._end(agent_id)


def _cost_bytes(window: int, backlog: int) -> int:
    return min(window * BATCH_BYTES, backlog * ENTRY_BYTES) + ENTRY_BYTES
