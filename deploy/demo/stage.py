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
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.table import Table

from deploy.demo.children import Child
from deploy.demo.instruments import INSTRUMENTS, Card, Instrument
from deploy.demo.places import DemoError, Places
from deploy.demo.table import Figures, describe, draw, is_desk_open, read_status

HERE = Path(__file__).parent
DOMAIN = "demo.jishi.example"
READY_S = 120.0
"""For the first start on a slow machine: initdb, migrations, two imports."""


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
            self._agents.append(agent)  # before it starts: Ctrl-C may come at any moment
            agent.start()
        for instrument in INSTRUMENTS:
            if instrument.card:
                yield f"giving {instrument.card.holder} a card for the {instrument.name}"
                self._assign(instrument, instrument.card)

    def entry_link(self) -> str:
        """An address that signs in once, for whoever watches the demo."""
        return self._tell("entry-link", "--person", "demo-operator").split()[-1]

    def revive(self) -> None:
        """Starts again what somebody killed. DemoError when it was a simulator: the truth ends with it."""
        for child in (self._collector, *self._agents, *self._instruments):
            child.revive()

    def present_cards(self) -> None:
        """Puts each card on its reader: its holder signs in, or out."""
        for instrument, simulator in zip(INSTRUMENTS, self._instruments, strict=True):
            if instrument.card:
                simulator.tell(instrument.card.number)

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
        values = {
            "agent_id": instrument.agent_id,
            "asset": instrument.asset,
            "url": self.places.url,
            "directory": directory,
            "broker_port": self.places.broker_port,
            "contact_port": self.places.contact_port,
            "desk_port": self.places.desk_port,
        }
        (directory / "agent.toml").write_text(instrument.configuration(values), encoding="utf-8")
        simulator = self._child(
            f"simulator-{instrument.agent_id}",
            _program("jishi-agent"),
            *("simulate", "--model", instrument.model, *(word.format(**values) for word in instrument.simulate)),
            *("--truth", str(self.truth_file(instrument)), "--seed", str(instrument.seed)),
            *("--speed", str(instrument.speed), "--software", instrument.software),
            restarted=False,
        )
        self._instruments.append(simulator)
        simulator.start()
        simulator.await_ready(lambda: "ready:" in simulator.tail(), within_s=READY_S)

    def _enrol(self, instrument: Instrument) -> None:
        watch = [word for each in instrument.watch for word in ("--watch", f"{each}={instrument.asset}")]
        answer = self._tell("token", "--agent", instrument.agent_id, *watch)
        token = self.places.agent(instrument.agent_id) / "token"
        token.touch(mode=0o600)
        token.write_text(answer.split()[-1], encoding="utf-8")
        _run([*_agent(self.places, instrument, "enroll"), "--token-file", str(token)])
        token.unlink()

    def _assign(self, instrument: Instrument, card: Card) -> None:
        """Gives the card to its holder, as an operator does: the command asks for it, and it is presented."""
        agent, simulator = (kept[INSTRUMENTS.index(instrument)] for kept in (self._agents, self._instruments))
        state = self.state_dir(instrument) / "status.json"
        agent.await_ready(lambda: is_desk_open(read_status(state)), within_s=READY_S)
        command = _agent(self.places, instrument, "card", "assign", "--purpose", "own-research")
        log = self.places.log(f"card-{instrument.agent_id}")
        assigning = Child("card assign", command, log, restarted=False, environment={"JISHI_OPERATOR": card.holder})
        assigning.start()
        assigning.await_ready(lambda: "present the card" in assigning.tail(), within_s=READY_S)
        simulator.tell(card.number)
        assigning.finish(within_s=READY_S)

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


def _agent(places: Places, instrument: Instrument, *words: str) -> list[str]:
    return [_program("jishi-agent"), *words, "-c", str(places.agent(instrument.agent_id) / "agent.toml")]


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
