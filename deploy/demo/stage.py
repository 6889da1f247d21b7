"""Everything that plays in the demo: instruments, agents and collector, brought up, kept up and taken down.

It uses only what a person would use: the three command lines, configuration files and the API. Order matters twice:
an agent cannot enrol before the collector answers, and at the end the instruments stop first, then the agents (which
close their blocks and wait for their last receipts), and the collector last.
"""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.table import Table

from deploy.demo.children import Child
from deploy.demo.places import DemoError, Places
from deploy.demo.table import Figures, describe, draw, read_status
from protocol.policy import POWER

HERE = Path(__file__).parent
DOMAIN = "demo.jishi.example"
READY_S = 120.0
"""For the first start on a slow machine: initdb, migrations, two imports."""

AGENT_CONFIG = """\
[agent]
id = "{agent_id}"
state_dir = "state"
block_s = 10

[collector]
url = "{url}"

[[watcher]]
name = "meter"
kind = "modbus-meter"
asset = "{asset}"
port = "{port}"
map = "sdm120"
address = 1
baudrate = 9600
parity = "N"
poll_s = 1

[[watcher]]
name = "software"
kind = "process"
asset = "{asset}"
command_line = "{software}"
poll_s = 2

[[watcher]]
name = "host"
kind = "host"
asset = "{asset}"
poll_s = 10
"""


@dataclass(frozen=True, slots=True)
class Instrument:
    """One simulated instrument and the agent beside it."""

    agent_id: str
    asset: str
    name: str
    model: str
    speed: float
    seed: int
    watch: tuple[str, ...] = ("meter",)  # WATCHER[:CHANNEL], as `jishi-collector token --watch` takes it

    @property
    def channels(self) -> frozenset[tuple[str, str]]:
        """The watchers and channels whose readings count for the instrument."""
        pairs = (each.partition(":") for each in self.watch)
        return frozenset((watcher, channel or POWER) for watcher, _, channel in pairs)


INSTRUMENTS = (
    Instrument("demo-em", "DEMO-EM-01", "microscope", "electron-microscope", 180, 7),
    Instrument("demo-gc", "DEMO-GC-01", "chromatograph", "chromatograph", 180, 8),
    Instrument("demo-oven", "DEMO-OV-01", "oven", "oven", 180, 9),
)


