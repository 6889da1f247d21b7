"""What a scenario is, which there are, and how one is run: a fresh world, the scenario, the oracle.

    @scenario(short=True, guards=("acknowledgement after the commit",))
    def ingest_is_killed_in_a_commit(world: World) -> None: …

A report prints the seed; the same seed gives the same sequence of faults.
"""

import importlib
import pkgutil
import shutil
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.faults import scenarios
from tests.faults.database import Server
from tests.faults.world import PATIENCE_S, World

Act = Callable[[World], None]


@dataclass(frozen=True)
class Scenario:
    """One function of tests/faults/scenarios; `guards` are what it watches, as the proof names them."""

    name: str
    family: str
    act: Act
    short: bool
    guards: tuple[str, ...]
    needs: Callable[[], str | None]
    """Says what this machine lacks for it; None where nothing."""

    @property
    def says(self) -> str:
        """What is done, in one sentence: the first of its docstring."""
        return (self.act.__doc__ or self.name).strip().splitlines()[0]


@dataclass(frozen=True)
class Report:
    """What became of one run."""

    scenario: Scenario
    seed: int
    seconds: float
    violations: tuple[str, ...]
    directory: Path | None
    """Where its files still are; None where nothing went wrong."""

    def __str__(self) -> str:
        if not self.violations:
            return f"ok      {self.scenario.name}  seed {self.seed}  {self.seconds:.1f} s"
        lines = "\n".join(f"    {violation}" for violation in self.violations)
        return (
            f"FAILED  {self.scenario.name}  seed {self.seed}  {self.seconds:.1f} s\n{lines}\n"
            f"    again: make faults SCENARIO={self.scenario.name} SEED={self.seed}    files: {self.directory}"
        )


_FOUND: dict[str, Scenario] = {}


def scenario(
    *, short: bool, guards: tuple[str, ...] = (), needs: Callable[[], str | None] = lambda: None
) -> Callable[[Act], Act]:
    """Register a function as a scenario; short ones run in `make test`, where there is what it `needs`."""

    def register(act: Act) -> Act:
        family = act.__module__.rpartition(".")[2]
        assert act.__name__ not in _FOUND, f"two scenarios are called {act.__name__}"
        _FOUND[act.__name__] = Scenario(act.__name__, family, act, short, guards, needs)
        return act

    return register


def find_all() -> list[Scenario]:
    """All of them, in the order in which they stand in the files."""
    for module in pkgutil.iter_modules(scenarios.__path__):
        importlib.import_module(f"{scenarios.__name__}.{module.name}")
    return list(_FOUND.values())


def run(chosen: Scenario, *, seed: int, server: Server, patience_s: float = PATIENCE_S) -> Report:
    """Run one in a world of its own. What goes wrong in the scenario itself is a violation too, told with its place."""
    directory = Path(tempfile.mkdtemp(prefix="jishi-faults-", dir="/tmp"))
    directory.chmod(0o755)
    began_s = time.monotonic()
    world = World(directory, server, Random(f"{seed} {chosen.name}"), patience_s=patience_s)
    try:
        violations = _play(chosen, world)
    finally:
        world.close()
    if not violations:
        shutil.rmtree(directory)
    seconds = time.monotonic() - began_s
    return Report(chosen, seed, seconds, tuple(violations), directory if violations else None)


def _play(chosen: Scenario, world: World) -> list[str]:
    try:
        chosen.act(world)
    except AssertionError as problem:
        world.violations.append(f"in the scenario itself: {problem or traceback.format_exc(limit=-1)}")
    return world.settle()
