"""A broker on site that does not let the watcher in, and a plug that reports on another topic."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from paho.mqtt import publish

from agent.finding import Finding
from agent.watchers import mqtt_examination
from agent.watchers.mqtt_examination import judge_topics
from agent.watchers.registry import BUILT_IN, find_kind
from agent.watchers.tasmota_plug import KIND, TasmotaPlugSettings
from collector.embedded.broker import EmbeddedBroker
from tests.agent.doctor.brokers import mosquitto

SENSOR = "tele/bench3/SENSOR"


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt_examination, "LISTEN_S", 0.5)


def look(port: int, topic: str = "bench3") -> list[Finding]:
    assert KIND.examine is not None
    settings = TasmotaPlugSettings(name="plug1", kind="tasmota-plug", host="127.0.0.1", port=port, topic=topic)
    return list(KIND.examine(settings))


@pytest.fixture
def plug(broker: EmbeddedBroker) -> Iterator[EmbeddedBroker]:
    """A plug that reports all the time, on the topic of bench3."""
    done = threading.Event()

    def report() -> None:
        while not done.wait(0.05):
            publish.single(SENSOR, "{}", hostname=broker.host, port=broker.port)

    thread = threading.Thread(target=report)
    thread.start()
    yield broker
    done.set()
    thread.join()


def test_a_plug_that_reports_is_in_order(plug: EmbeddedBroker) -> None:
    assert [(finding.what, finding.verdict) for finding in look(plug.port)] == [
        ("broker of plug1", "ok"),
        ("topic of plug1", "ok"),
    ]


def test_a_plug_on_another_topic_is_told_with_the_one_that_came(plug: EmbeddedBroker) -> None:
    _, finding = look(plug.port, topic="bench4")
    assert finding.verdict == "warn"
    assert finding.found == "nothing came on tele/bench4/SENSOR within 0.5 s"
    assert SENSOR in finding.remedy


def test_a_broker_over_which_nothing_comes_is_told(broker: EmbeddedBroker) -> None:
    _, finding = look(broker.port)
    assert finding.found.endswith("nor on any other topic")


def test_a_broker_that_is_not_there_and_one_that_refuses_are_failures(free_port: int, open_directory: Path) -> None:
    (absent,) = look(free_port)
    assert absent.verdict == "fail"
    assert f"the broker at 127.0.0.1:{free_port} cannot be reached" in absent.found
    with mosquitto(open_directory, "allow_anonymous false") as port:
        (refused,) = look(port)
    assert "refused the connection" in refused.found
    assert "check user" in refused.remedy


def test_a_broker_that_lets_nobody_read_everything_is_asked_for_the_plugs_own(open_directory: Path) -> None:
    rules = open_directory / "rules"
    rules.write_text("topic read tele/#\ntopic write tele/#\n")
    with mosquitto(open_directory, "allow_anonymous true", f"acl_file {rules}") as port:
        publish.single(SENSOR, "{}", hostname="127.0.0.1", port=port, retain=True)
        assert [finding.verdict for finding in look(port)] == ["ok", "ok"]


def test_without_a_near_topic_some_are_shown() -> None:
    finding = judge_topics("topic of plug1", (SENSOR,), {"a/b", "c/d"})
    assert finding.remedy.endswith("these came: a/b, c/d")


@pytest.mark.parametrize("kind", sorted(kind for kind in BUILT_IN if "plug" in kind or "shelly" in kind))
def test_every_plug_offers_it(kind: str) -> None:
    assert find_kind(kind).examine is not None
