"""One message and its answer: how what comes by HTTPS or on a medium reaches the same rule and the same transaction.

A worker may serve the same agent over MQTT at the same moment: the compare-and-swap on the journal decides, and
whoever comes second is judged again by what is held then. Here every message gets an answer, because somebody waits:
a hint an empty one.
"""

from collections import Counter
from collections.abc import Callable

from collector.ingest.prepare import Glimpse, Poison, Prepared, prepare
from collector.ingest.writer import Writer
from collector.store.database import Connection
from protocol.message import Refusal, pack
from protocol.note import SigningKey
from protocol.topics import up_topic


class Intake:
    """Judges and stores messages one by one. `counts` says what became of them; a thread of its own for each."""

    def __init__(
        self, connection: Connection, receipt_key: SigningKey, *, clock_ms: Callable[[], int], can_ask: bool = True
    ) -> None:
        """`can_ask` is false for a medium, which answers nothing."""
        self._writer = Writer(connection, receipt_key, clock_ms=clock_ms, can_ask=can_ask)

    @property
    def counts(self) -> Counter[str]:
        return self._writer.counts

    def take(self, agent_id: str, raw: bytes) -> bytes:
        """The answer to one message that came in this agent's name; what it promises is committed.

        MalformedName where no agent can have that name, DatabaseLost where the answer is not known.
        """
        prepared = prepare(up_topic(agent_id), raw)
        answer = self._writer.write([prepared])[0]
        return _unanswered(prepared) if answer is None else answer


def _unanswered(message: Prepared) -> bytes:
    """What to tell somebody who is here to hear it, where MQTT would say nothing or wait for a repetition."""
    if isinstance(message, Glimpse):
        return b""
    if isinstance(message, Poison):
        return pack(Refusal(message.code, 0, message.detail, None))
    return pack(Refusal("busy", 0, "it could not be stored: send it again later", None))
