"""Plugs over a real broker: what they report is heard, trouble has its message, and recording goes on afterwards."""

import threading
import time
from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from agent.clock import SystemClock
from agent.reading import Sample
from agent.simulator.load import Load
from agent.simulator.models import Segment
from agent.simulator.plug import DIALECTS, Moment, SimulatedPlug
from agent.watchers import mqtt_link, mqtt_watcher
from agent.watchers.mqtt_link import Delivery
from agent.watchers.mqtt_report import Message
from agent.watchers.mqtt_watcher import BURST, PER_S, Flow, MqttWatcher
from agent.watchers.registry import find_kind
from agent.watchers.watcher import Fault, Seen
from collector.embedded.broker import EmbeddedBroker
from tests.agent.watchers.bench import Ears
from tests.agent.watchers.dialect import faults_of, settings_for
from tests.agent.watchers.site import Hoax, Publisher, write_passwords
from tests.agent.watchers.site import SiteBroker as Guarded
from tests.conftest import find_free_port

POWER_MW = 905_000
EVERY_S = 0.2


class Spoken(NamedTuple):
    """A dialect: the kind that hears it, its settings, the topic of its reports, and whether it tells a counter."""

    plug: str
    kind: str
    settings: dict[str, Any]
    reports: str
    counts: bool = True


SPOKEN = [
    Spoken("tasmota", "tasmota-plug", {"topic": "bench 3"}, "tele/bench 3/SENSOR"),
    Spoken("shelly-gen1", "shelly-gen1", {"device": "bench 3"}, "shellies/bench 3/relay/0/power"),
    Spoken("shelly-gen2", "shelly-gen2", {"prefix": "bench 3"}, "bench 3/status/switch:0"),
    Spoken("zigbee2mqtt", "zigbee2mqtt-plug", {"friendly_name": "bench 3"}, "zigbee2mqtt/bench 3", counts=False),
    Spoken(
        "esphome", "esphome-meter", {"node": "bench 3", "power_unit": "W", "energy_sensor": "energy"},
        "bench 3/sensor/power/state",
    ),
    Spoken(
        "gateway", "mqtt-topic", {"topic": "bench 3", "pointer": "/watts", "channel": "power", "unit": "W"}, "bench 3",
        counts=False,
    ),
]  # fmt: skip
TASMOTA = SPOKEN[0]

in_every_dialect = pytest.mark.parametrize("spoken", SPOKEN, ids=lambda spoken: spoken.kind)


class Air:
    """A broker, plugs that report there, and watchers that listen; all end with the test."""

    def __init__(self, broker: EmbeddedBroker) -> None:
        self.broker = broker
        self._endings: list[Callable[[], object]] = []

    def plug(self, spoken: Spoken = TASMOTA, fault: Any = None) -> SimulatedPlug:
        load = Load(repeat(Segment("run", 200, POWER_MW)), SystemClock().now(), changed=lambda wall_ms, segment: None)
        address = (self.broker.host, self.broker.port)
        plug = SimulatedPlug(DIALECTS[spoken.plug], "bench 3", load, broker=address, every_s=EVERY_S, fault=fault)
        plug.connect()
        thread = threading.Thread(target=plug.serve)
        thread.start()
        self._endings += [lambda: setattr(plug, "stopping", True), thread.join, plug.close]
        return plug

    def listen(self, spoken: Spoken = TASMOTA, **settings: Any) -> Ears:
        usual = {"port": self.broker.port, "report_s": 1, **spoken.settings}
        kind = find_kind(spoken.kind)
        ears = Ears(kind.make(settings_for(spoken.kind, **{**usual, **settings}), SystemClock()))
        self._endings.append(ears.stop)
        return ears

    def publisher(self) -> Publisher:
        publisher = Publisher(self.broker.port)
        self._endings.append(publisher.close)
        return publisher

    def end(self) -> None:
        for ending in self._endings:
            ending()


@pytest.fixture
def air(broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Air]:
    monkeypatch.setattr(mqtt_link, "LOOK_S", 0.05)
    if broker.program == "amqtt":
        monkeypatch.setattr(mqtt_link, "ANSWER_S", 1.0)  # it does not answer what it does not know
    air = Air(broker)
    yield air
    air.end()


def faults(ears: Ears) -> list[str]:
    return [said.reason for said in ears.said if isinstance(said, Fault)]


