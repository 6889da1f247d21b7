"""A broker that lies: it is trusted with nothing but delay."""

import time

from protocol.batch import parse_batch
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


@scenario(short=True, guards=("window",))
def broker_drops_every_seventh_message(world: World) -> None:
    """Of all messages, up and down, each seventh is acknowledged and thrown away."""
    host = world.host(backlog=700, start=False)
    passed = 0

    def drop(_direction: Direction, _topic: str, payload: bytes) -> list[bytes]:
        nonlocal passed
        passed += 1
        return [] if passed % 7 == 0 else [payload]

    host.line.tamper = drop
    host.start()
    world.until("all delivered", host.is_delivered)


@scenario(short=True, guards=("root check", "dedupe"))
def broker_alters_and_repeats_batches(world: World) -> None:
    """Batches arrive with a byte changed, and then twice and three times."""
    host = world.host(backlog=300, start=False)
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
