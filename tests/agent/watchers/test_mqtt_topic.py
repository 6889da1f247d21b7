"""A gateway's topic: a number or a word, plain or at a JSON pointer."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.clock import SystemClock
from agent.reading import Channel
from agent.watchers.mqtt_report import Nonsense, Report
from agent.watchers.mqtt_topic import KIND, GatewayTopic
from tests.agent.watchers.dialect import faults_of, read, read_or_nothing, settings_for


def topic(**given: Any) -> GatewayTopic:
    return GatewayTopic(settings_for("mqtt-topic", topic="site/it", **given))


def test_a_plain_number_is_kept_in_thousandths_of_its_unit() -> None:
    assert read(topic(unit="mbar"), "site/it", b"0.0021\n") == Report(2)
    assert read(topic(channel="power", unit="W", scale=1000), "site/it", "0.9049") == Report(904_900)


def test_a_pointer_finds_the_number() -> None:
    payload = '{"sensors":[{"name":"main","mbar":0.25},{"name":"fore","mbar":"7"}]}'
    assert read(topic(pointer="/sensors/0/mbar"), "site/it", payload) == Report(250)
    assert read(topic(pointer="/sensors/1/mbar"), "site/it", payload) == Report(7000)
    assert read(topic(pointer=""), "site/it", "7.5") == Report(7500)


def test_a_pointer_that_leads_nowhere_is_named_and_nothing_is_zero() -> None:
    with pytest.raises(Nonsense, match="there is no /sensors/0/mbar on site/it: check pointer"):
        read(topic(pointer="/sensors/0/mbar"), "site/it", '{"sensors":[]}')
    with pytest.raises(Nonsense, match="there is no /power on site/it"):
        read(topic(pointer="/power"), "site/it", '{"power":null}')


def test_words_are_taken_as_they_are_or_by_the_table() -> None:
    assert read(topic(type="state"), "site/it", " open\n") == Report("open")
    beam = topic(type="state", pointer="/beam", words={"true": "run", "false": "standby"})
    assert read(beam, "site/it", '{"beam":true}') == Report("run")
    with pytest.raises(Nonsense, match="/beam on site/it is '2', which words does not have: true, false"):
        read(beam, "site/it", '{"beam":2}')


def test_a_number_out_of_range_is_a_fault_with_its_reason() -> None:
    gauge = topic(lowest=0, highest=1100, unit="mbar")
    assert read(gauge, "site/it", "1100") == Report(1_100_000)
    with pytest.raises(Nonsense, match="site/it says 1101, and 0 to 1100 mbar is expected: correct scale") as caught:
        read(gauge, "site/it", "1101")
    assert caught.value.word == "absurd"


@pytest.mark.parametrize(
    ("given", "key", "says"),
    [
        ({"pointer": "sensors/0"}, "pointer", "'sensors/0' is no JSON pointer; it looks like /sensors/0/mbar"),
        ({"words": {"1": "run"}}, "words", 'a gauge has numbers; words need type = "state"'),
        ({"channel": "power", "unit": "kW"}, "channel", 'must be a gauge with unit = "W"'),
        ({"channel": "power", "unit": "W", "type": "state"}, "channel", "must be a gauge"),
        ({"lowest": 2, "highest": 1}, "lowest", "2 is above highest = 1"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(given: dict[str, Any], key: str, says: str) -> None:
    assert says in faults_of("mqtt-topic", topic="site/it", **given)[key]


def test_the_watcher_has_the_channel_of_the_configuration() -> None:
    settings = settings_for("mqtt-topic", topic="site/it", channel="shutter", type="state", report_s=2)
    assert KIND.make(settings, SystemClock()).channels == (Channel("shutter", "state", 2000),)


@given(st.sampled_from(["gauge", "state"]), st.sampled_from([None, "", "/a", "/a/0"]), st.binary(max_size=100))
def test_no_payload_raises_anything_but_nonsense(type_: str, pointer: str | None, payload: bytes) -> None:
    given_pointer = {} if pointer is None else {"pointer": pointer}
    report = read_or_nothing(topic(type=type_, **given_pointer), "site/it", payload)
    assert report is None or isinstance(report.value, int if type_ == "gauge" else str)
