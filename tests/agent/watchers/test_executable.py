"""Programs are told by their bytes: once, again when they are others, and whatever name they go under."""

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.watchers import executable
from agent.watchers.executable import CHUNK_BYTES, UNREADABLE, Executables, Told, digest

NOBODY = 2**22 + 1  # beyond the largest process id that Linux gives


def sha(octets: bytes) -> str:
    return hashlib.sha256(octets).hexdigest()[:16]


@pytest.fixture
def executables() -> Executables:
    return Executables(pause_s=0)


def answers(executables: Executables, number: int) -> list[Told]:
    """Wait for so many answers."""
    found: list[Told] = []
    while len(found) < number:
        found += executables.answers()
    return found


def test_a_digest_is_that_of_the_file(tmp_path: Path) -> None:
    for size in (0, 1, CHUNK_BYTES, CHUNK_BYTES + 1):
        (tmp_path / "a").write_bytes(b"x" * size)
        assert digest(tmp_path / "a", 0) == sha(b"x" * size)


def test_of_a_huge_file_only_the_first_part_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executable, "READ_BYTES", 10)
    (tmp_path / "a").write_bytes(b"0123456789and so on")
    assert digest(tmp_path / "a", 0) == sha(b"0123456789")


def test_the_same_file_is_read_and_told_once(
    executables: Executables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def count(file: Path, pause_s: float) -> str:
        read.append(file)
        return digest(file, pause_s)

    monkeypatch.setattr(executable, "digest", count)
    first, second = tmp_path / "sem", tmp_path / "other"
    first.write_bytes(b"one")
    second.write_bytes(b"two")
    for path in (first, first, second):
        executables.ask(NOBODY, str(path))
    assert answers(executables, 2) == [Told(str(first), sha(b"one")), Told(str(second), sha(b"two"))]
    assert read == [first, second]


def test_other_bytes_under_the_same_name_are_told(executables: Executables, tmp_path: Path) -> None:
    for content in (b"one", b"another"):
        (tmp_path / "sem").write_bytes(content)
        executables.ask(NOBODY, str(tmp_path / "sem"))
        assert answers(executables, 1) == [Told(str(tmp_path / "sem"), sha(content))]


def test_a_copy_under_another_name_has_the_same_digest(executables: Executables, tmp_path: Path) -> None:
    for name in ("sem", "harmless"):
        (tmp_path / name).write_bytes(b"one")
        executables.ask(NOBODY, str(tmp_path / name))
    assert {told.digest for told in answers(executables, 2)} == {sha(b"one")}


@pytest.mark.parametrize("path", ["", "python3", "/nowhere/sem"])
def test_what_cannot_be_read_is_told_to_be_so(executables: Executables, path: str) -> None:
    executables.ask(NOBODY, path)
    assert answers(executables, 1) == [Told(path, UNREADABLE)]


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process whose program was replaced after it started."""
    program = tmp_path / "sem"
    program.write_bytes(Path("/bin/sleep").read_bytes())
    program.chmod(0o755)
    running = subprocess.Popen([program, "60"])
    while Path(f"/proc/{running.pid}/exe").readlink() != program:
        pass
    program.unlink()
    program.write_bytes(b"another")
    yield running
    running.kill()
    running.wait()


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="only Linux keeps a replaced program readable")
def test_what_really_runs_is_told_though_its_file_was_replaced(
    executables: Executables, sleeper: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    executables.ask(sleeper.pid, str(tmp_path / "sem"))
    assert answers(executables, 1)[0].digest == sha(Path("/bin/sleep").read_bytes())
