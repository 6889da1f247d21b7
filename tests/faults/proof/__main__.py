"""Take out each guard in turn, run its scenario, and print what the oracle said; exit code 1 where it said nothing."""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.faults import scenario
from tests.faults.proof.guards import Guard, copy_without, read_guards

RUN_S = 300
PATIENCE_S = "30"
"""Most guards that are missing leave an agent that never gets through; the waits of ours take three seconds at most."""


class Verdict(NamedTuple):
    """Whether the scenario failed by the oracle and with the words that the manifest names, and the words."""

    is_proved: bool
    said: str


def main() -> int:
    """Prove all guards, or the one that is named."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.proof", description=__doc__)
    parser.add_argument("--guard", metavar="NAME", help="only this one")
    arguments = parser.parse_args()
    done = {each.name: each.says for each in scenario.find_all()}
    guards = [each for each in read_guards() if arguments.guard in (None, each.name)]
    print("| guard | what is done | taken out | what the oracle said |\n|---|---|---|---|", flush=True)
    failed = 0
    for guard in guards:
        verdict = _prove(guard)
        failed += not verdict.is_proved
        mark = "" if verdict.is_proved else "**NOT PROVED** "
        print(f"| {guard.name} | {done[guard.scenario]} | {guard.removed} | {mark}{verdict.said} |", flush=True)
    print(f"\n{len(guards) - failed} of {len(guards)} guards proved")
    return 1 if failed else 0


def _prove(guard: Guard) -> Verdict:
    with copy_without(guard) as copy:
        command = [sys.executable, "-m", "tests.faults", "--scenario", guard.scenario, "--seed", str(guard.seed)]
        command += ["--patience", PATIENCE_S]
        environment = {**os.environ, "PYTHONPATH": str(copy)}
        done = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, text=True, timeout=RUN_S, check=False
        )
    violations = [line.strip() for line in done.stdout.splitlines() if line.startswith("    ")]
    found = next((line for line in violations if guard.says in line), None)
    if found is None:
        return Verdict(False, "; ".join(violations) or f"nothing ({_last_line(done.stderr)})")
    return Verdict(done.returncode == 1, _shown(found, copy))


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no error"])[-1]


def _shown(violation: str, copy: Path) -> str:
    return violation.replace(str(copy), "…").replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