@in_every_dialect
def test_power_and_counter_of_a_plug_are_heard(air: Air, spoken: Spoken) -> None:
    before = SystemClock().now()
    ears = air.listen(spoken)
    plug = air.plug(spoken)
    first = ears.wait(Sample)
    later = ears.wait(Sample, lambda sample: sample.at > first.at and (sample.counter_mwh is None) != spoken.counts)
    assert (later.watcher, later.channel, later.value) == ("plug1", "power", POWER_MW)
    assert before.mono_ms <= first.at.mono_ms < later.at.mono_ms <= SystemClock().now().mono_ms
    if spoken.counts:
        assert later.counter_mwh is not None
        assert 0 <= later.counter_mwh - plug.counter_wh * 1000 <= 60_000
    assert faults(ears) == []
    [seen] = [said for said in ears.said if isinstance(said, Seen)]
    assert ("broker", f"127.0.0.1:{air.broker.port}") in seen.particulars
    assert ("topic", spoken.reports) in seen.particulars


@in_every_dialect
def test_what_the_broker_had_kept_is_never_a_sample(air: Air, spoken: Spoken) -> None:
    publisher = air.publisher()
    for kept in DIALECTS[spoken.plug].report("bench 3", Moment(777_000, 5_000_000, 1_764_554_716_036)):
        publisher.publish(kept.topic, kept.payload, retain=True)
    ears = air.listen(spoken)
    air.plug(spoken)
    ears.wait(Sample)
    assert {sample.value for sample in ears.samples()} == {POWER_MW}


@in_every_dialect
@pytest.mark.parametrize("fault", ["garbage", "absurd"])
def test_a_plug_in_trouble_is_unobserved_with_the_reason_and_heard_again_afterwards(
    air: Air, spoken: Spoken, fault: Any
) -> None:
    ears = air.listen(spoken, **({"highest": 4000} if spoken.kind == "mqtt-topic" else {}))
    plug = air.plug(spoken, fault)
    told = ears.heard(Fault)
    assert told.reason.startswith("unobserved because ")
    assert ears.samples() == []
    plug.fault = None
    assert ears.wait(Sample).value == POWER_MW
    assert {sample.value for sample in ears.samples()} == {POWER_MW}
    assert len(faults(ears)) == 1  # told once, not at every report
    seen = ears.heard(Seen)
    assert dict(seen.particulars)["unusable"]


@in_every_dialect
def test_a_plug_that_is_pulled_out_is_missed_by_its_last_will_and_heard_again_when_it_is_back(
    air: Air, spoken: Spoken
) -> None:
    if spoken.kind == "mqtt-topic":
        return  # a bare topic has no last will: silence has to do, below
    ears = air.listen(spoken)
    plug = air.plug(spoken)
    ears.wait(Sample)
    plug.close()
    told = ears.heard(Fault)
    assert "says that it is offline; until that is taken back, values count as repetitions" in told.reason
    air.plug(spoken)
    assert ears.wait(Sample).value == POWER_MW


def test_a_silent_plug_is_unobserved_after_three_reports(air: Air) -> None:
    ears = air.listen()
    plug = air.plug()
    ears.wait(Sample)
    plug.fault = "silent"
    told = ears.heard(Fault)
    assert told.reason == (
        "unobserved because nothing came on tele/bench 3/SENSOR for 3 s: set TelePeriod 10 on the plug, and check its "
        "topic, its broker and its power"
    )
    assert told.at.mono_ms - ears.samples()[-1].at.mono_ms > 3000
    plug.fault = None
    ears.wait(Sample)


def test_a_gateway_that_repeats_a_plug_that_is_gone_is_not_believed(air: Air) -> None:
    ears = air.listen()
    publisher = air.publisher()
    report_until(ears, publisher, "tele/bench 3/SENSOR", '{"ENERGY":{"Power":1}}')
    publisher.publish("tele/bench 3/LWT", "Offline", retain=True)
    for watts in (2, 3):
        publisher.publish("tele/bench 3/SENSOR", f'{{"ENERGY":{{"Power":{watts}}}}}')
    publisher.publish("tele/bench 3/LWT", "Online", retain=True)
    publisher.publish("tele/bench 3/SENSOR", '{"ENERGY":{"Power":4}}')
    ears.heard(Sample, lambda sample: sample.value == 4000)
    assert {sample.value for sample in ears.samples()} == {1000, 4000}
    [told] = faults(ears)
    assert "the last will of the plug says that it is offline" in told


