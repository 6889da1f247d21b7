"""The power goes: of the instrument's PC, and of the machine that the database is on."""

from tests.faults.database import Server
from tests.faults.host import Host
from tests.faults.medium import Medium, why_not
from tests.faults.scenario import scenario
from tests.faults.world import World


@scenario(short=True, guards=("sync of an entry",), needs=why_not)
def host_loses_power(world: World) -> None:
    """The PC's file system is shut down under the running agent, without a last write; then the power comes back."""
    host = world.host(start=False)
    medium = put_on_a_medium(world, host)
    host.start()
    for _ in range(2):
        size = host.size()
        world.until("entries and receipts", lambda size=size: host.receipted() > size)
        world.run_for(world.choose_s(0.1, 1.5))
        _cut(host, medium)
        _start_again(world, host)


@scenario(short=False, needs=why_not)
def host_loses_power_again_and_again(world: World) -> None:
    """Six cuts, some of them while the agent recovers from the one before."""
    host = world.host(backlog=300, start=False)
    medium = put_on_a_medium(world, host)
    for _ in range(6):
        host.start()
        world.run_for(world.choose_s(0.3, 4.0))
        _cut(host, medium)
    _start_again(world, host)


@scenario(short=False, needs=why_not)
def database_host_loses_power(world: World) -> None:
    """The database's file system is shut down while batches are committed; every receipt that was given must hold."""
    medium = Medium(world.directory / "database", size_mib=512)
    world.exits.callback(medium.close)
    server = Server(medium.place / "postgres", durable=True)
    world.exits.callback(server.close)
    directory = world.directory / "durable"
    directory.mkdir()
    durable = World(directory, server, world.random)
    world.exits.callback(durable.close)
    host = durable.host(backlog=2000)
    for _ in range(2):
        receipted = host.receipted()
        durable.until("receipts", lambda receipted=receipted: host.receipted() > receipted)
        durable.run_for(durable.choose_s(0.0, 0.5))
        server.pause()
        medium.lose_power()
        durable.kill_database()
        medium.come_back()
        durable.start_database()
    world.violations += durable.settle()


def put_on_a_medium(world: World, host: Host) -> Medium:
    """Give the PC's state directory a file system of its own; the agent is down."""
    medium = Medium(world.directory / "medium")
    world.exits.callback(medium.close)
    host.move_state(medium.place / "state")
    return medium


def _cut(host: Host, medium: Medium) -> None:
    """Stopped in its tracks, so that it notices nothing and tells nobody."""
    host.remember()
    host.agent.pause()
    host.remember()
    medium.lose_power()
    host.kill()
    medium.come_back()


def _start_again(world: World, host: Host) -> None:
    started = host.starts()
    host.start()
    world.until("the agent runs again", lambda: host.starts() > started)
    assert len(host.issued()) == 1, f"{host.agent_id}: a power cut ended its epoch, so something promised was lost"
