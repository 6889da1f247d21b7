"""The link that chooses: which road it takes when, over two links that do as they are told."""

from collections import deque
from random import Random

import pytest

from agent.exchange import Connected, Event, Lost, Received
from agent.roads.auto import AutoLink
from agent.roads.choice import FIRST_TRIAL_MS, PATIENCE_MS
from agent.roads.link import Standing
from tests.agent.manual_clock import ManualClock


class Road:
    """A link that works or does not."""

    standing = Standing("", "")
    socket = None
    wants_write = False

    def __init__(self) -> None:
        self.events: deque[Event] = deque()
        self.works = True
        self.answers = True
        self.connects = 0
        self.is_open = False

    def connect(self) -> None:
        self.connects += 1
        self.is_open = self.works
        self.events.append(Connected() if self.works else Lost("away"))

    def send(self, raw: bytes) -> None:
        if self.is_open and self.answers:
            self.events.append(Received(raw))

    def serve(self, *, read: bool, write: bool) -> None:
        pass

    def drop(self, reason: str) -> None:
        if self.is_open:
            self.close()
            self.events.append(Lost(reason))

    def close(self) -> None:
        self.is_open = False
        self.events.clear()


class Both:
    """The choosing link, and a conversation that only ever says hello."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.mqtt, self.https = Road(), Road()
        self.link = AutoLink(self.mqtt, self.https, clock=self.clock, chance=Random(1))

    def attempt(self) -> list[Event]:
        """Connect and say hello, as after a back-off; return what was told."""
        self.link.close()
        self.link.connect()
        if self.link.events[-1] == Connected():
            self.link.send(b"hello")
        return list(self.link.events)

    def wait(self, ms: int) -> list[Event]:
        """Let the time pass, and serve as the uplink does."""
        self.link.events.clear()
        self.clock.advance(ms)
        self.link.serve(read=False, write=False)
        return list(self.link.events)


@pytest.fixture
def both() -> Both:
    return Both()


@pytest.fixture
def detour(both: Both) -> Both:
    """The broker is away for good, and HTTPS is the road."""
    both.mqtt.works = False
    both.attempt()
    both.wait(PATIENCE_MS)
    both.attempt()
    assert both.attempt() == [Connected(), Received(b"hello")]
    return both


def test_mqtt_is_the_road_while_it_works(both: Both) -> None:
    assert both.attempt() == [Connected(), Received(b"hello")]
    assert both.https.connects == 0
    assert both.link.standing == Standing("mqtt", "")


def test_a_broker_that_stays_away_leads_to_https_and_the_standing_says_why(detour: Both) -> None:
    assert detour.https.is_open
    assert detour.link.standing == Standing("https", "MQTT does not work: away")


def test_mqtt_is_tried_again_and_taken_where_it_works(detour: Both) -> None:
    detour.mqtt.works = True
    assert detour.wait(FIRST_TRIAL_MS) == [Lost("MQTT is tried again")]
    assert not detour.https.is_open
    assert detour.attempt() == [Connected(), Received(b"hello")]
    assert (detour.mqtt.is_open, detour.link.standing.road) == (True, "mqtt")


def test_a_trial_that_fails_costs_one_attempt(detour: Both) -> None:
    detour.wait(FIRST_TRIAL_MS)
    assert detour.attempt() == [Lost("away")]
    assert detour.attempt() == [Connected(), Received(b"hello")]
    assert detour.https.is_open


def test_a_broker_behind_which_nobody_answers_is_left(both: Both) -> None:
    both.mqtt.answers = False
    both.attempt()
    assert both.wait(PATIENCE_MS - 1) == []
    (lost,) = both.wait(1)
    assert isinstance(lost, Lost)
    assert "has not answered for 300 s" in lost.reason
    both.attempt()
    assert both.https.is_open


def test_a_collector_that_has_nothing_to_answer_is_not_left(both: Both) -> None:
    both.attempt()
    assert both.wait(10 * PATIENCE_MS) == []
    assert both.mqtt.is_open


def test_what_the_uplink_itself_gives_up_says_nothing_of_the_road(both: Both) -> None:
    for _ in range(3):
        both.attempt()
        both.link.drop("nothing can be signed: the disk is full")
        both.wait(PATIENCE_MS)
    both.attempt()
    assert both.https.connects == 0


def test_where_both_fail_both_are_tried(both: Both) -> None:
    both.mqtt.works = both.https.works = False
    both.attempt()
    both.wait(PATIENCE_MS)
    for _ in range(6):
        both.attempt()
    assert (both.mqtt.connects, both.https.connects) == (4, 3)