def test_a_broker_that_is_killed_is_missed_at_once_and_the_watcher_is_back_within_five_seconds(air: Air) -> None:
    ears = air.listen()
    air.plug()
    ears.wait(Sample)
    air.broker.process.kill()
    told = ears.heard(Fault)
    assert told.reason.startswith(f"unobserved because the broker at 127.0.0.1:{air.broker.port} ended the connection")
    air.broker.restart()
    up_s = time.monotonic()
    ears.wait(Sample)
    assert time.monotonic() - up_s < 5
    assert len(faults(ears)) == 1


def test_a_broker_that_is_not_there_is_named_and_awaited(air: Air) -> None:
    air.broker.stop()
    ears = air.listen()
    told = ears.heard(Fault)
    assert f"the broker at 127.0.0.1:{air.broker.port} cannot be reached" in told.reason
    air.broker.start()
    air.plug()
    assert ears.wait(Sample).value == POWER_MW


def test_an_older_broker_is_spoken_to_in_its_own_way_without_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt_link, "ANSWER_S", 1.0)
    with EmbeddedBroker(find_free_port(), program="amqtt") as older:
        air = Air(older)
        ears = air.listen()
        air.plug()
        assert ears.wait(Sample).value == POWER_MW
        assert faults(ears) == []
        monkeypatch.setattr(mqtt_link, "ANSWER_S", 60.0)  # to be asked in the newer way again would take too long
        older.process.kill()
        ears.heard(Fault)
        older.restart()
        assert ears.wait(Sample).value == POWER_MW
        air.end()


def test_a_wrong_password_is_told_and_the_right_one_is_taken_up_without_a_restart(tmp_path: Path) -> None:
    passwords = write_passwords(tmp_path, agent="right", plug="plug")
    guarded = Guarded(tmp_path, find_free_port(), "allow_anonymous false", f"password_file {passwords}")
    guarded.start()
    secret = tmp_path / "secret"
    secret.write_text("wrong\n", encoding="utf-8")
    settings = settings_for("tasmota-plug", topic="x", port=guarded.port, user="agent", password_file=str(secret))
    ears = Ears(find_kind("tasmota-plug").make(settings, SystemClock()))
    told = ears.heard(Fault)
    assert "refused the connection (" in told.reason
    assert "check user, password_file and client_id" in told.reason
    secret.write_text("right\n", encoding="utf-8")
    publisher = Publisher(guarded.port, user="plug", password="plug")
    report_until(ears, publisher, "tele/x/SENSOR", '{"ENERGY":{"Power":905}}')
    publisher.close()
    ears.stop()
    guarded.stop()


def report_until(ears: Ears, publisher: Publisher, topic: str, payload: str) -> None:
    """Report as a plug does, again and again, until a sample is heard."""
    end_s = time.monotonic() + 10
    while not ears.samples():
        assert time.monotonic() < end_s, f"not heard: {ears.said[-3:]}"
        publisher.publish(topic, payload)
        threading.Event().wait(EVERY_S)


def test_a_flood_is_told_and_the_plug_is_heard_again_when_it_ends(air: Air, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt_watcher, "CALM_MS", 500)
    ears = air.listen()
    plug = air.plug()
    ears.wait(Sample)
    plug.fault = "flood"
    told = ears.heard(Fault)
    assert "more than 100 messages at once, or 20 each second, came, the last one on tele/bench 3/" in told.reason
    plug.fault = None
    assert ears.wait(Sample).value == POWER_MW
    assert len(faults(ears)) <= 2


def test_a_message_that_is_delivered_twice_is_one_sample(air: Air) -> None:
    ears = air.listen()
    publisher = air.publisher()
    report_until(ears, publisher, "tele/bench 3/SENSOR", '{"ENERGY":{"Power":1}}')
    for _ in range(3):
        publisher.publish("tele/bench 3/SENSOR", '{"ENERGY":{"Power":905}}')
    publisher.publish("tele/bench 3/SENSOR", '{"ENERGY":{"Power":7}}')
    ears.heard(Sample, lambda sample: sample.value == 7000)
    assert [sample.value for sample in ears.samples()][-3:] == [1000, 905_000, 7000]


