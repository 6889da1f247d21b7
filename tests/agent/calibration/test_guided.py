"""A guided recording: what is asked, what is kept, and that nothing that was recorded is lost."""

import threading

import pytest

from agent.calibration import guided
from agent.calibration.examine import examine
from agent.errors import CalibrationError
from agent.reading import Channel, Sample
from agent.watchers.watcher import Fault, Seen
from protocol.interval import length
from protocol.sample_file import parse_samples
from tests.agent.manual_clock import ManualClock


class Meter:
    """A watcher that says what the test lets it say, each sample a second after the one before."""

    name, kind, asset = "meter1", "scripted", "A001"

    def __init__(self, clock, channel="power"):
        self.channels = (Channel("pressure", "gauge", 1000), Channel(channel, "gauge", 1000))
        self._clock = clock
        self._running = threading.Event()

    def run(self, emit, stop):
        self._emit = emit
        self._running.set()
        stop.wait()

    def say(self, said):
        assert self._running.wait(10)
        self._emit(said)

    def show(self, watts, seconds):
        for n in range(seconds):
            self.say(Sample(self.name, "pressure", self._clock.now(), 4_711))
            self.say(Sample(self.name, "power", self._clock.advance(1000), watts * 1000, counter_mwh=1_000_000 + n))


class Operator:
    """Answers each question in turn, after doing something; hears what is told."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.asked, self.told = [], []

    def ask(self, text):
        self.asked.append(text)
        does, answer = self._answers.pop(0)
        does()
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def tell(self, text):
        self.told.append(text)


def nothing():
    pass


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def meter(clock):
    return Meter(clock)


def record(meter, path, operator, clock):
    return guided.record(meter, path, ask=operator.ask, tell=operator.tell, clock=clock)


def test_off_idle_and_one_run_become_a_recording_and_its_phases(tmp_path, meter, clock):
    path = tmp_path / "recording.csv"
    operator = Operator(
        (nothing, ""),
        (lambda: meter.show(2, 120), ""),
        (lambda: meter.show(200, 20), ""),  # switching on
        (lambda: meter.show(340, 300), ""),
        (nothing, ""),
        (lambda: meter.show(880, 900), ""),
    )
    phases = record(meter, path, operator, clock)
    assert [length([phase]) // 1000 for phase in phases] == [120, 300, 900]
    assert [question.split()[0] for question in operator.asked] == ["1/3", "Leave", "2/3", "Leave", "3/3", "Let"]
    result = examine(parse_samples(path.read_bytes()), "meter1", phases=phases)
    assert result.finding.serves
    assert result.finding.proposal.run == (391_000, 442_000)
    assert result.finding.proposal.off_rest.floor_mw == 2_000
    assert path.read_text("utf-8").splitlines()[1].endswith(",2.000,1000.000")


def test_an_instrument_that_is_never_off_skips_that_question(tmp_path, meter, clock):
    operator = Operator(
        (nothing, "S "),
        (nothing, ""),
        (lambda: meter.show(340, 60), ""),
        (nothing, ""),
        (lambda: meter.show(880, 60), ""),
    )
    assert record(meter, tmp_path / "r.csv", operator, clock).off is None


def test_a_phase_goes_on_until_enough_was_seen(tmp_path, meter, clock):
    operator = Operator(
        (nothing, "s"),
        (nothing, ""),
        (lambda: meter.show(340, 5), ""),
        (lambda: meter.show(340, 40), ""),
        (nothing, ""),
        (lambda: meter.show(880, 60), ""),
    )
    phases = record(meter, tmp_path / "r.csv", operator, clock)
    assert operator.told == ["    5 samples so far, 30 are needed; go on recording"]
    assert length([phases.idle]) == 45_000


def test_why_there_is_no_sample_is_told(tmp_path, meter, clock):
    fault = Fault("meter1", clock.now(), "unobserved because no answer from address 1")
    seen = Seen("meter1", clock.now(), (("port", "/dev/ttyUSB0"),))
    operator = Operator((lambda: (meter.say(seen), meter.say(fault)), KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        record(meter, tmp_path / "r.csv", operator, clock)
    assert operator.told == ["    meter1: unobserved because no answer from address 1"]


def test_ctrl_c_keeps_what_was_recorded(tmp_path, meter, clock):
    path = tmp_path / "r.csv"
    operator = Operator((nothing, ""), (lambda: meter.show(340, 50), KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        record(meter, path, operator, clock)
    assert len(parse_samples(path.read_bytes()).samples) == 50


def test_each_sample_is_in_the_file_at_once(tmp_path, meter, clock):
    path = tmp_path / "r.csv"
    seen = []
    operator = Operator((lambda: (meter.show(340, 3), seen.append(path.read_text("utf-8"))), KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        record(meter, path, operator, clock)
    assert len(seen[0].splitlines()) == 4


def test_a_file_that_exists_is_never_overwritten(tmp_path, meter, clock):
    path = tmp_path / "r.csv"
    path.write_text("mine", "utf-8")
    with pytest.raises(CalibrationError, match="exists already; name another file"):
        record(meter, path, Operator(), clock)
    assert path.read_text("utf-8") == "mine"


def test_a_watcher_without_power_is_named(tmp_path, clock):
    with pytest.raises(CalibrationError, match="'meter1' tells no power; name a meter or a plug"):
        record(Meter(clock, channel="flow"), tmp_path / "r.csv", Operator(), clock)
    assert not (tmp_path / "r.csv").exists()
