"""Many light agents over one MQTT connection, each with a backlog, by the rules of the uplink (faults.md section 2).

    hello -> welcome (window) -> batches, at most a window of them under way -> receipts -> ... -> all receipted

Silence for `patience_s` or a broken connection: hello again. `busy`: wait, then hello. `gap`: go back to what is
held. Every receipt is verified. A small machine of its own, so that the collector is not tested with the agent's code.
"""

import queue
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from collector.store.database import Connection
from protocol.batch import parse_bundle
from protocol.message import Refusal, Welcome, parse_down
from protocol.note import open_receipt
from protocol.topics import down_topic
from tests.light_agent import RECEIPT_KEY, LightAgent

Heard = tuple[str, bytes]


@dataclass
class Sender:
    """What one agent knows: how much is receipted, how far it has sent, how much may be under way."""

    agent: LightAgent
    batch_size: int
    receipted: int = 0
    sent: int = 0
    window: int = 0  # 0: not welcomed
    hello_due_s: float = 0.0

    @property
    def is_done(self) -> bool:
        return self.receipted == len(self.agent.entries)

    def next_batches(self) -> Iterable[bytes]:
        """Fills the window."""
        ends_at = min(len(self.agent.entries), self.receipted + self.window * self.batch_size)
        while self.sent < ends_at:
            old, self.sent = self.sent, min(self.sent + self.batch_size, ends_at)
            yield self.agent.payload(old, self.sent)

    def take(self, raw: bytes) -> str:
        """Takes an answer; returns what it was."""
        message = parse_down(raw)
        if isinstance(message, Welcome):
            self.window, self.receipted, self.sent = message.window, message.held, message.held
            return f"welcome {message.window}"
        if isinstance(message, Refusal):
            self.window = 0 if message.code == "busy" else self.window
            self.sent = message.held if message.code == "gap" else self.sent
            return message.code
        held = open_receipt(message, RECEIPT_KEY.verifier).checkpoint
        assert held.root == self.agent.root(held.size)
        self.receipted, self.sent = max(self.receipted, held.size), max(self.sent, held.size)
        return "receipt"


class Fleet:
    """Runs all senders in the caller's thread; `answers` counts what came down, `hellos` what was asked."""

    def __init__(
        self, agents: Iterable[LightAgent], *, batch_size: int, patience_s: float = 3.0, busy_s: float = 0.3
    ) -> None:
        self.senders = {agent.agent_id: Sender(agent, batch_size) for agent in agents}
        self.answers: Counter[str] = Counter()
        self.hellos = 0
        self._patience_s, self._busy_s = patience_s, busy_s
        self._heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
        self._client.max_inflight_messages_set(0)
        self._listening = threading.Event()
        self._client.on_connect = lambda c, *_: c.subscribe([(down_topic(each), 1) for each in self.senders])
        self._client.on_subscribe = lambda *_: self._listening.set()
        self._client.on_message = lambda _c, _d, m: self._heard.put((m.topic.rpartition("/")[2], bytes(m.payload)))

    def connect(self, host: str, port: int) -> None:
        self._client.connect(host, port)
        self._client.loop_start()
        assert self._listening.wait(20)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def is_done(self) -> bool:
        return all(sender.is_done for sender in self.senders.values())

    def run(self, until: Callable[[], bool], *, timeout_s: float = 60.0) -> None:
        """Sends and listens until `until()`, asked after every answer."""
        deadline_s = time.monotonic() + timeout_s
        while not until():
            now_s = time.monotonic()
            assert now_s < deadline_s, f"{self.answers}, {sum(not s.is_done for s in self.senders.values())} not done"
            self._greet_the_silent(now_s)
            try:
                agent_id, raw = self._heard.get(timeout=0.05)
            except queue.Empty:
                continue
            sender = self.senders[agent_id]
            kind = sender.take(raw)
            self.answers[kind] += 1
            sender.hello_due_s = now_s + (self._busy_s if kind == "busy" else self._patience_s)
            for payload in sender.next_batches():
                self._client.publish(sender.agent.topic, payload, qos=1)

    def _greet_the_silent(self, now_s: float) -> None:
        for sender in self.senders.values():
            if not sender.is_done and now_s >= sender.hello_due_s:
                self.hellos += 1
                sender.window, sender.hello_due_s = 0, now_s + self._patience_s
                self._client.publish(sender.agent.topic, sender.agent.hello(), qos=1)


def enrol_all(connection: Connection, agents: Iterable[LightAgent]) -> None:
    """As if each had enrolled; what they measure is nobody's."""
    for agent in agents:
        connection.execute("INSERT INTO agent (agent_id) VALUES (%s)", [agent.agent_id])
        connection.execute(
            "INSERT INTO journal (origin, agent_id, epoch, vkey) VALUES (%s, %s, 1, %s)",
            [agent.origin, agent.agent_id, agent.vkey],
        )


def check_stored(connection: Connection, fleet: Fleet) -> None:
    """Every entry of every agent is stored once, with its bytes, and has its row."""
    for sender in fleet.senders.values():
        rows = connection.execute(
            "SELECT b.entries FROM batch b JOIN journal j USING (journal_id) WHERE j.origin = %s ORDER BY b.first",
            [sender.agent.origin],
        )
        assert [entry for (packed,) in rows for entry in parse_bundle(zlib.decompress(packed))] == sender.agent.entries
    sent = sum(len(sender.agent.entries) for sender in fleet.senders.values())
    assert connection.execute("SELECT count(*) FROM reading").fetchone() == (sent,)
