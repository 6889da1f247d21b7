"""A database server and an evening for each file of tests; a place or a world for each attack."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from random import Random

import pytest

from tests.faults.broker import Broker
from tests.faults.database import Server
from tests.faults.world import World
from tests.server_place import server_place
from tests.threats.evening import Evening
from tests.threats.office import Office, Settings
from tests.threats.place import Place


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One database server for a file."""
    if not Broker.is_installed():
        pytest.skip("mosquitto is not installed, and agents deliver by way of it here")
    with server_place() as directory:
        made = Server(directory)
        yield made
        made.close()


@pytest.fixture(scope="module")
def evening(server: Server) -> Iterator[Evening]:
    """What a day of real programs left."""
    with _directory("evening") as directory:
        made = Evening(directory, server)
        yield made
        made.close()


@pytest.fixture
def place(evening: Evening, tmp_path: Path) -> Iterator[Place]:
    """A copy of the evening for one attack."""
    made = evening.copy(tmp_path / "place")
    yield made
    made.database.drop()


@pytest.fixture
def world(server: Server) -> Iterator[World]:
    """A broker and a collector that run, and agents as the test wants them. Nobody may have ended without a word."""
    with _world(server) as made:
        yield made


@pytest.fixture(scope="module")
def shared_world(server: Server) -> Iterator[World]:
    """One for a file, where attacks do not disturb each other."""
    with _world(server) as made:
        yield made


@pytest.fixture(scope="module")
def open_office(server: Server) -> Iterator[Callable[[Settings], Office]]:
    """Make a collector with these settings whose `serve` does not run yet; it ends with the file."""
    with ExitStack() as made:

        def make(settings: Settings) -> Office:
            directory = made.enter_context(_directory("office"))
            return made.enter_context(closing(Office(directory, server.make(), settings)))

        yield make


@contextmanager
def _world(server: Server) -> Iterator[World]:
    with _directory("world") as directory:
        made = World(directory, server, Random(1))
        try:
            yield made
            falls = made.falls()
        finally:
            made.close()
        assert not falls, falls[0]


@contextmanager
def _directory(name: str) -> Iterator[Path]:
    """Below /tmp and for everybody to enter: as root, broker and database run as another user."""
    directory = Path(tempfile.mkdtemp(prefix=f"jishi-threats-{name}-", dir="/tmp"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)
