"""The collector's worker and its database end, at the instants that matter."""

from tests.faults.scenario import scenario
from tests.faults.world import World


@scenario(short=True)
def ingest_is_killed_between_commit_and_receipt(world: World) -> None:
    """What was sent is committed, nobody was told, and the worker is killed there."""
    host = world.host()
    world.until("the first receipt", lambda: host.receipted() > 0)
    world.database.hold_after_commit()
    world.until("a commit that nobody is told of", lambda: world.database.is_holding(world.connection))
    world.ingest.kill()
    world.database.let_commit()
    world.ingest.start()
    world.until("all delivered", host.is_delivered)


@scenario(short=True, guards=("receipt after the commit",))
def database_is_killed_during_a_commit(world: World) -> None:
    """The database is killed when a commit is asked for and nothing of it is durable."""
    host = world.host()
    world.until("the first receipt", lambda: host.receipted() > 0)
    world.database.hold_before_commit()
    world.until("a commit that is not durable", lambda: world.database.is_holding(world.connection))
    world.run_for(1)
    world.ingest.kill()
    world.kill_database()
    world.start_database()


@scenario(short=False)
def database_is_down_for_long(world: World) -> None:
    """The database is away for a while, while the worker and the agent go on."""
    host = world.host(backlog=300)
    world.until("the first receipt", lambda: host.receipted() > 0)
    world.kill_database()
    world.run_for(12)
    world.start_database()
    world.until("all delivered", host.is_delivered)
