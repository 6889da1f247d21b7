"""The control software is found, followed, and told apart from everything else."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from agent.reading import Sample
from agent.watchers import process as process_module
from agent.watchers.executable import Executables, Told
from agent.watchers.process import FULL_CORE, LOOK_AFRESH_EVERY, Finder, ProcessSettings, ProcessWatcher, matches
from agent.watchers.watcher import Fault, Seen
from tests.agent.manual_clock import ManualClock

MARK = f"jishi-test-software-{os.getpid()}"


def settings_for(**settings: Any) -> ProcessSettings:
    return ProcessSettings(name="software", kind="process", asset="A001", **settings)


class Software:
    """Real processes with MARK in their command line."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[bytes]] = []

    def open(self, script: str = "import sys; sys.stdin.read()") -> psutil.Process:
        started = subprocess.Popen([sys.executable, "-c", script, MARK], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._running.append(started)
        process = psutil.Process(started.pid)
        # Popen returns when the new program begins; the kernel writes its command line a moment later.
        while process.status() != psutil.STATUS_ZOMBIE and MARK not in _command_line(process):
            pass
        return process

    def close(self) -> None:
        for process in self._running:
            process.kill()
            process.communicate()
        self._running.clear()


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.ZombieProcess:
        return []


@pytest.fixture
def software() -> Iterator[Software]:
    software = Software()
    yield software
    software.close()


class NoDigests:
    """In place of the background that finds the digests of programs, whose answers come when they come."""

    def ask(self, pid: int, path: str) -> None:
        pass

    def answers(self) -> list[Told]:
        return []


class Look:
    """A watcher that looks when told to, and what it said at the last look."""

    def __init__(self, **settings: Any) -> None:
        self.clock = ManualClock()
        self.watcher = ProcessWatcher(settings_for(**settings), self.clock)
        self.watcher._executables = NoDigests()  # type: ignore[assignment]
        self.said: list[Sample | Fault | Seen] = []

    def __call__(self, after_ms: int = 2000) -> dict[str, int | str]:
        self.clock.advance(after_ms)
        self.said = []
        self.watcher.look(self.said.append)
        return {said.channel: said.value for said in self.said if isinstance(said, Sample)}

    def words(self, channel: str) -> list[str]:
        """Look, and return all that a channel said."""
        self()
        return [str(said.value) for said in self.said if isinstance(said, Sample) and said.channel == channel]

    @property
    def found(self) -> dict[int, psutil.Process]:
        return self.watcher._finder.found


def test_software_that_comes_and_goes_is_running_and_absent(software: Software) -> None:
    look = Look(command_line=MARK)
    assert look()["process"] == "absent"
    software.open()
    assert look()["process"] == "running"
    assert look()["process"] == "running"
    software.close()
    assert look()["process"] == "absent"


def test_a_new_process_is_told_once_with_its_start_and_a_hash_of_its_path(software: Software) -> None:
    look = Look(command_line=MARK)
    opened = software.open()
    word = look()["instance"]
    digest = hashlib.sha256(opened.exe().encode()).hexdigest()[:16]
    assert word == f"start={round(opened.create_time() * 1000)} path={digest}"
    assert "instance" not in look()
    assert all(opened.exe() not in str(said) for said in look.said)
    software.open()
    assert "instance" in look()


def test_the_end_of_a_process_is_told_with_how_it_was_told_before(software: Software) -> None:
    look = Look(command_line=MARK)
    software.open()
    told = look.words("instance")[0]
    software.close()
    assert look.words("instance") == [f"ended {told}"]
    assert look.words("instance") == []


def test_each_of_several_processes_comes_and_goes_by_itself(software: Software) -> None:
    look = Look(command_line=MARK)
    first, second = software.open(), software.open()
    assert len(look.words("instance")) == 2
    first.kill()
    first.wait()
    assert look()["process"] == "running"
    assert look.found.keys() == {second.pid}


def test_a_number_that_is_given_out_again_is_another_process(
    software: Software, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = Look(command_line=MARK)
    opened = software.open()
    look()
    for _ in range(3):
        [known] = look.found.values()
        monkeypatch.setattr(known, "is_running", lambda: False)  # as psutil says of one whose number is another's
        words = [word.partition("=")[0] for word in look.words("instance")]
        assert words == ["ended start", "start"]
        assert look.found.keys() == {opened.pid}


def test_the_program_is_told_by_its_bytes_when_they_are_known(software: Software) -> None:
    look = Look(command_line=MARK)
    look.watcher._executables = Executables(pause_s=0)
    opened = software.open()
    words = look.words("instance")
    while not any("exe=" in word for word in words):  # the background needs a moment
        words = look.words("instance")
    path = hashlib.sha256(opened.exe().encode()).hexdigest()[:16]
    assert words == [f"path={path} exe={hashlib.sha256(Path(opened.exe()).read_bytes()).hexdigest()[:16]}"]
    assert look.words("instance") == []


def test_reading_and_writing_are_counted(software: Software, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = {"bytes": 500}
    monkeypatch.setattr(process_module, "_io_bytes", lambda process: moved["bytes"])
    look = Look(command_line=MARK)
    look()
    software.open()
    assert look()["io"] == 0, "what it moved before it was seen does not count"
    moved["bytes"] += 4096
    assert look()["io"] == 4096
    software.close()
    assert look()["io"] == 0


def test_what_the_system_counts_is_what_a_process_moves() -> None:
    before = process_module._io_bytes(psutil.Process())
    Path(__file__).read_bytes()
    assert process_module._io_bytes(psutil.Process()) - before >= Path(__file__).stat().st_size


@pytest.mark.parametrize("problem", [psutil.AccessDenied(1), AttributeError("io_counters")])
def test_what_may_not_be_looked_at_is_unobserved_and_not_nothing(
    software: Software, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    def refuse(process: psutil.Process) -> int:
        raise problem

    monkeypatch.setattr(process_module, "_io_bytes", refuse)
    look = Look(command_line=MARK)
    look()
    software.open()
    said = look()
    assert (said["process"], "io" in said, "cpu" in said) == ("running", False, True)


def test_a_zombie_is_absent(software: Software) -> None:
    opened = software.open("pass")
    os.waitid(os.P_PID, opened.pid, os.WEXITED | os.WNOWAIT)
    assert opened.status() == psutil.STATUS_ZOMBIE
    look = Look(command_line=MARK)
    assert look()["process"] == "absent"


def test_computing_shows_as_share_of_a_core(software: Software, monkeypatch: pytest.MonkeyPatch) -> None:
    spent_ms = {"all": 500}
    monkeypatch.setattr(process_module, "_cpu_ms", lambda process: spent_ms["all"])
    look = Look(command_line=MARK)
    software.open()
    assert "cpu" not in look(), "nothing to compare with yet"
    spent_ms["all"] += 1500
    assert look(2000)["cpu"] == FULL_CORE * 3 // 4
    assert look(2000)["cpu"] == 0


def test_what_a_process_computed_before_it_was_seen_does_not_count(
    software: Software, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_module, "_cpu_ms", lambda process: 3_600_000)
    look = Look(command_line=MARK)
    look()
    software.open()
    assert look()["cpu"] == 0


def test_other_processes_are_looked_at_only_twice(software: Software, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[int] = []

    class Counted(psutil.Process):
        def __init__(self, pid: int) -> None:
            looked_at.append(pid)
            super().__init__(pid)

    monkeypatch.setattr(psutil, "Process", Counted)
    finder = Finder(settings_for(command_line=MARK))
    other = os.getppid()
    for _ in range(LOOK_AFRESH_EVERY - 1):
        finder.look()
    assert looked_at.count(other) == 2
    finder.look()
    assert looked_at.count(other) == 3, "judged anew, in case the number was given out again"
    assert os.getpid() not in looked_at


@pytest.mark.parametrize(
    ("settings", "executable", "arguments", "meant"),
    [
        ({"executable": "/opt/sem/sem"}, "/opt/sem/sem", ["sem"], True),
        ({"executable": "/opt/sem/sem"}, "/opt/other/sem", ["sem"], False),
        ({"executable": "sem"}, "/opt/sem/sem", ["sem"], True),
        ({"executable": "sem"}, "/opt/sem/semaphore", ["sem"], False),
        ({"command_line": "sem.py --live"}, "/usr/bin/python3", ["python3", "sem.py", "--live"], True),
        ({"command_line": "sem.py --live"}, "/usr/bin/python3", ["python3", "sem.py"], False),
        ({"command_line": "sem.py"}, "", [], False),
    ],
)
def test_a_process_is_meant_by_path_name_or_command_line(
    settings: dict[str, str], executable: str, arguments: list[str], meant: bool
) -> None:
    assert matches(settings_for(**settings), executable=executable, arguments=arguments) is meant


@pytest.mark.parametrize(
    ("hidden", "name_of"),
    [
        ({"cmdline"}, lambda process: Path(process.exe()).name),
        ({"status"}, lambda process: Path(process.exe()).name),
        ({"exe"}, lambda process: Path(sys.executable).name),
        ({"exe", "cmdline"}, lambda process: process.name()),
    ],
    ids=["command-line", "status", "path", "all-but-its-name"],
)
def test_another_users_process_is_found_by_what_may_be_seen_of_it(
    software: Software,
    monkeypatch: pytest.MonkeyPatch,
    hidden: set[str],
    name_of: Callable[[psutil.Process], str],
) -> None:
    def refuse(process: psutil.Process) -> str:
        raise psutil.AccessDenied(process.pid)

    opened = software.open()
    name = name_of(opened)
    for part in hidden:
        monkeypatch.setattr(psutil.Process, part, refuse)
    look = Look(executable=name)
    assert look()["process"] == "running"
    assert opened.pid in look.found


def test_a_command_line_that_may_not_be_seen_is_no_match(software: Software, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(process: psutil.Process) -> list[str]:
        raise psutil.AccessDenied(process.pid)

    software.open()
    monkeypatch.setattr(psutil.Process, "cmdline", refuse)
    assert Look(command_line=MARK)()["process"] == "absent"


@pytest.mark.parametrize("settings", [{}, {"executable": "sem", "command_line": "sem"}])
def test_the_process_is_named_in_exactly_one_way(settings: dict[str, str]) -> None:
    assert [key for key, _ in settings_for(**settings).faults()] == ["executable"]
    assert not list(settings_for(executable="sem").faults())
