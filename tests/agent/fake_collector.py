"""A collector that knows protocol/ and nothing else: it accepts batches over a real broker, or misbehaves on demand."""

import threading
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from protocol.batch import Batch
from protocol.hint import Hint, SignedHint, open_hint
from protocol.keys import SigningKey, VerifierKey
from protocol.merkle import EMPTY_FRONTIER, Frontier, leaf_hash
from protocol.message import Hello, Level, Refusal, RefusalCode, SentPolicy, Welcome, pack, parse_up
from protocol.note import Checkpoint, cosign, open_checkpoint
from protocol.topics import down_topic, parse_up_topic


class FakeCollector:
    """Holds the entries of one log.

    `deaf`: hears nothing; `refuse`: answers batches with this code; `lose`: so many of the next messages are lost on
    the way; `rogue`: receipts are signed with this key instead.
    """

    def __init__(self, port: int, *, agent: VerifierKey, key: SigningKey) -> None:
        self.entries: list[bytes] = []
        self.hellos: list[Checkpoint] = []
        self.notes: list[bytes] = []
        self.hints: list[Hint] = []
        self.receipt: bytes | None = None
        self.levels: tuple[Level, ...] = ()
        self.policies: tuple[SentPolicy, ...] = ()
        self.beacon: bytes | None = None
        self.spread_s = 0
        self.deaf = False
        self.lose = 0
        self.refuse: RefusalCode | None = None
        self.rogue: SigningKey | None = None
        self._frontier: Frontier = EMPTY_FRONTIER
        self._agent = agent
        self._key = key
        self._subscribed = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="collector")
        self._client.on_connect = lambda client, *_: client.subscribe("jishi/v1/up/#", qos=1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._hear
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._subscribed.wait(10)

    @property
    def size(self) -> int:
        return len(self.entries)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def forget(self, size: int) -> None:
        """Be restored from an older backup."""
        del self.entries[size:]
        self._frontier = EMPTY_FRONTIER.extend(map(leaf_hash, self.entries))

    def say(self, raw: bytes) -> None:
        self._client.publish(down_topic("em-01"), raw, qos=1)

    def _hear(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        assert parse_up_topic(message.topic) == "em-01"
        if self.deaf:
            return
        if self.lose:
            self.lose -= 1
            return
        heard = parse_up(bytes(message.payload))
        if isinstance(heard, SignedHint):
            self.hints.append(open_hint(heard.note, self._agent))
        elif isinstance(heard, Hello):
            self.hellos.append(open_checkpoint(heard.note, self._agent))
            brings = (self.levels, self.receipt, self.policies, self.beacon)
            self.say(pack(Welcome(heard.nonce, 0, self.size, 4, self.spread_s, *brings)))
        elif isinstance(heard, Batch):
            self.say(self._take(heard))

    def _take(self, batch: Batch) -> bytes:
        signed = open_checkpoint(batch.note, self._agent)
        self.notes.append(batch.note)
        if self.refuse:
            return pack(Refusal(self.refuse, self.size, "on demand", self.receipt))
        if batch.old > self.size:
            return pack(Refusal("gap", self.size, "", self.receipt))
        fresh = batch.entries[self.size - batch.old :]
        frontier = self._frontier.extend(map(leaf_hash, fresh))
        assert frontier.root() == signed.root or not fresh
        self.entries += fresh
        self._frontier = frontier
        self.receipt = cosign(batch.note, self.rogue or self._key, time_s=1_764_554_500)
        return self.receipt
