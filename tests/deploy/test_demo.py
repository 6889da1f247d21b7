"""The demo as a stranger meets it: real processes, killed with -9, stopped at any moment, started twice."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
VERDICT = re.compile(
    r"demo: ok instruments=3 entries=(\d+) receipted=(\d+) run_s=([1-9]\d*) lost=0 doubled=0 hours_verified=([1-9]\d*)"
)


class Demo:
    """A demo in a directory and on ports of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment = {
            **os.environ,
            "JISHI_DEMO_DIR": str(directory),
            "JISHI_DEMO_API_PORT": str(_free_port()),
            "JISHI_DEMO_BROKER_PORT": str(_free_port()),
            "JISHI_DEMO_DESK_PORT": str(_free_port()),
            "JISHI_DEMO_CONTACT_PORT": str(_free_port()),
            "PYTHONUNBUFFERED": "1",
        }
        self.output = directory.with_suffix(".txt")

    @contextmanager
    def running(self, *, seconds: int) -> Iterator[subprocess.Popen[bytes]]:
        with self.output.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "deploy.demo", "--seconds", str(seconds)],
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                yield process
            finally:
                process.kill()
                process.wait()

    def run(self, **changed: str) -> tuple[int, str]:
        """A further demo that is expected to refuse."""
        result = subprocess.run(
            [sys.executable, "-m", "deploy.demo", "--seconds", "1"],
            cwd=ROOT,
            env={**self.environment, **changed},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return result.returncode, result.stdout

    def ends(self, process: subprocess.Popen[bytes]) -> int:
        """The exit status of a demo that is stopping; a crowded disk may keep its database for a while."""
        try:
            return process.wait(120)
        except subprocess.TimeoutExpired:
            left = [" ".join(each.cmdline()) for each in self.processes()]
            raise AssertionError(f"it does not end; left are {left}\n{self.said()}") from None

    def said(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")

    def processes(self, *words: str) -> list[psutil.Process]:
        """What runs for this demo, by its directory (or what the collector started) and these words."""
        found = []
        for process in psutil.process_iter():
            try:
                command = " ".join(process.cmdline())
                ours = str(self.directory) in command or str(self.directory) in process.environ().get(
                    "JISHI_COLLECTOR_DATA_DIR", ""
                )
            except psutil.Error:
                continue
            if ours and all(word in command for word in words):
                found.append(process)
        return found

    def kill(self, *words: str, other: str = "") -> None:
        """Kill them, once they are there: what was killed before takes its time to come back."""
        deadline = time.monotonic() + 40
        while not (victims := self.processes(*words) or (self.processes(other) if other else [])):
            assert time.monotonic() < deadline, f"nothing to kill: {words}\n{self.said()}"
            time.sleep(0.2)
        for victim in victims:
            victim.kill()


@pytest.fixture
def demo() -> Iterator[Demo]:
    # Not pytest's own directory, which is closed to others: as root PostgreSQL runs as another user.
    with tempfile.TemporaryDirectory(prefix="jishi-demo-test-", dir="/tmp") as outer:
        Path(outer).chmod(0o755)
        yield Demo(Path(outer) / "demo")


@pytest.mark.timeout(300)
def test_killed_all_over_it_still_adds_up(demo: Demo) -> None:
    with demo.running(seconds=60) as process:
        _await(lambda: "Ctrl-C stops it" in demo.said(), process, demo, within_s=120)
        code, text = demo.run()
        assert code == 1
        assert "another demo of this user is running" in text
        busy = {"JISHI_DEMO_DIR": f"{demo.directory}-second"}
        code, text = demo.run(**busy)
        assert code == 1
        assert "is taken" in text
        assert "JISHI_DEMO_API_PORT" in text
        _pass(12)
        demo.kill("jishi-agent", "run", "demo-em")
        _pass(6)
        demo.kill("mosquitto", other="broker_amqtt")
        _pass(6)
        demo.kill("jishi-collector", "up")
        _pass(8)
        demo.kill("jishi-collector", "ingest")
        process.wait(180)
        verdict = VERDICT.search(demo.said().splitlines()[-1])
        assert process.returncode == 0, demo.said()
        assert verdict, demo.said()
        assert verdict[1] == verdict[2], "every entry is receipted"
        assert re.search(r"demo-em: .* declarations [1-9]", demo.said()), "the card signed its holder in"
    _await(lambda: not demo.processes(), None, demo, within_s=20)


@pytest.mark.parametrize("moment", ["starting PostgreSQL", "registering units", "enrolling its agent", "Ctrl-C stops"])
@pytest.mark.timeout(400)
def test_ctrl_c_at_any_moment_leaves_nothing(demo: Demo, moment: str) -> None:
    with demo.running(seconds=0) as process:
        _await(lambda: moment in demo.said(), process, demo, within_s=120)
        process.send_signal(signal.SIGINT)
        assert demo.ends(process) == 0, demo.said()
        assert "nothing is left running" in demo.said()
    _await(lambda: not demo.processes(), None, demo, within_s=20)  # what was just starting dies with its parent
    with demo.running(seconds=0) as process:  # no lock, no port is left
        _await(lambda: "registering units" in demo.said(), process, demo, within_s=120)
        process.send_signal(signal.SIGTERM)
        assert demo.ends(process) == 0, demo.said()
    _await(lambda: not demo.processes(), None, demo, within_s=20)


def test_a_killed_demo_takes_everything_with_it(demo: Demo) -> None:
    with demo.running(seconds=0) as process:
        _await(lambda: "Ctrl-C stops" in demo.said(), process, demo, within_s=120)
        assert demo.processes("jishi-agent", "run")
        process.kill()
    _await(lambda: not demo.processes(), None, demo, within_s=60)


def test_a_directory_with_other_files_is_not_emptied(demo: Demo) -> None:
    demo.directory.mkdir()
    (demo.directory / "thesis.txt").write_text("three years of work")
    code, text = demo.run()
    assert code == 1
    assert "not the demo's" in text
    assert (demo.directory / "thesis.txt").read_text() == "three years of work"


def test_a_port_that_is_no_number_is_named(demo: Demo) -> None:
    code, text = demo.run(JISHI_DEMO_API_PORT="eighty")
    assert code == 1
    assert "JISHI_DEMO_API_PORT is 'eighty'" in text


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _pass(seconds: float) -> None:
    """Let real time pass: the demo's processes live in it."""
    time.sleep(seconds)


def _await(
    reached: Callable[[], bool], process: subprocess.Popen[bytes] | None, demo: Demo, *, within_s: float
) -> None:
    deadline = time.monotonic() + within_s
    while not reached():
        assert time.monotonic() < deadline, demo.said()
        assert process is None or process.poll() is None, demo.said()
        time.sleep(0.2)
