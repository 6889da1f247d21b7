"""`simulate` as a program: ready line, link, truth, software, clean end."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import serial

from agent.simulator import cli
from agent.simulator.dlt645_meter import ADDRESS
from agent.watchers.dlt645_frame import Data, ReadData, find_answer
from agent.watchers.dlt645_frame import encode as encode_645
from agent.watchers.modbus_frame import ReadRequest, Values, encode, find_reply

POWER = ReadRequest(1, 4, 0x000C, 2)


class Simulation:
    """A running `simulate`."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.link = directory / "ttyEM"
        self.truth = directory / "truth.jsonl"
        command = [sys.executable, "-m", "agent.simulator.cli", "--model", "oven", "--link", str(self.link)]
        command += ["--truth", str(self.truth), *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.ready = self.process.stdout.readline()

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        self.process.communicate(timeout=10)
        return self.process.returncode

    def truths(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.truth.read_text().splitlines()]


@pytest.fixture
def simulation(tmp_path: Path) -> Iterator[Simulation]:
    simulation = Simulation(tmp_path)
    yield simulation
    simulation.process.kill()
    simulation.process.communicate()


def ask_power(link: Path) -> Values | None:
    with serial.Serial(str(link), timeout=2, exclusive=True) as port:
        port.write(encode(POWER))
        reply = find_reply(port.read(9), POWER)
    return reply if isinstance(reply, Values) else None


def test_it_says_when_it_is_ready_answers_and_ends_cleanly(simulation: Simulation) -> None:
    assert simulation.ready == f"ready: oven with sdm120 at {simulation.link}, seed 1, speed 1\n"
    assert ask_power(simulation.link) is not None
    assert ask_power(simulation.link) is not None, "a reader that comes again finds it as before"
    assert simulation.end() == 0
    assert not simulation.link.is_symlink()
    first, last = simulation.truths()
    assert first["state"] == "off"
    assert last["end"] is True


def test_ctrl_c_is_a_clean_end_too(simulation: Simulation) -> None:
    assert simulation.end(signal.SIGINT) == 0
    assert simulation.truths()[-1]["end"] is True


def test_a_killed_one_leaves_a_link_that_the_next_replaces(simulation: Simulation, tmp_path: Path) -> None:
    simulation.end(signal.SIGKILL)
    assert simulation.link.is_symlink()
    assert "end" not in simulation.truths()[-1]
    again = Simulation(tmp_path)
    assert ask_power(again.link) is not None
    assert again.end() == 0


def test_a_file_in_the_place_of_the_link_is_left_alone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ttyEM").write_text("precious")
    simulation = Simulation(tmp_path)
    assert simulation.process.wait(10) == 1
    simulation.process.communicate()
    assert "ttyEM exists and is no symlink; choose another place for the link" in capfd.readouterr().err
    assert (tmp_path / "ttyEM").read_text() == "precious"


@pytest.mark.parametrize("arguments", [["--speed", "0"], ["--fault", "lightning"], ["--model", "toaster"]])
def test_wrong_usage_exits_with_two(tmp_path: Path, arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    simulation = Simulation(tmp_path, *arguments)
    assert simulation.process.wait(10) == 2
    simulation.process.communicate()
    assert "usage:" in capfd.readouterr().err


def test_a_fault_that_a_meter_cannot_have_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    simulation = Simulation(tmp_path, "--meter", "sdm120", "--fault", "followed")
    assert simulation.process.wait(10) == 2
    simulation.process.communicate()
    assert "sdm120 has no fault followed; it has garbage" in capfd.readouterr().err


def test_a_dlt645_meter_answers_at_its_address(tmp_path: Path) -> None:
    simulation = Simulation(tmp_path, "--meter", "dlt645")
    assert simulation.ready.startswith("ready: oven with dlt645 at ")
    power = ReadData(ADDRESS, 0x02030000)
    with serial.Serial(str(simulation.link), timeout=2, exclusive=True) as port:
        port.write(encode_645(power))
        answer = find_answer(port.read(23), power)
    assert isinstance(answer, Data)
    assert simulation.end() == 0


def running_software(name: str) -> list[psutil.Process]:
    return [process for process in psutil.process_iter(["cmdline"]) if name in (process.info["cmdline"] or [])]


def test_software_runs_while_the_instrument_is_on_and_dies_with_the_simulator() -> None:
    name = f"jishi-simulated-{os.getpid()}"
    software = cli.Software(name)
    on, off = (cli.Segment(state, 200, 1) for state in ("standby", "off"))
    software.follow(off)
    assert not running_software(name)
    software.follow(on)
    [process] = running_software(name)
    software.follow(on)
    assert running_software(name) == [process]
    software.follow(off)
    assert not running_software(name)
    script = (
        "import sys; from agent.simulator.cli import Segment, Software; "
        f"Software({name!r}).follow(Segment('run', 200, 1)); print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as simulator:
        assert simulator.stdout is not None
        simulator.stdout.readline()
        [orphan] = running_software(name)
        simulator.kill()
    psutil.wait_procs([orphan], timeout=5)
    assert not running_software(name)
