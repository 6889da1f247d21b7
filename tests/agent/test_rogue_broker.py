"""Whoever owns the broker: forged welcomes, receipts and refusals cost delay, and not a byte of the journal.

With the broker of deploy/ a stranger does not get so far (tests/deploy/test_strangers.py); this is what he would gain.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage

from agent.journal import Journal
from agent.uplink import UplinkView
from collector.embedded.broker import EmbeddedBroker
from protocol.keys import COSIGNATURE, ED25519, SigningKey
from protocol.message import REFUSAL_CODES, Hello, Refusal, Welcome, pack, parse_up
from protocol.note import Checkpoint, SignatureLine, cosign, sign_checkpoint
from tests.agent.conftest import AGENT_KEY, ORIGIN, RECEIPT_KEY, add
from tests.agent.fake_collector import FakeCollector
from tests.agent.test_uplink_broker import Line, eventually

ENTRIES = 50
ROGUE_KEY = SigningKey(RECEIPT_KEY.name, COSIGNATURE, bytes([66]) * 32)
UNSIGNED = SignatureLine(RECEIPT_KEY.name, RECEIPT_KEY.verifier.key_id, (1_764_554_500).to_bytes(8, "big") + bytes(64))
"""The true key's name and id, which are no secret, over no signature of it."""
OWN_LOG = SigningKey(ORIGIN, ED25519, bytes([66]) * 32)


class RogueCollector(FakeCollector):
    """Answers everything with everything that it can forge; what only the two true keys can sign it has not."""

    def __init__(self, port: int) -> None:
        self.heard: list[str] = []
        super().__init__(port, agent=AGENT_KEY.verifier, key=ROGUE_KEY)

    def _hear(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        heard = parse_up(bytes(message.payload))
        nonce = heard.nonce if isinstance(heard, Hello) else "0" * 32
        self.heard.append("hello" if isinstance(heard, Hello) else "batch")
        for forged in self._forge(heard.note, nonce):
            self.say(forged)

    def _forge(self, note: bytes, nonce: str) -> Iterator[bytes]:
        everything = sign_checkpoint(Checkpoint(ORIGIN, ENTRIES, bytes(32)), OWN_LOG)
        far_more = sign_checkpoint(Checkpoint(ORIGIN, 10**6, bytes(32)), OWN_LOG)
        for signed in (note, everything, far_more):
            yield cosign(signed, ROGUE_KEY, time_s=1_764_554_500)
            yield signed + str(UNSIGNED).encode()
            for held in (0, ENTRIES, 10**6):
                yield pack(Welcome(nonce, 0, held, 4, 0, (), cosign(signed, ROGUE_KEY, time_s=1)))
                yield pack(Welcome(nonce, 0, held, 4, 0, (), None))
        yield note
        yield b"noise"
        if "batch" in self.heard:  # refusals end the conversation for long, and so come last
            for code in REFUSAL_CODES:
                yield pack(Refusal(code, 10**6, "forged", cosign(everything, ROGUE_KEY, time_s=1)))
                yield pack(Refusal(code, 0, "forged", None))


def be_lied_to(journal: Journal, broker: EmbeddedBroker) -> UplinkView:
    """An uplink that has heard all of the above; how it stood in the end."""
    rogue, line = RogueCollector(broker.port), Line(journal, broker.port)
    eventually(lambda: "the collector refuses" in line.uplink.view().detail)
    assert rogue.heard[:2] == ["hello", "batch"]
    view = line.uplink.view()
    line.close()
    rogue.close()
    return view


@pytest.fixture(autouse=True)
def _short_farewell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing will come from this collector: it is not waited for."""
    monkeypatch.setattr("agent.uplink.FAREWELL_MS", 200)


@pytest.fixture
def journal(open_journal: Callable[..., Journal]) -> Journal:
    made = open_journal()
    add(made, ENTRIES)
    return made


def bytes_of(journal: Journal) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in journal.directory.glob("*.log")}


def test_nothing_is_deleted_changed_or_taken_for_delivered(journal: Journal, broker: EmbeddedBroker) -> None:
    before = bytes_of(journal)
    view = be_lied_to(journal, broker)
    assert view.state in ("paused", "shunned"), "a lie that costs time, as a silent broker does"
    assert (journal.receipted_size, journal.size) == (0, ENTRIES)
    assert bytes_of(journal) == before


def test_the_true_collector_gets_everything_afterwards(journal: Journal, broker: EmbeddedBroker) -> None:
    be_lied_to(journal, broker)
    honest, line = FakeCollector(broker.port, agent=AGENT_KEY.verifier, key=RECEIPT_KEY), Line(journal, broker.port)
    eventually(lambda: journal.receipted_size == ENTRIES)
    assert tuple(honest.entries) == journal.entries(0, ENTRIES)
    line.close()
    honest.close()
