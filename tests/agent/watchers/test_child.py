"""The watcher's half of a child process."""

import sys
import threading
from pathlib import Path

import pytest

from agent.watchers.child import Child, ChildLost, command


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module that a child can be: it repeats its argument as a line, then reads until its input closes."""
    (tmp_path / "parrot.py").write_text("import sys\nprint(sys.argv[1], flush=True)\nsys.stdin.read()\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "parrot"


def test_lines_come_through(module: str) -> None:
    child = Child(module, "polly")
    assert child.next_line(10, threading.Event()) == b"polly\n"
    child.end()


def test_silence_is_told(module: str) -> None:
    child = Child(module, "polly")
    child.next_line(10, threading.Event())
    with pytest.raises(ChildLost, match="said nothing"):
        child.next_line(0.01, threading.Event())
    child.end()


def test_the_end_is_told_with_its_exit_code(module: str) -> None:
    child = Child(module, "polly")
    child.next_line(10, threading.Event())
    child.end()
    with pytest.raises(ChildLost, match="ended with exit code 0"):
        child.next_line(10, threading.Event())


def test_a_stop_ends_the_waiting(module: str) -> None:
    child, stop = Child(module, "polly"), threading.Event()
    child.next_line(10, stop)
    threading.Timer(0.05, stop.set).start()
    assert child.next_line(60, stop) is None
    child.end()


def test_a_program_that_is_its_own_interpreter_starts_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert command("parrot", "polly") == [sys.executable, "-m", "parrot", "polly"]
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert command("parrot", "polly") == [sys.executable, "child", "parrot", "polly"]


def test_a_child_that_was_ended_is_not_running(module: str) -> None:
    child = Child(module, "polly")
    assert child.is_running()
    child.end()
    assert not child.is_running()
