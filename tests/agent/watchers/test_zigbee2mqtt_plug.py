"""Zigbee2MQTT: payloads in the form of https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html."""

import json

import pytest

from agent.watchers.mqtt_report import Nonsense, Reachable
from agent.watchers.zigbee2mqtt_plug import Zigbee2Mqtt
from tests.agent.watchers.dialect import read, settings_for

PLUG = "zigbee2mqtt/lab 3/bench plug"


def told(power: float | None, energy: float | None = 1.64, last_seen: object = None) -> str:
    members = {
        "state": "ON",
        "power": power,
        "energy": energy,
        "voltage": 231,
        "linkquality": 92,
        "last_seen": last_seen,
    }
    return json.dumps({name: value for name, value in members.items() if value is not None})


@pytest.fixture
def plug() -> Zigbee2Mqtt:
    return Zigbee2Mqtt(settings_for("zigbee2mqtt-plug", friendly_name="lab 3/bench plug"))


def test_the_name_may_hold_slashes_and_spaces(plug: Zigbee2Mqtt) -> None:
    assert plug.topics == (PLUG, f"{PLUG}/availability", "zigbee2mqtt/bridge/state")
    assert read(plug, PLUG, told(904.9)).value == 904_900


def test_a_message_without_power_tells_no_power(plug: Zigbee2Mqtt) -> None:
    assert read(plug, PLUG, told(None)).value is None
    assert read(plug, PLUG, '{"power":null}').value is None


def test_a_message_that_only_repeats_when_the_plug_was_last_seen_is_the_bridges_memory(plug: Zigbee2Mqtt) -> None:
    stamps = ["2025-12-01T04:58:36+08:00", "2025-12-01T04:58:36+08:00", "2025-12-01T04:58:46+08:00"]
    assert [read(plug, PLUG, told(904.9, last_seen=stamp)).value for stamp in stamps] == [None, None, 904_900]


def test_a_clock_that_is_set_back_does_not_matter(plug: Zigbee2Mqtt) -> None:
    stamps = [1_764_554_716_036, 1_764_554_726_036, 3_600_000, 3_610_000, 3_610_000]
    values = [read(plug, PLUG, told(904.9, last_seen=stamp)).value for stamp in stamps]
    assert values == [None, 904_900, 904_900, 904_900, None]


def test_without_last_seen_the_first_message_after_a_start_of_the_bridge_is_passed_over(plug: Zigbee2Mqtt) -> None:
    assert read(plug, PLUG, told(904.9)).value == 904_900
    read(plug, "zigbee2mqtt/bridge/state", '{"state":"online"}')
    assert [read(plug, PLUG, told(904.9)).value for _ in range(2)] == [None, 904_900]


def test_that_the_bridge_was_started_before_we_listened_costs_no_message(plug: Zigbee2Mqtt) -> None:
    read(plug, "zigbee2mqtt/bridge/state", '{"state":"online"}', retained=True)
    assert read(plug, PLUG, told(904.9)).value == 904_900


def test_energy_counts_when_it_has_changed(plug: Zigbee2Mqtt) -> None:
    reports = [read(plug, PLUG, told(904.9, energy)) for energy in (1.64, 1.64, 1.65, 1.65)]
    assert [report.counter_mwh for report in reports] == [None, None, 1_650_000, None]


@pytest.mark.parametrize("payload", ["offline", '{"state":"offline"}'])
def test_availability_comes_bare_or_as_an_object(plug: Zigbee2Mqtt, payload: str) -> None:
    of_plug = read(plug, f"{PLUG}/availability", payload).reachable
    assert of_plug == Reachable("the availability of the plug", False)
    assert read(plug, "zigbee2mqtt/bridge/state", payload).reachable == Reachable("Zigbee2MQTT of itself", False)


@pytest.mark.parametrize("payload", [b"perhaps", b'{"state":1}', b"{}", b"\xff", b'{"state"'])
def test_an_availability_that_is_none_is_named(plug: Zigbee2Mqtt, payload: bytes) -> None:
    with pytest.raises(Nonsense):
        read(plug, f"{PLUG}/availability", payload)
