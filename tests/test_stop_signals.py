"""A service is told to stop at the worst moment: between two instructions of its main thread's wait."""

import subprocess
import sys

import pytest

COLLECTOR = """\
from collector.commands.stopping import call_on_signals
told = threading.Event()
call_on_signals(told.set)
"""
AGENT = """\
from agent.run import _told_to_stop
waiting = _told_to_stop()
told = waiting.__enter__()
"""
AT_THE_WORST_MOMENT = """\
with told._cond:  # as Event.wait does before it sleeps and after it wakes
    signal.raise_signal(signal.SIGTERM)
assert told.wait(20)
"""


@pytest.mark.parametrize("prepare", [COLLECTOR, AGENT], ids=["collector", "agent"])
def test_a_signal_between_two_instructions_of_a_wait_is_heard(prepare: str) -> None:
    script = f"import signal, threading\n{prepare}{AT_THE_WORST_MOMENT}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
