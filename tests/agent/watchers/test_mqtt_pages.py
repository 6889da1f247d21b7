"""The messages captured on the plugs' pages are what a watcher of the page's first example reads."""

from pathlib import Path
from typing import Any

import pytest

from agent.config import load
from agent.watchers.esphome_meter import EspHome
from agent.watchers.mqtt_topic import GatewayTopic
from agent.watchers.shelly_gen1 import ShellyGen1
from agent.watchers.shelly_gen2 import ShellyGen2
from agent.watchers.tasmota_plug import Tasmota
from agent.watchers.zigbee2mqtt_plug import Zigbee2Mqtt
from tests.agent.watchers.dialect import read
from tests.agent.watchers.test_pages import HEAD, PAGES, blocks_of


@pytest.mark.parametrize(
    ("page", "dialect", "power_mw"),
    [
        ("tasmota-plug", Tasmota, 905_000),
        ("shelly-gen1", ShellyGen1, 904_900),
        ("shelly-gen2", ShellyGen2, 904_900),
        ("zigbee2mqtt-plug", Zigbee2Mqtt, 904_900),
        ("esphome-meter", EspHome, 904_900),
    ],
)
def test_captured_messages_tell_power_counter_and_whether_the_plug_is_there(
    page: str, dialect: type[Any], power_mw: int, tmp_path: Path
) -> None:
    reports = [read(*each) for each in captured_on(page, dialect, tmp_path)]
    assert {report.value for report in reports} == {None, power_mw}
    assert any(report.counter_mwh for report in reports)
    assert {report.reachable.yes for report in reports if report.reachable} == {True, False}


def test_the_captured_message_of_a_gateway_is_read_by_the_first_example(tmp_path: Path) -> None:
    [one] = captured_on("mqtt-topic", GatewayTopic, tmp_path)
    assert read(*one).value == 2


def captured_on(page: str, dialect: type[Any], directory: Path) -> list[tuple[Any, str, str]]:
    """The dialect of the first example on a page, with topic and payload of each captured message."""
    path = directory / "agent.toml"
    path.write_text(HEAD + blocks_of(PAGES / f"{page}.md", "toml")[0], encoding="utf-8")
    [settings] = load(path).watchers
    speaks = dialect(settings)
    [captured] = blocks_of(PAGES / f"{page}.md", "text")
    topics = [next(topic for topic in speaks.topics if line.startswith(f"{topic} ")) for line in captured.splitlines()]
    payloads = [line.removeprefix(f"{topic} ") for line, topic in zip(captured.splitlines(), topics, strict=True)]
    return [(speaks, topic, payload) for topic, payload in zip(topics, payloads, strict=True)]
