"""Why a meter does not answer as configured: wrong address, speed, parity, map or kind, or nobody is there."""

import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.finding import Finding
from agent.watchers import dlt645_meter, meter_examination
from agent.watchers.dlt645_meter import Dlt645MeterSettings
from agent.watchers.meter_examination import Meant, judge_answers
from agent.watchers.modbus_meter import KIND, ModbusMeterSettings
from agent.watchers.probe import Answer
from agent.watchers.serial_port import LineSettings
from tests.agent.holder import hold
from tests.agent.watchers.bench import Bench
from tests.agent.watchers.deaf_meter import DeafMeter

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the simulated meters need pseudo-terminals")

MEANT = Meant("modbus-meter", "1", LineSettings(9600, "N"), "sdm120")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "port")
    yield made
    made.unplug()


@pytest.fixture
def few_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer speeds and addresses than in earnest, and less patience: a meter here answers at once."""
    few = (LineSettings(9600, "N"), LineSettings(2400, "N"), LineSettings(2400, "E"))
    monkeypatch.setattr(meter_examination, "COMMON_LINES", few)
    monkeypatch.setattr(meter_examination, "ADDRESSES", (1, 2))
    monkeypatch.setattr(meter_examination, "TIMEOUT_S", 0.05)


def look(port: object, **settings: object) -> Finding:
    """The finding on the meter; that on the port comes before it."""
    assert KIND.examine is not None
    given = {"name": "meter1", "kind": "modbus-meter", "port": str(port), **settings}
    *_, finding = KIND.examine(ModbusMeterSettings(**given))  # type: ignore[arg-type]
    return finding


def test_a_meter_that_answers_as_configured(bench: Bench, few_questions: None) -> None:
    bench.plug()
    finding = look(bench.link)
    assert (finding.what, finding.verdict) == ("meter of meter1", "ok")
    assert "885.5 W" in finding.found
    assert finding.found.endswith("which map is right, its display tells")


def test_a_wrong_address_is_corrected(bench: Bench, few_questions: None) -> None:
    bench.plug()
    finding = look(bench.link, address=2)
    assert (finding.verdict, finding.remedy) == ("fail", "set address = 1")
    assert finding.expected == "modbus-meter 2 at 9600 8N1, map sdm120"


def test_a_wrong_speed_is_corrected(few_questions: None) -> None:
    with DeafMeter(speed=termios.B2400) as meter:
        finding = look(meter.path)
    assert (finding.verdict, finding.remedy) == ("fail", "set baudrate = 2400")


def test_a_wrong_map_is_corrected(bench: Bench, few_questions: None, tmp_path: Path) -> None:
    bench.plug()
    finding = look(bench.link, map="pzem-016")
    assert (finding.verdict, finding.remedy) == ("fail", 'set map = "sdm120"')


@pytest.mark.parametrize("fault", ["silent", "garbage"])
def test_where_nobody_answers_well_nothing_is_made_up(bench: Bench, few_questions: None, fault: str) -> None:
    bench.plug(fault)  # type: ignore[arg-type]
    finding = look(bench.link)
    assert finding.verdict == "fail"
    assert finding.found == f"nothing answers at {bench.link}, at no common speed and address"


def test_a_port_that_somebody_else_has_open_is_not_asked_over(few_questions: None) -> None:
    with DeafMeter(speed=termios.B9600) as meter, hold(meter.path) as pid:
        finding = look(meter.path)
    assert finding.what == "port of meter1"
    assert f"process {pid} (" in finding.found


def test_a_645_meter_that_was_taken_for_a_modbus_one_is_told(few_questions: None, tmp_path: Path) -> None:
    bench = Bench(tmp_path / "port", meter="dlt645")
    bench.plug()
    finding = look(bench.link)
    bench.unplug()
    settings = 'kind = "dlt645-meter", baudrate = 2400, parity = "E", address = "000000000161"'
    assert (finding.verdict, finding.remedy) == ("fail", f"set {settings}")


@pytest.mark.parametrize(
    ("address", "verdict", "remedy"),
    [
        ("000000000161", "ok", ""),
        ("any", "ok", ""),
        ("000000000162", "fail", 'set address = "000000000161"'),
    ],
)
def test_a_645_meter_is_held_against_its_own_settings(
    few_questions: None, tmp_path: Path, address: str, verdict: str, remedy: str
) -> None:
    bench = Bench(tmp_path / "port", meter="dlt645")
    bench.plug()
    settings = Dlt645MeterSettings(name="m", kind="dlt645-meter", port=str(bench.link), address=address)
    assert dlt645_meter.KIND.examine is not None
    *_, finding = dlt645_meter.KIND.examine(settings)
    bench.unplug()
    assert (finding.verdict, finding.remedy) == (verdict, remedy)


def an_answer(**changes: object) -> Answer:
    return Answer("modbus-meter", "1", LineSettings(9600, "N"), ("sdm120",), "885.5 W")._replace(**changes)


@pytest.mark.parametrize(
    ("answer", "remedy"),
    [
        (an_answer(address="7"), "set address = 7"),
        (an_answer(maps=()), "describe its registers, as its manual gives them"),
        (
            an_answer(kind="dlt645-meter", address="000012345678", line=LineSettings(2400, "E"), maps=()),
            'set kind = "dlt645-meter", baudrate = 2400, parity = "E", address = "000012345678"',
        ),
    ],
)
def test_what_answers_is_turned_into_settings(answer: Answer, remedy: str) -> None:
    finding = judge_answers("meter of m", "/dev/ttyUSB0", [answer], meant=MEANT)
    assert (finding.verdict, finding.remedy) == ("fail", remedy)


def test_of_several_answers_the_one_that_was_meant_counts() -> None:
    answers = [an_answer(address="7"), an_answer()]
    assert judge_answers("meter of m", "/dev/ttyUSB0", answers, meant=MEANT).verdict == "ok"


def test_a_map_of_ones_own_and_any_address_are_not_held_against_it() -> None:
    own = MEANT._replace(map="", address="any")
    assert judge_answers("meter of m", "/dev/ttyUSB0", [an_answer(maps=(), address="9")], meant=own).verdict == "ok"
