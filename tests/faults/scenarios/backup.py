"""The collector forgets: its database is restored from a backup, and what came in since is only on the agents."""

from tests.faults.backup import Backup
from tests.faults.scenario import scenario
from tests.faults.world import World


@scenario(short=False, guards=("back to what is held",))
def database_is_restored_from_an_older_backup(world: World) -> None:
    """Agents hold receipts for entries that the restored database never heard of; they send them again."""
    hosts = [world.host(backlog=300), world.host()]
    world.until("all delivered", lambda: all(host.is_delivered() for host in hosts))
    backup = Backup(world.database, world.directory / "backup")
    kept = {host.agent_id: host.receipted() for host in hosts}
    world.until("more receipts", lambda: all(host.receipted() > kept[host.agent_id] + 2 for host in hosts))
    promised = {host.agent_id: host.receipted() for host in hosts}
    world.ingest.stop()
    world.connection.close()
    backup.restore()
    world.connection = world.database.connect()
    held = {each.origin.split("/")[2]: each.size for each in world.stored()}
    assert all(held[agent_id] < size for agent_id, size in promised.items()), "the backup is not older"
    world.ingest.start()
