"""The disk of the instrument's PC: full, failing, torn, and wanted by two."""

from tests.faults import failing, medium
from tests.faults.failing import failing_syncs
from tests.faults.host import Host
from tests.faults.scenario import scenario
from tests.faults.scenarios.power import put_on_a_medium
from tests.faults.world import World


@scenario(short=False, needs=medium.why_not)
def disk_is_full_and_free_again(world: World) -> None:
    """Offline, the disk is filled to the last byte; the agent says that it records nothing, and goes on with room."""
    host = world.host(start=False)
    place = put_on_a_medium(world, host).place
    host.start()
    world.until("the first receipt", lambda: host.receipted() > 0)
    host.remember()  # what is receipted may be deleted to make room
    host.line.cut()
    filler = place / "filler"
    with host.blind(), filler.open("wb", buffering=0) as file:
        world.until("a refusal", lambda: _fill(file) or _says(host, "refused an entry"))
        filler.unlink()
        file.truncate(0)
        world.until("it accepts entries again", lambda: _says(host, "accepts entries again"))
        world.until("an entry that names the time", lambda: host.has_said(b"were not accepted"))


@scenario(short=False, guards=("no sync is tried again",), needs=failing.why_not)
def syncs_fail(world: World) -> None:
    """The kernel reports that a sync failed, now and then; each time the journal goes on in a new segment."""
    host = world.host()
    world.until("the first receipt", lambda: host.receipted() > 0)
    trace = host.directory / "syncs"
    with failing_syncs(host.agent.pid, every=world.random.randrange(3, 6), trace=trace) as syncs:
        world.until("three failures", lambda: len(syncs.failed()) >= 3)
    assert not syncs.repeated(), f"{syncs.repeated()[0]} was synced again after its sync had failed"
    world.until("an entry that says so", lambda: host.has_said(b"writing failed"))
    assert host.agent.is_running, "a failing sync ended the agent"


@scenario(short=False, guards=("half line",))
def tail_is_torn(world: World) -> None:
    """What a crash leaves behind the last entry: half a line, noise, a line of zeros, a whole line without its end."""
    host = world.host()
    for tail in (b'0badf00d {"v":1,"i":', world.random.randbytes(900), bytes(4096), b"00000000 {}\n"):
        size = host.size()
        world.until("new entries", lambda size=size: host.size() > size)
        host.kill()
        with max(host.journal_dir.glob("*.log")).open("ab") as file:
            file.write(tail)
        host.start()
    kept = b"".join(path.read_bytes() for path in host.journal_dir.glob("quarantine/*.log.*"))
    assert b"0badf00d" in kept, "the torn bytes are not in quarantine/"
    size = host.size()
    world.until("a reading after the last", lambda: host.has_fresh_reading(since=size))
    assert len(host.issued()) == 1, f"{host.agent_id}: bytes that were never promised ended its epoch"


@scenario(short=False, guards=("lock",))
def two_agents_on_one_directory(world: World) -> None:
    """A second agent is started on the same state directory; it is told no, and the first goes on."""
    host = world.host()
    world.until("the first receipt", lambda: host.receipted() > 0)
    second = host.another_agent()
    world.exits.callback(second.kill)
    second.start()
    world.until("the end of the second agent", lambda: not second.is_running)
    assert "is being written by another agent" in second.tail(), f"the second agent was not told why:\n{second.tail()}"


def _fill(file: object) -> None:
    """Every byte that is free."""
    for octets in (bytes(4096), b"."):
        try:
            while True:
                file.write(octets)  # type: ignore[attr-defined]
        except OSError:
            continue


def _says(host: Host, words: str) -> bool:
    return words in host.agent.log.read_text("utf-8", errors="replace")
