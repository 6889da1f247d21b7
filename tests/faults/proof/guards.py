"""The manifest: which guards are proved, and the copy of the tree in which one is missing."""

import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from tests.faults.program import ROOT

HERE = Path(__file__).parent
MANIFEST = HERE / "manifest.toml"
COPIED = ("agent", "collector", "deploy", "protocol", "tests")


class Guard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One guard. `removed`: what the patch makes of it; `says`: words of the violation that must be found then."""

    name: str
    patch: str
    removed: str
    scenario: str
    says: str
    seed: int = 1

    @property
    def path(self) -> Path:
        return HERE / self.patch


def read_guards() -> list[Guard]:
    """All guards, in the order of the manifest."""
    table = tomllib.loads(MANIFEST.read_text("utf-8"))
    return msgspec.convert(table["guard"], list[Guard])


def applies(guard: Guard) -> str:
    """What git says against the patch; nothing where it fits the tree as it is."""
    return _git("apply", "--check", str(guard.path), cwd=ROOT)


@contextmanager
def copy_without(guard: Guard) -> Iterator[Path]:
    """A copy of the tree in which the guard is missing."""
    with TemporaryDirectory(prefix="jishi-proof-", dir="/tmp") as name:
        copy = Path(name)
        copy.chmod(0o755)
        for part in COPIED:
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        complaint = _git("apply", str(guard.path), cwd=copy)
        if complaint:
            raise ValueError(f"{guard.patch} does not fit any more: {complaint}")
        yield copy


def _git(*words: str, cwd: Path) -> str:
    done = subprocess.run(["git", *words], cwd=cwd, capture_output=True, text=True, check=False)
    return done.stderr.strip() or (f"git ended with {done.returncode}" if done.returncode else "")
