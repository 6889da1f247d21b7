"""Watchers of third parties, in packages that pip installs: the documented example, and all that can go wrong."""

import inspect
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.clock import Clock, Instant
from agent.finding import Finding
from agent.reading import CHANNEL_KINDS, Channel, Sample
from agent.watchers.watcher import Card, Fault, Kind, Seen, Watcher, WatcherSettings
from tests.agent.enrolled import enrol_in
from tests.conftest import find_free_port

DOCS = Path(__file__).parents[3] / "docs" / "watchers"
PACKAGES = (DOCS / "example", Path(__file__).parent / "broken_package")
GOOD = '[[watcher]]\nname = "good"\nkind = "host"\npoll_s = 1\n'
PROGRAM = (sys.executable, "-c", "import sys; from agent.cli import main; sys.exit(main())")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that pip has installed the packages into, as into an environment of their own, without any index."""
    target = tmp_path_factory.mktemp("installed")
    copies = [shutil.copytree(package, tmp_path_factory.mktemp("package") / package.name) for package in PACKAGES]
    offline = ["--no-index", "--no-build-isolation", "--no-deps", "--disable-pip-version-check", "--quiet"]
    subprocess.run([sys.executable, "-m", "pip", "install", *offline, "--target", target, *copies], check=True)
    return target


class Host:
    """An enrolled agent with these watchers, and the packages where it finds them."""

    def __init__(self, directory: Path, installed: Path, watchers: str) -> None:
        self.configuration = enrol_in(directory, broker_port=9, port=directory / "port", block_s=1)
        head = self.configuration.read_text("utf-8").partition("[[watcher]]")[0]
        self.configuration.write_text(head + watchers, encoding="utf-8")
        self._environment = {**os.environ, "PYTHONPATH": str(installed)}
        self._log = (directory / "log").open("wb")
        self._agent: subprocess.Popen[bytes] | None = None

    def check(self) -> "subprocess.CompletedProcess[str]":
        words = [*PROGRAM, "check", "-c", str(self.configuration)]
        return subprocess.run(words, capture_output=True, text=True, env=self._environment, check=False)

    def start(self) -> None:
        words = [*PROGRAM, "run", "-c", str(self.configuration)]
        self._agent = subprocess.Popen(words, env=self._environment, stderr=self._log)

    def watchers(self) -> dict[str, Any]:
        """What `status` shows of each, by name."""
        try:
            status = json.loads((self.configuration.parent / "state" / "status.json").read_text("utf-8"))
        except FileNotFoundError:
            return {}
        return {watcher["name"]: watcher for watcher in status["watchers"]}

    def is_running(self) -> bool:
        return self._agent is not None and self._agent.poll() is None

    def stop(self) -> int:
        assert self._agent is not None
        self._agent.send_signal(signal.SIGTERM)
        return self._agent.wait(60)

    def close(self) -> None:
        if self._agent is not None:
            self._agent.kill()
            self._agent.wait()
        self._log.close()


@pytest.fixture
def host(tmp_path: Path, installed: Path) -> Iterator[Callable[[str], Host]]:
    made: list[Host] = []

    def make(watchers: str) -> Host:
        made.append(Host(tmp_path / "pc", installed, watchers))
        return made[-1]

    yield make
    for one in made:
        one.close()


def eventually(condition: Callable[[], bool], says: Callable[[], object] = lambda: "") -> None:
    end_s = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end_s, says()
        time.sleep(0.05)


def documented() -> str:
    """The configuration of the page."""
    return (DOCS / "third-party.md").read_text("utf-8").partition("```toml\n")[2].partition("```")[0]


def test_the_example_is_checked_and_watches(host: Callable[[str], Host]) -> None:
    port = find_free_port()
    pc = host(documented().replace("5005", str(port)))
    checked = pc.check()
    assert (checked.returncode, checked.stderr) == (0, "")
    assert 'kind = "acme-vacuum"' in checked.stdout
    assert "poll_s = 1.0" in checked.stdout, "its defaults are written out"
    pc.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gauge:

        def has_pressure() -> bool:
            gauge.sendto(b"P 1.3e-05 mbar\n", ("127.0.0.1", port))
            return bool(pc.watchers().get("vacuum", {}).get("last") == {"pressure": 1300})

        eventually(has_pressure, pc.watchers)
    eventually(lambda: pc.watchers()["vacuum"]["state"] == "down")
    reason = pc.watchers()["vacuum"]["reason"]
    assert reason == f"unobserved because nothing comes at UDP port {port}; expected 'P 1.3e-05 mbar'"
    assert pc.stop() == 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            ("udp_port = 5005", "udp_port = 80"),
            "watcher[0].udp_port: expected a whole number from 1024 to 65535, found 80",
        ),
        (("udp_port", "upd_port"), "watcher[0].upd_port: unknown key; did you mean udp_port?"),
        (("acme-vacuum", "acme-vacum"), "no kind of watcher is named 'acme-vacum'; did you mean 'acme-vacuum'?"),
        (("udp_port", 'listen = "0.0.0.0"\nudp_port'), "watcher[0].listen: anybody in the network"),
    ],
)
def test_the_examples_configuration_is_judged_like_any_other(
    host: Callable[[str], Host], change: tuple[str, str], says: str
) -> None:
    checked = host(documented().replace(*change)).check()
    assert checked.returncode == 2
    assert says in checked.stderr


REASONS = {
    "raises": "the watcher failed (ZeroDivisionError: division by zero)",
    "exits": "the watcher failed (SystemExit: enough)",
    "returns": "the watcher ended by itself",
    "babbles": "expected a Sample, Fault, Seen or Card, found a dict",
    "poses": "it speaks as 'good'",
    "clock": "s from now on the monotonic clock",
    "make": "kind 'broken-make' could not make its watcher (ZeroDivisionError: ",
    "made": "kind 'broken-made' made what is no watcher (AttributeError: ",
    "judge": "kind 'broken-judge' could not judge its settings",
    "none": "kind 'broken-none' names str, not a Kind",
    "import": "(ModuleNotFoundError: No module named 'no_such_module_anywhere')",
    "leaves": "(SystemExit: imported)",
}
UP = ("blocks", "floods")  # for a minute at least


def broken(*names: str) -> str:
    return "".join(f'[[watcher]]\nname = "{name}"\nkind = "broken-{name}"\n' for name in names)


def test_every_broken_watcher_is_unobserved_and_the_good_one_goes_on(host: Callable[[str], Host]) -> None:
    pc = host(broken(*REASONS, *UP) + GOOD)
    pc.start()

    def down() -> dict[str, str]:
        return {name: one["reason"] for name, one in pc.watchers().items() if one["state"] == "down"}

    eventually(lambda: down().keys() == set(REASONS), pc.watchers)
    for name, reason in REASONS.items():
        assert reason in down()[name], name
        assert down()[name].startswith("unobserved because "), name
    seen_ms = pc.watchers()["good"]["last_at_ms"]
    eventually(lambda: pc.watchers()["good"]["last_at_ms"] >= seen_ms + 3000, pc.watchers)
    assert pc.is_running()
    assert {name: pc.watchers()[name]["state"] for name in ("good", *UP)} == dict.fromkeys(("good", *UP), "up")
    assert json.loads((pc.configuration.parent / "state" / "status.json").read_text("utf-8"))["journal"]["dropped"] == 0
    assert pc.stop() == 0


def test_check_calls_what_cannot_be_loaded_a_fault(host: Callable[[str], Host]) -> None:
    names = ("judge", "none", "import", "leaves")
    checked = host(broken(*names) + GOOD).check()
    assert checked.returncode == 2
    faults = checked.stderr.splitlines()
    assert len(faults) == len(names)
    for number, (name, fault) in enumerate(zip(names, faults, strict=True)):
        assert f"watcher[{number}].kind: kind 'broken-{name}'" in fault


def test_what_a_package_may_import_is_a_promise() -> None:
    assert Sample._fields == ("watcher", "channel", "at", "value", "counter_mwh")
    assert Sample("a", "b", Instant(0, 0), 1).counter_mwh is None
    assert Channel._fields == ("name", "kind", "poll_ms")
    assert CHANNEL_KINDS == ("gauge", "state", "count", "event")
    assert Fault._fields == ("watcher", "at", "reason")
    assert Seen._fields == ("watcher", "at", "particulars")
    assert Card._fields == ("watcher", "at", "number")
    assert Instant._fields == ("wall_ms", "mono_ms")
    assert Kind._fields[:2] == ("settings", "make")
    assert Finding._fields == ("what", "verdict", "found", "expected", "remedy")
    assert WatcherSettings.__struct_fields__ == ("name", "kind", "asset")
    assert {"faults", "occupies"} <= vars(WatcherSettings).keys()
    assert list(inspect.signature(Watcher.run).parameters) == ["self", "emit", "stop"]
    assert {"name", "kind", "asset", "channels", "run"} <= vars(Watcher).keys()
    assert {"boot_id", "now", "asleep_ms"} <= vars(Clock).keys()


def test_the_page_names_all_that_is_promised_and_the_example_imports_nothing_else() -> None:
    page = (DOCS / "third-party.md").read_text("utf-8")
    rows = [row.split("|")[1:3] for row in page.splitlines() if row.startswith("| `agent.")]
    promised = {module.strip(" `"): {name.strip(" `") for name in names.split(",")} for module, names in rows}
    for module, names in promised.items():
        assert names <= vars(sys.modules[module]).keys()
    source = (DOCS / "example" / "acme_vacuum" / "gauge.py").read_text("utf-8")
    imports = [line.split(" import ") for line in source.splitlines() if line.startswith("from agent")]
    assert imports
    for module, names in imports:
        assert {name.strip() for name in names.split(",")} <= promised[module.removeprefix("from ")]


def test_the_page_shows_the_packages_entry_point() -> None:
    page = (DOCS / "third-party.md").read_text("utf-8")
    project = tomllib.loads((DOCS / "example" / "pyproject.toml").read_text("utf-8"))["project"]
    for name, value in project["entry-points"]["jishi.watchers"].items():
        assert f'{name} = "{value}"' in page
