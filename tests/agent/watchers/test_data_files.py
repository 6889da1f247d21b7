"""Data files of an instrument, through a real child process: grown, ended, hung, gone."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from agent.clock import SystemClock
from agent.reading import Sample
from agent.watchers import data_files
from agent.watchers.child import ChildLost
from agent.watchers.data_files import DataFiles, DataFilesSettings
from agent.watchers.watcher import Fault, Said, Seen
from tests.agent.manual_clock import ManualClock


def settings_for(directory: Path, **settings: Any) -> DataFilesSettings:
    return DataFilesSettings(name="data", kind="data-files", asset="A001", directory=str(directory), **settings)


class Running:
    """A watcher in its thread, and what it says."""

    def __init__(self, directory: Path) -> None:
        self.said: list[Said] = []
        self._heard = threading.Condition()
        self._stop = threading.Event()
        watcher = DataFiles(settings_for(directory, poll_s=1, quiet_s=1), SystemClock())
        self._thread = threading.Thread(target=watcher.run, args=(self._hear, self._stop))
        self._thread.start()

    def until(self, wanted: Callable[[Said], bool]) -> Said:
        """Wait for something that is wanted; return it, and forget all that was said up to it."""
        with self._heard:
            assert self._heard.wait_for(lambda: any(map(wanted, self.said)), timeout=20), self.said
            place = next(place for place, said in enumerate(self.said) if wanted(said))
            found = self.said[place]
            del self.said[: place + 1]
        return found

    @property
    def child(self) -> psutil.Process:
        """The one that looks at the directory."""
        (child,) = [one for one in psutil.Process().children() if data_files.CHILD_MODULE in one.cmdline()]
        return child

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _hear(self, said: Said) -> None:
        with self._heard:
            self.said.append(said)
            self._heard.notify_all()


@pytest.fixture
def start() -> Iterator[Callable[[Path], Running]]:
    running: list[Running] = []

    def start(directory: Path) -> Running:
        running.append(Running(directory))
        return running[-1]

    yield start
    for one in running:
        one.stop()


def is_growth(said: Said) -> bool:
    return isinstance(said, Sample) and said.channel == "growth"


def has_grown(number: int) -> Callable[[Said], bool]:
    return lambda said: isinstance(said, Sample) and said.channel == "growth" and said.value == number


def is_fault(words: str) -> Callable[[Said], bool]:
    return lambda said: isinstance(said, Fault) and words in said.reason


def test_files_that_grow_and_end_are_told_and_a_hang_costs_one_child(
    start: Callable[[Path], Running], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_files, "CHILD_PATIENCE_S", 0.2)
    running = start(tmp_path)
    running.until(is_growth)
    (tmp_path / "li-ming.tif").write_bytes(b"x" * 5000)
    running.until(has_grown(5000))
    running.until(lambda said: isinstance(said, Sample) and str(said.value).startswith("done "))
    hung = running.child
    os.kill(hung.pid, signal.SIGSTOP)  # as a share does whose server is gone
    running.until(is_fault("unobserved because its process said nothing for 3.2 s and was ended: does the disk hang?"))
    (tmp_path / "meanwhile.tif").write_bytes(b"x" * 70)
    running.until(has_grown(0))
    assert not hung.is_running()
    (tmp_path / "li-ming.tif").write_bytes(b"x" * 5100)
    running.until(has_grown(100))
    assert "li-ming" not in str(running.said)


def test_a_directory_that_goes_is_unobserved_and_its_files_are_not_new_when_it_is_back(
    start: Callable[[Path], Running], tmp_path: Path
) -> None:
    directory = tmp_path / "share"
    running = start(directory)
    running.until(is_fault("unobserved because the directory is not there"))
    directory.mkdir()
    (directory / "a").write_bytes(b"data")
    running.until(is_growth)
    seen = running.until(lambda said: isinstance(said, Seen))
    assert isinstance(seen, Seen)
    assert dict(seen.particulars) == {"files": 1, "active": 0, "unreadable": 0, "too_deep": 0, "other_disks": 0}


class Taken:
    """A watcher that is handed lines of a child."""

    def __init__(self, **settings: Any) -> None:
        self.watcher = DataFiles(settings_for(Path("/data"), **settings), ManualClock())
        self.said: list[Any] = []

    def __call__(self, line: str, at_ms: int = 0) -> list[Any]:
        self.said = []
        self.watcher.take(f'{{"wall_ms":1764554400000,"mono_ms":{at_ms},{line}}}'.encode(), self.said.append)
        return self.said


def test_a_failed_look_or_two_are_borne_and_a_lasting_trouble_is_told_once() -> None:
    take = Taken(poll_s=10)
    take('"grown":5')
    assert take('"error":"failed","reason":"the disk"', 20_000) == []
    (fault,) = take('"error":"failed","reason":"the disk"', 40_000)
    assert fault.reason == "unobserved because the disk"
    assert take('"error":"failed","reason":"the disk"', 50_000) == []
    assert [one.reason for one in take('"error":"missing","reason":"gone"', 60_000)] == ["unobserved because gone"]
    assert take('"grown":0', 70_000)[0].value == 0


@pytest.mark.parametrize("line", ['"grown":-1', '"events":["' + "x" * 65 + '"]', '"grown":"much"', '"grown":1e400'])
def test_a_child_that_talks_nonsense_is_replaced(line: str) -> None:
    with pytest.raises(ChildLost, match="its process said"):
        Taken()(line)


def test_a_child_that_cannot_be_ended_is_waited_for_and_gets_no_company(monkeypatch: pytest.MonkeyPatch) -> None:
    stop, started = threading.Event(), []

    class Stuck:
        looks = 0

        def __init__(self, module: str, argument: str) -> None:
            started.append(module)

        def next_line(self, silence_s: float, stop: threading.Event) -> bytes | None:
            raise ChildLost("its process said nothing")

        def end(self) -> None:
            pass

        def is_running(self) -> bool:
            Stuck.looks += 1
            if Stuck.looks == 5:
                stop.set()
            return True

    monkeypatch.setattr(data_files, "Child", Stuck)
    monkeypatch.setattr(data_files, "STUCK_LOOK_S", 0.001)
    said: list[Said] = []
    DataFiles(settings_for(Path("/data")), ManualClock()).run(said.append, stop)
    assert started == [data_files.CHILD_MODULE]
    assert [type(one) for one in said] == [Fault]


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"directory": "data"}, "directory"),
        ({"directory": "/data", "mount": "/mnt"}, "mount"),
        ({"directory": "/data", "names": ("2026/*.tif",)}, "names"),
        ({"directory": "/data", "names": ("2026\\*.tif",)}, "names"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], key: str) -> None:
    made = DataFilesSettings(name="data", kind="data-files", **settings)
    assert [fault for fault, _ in made.faults()] == [key]


def test_settings_that_work_have_no_fault() -> None:
    assert not list(settings_for(Path("/mnt/sem/data"), mount="/mnt/sem").faults())


def examined(directory: Path, **settings: Any) -> list[tuple[str, str]]:
    assert data_files.KIND.examine is not None
    return [
        (finding.verdict, finding.found) for finding in data_files.KIND.examine(settings_for(directory, **settings))
    ]


def test_an_examination_says_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.tif").touch()
    assert examined(tmp_path, depth=0) == [("ok", "1 files match"), ("warn", "1 folders lie below `depth`")]
    assert examined(tmp_path, names=("*.raw",)) == [("ok", "0 files match"), ("warn", "no file matches")]
    assert examined(tmp_path / "none") == [("fail", "the directory is not there")]


def test_an_examination_of_a_disk_that_hangs_ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(data_files, "EXAMINE_S", 0.0)
    [(verdict, found)] = examined(tmp_path)
    assert (verdict, "said nothing for 0 s" in found) == ("fail", True)
