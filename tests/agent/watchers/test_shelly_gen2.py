"""Shelly of the second generation: payloads in the form of https://shelly-api-docs.shelly.cloud/gen2/General/Notifications
and .../ComponentsAndServices/Switch."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.watchers.mqtt_report import NOTHING, Message, Reachable, Report
from agent.watchers.shelly_gen2 import ShellyGen2
from tests.agent.watchers.dialect import read, read_or_nothing, settings_for

PREFIX = "shellyplusplugs-7c87ce65bd9c"
STATUS = (
    '{"id":0,"source":"init","output":true,"apower":904.9,"voltage":230.1,"freq":50.0,"current":3.94,'
    '"aenergy":{"total":1646.032,"by_minute":[15081.1,15080.9,15081.4],"minute_ts":1764554700},'
    '"temperature":{"tC":41.2,"tF":106.2}}'
)


def notification(method: str, params: str) -> str:
    return f'{{"src":"{PREFIX}","dst":"{PREFIX}/events","method":"{method}","params":{{"ts":1764554716.04,{params}}}}}'


@pytest.fixture
def shelly() -> ShellyGen2:
    return ShellyGen2(settings_for("shelly-gen2", prefix=PREFIX))


def test_the_whole_status_tells_power_and_counter(shelly: ShellyGen2) -> None:
    assert read(shelly, f"{PREFIX}/status/switch:0", STATUS) == Report(904_900, 1_646_032)


@pytest.mark.parametrize(
    ("change", "report"),
    [
        ('"switch:0":{"id":0,"apower":9.1,"current":0.04}', Report(9_100)),
        ('"switch:0":{"id":0,"aenergy":{"by_minute":[1.0],"total":1661.1}}', Report(None, 1_661_100)),
        ('"switch:0":{"id":0,"temperature":{"tC":41.3,"tF":106.3}}', NOTHING),
        ('"switch:0":{"id":0,"output":false,"source":"button"}', NOTHING),
        ('"switch:0":{"id":0,"apower":null}', NOTHING),
        ('"switch:1":{"id":1,"apower":77.0}', NOTHING),
        ('"cloud":{"connected":false}', NOTHING),
        ('"switch:0":7', NOTHING),
    ],
)  # fmt: skip
def test_a_change_tells_what_it_holds_and_absent_is_not_zero(shelly: ShellyGen2, change: str, report: Report) -> None:
    assert read(shelly, f"{PREFIX}/events/rpc", notification("NotifyStatus", change)) == report


def test_a_full_status_notification_is_read_too_and_an_event_is_not(shelly: ShellyGen2) -> None:
    whole = notification("NotifyFullStatus", f'"switch:0":{STATUS}')
    assert read(shelly, f"{PREFIX}/events/rpc", whole) == Report(904_900, 1_646_032)
    pushed = notification("NotifyEvent", '"events":[{"component":"input:0","event":"single_push"}]')
    assert read(shelly, f"{PREFIX}/events/rpc", pushed) == NOTHING


def test_the_last_will_is_false(shelly: ShellyGen2) -> None:
    assert read(shelly, f"{PREFIX}/online", "false").reachable == Reachable("the last will of the device", False)


def test_nothing_is_ever_published_unless_it_is_asked_for(shelly: ShellyGen2) -> None:
    assert shelly.question is None
    asking = ShellyGen2(settings_for("shelly-gen2", prefix=PREFIX, component="pm1:0", ask_every_s=2))
    assert asking.question == Message(f"{PREFIX}/command/pm1:0", b"status_update")


@given(st.sampled_from(["status/switch:0", "events/rpc", "online"]), st.binary(max_size=200))
def test_no_payload_raises_anything_but_nonsense(end: str, payload: bytes) -> None:
    dialect = ShellyGen2(settings_for("shelly-gen2", prefix=PREFIX))
    report = read_or_nothing(dialect, f"{PREFIX}/{end}", payload)
    assert report is None or report.value is None or isinstance(report.value, int)
