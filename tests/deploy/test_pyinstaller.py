"""The agent as a folder that needs no Python, built here for Linux as it is built for Windows there, and used."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent.enrolled import enrol_in

SPEC = Path(__file__).parents[2] / "deploy" / "pyinstaller" / "jishi-agent.spec"
DATA_FILES = '\n[[watcher]]\nname = "data"\nkind = "data-files"\ndirectory = "{}"\npoll_s = 1\n'

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="this is the twin for Linux; Windows is built there"),
    pytest.mark.skipif(shutil.which("objdump") is None, reason="PyInstaller needs binutils: apt-get install binutils"),
]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built program, in a directory with a space in its name."""
    place = tmp_path_factory.mktemp("built here")
    built = subprocess.run(
        [sys.executable, "-m", "PyInstaller", "--log-level", "ERROR", "--distpath", place / "dist",
         "--workpath", place / "work", SPEC],
        capture_output=True, text=True, check=False, env={**os.environ, "PYINSTALLER_CONFIG_DIR": str(place / "cache")},
    )  # fmt: skip
    if "shared library" in built.stderr:
        pytest.skip("PyInstaller needs Python's shared library: apt-get install libpython3.11, or as it is called")
    assert built.returncode == 0, built.stderr
    return place / "dist" / "jishi-agent" / "jishi-agent"


class Host:
    """An enrolled agent's directory, with a simulated meter and a directory of data files."""

    def __init__(self, program: Path, directory: Path) -> None:
        self._program = program
        self.data = directory / "data"
        self.data.mkdir()
        self.port = directory / "port"
        self.configuration = enrol_in(directory / "pc", broker_port=9, port=self.port)
        with self.configuration.open("a", encoding="utf-8") as file:
            file.write(DATA_FILES.format(self.data))
        self._truth = directory / "truth"
        self._started: list[subprocess.Popen[bytes]] = []

    def call(self, *words: object) -> "subprocess.CompletedProcess[str]":
        # As on a PC where nobody has Python: no variable of this one's environment reaches it.
        command = [self._program, *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, env={}, cwd="/", check=False)

    def start(self, *words: object) -> "subprocess.Popen[bytes]":
        command = [self._program, *map(str, words)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._started.append(subprocess.Popen(command, env={}, cwd="/", **quiet))
        return self._started[-1]

    def plug_in(self) -> None:
        self.start("simulate", "--model", "oven", "--link", self.port, "--truth", self._truth)

    def watchers(self) -> dict[str, Any]:
        try:
            status = json.loads((self.configuration.parent / "state" / "status.json").read_text("utf-8"))
        except FileNotFoundError:
            return {}
        return {watcher["name"]: watcher for watcher in status["watchers"]}

    def close(self) -> None:
        for process in reversed(self._started):
            process.terminate()
            process.wait(30)


@pytest.fixture
def host(program: Path, tmp_path: Path) -> Iterator[Host]:
    made = Host(program, tmp_path)
    yield made
    made.close()


def eventually(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.05)


def test_it_checks_a_configuration_and_prints_a_service(host: Host, program: Path) -> None:
    checked = host.call("check", "-c", host.configuration)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "the configuration has no fault; enrolled as" in checked.stdout
    printed = host.call("service", "install", "--print", "--system", "systemd", "-c", host.configuration)
    assert f'ExecStart="{program}" run -c "{host.configuration}"' in printed.stdout


def test_it_reads_a_meter_and_a_directory_through_children_of_its_own_and_ends_in_order(host: Host) -> None:
    host.plug_in()
    agent = host.start("run", "-c", host.configuration)
    eventually(lambda: {name for name, one in host.watchers().items() if one["state"] == "up"} == {"meter1", "data"})
    (host.data / "a.tif").write_bytes(b"data")
    eventually(lambda: str(host.watchers()["data"]["last"].get("files", "")).startswith("new "))
    assert host.watchers()["meter1"]["last"]["power_mw"] > 0
    agent.terminate()
    assert agent.wait(30) == 0
    assert host.call("status", "-c", host.configuration).returncode == 1


def test_every_kind_of_watcher_is_in_it(host: Host) -> None:
    from agent.watchers.registry import BUILT_IN

    for kind in BUILT_IN:
        host.configuration.write_text(
            '[agent]\nid = "em-01"\nstate_dir = "state"\n[collector]\nurl = "http://127.0.0.1:9"\n'
            f'[[watcher]]\nname = "one"\nkind = "{kind}"\nnonsense = 1\n'
        )
        refused = host.call("check", "-c", host.configuration)
        assert refused.returncode == 2
        assert "watcher[0].nonsense: unknown key" in refused.stderr, kind
