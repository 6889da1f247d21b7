"""`make bench`: every figure that the documents quote, one JSON object a line.

A part is a module beside this file with `measure()`, which yields objects with name, value, unit, and beside them
what they are to be read against: `peer` (the same work done otherwise, in the same run) or `limit`, and `ratio`.
Tests never assert these: the machines are shared and noisy.
"""

import argparse
import importlib
import json
import platform
import sys
from datetime import UTC, datetime

PARTS = (
    "kernel",
    "agent",
    "journal",
    "data_files",
    "ingest",
    "reconnect",
    "framers",
    "sizes",
    "derive",
    "hours",
    "evidence",
    "evaluation",
)


def main() -> int:
    """Prints the figures of all parts, or of the one asked for; 2 when there is no such part."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", choices=PARTS, help="measure one part")
    only = parser.parse_args().only
    where = {"machine": platform.machine(), "python": platform.python_version()}
    print(json.dumps({"name": "bench", "at": datetime.now(UTC).isoformat(timespec="seconds"), **where}))
    for part in PARTS:
        if only in (None, part):
            for figure in importlib.import_module(f"tests.bench.{part}").measure():
                print(json.dumps({"part": part, **figure}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
