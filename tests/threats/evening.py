"""An evening after a day of work: an agent has delivered by way of a broker, hours are derived, everything has ended.

Real programs did it (tests/faults/world.py). It is made once for a file of tests; each attack has a copy to itself.
"""

import shutil
from contextlib import ExitStack
from pathlib import Path
from random import Random

from collector.evidence.registered import list_registered
from protocol.entry import Beacon, Reading, decode
from protocol.registered import identity
from tests.faults.backup import Backup
from tests.faults.database import Server
from tests.faults.host import Host
from tests.faults.world import World
from tests.threats.place import Place

_LEFT_OUT = shutil.ignore_patterns("broker", "port")


class Evening:
    """`noon` is a backup of the database from the middle of the day: fewer entries, an older log."""

    def __init__(self, directory: Path, server: Server) -> None:
        self._server = server
        self._world = World(directory, server, Random(1))
        with ExitStack() as failed:
            failed.callback(self.close)
            self.noon = self._let_pass(self._world)
            failed.pop_all()

    def copy(self, to: Path) -> Place:
        """A copy of everything, for one attack."""
        world = self._world
        shutil.copytree(world.directory, to, symlinks=True, ignore=_LEFT_OUT)
        return place_of(world).moved(to, self._server.copy(world.database))

    def close(self) -> None:
        """Leave nothing but files."""
        self._world.close()

    def _let_pass(self, world: World) -> Path:
        world.keep_log()
        host = world.host()
        world.until("readings over a beacon, with a receipt", lambda: readings_over_a_beacon(host) > 3)
        world.until("the log holds what is registered", lambda: _is_registered_in_log(world))
        size = host.receipted()
        world.log.stop()
        noon = Backup(world.database, world.directory / "noon").file
        grow(world)
        world.until("more receipts", lambda: host.receipted() > size + 5)
        host.unplug()
        host.stop()
        assert host.is_delivered(), "the agent ended before it had its receipts"
        place_of(world).derive()
        grow(world)
        world.ingest.stop()
        assert not world.falls(), world.falls()[0]
        world.connection.close()
        world.broker.kill()
        place_of(world).note_trust()
        return noon


def readings_over_a_beacon(host: Host) -> int:
    """How many a receipt covers, behind the first beacon."""
    issued = host.issued()[-1]
    bodies = [decode(next(iter(issued.entries[index]))).body for index in range(issued.receipted)]
    first = next((at for at, body in enumerate(bodies) if isinstance(body, Beacon)), len(bodies))
    return sum(isinstance(body, Reading) for body in bodies[first:])


def grow(world: World) -> None:
    """Let the collector's log grow, and end."""
    size = _leaves(world)
    world.log.start()
    world.until("a larger log", lambda: _leaves(world) > size)
    world.log.stop()


def _is_registered_in_log(world: World) -> bool:
    """Whether the collector's log has every statement of the registry, the enrolment among them."""
    held = {ref for (ref,) in world.connection.execute("SELECT ref FROM log_leaf")}
    return held >= {f"registered:{identity(said.raw)}" for said in list_registered(world.connection, None)}


def _leaves(world: World) -> int:
    row = world.connection.execute("SELECT sum(size) FROM log_head").fetchone()
    return int(row[0]) if row and row[0] else 0


def place_of(world: World) -> Place:
    """Where a world's programs have their files."""
    return Place(world.directory, world.database, world.config.environment(world.database.dsn))
