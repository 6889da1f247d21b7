"""`make faults`: every scenario from one seed, then a soak; exit code 1 where the oracle found a violation."""

import argparse
import secrets
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from collector.embedded.children import start_child
from tests.faults import scenario
from tests.faults.database import Server
from tests.faults.soak import soak
from tests.faults.world import PATIENCE_S

SIDE_BY_SIDE = 3


def main() -> int:
    """Run what is asked for and print a line for each."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--scenario", metavar="NAME", help="only this one")
    parser.add_argument("--seed", type=int, help="which faults; printed, so that a run can be repeated")
    parser.add_argument("--soak", type=float, default=2.0, metavar="MINUTES", help="how long, at the end (default 2)")
    parser.add_argument("--patience", type=float, default=PATIENCE_S, metavar="S", help="until something is stuck")
    parser.add_argument("--share", type=int, choices=range(SIDE_BY_SIDE), help="only each third, from this one on")
    parser.add_argument("--list", action="store_true", help="name the scenarios, and end")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leave nothing running and nothing lying about
    found = scenario.find_all()
    if arguments.list:
        for each in found:
            print(f"{each.family:12} {each.name:50} {'short  ' if each.short else 'long   '} {each.says}")
        return 0
    seed = secrets.randbelow(1_000_000) if arguments.seed is None else arguments.seed
    chosen = [each for each in found if arguments.scenario in (None, each.name)]
    failed = 0
    if arguments.share is not None:
        chosen = chosen[arguments.share :: SIDE_BY_SIDE]
    elif arguments.scenario is None:
        print(f"faults: seed {seed}, {len(chosen)} scenarios", flush=True)
        failed, chosen = _run_side_by_side(seed, patience_s=arguments.patience), []
    if arguments.soak > 0 and arguments.scenario in (None, "soak"):
        chosen.append(soak(arguments.soak))
    if arguments.scenario and not chosen:
        parser.error(f"there is no scenario {arguments.scenario}; --list names them")
    failed += _run(chosen, seed, patience_s=arguments.patience) if chosen else 0
    if arguments.share is None:
        print(f"faults: seed {seed}, {'FAILED' if failed else 'ok'}")
    return 1 if failed else 0


def _run_side_by_side(seed: int, *, patience_s: float) -> int:
    """All scenarios in three processes, each with a database server of its own: they mostly wait."""
    words = ("--seed", str(seed), "--soak", "0", "--patience", str(patience_s))
    children = [
        start_child([sys.executable, "-m", "tests.faults", "--share", str(share), *words], death_signal=signal.SIGTERM)
        for share in range(SIDE_BY_SIDE)
    ]
    return sum(child.wait() != 0 for child in children)


def _run(chosen: list[scenario.Scenario], seed: int, *, patience_s: float) -> int:
    """One after the other; how many failed."""
    directory = Path(tempfile.mkdtemp(prefix="jishi-faults-pg-", dir="/tmp"))
    server = Server(directory)
    failed = 0
    try:
        for each in chosen:
            if lacking := each.needs():
                print(f"skipped {each.name}: {lacking}", flush=True)
                continue
            report = scenario.run(each, seed=seed, server=server, patience_s=patience_s)
            failed += bool(report.violations)
            print(report, flush=True)
    finally:
        server.close()
        shutil.rmtree(directory, ignore_errors=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