class Stage:
    """The demo's processes. `set_up` yields a line per step, so that a slow machine does not look dead."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.api_key = ""
        self._instruments: list[Child] = []
        self._agents: list[Child] = []
        self._collector = self._child(
            "collector",
            _program("jishi-collector"),
            *("up", "--directory", str(places.collector), "--domain", DOMAIN),
            *("--api-port", str(places.api_port), "--broker-port", str(places.broker_port)),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        except DemoError:
            if problem is None:
                raise

    def set_up(self) -> Iterator[str]:
        """Brings everything up; DemoError with the last lines of whoever did not come."""
        yield "starting PostgreSQL, broker and collector"
        self._collector.start()
        self._collector.await_ready(self._is_ready, within_s=READY_S)
        yield "registering units, instruments and the policy"
        self._tell("register", str(HERE / "province.toml"))
        self.api_key = self._tell("key", "--person", "demo-operator", "--label", "demo").split()[-1]
        for instrument in INSTRUMENTS:
            yield f"plugging in the {instrument.name} and enrolling its agent"
            self._plug_in(instrument)
            self._enrol(instrument)
            agent = self._child(instrument.agent_id, *_agent(self.places, instrument, "run"))
            agent.start()
            self._agents.append(agent)

    def entry_link(self) -> str:
        """An address that signs in once, for whoever watches the demo."""
        return self._tell("entry-link", "--person", "demo-operator").split()[-1]

    def revive(self) -> None:
        """Starts again what somebody killed. DemoError when it was a simulator: the truth ends with it."""
        for child in (self._collector, *self._agents, *self._instruments):
            child.revive()

    def table(self, *, elapsed_s: float, seconds: int) -> Table:
        """The live table."""
        figures = Figures(self.places.url, self.api_key)
        rows = [
            describe(
                instrument.agent_id,
                instrument.name,
                status=read_status(self.state_dir(instrument) / "status.json"),
                record=figures.today(instrument.asset),
            )
            for instrument in INSTRUMENTS
        ]
        left = f"{max(0.0, seconds - elapsed_s):.0f} s left" if seconds else f"{elapsed_s:.0f} s, Ctrl-C ends it"
        restarts = sum(child.restarts for child in (self._collector, *self._agents))
        return draw(rows, caption=f"{left}; started again: {restarts}")

    def end_recording(self) -> None:
        """Stops the instruments, then the agents; after that every journal is whole and receipted."""
        for child in (*self._instruments, *self._agents):
            child.stop()

    def stop(self) -> None:
        """Takes everything down; each child is stopped even when one before it makes trouble."""
        problems = []
        for child in (*self._instruments, *self._agents, self._collector):
            try:
                child.stop()
            except DemoError as problem:
                problems.append(str(problem))
        if problems:
            raise DemoError("; ".join(problems))

    def state_dir(self, instrument: Instrument) -> Path:
        return self.places.agent(instrument.agent_id) / "state"

    def truth_file(self, instrument: Instrument) -> Path:
        return self.places.agent(instrument.agent_id) / "truth.jsonl"

    def restarts_of(self, instrument: Instrument) -> int:
        """How often the instrument's agent was started again."""
        return self._agents[INSTRUMENTS.index(instrument)].restarts

    def wait_for(self, ready: Callable[[], bool], *, within_s: float) -> None:
        """Waits for the collector to have something done."""
        self._collector.await_ready(ready, within_s=within_s)

    def _plug_in(self, instrument: Instrument) -> None:
        directory = self.places.agent(instrument.agent_id)
        directory.mkdir()
        config = AGENT_CONFIG.format(
            agent_id=instrument.agent_id,
            url=self.places.url,
            asset=instrument.asset,
            port=directory / "port",
            software=_software(instrument),
        )
        (directory / "agent.toml").write_text(config, encoding="utf-8")
        simulator = self._child(
            f"simulator-{instrument.agent_id}",
            _program("jishi-agent"),
            *("simulate", "--model", instrument.model, "--link", str(directory / "port")),
            *("--truth", str(self.truth_file(instrument)), "--seed", str(instrument.seed)),
            *("--speed", str(instrument.speed), "--software", _software(instrument)),
            restarted=False,
        )
        simulator.start()
        self._instruments.append(simulator)
        simulator.await_ready((directory / "port").exists, within_s=READY_S)

    def _enrol(self, instrument: Instrument) -> None:
        watch = [word for each in instrument.watch for word in ("--watch", f"{each}={instrument.asset}")]
        answer = self._tell("token", "--agent", instrument.agent_id, *watch)
        token = self.places.agent(instrument.agent_id) / "token"
        token.touch(mode=0o600)
        token.write_text(answer.split()[-1], encoding="utf-8")
        _run([*_agent(self.places, instrument, "enroll"), "--token-file", str(token)])
        token.unlink()

    def _tell(self, *arguments: str) -> str:
        """Runs a command of the collector; returns what it prints."""
        return _run([_program("jishi-collector"), *arguments], self._environment())

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "JISHI_COLLECTOR_DATA_DIR": str(self.places.collector),
            "JISHI_COLLECTOR_DOMAIN": DOMAIN,
            "JISHI_API_PORT": str(self.places.api_port),
            "JISHI_BROKER_PORT": str(self.places.broker_port),
        }

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.places.url}/readyz", timeout=2) as answer:  # noqa: S310 (our own)
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def _child(self, name: str, *command: str, restarted: bool = True) -> Child:
        return Child(name, list(command), self.places.log(name), restarted=restarted)


def _program(name: str) -> str:
    """The command that the installation put beside the interpreter."""
    return str(Path(sys.executable).with_name(name))


def _agent(places: Places, instrument: Instrument, verb: str) -> list[str]:
    return [_program("jishi-agent"), verb, "-c", str(places.agent(instrument.agent_id) / "agent.toml")]


def _software(instrument: Instrument) -> str:
    """The name of the simulated control software, distinct so that no other process of the machine matches."""
    return f"{instrument.agent_id}-control"


def _run(command: list[str], environment: dict[str, str] | None = None) -> str:
    # In a session of its own, so that Ctrl-C reaches the demo alone, which then stops everything in order.
    result = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
        timeout=READY_S,
        check=False,
    )
    if result.returncode != 0:
        reason = "was interrupted" if result.returncode == -signal.SIGINT else f"failed ({result.returncode})"
        raise DemoError(f"`{Path(command[0]).name} {command[1]}` {reason}:\n{result.stderr or result.stdout}")
    return result.stdout
