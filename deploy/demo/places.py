"""Where the demo keeps its things and which doors it opens.

Everything lies in one directory per user under the temporary directory, so that nothing of the demo is left in the
checkout, a second user can run his own, and PostgreSQL (which as root runs as another user) needs no access to
anybody's home. `JISHI_DEMO_DIR` and `JISHI_DEMO_API_PORT`, `…_BROKER_PORT`, `…_DESK_PORT`, `…_CONTACT_PORT` move it.
"""

import fcntl
import getpass
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

LOCAL = "127.0.0.1"
LOCK = "jishi-demo.lock"


class DemoError(RuntimeError):
    """Something that ends the demo; the message says what and the remedy."""


@dataclass(frozen=True, slots=True)
class Places:
    """Directory and ports of one demo."""

    root: Path
    api_port: int
    broker_port: int
    desk_port: int
    contact_port: int

    @property
    def collector(self) -> Path:
        return self.root / "collector"

    @property
    def url(self) -> str:
        return f"http://{LOCAL}:{self.api_port}"

    def agent(self, agent_id: str) -> Path:
        return self.root / "agents" / agent_id

    def log(self, name: str) -> Path:
        return self.root / "logs" / f"{name}.log"


def from_environment() -> Places:
    """The places of this user's demo; DemoError where a port is not a number."""
    default = Path(tempfile.gettempdir()) / f"jishi-demo-{getpass.getuser()}"
    return Places(
        root=Path(os.environ.get("JISHI_DEMO_DIR") or default),
        api_port=_port("JISHI_DEMO_API_PORT", 8321),
        broker_port=_port("JISHI_DEMO_BROKER_PORT", 18831),
        desk_port=_port("JISHI_DEMO_DESK_PORT", 8323),
        contact_port=_port("JISHI_DEMO_CONTACT_PORT", 18832),
    )


def _port(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise DemoError(f"{name} is {text!r}; it must be a port number from 1 to 65535")
    return int(text)


@contextmanager
def claimed(places: Places) -> Iterator[None]:
    """Holds the demo's lock and starts from an empty directory; DemoError when another demo runs or a port is taken.

    The lock is the kernel's, on an open file, so it cannot outlive this process. The file stays: removing a
    lock file that another process may just have opened would let two in.
    """
    places.root.mkdir(mode=0o755, parents=True, exist_ok=True)
    owner = places.root.stat().st_uid
    if owner != os.getuid():
        raise DemoError(f"{places.root} belongs to another user; set JISHI_DEMO_DIR to a directory of your own")
    if any(places.root.iterdir()) and not (places.root / LOCK).exists():
        raise DemoError(f"{places.root} holds files that are not the demo's; set JISHI_DEMO_DIR to an empty directory")
    with (places.root / LOCK).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoError(
                f"another demo of this user is running (it holds {places.root / LOCK}); stop it with Ctrl-C in its "
                "terminal, or give this one of its own: JISHI_DEMO_DIR, and JISHI_DEMO_API_PORT, …_BROKER_PORT, "
                "…_DESK_PORT and …_CONTACT_PORT"
            ) from None
        for port, variable in (
            (places.api_port, "JISHI_DEMO_API_PORT"),
            (places.broker_port, "JISHI_DEMO_BROKER_PORT"),
            (places.desk_port, "JISHI_DEMO_DESK_PORT"),
            (places.contact_port, "JISHI_DEMO_CONTACT_PORT"),
        ):
            _refuse_busy(port, variable)
        _empty(places.root)
        for directory in (places.root / "logs", places.root / "agents", places.collector):
            directory.mkdir()
        yield


def _refuse_busy(port: int, variable: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOCAL, port))
        except OSError as problem:
            raise DemoError(
                f"port {port} on {LOCAL} is taken ({problem.strerror}); set {variable} to a free one"
            ) from problem


def _empty(directory: Path) -> None:
    for inner in directory.iterdir():
        if inner.is_dir() and not inner.is_symlink():
            shutil.rmtree(inner)
        elif inner.name != LOCK:
            inner.unlink()
