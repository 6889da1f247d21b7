"""A command of the product as a process of its own: how it ended, and what it said."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.faults.program import ROOT

PATIENCE_S = 60.0


class Done(NamedTuple):
    """`said` is what it printed, `complained` what stood on standard error."""

    code: int
    said: str
    complained: str


def run(module: str, *words: str, environment: Mapping[str, str], within: Path, typed: str = "") -> Done:
    """Run `module.main` from this checkout, whatever is installed, in the directory `within`; `typed` is its input."""
    argv = [sys.executable, "-c", f"from {module} import main; raise SystemExit(main())", *words]
    done = subprocess.run(
        argv,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        cwd=within,
        input=typed,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)
