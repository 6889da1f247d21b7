"""The simulated instrument that answers for its state."""

import pytest
import serial

from agent.simulator.models import State
from agent.simulator.status import PtyInstrument, answer
from agent.watchers.status_profile import BUILT_IN, read_answer
from tests.agent.simulator.served import serving


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("state", ["standby", "run"])
def test_it_answers_what_the_built_in_profiles_ask(name: str, state: State) -> None:
    assert read_answer(BUILT_IN[name], answer(BUILT_IN[name].ask, state)) == state


def test_it_says_nothing_while_it_is_off_and_refuses_what_it_does_not_know() -> None:
    assert answer(b"STATUS?", "off") == b""
    assert answer(b"*RST", "run").startswith(b"-113")


def test_it_follows_its_state_on_the_line() -> None:
    with serving(PtyInstrument()) as instrument, serial.Serial(instrument.path, timeout=5) as port:
        port.write(b"STATUS?\r\n")
        assert port.read_until() == b"IDLE\r\n"
        instrument.state = "run"
        port.write(b"STAT:OPER:COND?\n")
        assert port.read_until() == b"16\n"
        assert instrument.asked == [b"STATUS?\r", b"STAT:OPER:COND?"]
