"""ESPHome: topics of https://esphome.io/components/mqtt (Defaults), plain numbers."""

import pytest

from agent.watchers.esphome_meter import EspHome
from agent.watchers.mqtt_report import Nonsense, Reachable, Report
from tests.agent.watchers.dialect import read, settings_for


@pytest.fixture
def node() -> EspHome:
    return EspHome(settings_for("esphome-meter", node="em-node", power_unit="W", energy_sensor="energy"))


def test_numbers_have_the_units_of_the_configuration(node: EspHome) -> None:
    assert read(node, "em-node/sensor/power/state", "904.9") == Report(904_900)
    assert read(node, "em-node/sensor/energy/state", "1.646") == Report(counter_mwh=1_646_000)
    other = EspHome(settings_for("esphome-meter", node="lab/em", power_unit="kW", power_sensor="active_power"))
    assert read(other, "lab/em/sensor/active_power/state", "0.9049") == Report(904_900)


def test_a_meter_without_a_counter_has_none_to_wait_for(node: EspHome) -> None:
    bare = EspHome(settings_for("esphome-meter", node="em-node", power_unit="W"))
    assert bare.topics == ("em-node/sensor/power/state", "em-node/status")
    assert (bare.apart, node.apart) == (False, True)


@pytest.mark.parametrize("payload", ["nan", "NaN", " nan "])
def test_a_sensor_without_a_value_says_so(node: EspHome, payload: str) -> None:
    for sensor in ("power", "energy"):
        with pytest.raises(Nonsense, match="says nan: the sensor has no value; check the meter behind the node"):
            read(node, f"em-node/sensor/{sensor}/state", payload)


def test_the_last_will_is_offline(node: EspHome) -> None:
    assert read(node, "em-node/status", "offline").reachable == Reachable("the last will of the node", False)


@pytest.mark.parametrize("payload", [b"", b"unknown", b"inf", b"-inf", b"{}", b"\xff\xff"])
def test_what_is_no_number_is_named(node: EspHome, payload: bytes) -> None:
    with pytest.raises(Nonsense, match="sensor/power/state"):
        read(node, "em-node/sensor/power/state", payload)
