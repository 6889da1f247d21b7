"""Where the tests of protocol/ find their examples.

`golden` reads the project's own files, made by golden/make_golden.py, which shares no code with protocol/. They are
always there. `vectors` is the folder of published test vectors, ../shared/vectors beside the project or in the folder
that JISHI_SHARED names; tests that need it are skipped where it is absent, and the golden tests still run.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("protocol", deadline=None, max_examples=100)  # other work on the machine is no failure
settings.load_profile("protocol")

_HERE = Path(__file__).parent
_SHARED = Path(os.environ.get("JISHI_SHARED") or _HERE.parents[1].parent / "shared")


@pytest.fixture(scope="session")
def golden() -> Callable[[str], Any]:
    return lambda name: json.loads((_HERE / "golden" / f"{name}.json").read_text("utf-8"))


@pytest.fixture(scope="session")
def vectors() -> Path:
    folder = _SHARED / "vectors"
    if not folder.is_dir():
        pytest.skip(f"no published vectors at {folder} (JISHI_SHARED names another place); the golden tests ran")
    return folder
