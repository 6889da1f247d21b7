"""Shelly of the first generation: topics of https://shelly-api-docs.shelly.cloud/gen1/ (Shelly1/1PM and EM: MQTT)."""

import pytest

from agent.watchers.mqtt_report import Nonsense, Reachable, Report
from agent.watchers.shelly_gen1 import ShellyGen1
from tests.agent.watchers.dialect import read, settings_for

PLUG = "shellies/shellyplug-s-7A1B2C"


@pytest.fixture
def plug() -> ShellyGen1:
    return ShellyGen1(settings_for("shelly-gen1", device="shellyplug-s-7A1B2C"))


def test_power_is_in_watts_and_energy_in_watt_minutes(plug: ShellyGen1) -> None:
    assert read(plug, f"{PLUG}/relay/0/power", "904.90") == Report(904_900)
    assert read(plug, f"{PLUG}/relay/0/energy", "98760") == Report(counter_mwh=1_646_000)


def test_the_last_will_is_false(plug: ShellyGen1) -> None:
    assert read(plug, f"{PLUG}/online", "false").reachable == Reachable("the last will of the device", False)
    assert read(plug, f"{PLUG}/online", "true").reachable == Reachable("the last will of the device", True)


def test_an_em_counts_in_watt_hours_and_has_several_lines() -> None:
    em = ShellyGen1(settings_for("shelly-gen1", device="shellyem-B9F0A1", meter="emeter", line=1, max_w=30_000))
    assert read(em, "shellies/shellyem-B9F0A1/emeter/1/power", "11500.0") == Report(11_500_000)
    assert read(em, "shellies/shellyem-B9F0A1/emeter/1/total", "1646.0") == Report(counter_mwh=1_646_000)


@pytest.mark.parametrize("payload", [b"", b"on", b"nan", b"1e400", b"{}", b"\xff"])
def test_what_is_no_number_is_named(plug: ShellyGen1, payload: bytes) -> None:
    for end in ("power", "energy"):
        with pytest.raises(Nonsense, match=f"relay/0/{end}"):
            read(plug, f"{PLUG}/relay/0/{end}", payload)
