"""Whoever has the broker changes what goes through it; the programs at both its ends are true."""

from collections.abc import Callable
from dataclasses import replace

from agent import status
from protocol.beacon import beacon_note, verify_beacon
from protocol.entry import Beacon, decode
from protocol.keys import COSIGNATURE, SigningKey
from protocol.message import Welcome, pack, parse_down
from protocol.note import Checkpoint
from tests.faults.host import Host
from tests.faults.line import Direction
from tests.faults.world import DOMAIN, World
from tests.threats.evening import place_of

LATER_S = 1_900_000_000


def test_forged_and_repeated_beacons_are_not_journalled_and_accuse_nobody(shared_world: World) -> None:
    """Signed by another key, of another domain, of another size, noise; and a true one once more."""
    world = shared_world
    world.keep_log()
    host = world.host(start=False)
    rogue = SigningKey(world.receipt_key.name, COSIGNATURE, bytes(32))
    forged, elsewhere = (
        beacon_note(Checkpoint(f"{domain}/log/2026-1", 10_000, bytes(32)), rogue, time_s=LATER_S)
        for domain in (DOMAIN, "other.example")
    )
    meddler = Meddler(host)
    for forge in (_always(forged), _always(elsewhere), _larger, _always(b"noise")):
        before = meddler.ignored()
        meddler.forge(forge)
        host.start()
        host.line.hang_up()
        world.until("a beacon that is ignored", lambda before=before: meddler.ignored() > before)
    assert not _beacons(host)
    host.line.mend()
    host.line.hang_up()
    world.until("a true beacon", lambda: _beacons(host))

    host.stop()
    first, before = meddler.true[-1], meddler.ignored()
    meddler.forge(_always(first))
    host.start()
    world.until("a beacon that is ignored", lambda: meddler.ignored() > before)
    assert len(_beacons(host)) == 1, "a repeated beacon was journalled"
    host.line.mend()
    host.line.hang_up()
    world.until("the next true beacon", lambda: len(_beacons(host)) == 2)
    for beacon in _beacons(host):
        verify_beacon(beacon, domain=DOMAIN, receipt_keys=[world.receipt_key.verifier])
    shown = status.read(host.state_dir)
    assert shown is not None
    assert shown["beacon"]["problem"] == ""
    assert place_of(world).collector("forks").said == "no log is in doubt\n"


def test_what_the_broker_acknowledged_and_dropped_is_sent_until_there_is_a_receipt(shared_world: World) -> None:
    host = shared_world.host(backlog=40, start=False)
    dropped = 0

    def drop(direction: Direction, _topic: str, payload: bytes) -> list[bytes]:
        nonlocal dropped
        if direction == "down" or not payload.startswith(b"jishi-batch"):
            return [payload]
        dropped += 1
        return []  # the line acknowledges it

    host.line.tamper = drop
    host.start()
    shared_world.until("batches that are sent again", lambda: dropped >= 3)
    assert host.receipted() == 0, "something was taken for delivered"
    host.line.mend()
    shared_world.until("all delivered", host.is_delivered)
    [stored] = [each for each in shared_world.stored() if f"/{host.agent_id}/" in each.origin]
    assert len(stored.entries) >= 40


class Meddler:
    """What becomes of the beacon in a welcome to one host; `true` are those that came."""

    def __init__(self, host: Host) -> None:
        self.true: list[bytes] = []
        self._host = host

    def forge(self, forge: Callable[[bytes], bytes]) -> None:
        """From now on each is replaced."""

        def tamper(direction: Direction, _topic: str, payload: bytes) -> list[bytes]:
            if direction == "up" or not payload.startswith(b"jishi-welcome"):
                return [payload]
            welcome = parse_down(payload)
            assert isinstance(welcome, Welcome)
            if welcome.beacon is None:
                return [payload]
            self.true.append(welcome.beacon)
            return [pack(replace(welcome, beacon=forge(welcome.beacon)))]

        self._host.line.tamper = tamper

    def ignored(self) -> int:
        """How many the agent says that it ignored."""
        log = self._host.agent.log
        return log.read_text("utf-8", errors="replace").count("beacon ignored") if log.exists() else 0


def _always(note: bytes) -> Callable[[bytes], bytes]:
    return lambda _true: note


def _larger(true: bytes) -> bytes:
    """The same signature under a tree of another size."""
    origin, size, *rest = true.split(b"\n")
    return b"\n".join([origin, size + b"9", *rest])


def _beacons(host: Host) -> list[Beacon]:
    entries = host.issued()[-1].entries
    bodies = (decode(next(iter(entries[index]))).body for index in sorted(entries))
    return [body for body in bodies if isinstance(body, Beacon)]
