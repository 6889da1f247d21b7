"""The bytes that docs/life-of-a-run.md shows: one short run, from the meter's answer to the hour record.

Made by the product's own code from fixed keys and instants, so that the document cannot drift from it:
`python -m tests.docs.story` writes them into the document, and a test holds the document against them.
"""

import re
import struct
import textwrap
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from agent.clock import Instant
from agent.reading import Block, BlockBuilder, Channel, Sample
from agent.segment import line
from agent.watchers.modbus_frame import ReadRequest, Values, encode
from protocol import derivation, entry, hours
from protocol.batch import Batch, pack_batch
from protocol.entry import Entry, Genesis, Reading, Start
from protocol.interval import day_bounds_ms
from protocol.keys import SigningKey
from protocol.lead import UNOBSERVED
from protocol.merkle import EMPTY_FRONTIER, leaf_hash
from protocol.note import COSIGNATURE, ED25519, Checkpoint, cosign, sign_checkpoint
from protocol.policy import parse_policy
from protocol.witness import gather

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "life-of-a-run.md"
POLICY = ROOT / "deploy" / "demo" / "policy.json"

ORIGIN = "jishi.example/a/em-01/1"
DAY = date(2026, 3, 2)
BOOT = "5f3a9c01"
BEGAN = Instant(day_bounds_ms(DAY)[0] + 9 * 3_600_000, 72_600_000)  # 09:00 local time, in that boot
WATTS = (*[200.0] * 20, *[905.5] * 40, *[201.0] * 20)  # one answer a second
_BLOCK = re.compile(r"(<!-- bytes: ([a-z-]+) -->\n```[a-z]*\n)(.*?)(\n```)", re.DOTALL)


def tell() -> dict[str, str]:
    """Every passage of the document, by name."""
    agent_key = SigningKey(ORIGIN, ED25519, bytes(range(32)))
    receipt_key = SigningKey("jishi.example/receipt/1", COSIGNATURE, bytes(range(32, 64)))
    raw = [entry.encode(each) for each in _entries(str(agent_key.verifier))]
    leaves = [leaf_hash(each) for each in raw]
    checkpoint = Checkpoint(ORIGIN, len(raw), EMPTY_FRONTIER.extend(leaves).root())
    note = sign_checkpoint(checkpoint, agent_key)
    batch = pack_batch(Batch(0, note, tuple(raw)))
    header, _, _ = batch.partition(b"\n\n")
    receipt = cosign(note, receipt_key, time_s=BEGAN.wall_ms // 1000 + 90)
    run = next(each for each in raw if b'"a":72' in each and b"905500" in each)
    return {
        "request": _hex(encode(ReadRequest(1, 4, 0x000C, 2))),
        "answer": _hex(encode(Values(1, 4, struct.pack(">f", 905.5)))),
        "line": line(run).decode().rstrip("\n"),
        "leaf": leaf_hash(run).hex(),
        "root": checkpoint.root.hex(),
        "checkpoint": note.decode().rstrip("\n"),
        "batch": header.decode(),
        "receipt": receipt.decode().rstrip("\n"),
        "policy": POLICY.read_text(encoding="utf-8").rstrip("\n"),
        "policy-sha": parse_policy(POLICY.read_bytes()).sha256,
        "record": hours.encode(_record(raw)).decode(),
    }


def written(document: str, passages: dict[str, str]) -> str:
    """The document with these passages in their places."""
    return _BLOCK.sub(lambda found: found[1] + passages[found[2]] + found[4], document)


def shown(document: str) -> dict[str, str]:
    """The passages that the document shows."""
    return {found[2]: found[3] for found in _BLOCK.finditer(document)}


def _entries(key: str) -> Iterator[Entry]:
    bodies = [(Genesis(("A001",), key, "jishi 0.1.0"), BEGAN), (Start("jishi 0.1.0"), BEGAN)]
    builder = BlockBuilder("meter1", Channel("power", "gauge", 1000), levels=(20_000, 40_000, 450_000, 550_000))
    energy_mwh = 1_606_000.0
    blocks: list[object] = []
    for second, watts in enumerate(WATTS, start=1):
        at = Instant(BEGAN.wall_ms + second * 1000, BEGAN.mono_ms + second * 1000)
        energy_mwh += watts / 3.6
        counter = int(energy_mwh) // 1000 * 1000  # the meter shows whole watt-hours
        blocks += builder.add(Sample("meter1", "power", at, round(watts * 1000), counter))
    blocks += builder.close()
    bodies += [(block.reading, block.at) for block in blocks if isinstance(block, Block)]
    for index, (body, at) in enumerate(bodies):
        yield entry.make(body, index=index, wall_ms=at.wall_ms, mono_ms=at.mono_ms, boot=BOOT)


def _record(raw: list[bytes]) -> hours.HourRecord:
    decoded = [(each, each.body) for each in map(entry.decode, raw)]
    readings = [(each, body) for each, body in decoded if isinstance(body, Reading)]
    policy = parse_policy(POLICY.read_bytes())
    start_ms, end_ms = day_bounds_ms(DAY)
    return derivation.derive_day(
        "A001",
        DAY,
        evidence=gather([(ORIGIN, *each) for each in readings], policy),
        policy=policy,
        lead_in=UNOBSERVED,
        journals=derivation.contributing(((ORIGIN, *each) for each in readings), start_ms, end_ms=end_ms),
        observed_until_ms=BEGAN.wall_ms + len(WATTS) * 1000,
    )


def _hex(raw: bytes) -> str:
    return textwrap.fill(raw.hex(" ").upper(), 96)


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text(encoding="utf-8"), tell()), encoding="utf-8")
