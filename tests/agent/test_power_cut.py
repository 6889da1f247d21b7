"""A power cut on a real file system: ext4 on a loop file, shut down under the writer without flushing anything.

kill -9 keeps what the kernel has in memory and would not notice a sync that was left out; this does.
"""

import fcntl
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.journal import Journal
from agent.segments import Limits
from protocol.entry import Storage, decode
from tests.agent.conftest import ORIGIN

EXT4_IOC_SHUTDOWN, NO_LOG_FLUSH = 0x8004587D, 2
LIMITS = Limits(segment_bytes=2000, reserve_bytes=4096)

WRITER = """
import sys
from pathlib import Path
from agent.journal import Journal
from agent.segments import Limits
from tests.agent.conftest import ORIGIN, add, receipt_for
journal = Journal.open(Path(sys.argv[1]), origin=ORIGIN, create=True, limits=Limits(2000, reserve_bytes=4096))
print("size", journal.size, flush=True)
while True:
    add(journal)
    print("size", journal.size, flush=True)
    if journal.size % 3 == 0:
        journal.mark_signed(journal.size, journal.root_at(journal.size))
        print("signed", journal.size, flush=True)
    if journal.size % 7 == 0:
        journal.store_receipt(receipt_for(journal, journal.size - 2))
        print("receipted", journal.size - 2, flush=True)
"""


class Medium:
    """A small ext4 file system that can lose its power."""

    def __init__(self, image: Path, place: Path) -> None:
        self._image = image
        self.place = place
        place.mkdir()
        with image.open("wb") as file:
            file.truncate(16 << 20)
        _run("mkfs.ext4", "-q", str(image))
        self.mount()

    def mount(self) -> None:
        _run("mount", "-o", "loop", str(self._image), str(self.place))

    def lose_power(self) -> None:
        fd = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(fd)

    def unmount(self) -> None:
        _run("umount", str(self.place))


@pytest.fixture
def medium(tmp_path: Path) -> Iterator[Medium]:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting a file system needs root on Linux")
    try:
        made = Medium(tmp_path / "image", tmp_path / "place")
    except (OSError, subprocess.CalledProcessError) as problem:
        pytest.skip(f"no ext4 can be mounted here: {problem}")
    yield made
    subprocess.run(["umount", "-l", str(made.place)], check=False, capture_output=True)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def _write_until(medium: Medium, lines: int) -> dict[str, int]:
    """Let a writer promise this many things, cut the power, and return the last promise of each kind."""
    command = [sys.executable, "-c", WRITER, str(medium.place / "journal")]
    promised = {"size": 0, "signed": 0, "receipted": 0}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for _ in range(lines):
            kind, number = writer.stdout.readline().split()
            promised[kind] = int(number)
        os.kill(writer.pid, signal.SIGSTOP)
        medium.lose_power()
        for line in _rest(writer):
            kind, number = line.split()
            promised[kind] = int(number)
    return promised


def _rest(writer: subprocess.Popen[str]) -> list[str]:
    """What it had said before it was stopped and nobody had read yet."""
    writer.kill()
    assert writer.stdout is not None
    return [line for line in writer.stdout.read().splitlines() if line.count(" ") == 1]


def test_what_was_promised_is_there_after_the_power_comes_back(medium: Medium) -> None:
    for lines in (5, 9, 17, 40):  # while writing, rolling, and after a recovery
        promised = _write_until(medium, lines)
        medium.unmount()
        medium.mount()
        journal = Journal.open(medium.place / "journal", origin=ORIGIN, limits=LIMITS)
        entries = journal.entries(0, journal.size)
        assert journal.size >= promised["size"]
        assert [decode(raw).body for raw in entries] == [Storage(f"something {n}") for n in range(journal.size)]
        assert journal.receipted_size >= promised["receipted"]
        assert journal._signed.size >= promised["signed"]
        journal.close()