def test_nothing_is_published_unless_asked_for_and_then_the_plug_is_asked(air: Air) -> None:
    silent, asked = air.listen(), threading.Event()
    questions: list[bytes] = []

    def heard(topic: str, payload: bytes) -> None:
        questions.append(payload)
        asked.set()

    publisher = air.publisher()
    publisher.subscribe("cmnd/#", heard)
    air.plug()
    silent.wait(Sample)
    assert questions == []
    ears = air.listen(ask_every_s=1)
    assert asked.wait(10)
    assert questions[0] == b"10"
    publisher.publish("stat/bench 3/STATUS10", '{"StatusSNS":{"ENERGY":{"Power":777}}}')
    ears.heard(Sample, lambda sample: sample.value == 777_000)


def test_stopping_takes_less_than_two_seconds_even_where_nobody_answers(air: Air) -> None:
    ears = air.listen()
    air.plug()
    ears.wait(Sample)
    assert ears.stop() < 2
    accepted = threading.Event()
    hoax = Hoax(lambda link, heard: accepted.set())
    hung = air.listen(port=hoax.port, tls=True)
    assert accepted.wait(10)
    assert hung.stop() < 2
    hoax.close()


def test_what_the_broker_keeps_of_a_last_will_counts_after_a_flood_and_after_a_short_break_too(
    air: Air, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_watcher, "RETRY_S", (0.01,))
    monkeypatch.setattr(mqtt_watcher, "CALM_MS", 300)
    publisher = air.publisher()
    publisher.publish("tele/bench 3/LWT", "Offline", retain=True)
    ears = air.listen()
    ears.heard(Fault, lambda told: "says that it is offline" in told.reason)
    for number in range(BURST + 20):
        publisher.publish("tele/bench 3/STATE", f'{{"UptimeSec":{number}}}')
    ears.heard(Fault, lambda told: "more than 100 messages" in told.reason)
    after = len(ears.said)
    ears.wait(Fault, lambda told: "says that it is offline" in told.reason, after=after)
    publisher.publish("tele/bench 3/SENSOR", '{"ENERGY":{"Power":905}}')
    publisher.publish("tele/bench 3/LWT", "Online", retain=True)
    report_until(ears, publisher, "tele/bench 3/SENSOR", '{"ENERGY":{"Power":906}}')
    assert 905_000 not in {sample.value for sample in ears.samples()}


# Without any broker


def test_what_was_not_subscribed_to_is_nothing_whatever_a_broker_delivers() -> None:
    watcher = find_kind("mqtt-topic").make(settings_for("mqtt-topic", topic="plc/a"), SystemClock())
    assert isinstance(watcher, MqttWatcher)
    now = SystemClock().now()
    assert watcher.hear(Delivery(now, Message("plc/b", b"905"))) == []
    assert watcher.hear(Delivery(now, Message("plc/a", b"7")))[-1] == Sample("plug1", "value", now, 7000)


def test_a_flow_is_a_burst_and_a_rate() -> None:
    flow = Flow()
    assert [flow.take(0) for _ in range(BURST + 1)] == [True] * BURST + [False]
    steady = Flow()
    assert all(steady.take(number * 1000 // PER_S) for number in range(100 * PER_S))


@pytest.mark.parametrize(
    ("given", "key", "says"),
    [
        ({"password_file": "secret", "user": "agent"}, "password_file", "'secret' must be an absolute path"),
        ({"password_file": "/etc/secret"}, "password_file", "a password without a user is never sent; set user"),
        ({"ca_file": "/etc/ca.pem"}, "ca_file", "nothing is encrypted without tls = true"),
        ({"ca_file": "ca.pem", "tls": True}, "ca_file", "'ca.pem' must be an absolute path"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(given: dict[str, Any], key: str, says: str) -> None:
    assert says in faults_of("tasmota-plug", topic="x", **given)[key]


def test_each_start_has_a_client_id_of_its_own_unless_one_is_given() -> None:
    settings = settings_for("tasmota-plug", topic="x")
    assert settings.broker().client_id.startswith("jishi-plug1-")
    assert settings.broker().client_id != settings.broker().client_id
    mine = settings_for("tasmota-plug", topic="x", client_id="mine", port=1884)
    assert mine.broker().client_id == "mine"
    assert (mine.occupies, settings.occupies) == ("client_id 'mine' at 127.0.0.1:1884", "")


@pytest.mark.parametrize("topic", ["", "plugs/+", "plugs/#", "a\x00b", "x" * 201])
def test_a_topic_is_an_exact_one(topic: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        settings_for("tasmota-plug", topic=topic)
