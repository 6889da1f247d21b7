"""A power cut on a real file system, under a writer that is stopped at a step of its own choice, or at any instant."""

import itertools
import multiprocessing
import os
import signal
import subprocess
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import pytest

from agent.clock import Instant
from agent.errors import JournalError
from agent.journal import Journal
from agent.scratch import Scratch, promised_size
from agent.segments import Limits
from protocol.entry import Storage, decode
from tests.agent.conftest import BOOT, ORIGIN, add, receipt_for
from tests.agent.disks import StoppingDisk
from tests.faults.medium import Medium, why_not

LIMITS = Limits(segment_bytes=700, reserve_bytes=4096)
NEVER = 1 << 30


class Promised(NamedTuple):
    """What a writer said that it holds: entries, the largest signed and the largest receipted size."""

    size: int = 0
    signed: int = 0
    receipted: int = 0
    scratch: int = 0


@pytest.fixture
def medium(tmp_path: Path) -> Iterator[Medium]:
    if reason := why_not():
        pytest.skip(reason)
    try:
        made = Medium(tmp_path / "place")
    except (OSError, subprocess.CalledProcessError) as problem:
        pytest.skip(f"no ext4 can be mounted here: {problem}")
    yield made
    made.close()


def write(directory: Path, stop_before: int, entries: int, careless: str, said: Connection) -> None:
    """A life of a writer: each promise is said once it is made. It stops itself before step `stop_before`."""
    disk = StoppingDisk(stop_before, lambda: os.kill(os.getpid(), signal.SIGSTOP), careless=careless)
    promised = Promised()
    journal = Journal.open(directory, origin=ORIGIN, create=True, limits=LIMITS, disk=disk)
    scratch = Scratch(directory, disk=disk)
    said.send(promised := promised._replace(size=journal.size))
    for number in range(1, entries + 1):
        add(journal)
        said.send(promised := promised._replace(size=journal.size))
        if number % 3 == 0:
            journal.mark_signed(journal.size, journal.root_at(journal.size))
            said.send(promised := promised._replace(signed=journal.size))
        if number % 4 == 0:
            journal.store_receipt(receipt_for(journal, journal.size - 2))
            said.send(promised := promised._replace(receipted=journal.size - 2))
        if number % 5 == 0:
            scratch.write([], boot=BOOT, journal_size=journal.size, now=Instant(0, number * 60_000))
            said.send(promised := promised._replace(scratch=journal.size))


def live(medium: Medium, *, stop_before: int, entries: int, careless: str = "") -> tuple[Promised, bool]:
    """Let a writer live until it stops itself, cut the power; what it promised, and whether it was cut short."""
    context = multiprocessing.get_context("fork")  # a fresh interpreter for each of a hundred steps takes a minute
    heard, said = context.Pipe(duplex=False)
    writer = context.Process(target=write, args=(medium.place / "journal", stop_before, entries, careless, said))
    writer.start()
    said.close()
    assert writer.pid is not None
    _, status = os.waitpid(writer.pid, os.WUNTRACED)
    stopped = os.WIFSTOPPED(status)
    assert stopped or status == 0
    medium.lose_power()
    if stopped:
        os.kill(writer.pid, signal.SIGKILL)
        os.waitpid(writer.pid, 0)
    promised = Promised()
    while heard.poll():
        try:
            promised = heard.recv()
        except EOFError:
            break
    medium.come_back()
    return promised, stopped


def assert_kept(medium: Medium, promised: Promised) -> None:
    """All that was promised is there."""
    directory = medium.place / "journal"
    if not promised.size and not (directory / "lock").exists():
        return  # cut before there was a journal
    journal = Journal.open(directory, origin=ORIGIN, create=True, limits=LIMITS)
    try:
        entries = journal.entries(0, journal.size)
        assert [decode(raw).body for raw in entries] == [Storage(f"something {n}") for n in range(journal.size)]
        assert journal.findings == (), "a cut leaves no half-made file"
        assert journal.size >= promised.size
        assert journal.receipted_size >= promised.receipted
        assert journal._signed.size >= promised.signed
        assert promised_size(directory) >= promised.scratch
    finally:
        journal.close()


def cut_before_each_step(medium: Medium, *, careless: str = "") -> int:
    """Let a writer begin, write and roll, cut short before each of its steps in turn; how many steps it has."""
    for step in itertools.count(1):
        subprocess.run(["rm", "-rf", str(medium.place / "journal")], check=True)
        promised, stopped = live(medium, stop_before=step, entries=9, careless=careless)
        assert_kept(medium, promised)
        if not stopped:
            return step
    raise AssertionError


def test_a_power_cut_before_any_step_keeps_what_was_promised(medium: Medium) -> None:
    assert cut_before_each_step(medium) > 50, "beginning, writing, rolling, marking and noting a receipt have steps"


def test_a_power_cut_before_any_step_of_a_recovery_keeps_what_was_promised(medium: Medium) -> None:
    held, _ = live(medium, stop_before=NEVER, entries=9)
    for step in itertools.count(1):
        last = max((medium.place / "journal").glob("*.log"))
        with last.open("ab") as file:
            file.write(b"0badf00d {torn")
            os.fsync(file.fileno())
        _, stopped = live(medium, stop_before=step, entries=0)
        assert_kept(medium, held)
        if not stopped:
            break
    assert step > 6, "the copy, the cut and the slots have steps"


@pytest.mark.parametrize("careless", ["*.log", "*.new", "signed", "receipt", "scratch"])
def test_a_sync_that_is_left_out_is_noticed(medium: Medium, careless: str) -> None:
    with pytest.raises((AssertionError, JournalError)):
        cut_before_each_step(medium, careless=careless)
