"""A broker that lies: it is trusted with nothing but delay."""

import time

from protocol.batch import Batch, pack_batch, parse_batch
from protocol.note import COSIGNATURE, SigningKey, cosign
from protocol.topics import down_topic
from tests.faults.line import Direction
from tests.faults.scenario import scenario
from tests.faults.world import World


@scenario(short=True, guards=("receipt check",))
def broker_forges_receipts(world: World) -> None:
    """Every batch is swallowed and answered with a receipt of the right form, signed by another key."""
    host = world.host(backlog=40, start=False)
    rogue = SigningKey(world.receipt_key.name, COSIGNATURE, world.random.randbytes(32))
    forged = 0

    def forge(direction: Direction, topic: str, payload: bytes) -> list[bytes]:
        nonlocal forged
        if direction == "down" or not payload.startswith(b"jishi-batch"):
            return [payload]
        forged += 1
        host.line.say(down_topic(host.agent_id), cosign(parse_batch(payload).note, rogue, time_s=int(time.time())))
        return []

    host.line.tamper = forge
    host.start()
    world.until("forged receipts", lambda: forged >= 2)
    world.run_for(0.5)


@scenario(short=False, guards=("sending again",))
def broker_drops_every_seventh_message(world: World) -> None:
    """Of all messages, up and down, each seventh is acknowledged and thrown away."""
    host = world.host(backlog=2500, start=False)
    passed = 0

    def drop(_direction: Direction, _topic: str, payload: bytes) -> list[bytes]:
        nonlocal passed
        passed += 1
        return [] if passed % 7 == 0 else [payload]

    host.line.tamper = drop
    host.start()
    world.until("all delivered", host.is_delivered)


@scenario(short=True, guards=("root check",))
def broker_alters_an_entry(world: World) -> None:
    """One entry of each batch is another, in a frame that is whole, under the agent's own note."""
    host = world.host(backlog=60, start=False)
    altered = 0

    def alter(direction: Direction, _topic: str, payload: bytes) -> list[bytes]:
        nonlocal altered
        if direction == "down" or not payload.startswith(b"jishi-batch"):
            return [payload]
        altered += 1
        batch = parse_batch(payload)
        entries = list(batch.entries)
        at = world.random.randrange(len(entries))
        entries[at] = entries[at].replace(b"backlog", b"blackjack") + b" "
        return [pack_batch(Batch(batch.old, batch.note, tuple(entries)))]

    host.line.tamper = alter
    host.start()
    world.until("altered batches", lambda: altered >= 2)


@scenario(short=False)
def broker_breaks_and_repeats_batches(world: World) -> None:
    """Of the batches, some arrive with a bit flipped anywhere, the others once, twice or three times."""
    host = world.host(backlog=600, start=False)
    chance = world.random

    def meddle(direction: Direction, _topic: str, payload: bytes) -> list[bytes]:
        if direction == "down" or not payload.startswith(b"jishi-batch"):
            return [payload]
        if chance.random() < 0.2:
            at = chance.randrange(len(payload))
            return [payload[:at] + bytes([payload[at] ^ 1 << chance.randrange(8)]) + payload[at + 1 :]]
        return [payload] * chance.randint(1, 3)

    host.line.tamper = meddle
    host.start()
    world.run_for(2)
