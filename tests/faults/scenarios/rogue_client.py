"""Somebody who reaches the broker and is no agent, or says what no agent should."""

from protocol.batch import Batch, pack_batch
from protocol.entry import Storage, encode, make
from protocol.merkle import leaf_hash, root
from protocol.message import parse_down
from protocol.note import ED25519, Checkpoint, SigningKey, sign_checkpoint
from tests.faults.host import Host
from tests.faults.scenario import scenario
from tests.faults.world import World


@scenario(short=True, guards=("signature check",))
def rogue_client_sends_batches_in_an_agents_name(world: World) -> None:
    """A client continues an agent's journal with a batch that is whole, and signed by a key of its own."""
    host = world.host()
    world.until("the first receipt", lambda: host.receipted() > 0)
    host.kill()
    size = host.size()
    world.until("the collector has what there is", lambda: world.stored()[0].size == size)
    for _ in range(3):
        world.send(host.agent_id, _forged(host, world))


@scenario(short=False)
def poison_comes_in_an_agents_name(world: World) -> None:
    """Garbage, broken frames, bombs, batches beyond every limit, in the topic of an agent that delivers meanwhile."""
    host = world.host(backlog=200)
    good = _forged(host, world)
    for _ in range(12):
        poison = bytearray(good)
        for _ in range(world.random.randrange(1, 9)):
            poison[world.random.randrange(len(poison))] = world.random.randrange(256)
        world.send(host.agent_id, bytes(poison[: world.random.randrange(len(poison) + 1)]))
    answer = world.send(host.agent_id, b"jishi-batch/v1\n" + world.random.randbytes(1_100_000))
    assert answer is None or not isinstance(parse_down(answer), bytes), "a receipt was given over rubbish"


def _forged(host: Host, world: World) -> bytes:
    """The journal as the agent has it, and one entry more, under a note by somebody else's key of the same name."""
    issued = host.issued()[-1]
    known = [next(iter(issued.entries[index])) for index in range(issued.size)]
    forged = encode(make(Storage("forged"), index=issued.size, wall_ms=1, mono_ms=1, boot="0badf00d"))
    entries = [*known, forged]
    key = SigningKey(issued.origin, ED25519, world.random.randbytes(32))
    checkpoint = Checkpoint(issued.origin, len(entries), root(map(leaf_hash, entries)))
    return pack_batch(Batch(0, sign_checkpoint(checkpoint, key), tuple(entries)))
