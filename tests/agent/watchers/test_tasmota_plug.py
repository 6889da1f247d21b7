"""Tasmota telemetry, in the form of https://tasmota.github.io/docs/MQTT/ and .../JSON-Status-Responses/."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.watchers.mqtt_report import NOTHING, Message, Nonsense, Reachable, Report
from agent.watchers.tasmota_plug import Tasmota
from tests.agent.watchers.dialect import faults_of, read, read_or_nothing, settings_for

SENSOR = (
    '{"Time":"2025-12-01T04:58:36","ENERGY":{"TotalStartTime":"2024-03-02T10:11:12","Total":1.646,"Yesterday":0.712,'
    '"Today":0.104,"Period":3,"Power":905,"ApparentPower":931,"ReactivePower":218,"Factor":0.97,"Voltage":231,'
    '"Current":4.031}}'
)
STATE = (
    '{"Time":"2025-12-01T04:58:36","Uptime":"3T04:10:11","UptimeSec":274211,"Heap":24,"SleepMode":"Dynamic","Sleep":50,'
    '"LoadAvg":19,"MqttCount":1,"POWER":"ON","Wifi":{"AP":1,"SSId":"lab","Channel":3,"RSSI":74,"LinkCount":1}}'
)


@pytest.fixture
def tasmota() -> Tasmota:
    return Tasmota(settings_for("tasmota-plug", topic="bench3"))


def test_telemetry_tells_power_and_counter_and_its_local_time_is_not_looked_at(tasmota: Tasmota) -> None:
    assert read(tasmota, "tele/bench3/SENSOR", SENSOR) == Report(905_000, 1_646_000)
    wrong = SENSOR.replace("2025-12-01T04:58:36", "1970-01-01T00:00:00")
    assert read(tasmota, "tele/bench3/SENSOR", wrong) == Report(905_000, 1_646_000)


def test_a_partial_report_tells_what_is_there(tasmota: Tasmota) -> None:
    assert read(tasmota, "tele/bench3/SENSOR", '{"Time":"x","ENERGY":{"Power":0}}') == Report(0)
    assert read(tasmota, "tele/bench3/SENSOR", '{"Time":"x","ENERGY":{"Total":1.5}}') == Report(None, 1_500_000)
    assert read(tasmota, "tele/bench3/SENSOR", '{"Time":"x","Switch1":"ON"}') == NOTHING
    assert read(tasmota, "tele/bench3/SENSOR", '{"Time":"x","ENERGY":{"Power":null,"Total":null}}') == NOTHING


def test_state_tells_the_relay_for_status_alone(tasmota: Tasmota) -> None:
    assert read(tasmota, "tele/bench3/STATE", STATE) == Report(particulars=(("relay", "ON"),))
    assert read(tasmota, "tele/bench3/STATE", '{"POWER1":"OFF"}') == Report(particulars=(("relay", "OFF"),))
    assert read(tasmota, "tele/bench3/STATE", '{"POWER":7}') == NOTHING


def test_the_last_will_tells_whether_the_plug_is_there(tasmota: Tasmota) -> None:
    source = "the last will of the plug"
    assert read(tasmota, "tele/bench3/LWT", "Offline").reachable == Reachable(source, False)
    assert read(tasmota, "tele/bench3/LWT", "Online", retained=True).reachable == Reachable(source, True)


def test_a_meter_of_several_lines_is_named_with_the_remedy(tasmota: Tasmota) -> None:
    with pytest.raises(Nonsense, match=r'tells the power of 2 lines: .* kind = "mqtt-topic"'):
        read(tasmota, "tele/bench3/SENSOR", '{"ENERGY":{"Power":[12,0],"Total":1.5}}')


def test_nothing_is_ever_published_unless_it_is_asked_for(tasmota: Tasmota) -> None:
    assert tasmota.question is None
    asking = Tasmota(settings_for("tasmota-plug", topic="bench3", ask_every_s=2))
    assert asking.question == Message("cmnd/bench3/Status", b"10")
    answer = '{"StatusSNS":' + SENSOR + "}"
    assert read(asking, "stat/bench3/STATUS10", answer) == Report(905_000, 1_646_000)


def test_the_topic_may_be_composed_in_another_way() -> None:
    turned = Tasmota(settings_for("tasmota-plug", topic="lab/bench 3", full_topic="%topic%/%prefix%/"))
    assert turned.topics == ("lab/bench 3/tele/SENSOR", "lab/bench 3/tele/STATE", "lab/bench 3/tele/LWT")
    assert faults_of("tasmota-plug", topic="x", full_topic="plugs/%topic%/") == {
        "full_topic": "'plugs/%topic%/' must hold %prefix% and %topic%, as FullTopic on the plug does"
    }


@given(st.sampled_from(["SENSOR", "STATE", "LWT"]), st.binary(max_size=200))
def test_no_payload_raises_anything_but_nonsense(end: str, payload: bytes) -> None:
    dialect = Tasmota(settings_for("tasmota-plug", topic="bench3"))
    report = read_or_nothing(dialect, f"tele/bench3/{end}", payload)
    assert report is None or report.value is None or isinstance(report.value, int)
