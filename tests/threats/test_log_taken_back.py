"""The collector's operator takes back what its log said: database and files of before, as if that were all."""

import shutil

from agent import status
from tests.faults.backup import Backup
from tests.faults.host import Host
from tests.faults.world import World
from tests.threats.command import run
from tests.threats.evening import grow, place_of, readings_over_a_beacon


def test_agents_refuse_the_other_history_and_their_beacons_convict_it(world: World) -> None:
    world.keep_log()
    world.log.stop()
    host = world.host(start=False)
    before = Backup(world.database, world.directory / "before")
    grow(world)
    grow(world)
    host.start()
    world.until("a beacon with receipts over it", lambda: readings_over_a_beacon(host) > 0)
    host.stop()
    _put_back(world, before)
    grow(world)
    world.ingest.start()
    host.start()
    world.until("the agent refuses its beacon", lambda: "has gone back from" in _problem(host))
    told = run("agent.cli", "status", "-c", "agent.toml", environment={}, within=host.directory)
    assert "it was restored from a backup, or shows several histories; tell its operator" in told.said
    world.until("the entries are there again", host.is_delivered)
    world.log.start()
    world.until("the log stands still", lambda: "stands still" in world.log.tail())
    said = place_of(world).collector("log", "status").said
    assert f"{host.issued()[0].origin} holds our checkpoint of size" in said


def _put_back(world: World, backup: Backup) -> None:
    """The database of before, and no file that tells of more."""
    world.ingest.stop()
    world.connection.close()
    backup.restore()
    world.connection = world.database.connect()
    shutil.rmtree(world.directory / "log")


def _problem(host: Host) -> str:
    shown = status.read(host.state_dir) or {}
    return str(shown.get("beacon", {}).get("problem", ""))
