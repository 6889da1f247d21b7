"""Lines under the name of a key that is trusted, by another key: beside a line that fits, and alone."""

import pytest

from protocol.keys import SigningKey
from protocol.note import cosign, sign, sign_checkpoint
from protocol.tiles import pack_entries, parse_entries
from protocol.verify.verdicts import Verdict
from tests.protocol.bundles import EXPORT, LOG, RECEIPT, World
from tests.protocol.verify.verifying import found, run, told

CHECKPOINT, RECEIPTS = "collector/2026-1/checkpoint", "agents/em-01/1/receipts/000"


def like(key: SigningKey) -> SigningKey:
    """Another key of the same name."""
    return SigningKey(key.name, key.algorithm, b"?" * 32)


def with_line_of(note: bytes, key: SigningKey) -> bytes:
    """The note with one more line, by a 0x01 key."""
    text = note.partition(b"\n\n")[0].decode() + "\n"
    return note + sign(text, key, limit=8 << 20).rpartition(b"\n\n")[2]


@pytest.fixture(scope="module")
def world() -> World:
    return World(days=1, before_days=0)


def test_beside_a_line_that_fits_it_is_ignored(world: World) -> None:
    files = world.files()
    files[CHECKPOINT] = with_line_of(files[CHECKPOINT], like(LOG))
    receipts = [cosign(raw, like(RECEIPT), time_s=1_772_700_000) for raw in parse_entries(files[RECEIPTS])]
    sealed = world.sealed(files | {RECEIPTS: pack_entries(receipts)})
    result = run(sealed | {"MANIFEST": with_line_of(sealed["MANIFEST"], like(EXPORT))})
    assert result.verdict is Verdict.VALID, told(result)


def test_alone_it_is_false_on_what_only_the_collector_makes(world: World) -> None:
    other = cosign(sign_checkpoint(world.log_checkpoint, like(LOG)), RECEIPT, time_s=world.end_ms // 1000)
    result = run(world.sealed(world.files() | {CHECKPOINT: other}))
    assert result.verdict is Verdict.CONTRADICTED
    assert "checkpoint-false" in found(result)


def test_a_receipt_that_bears_it_alone_is_one_that_nobody_gave(world: World) -> None:
    files = world.files()
    *kept, last = parse_entries(files[RECEIPTS])
    agents = last[: last.rindex("— ".encode())]
    files[RECEIPTS] = pack_entries([*kept, cosign(agents, like(RECEIPT), time_s=1_772_700_000)])
    result = run(world.sealed(files))
    assert result.verdict is Verdict.INCOMPLETE, told(result)
    assert {"receipt-unknown", "not-receipted"} <= found(result)


def test_a_line_that_stands_twice_is_false(world: World) -> None:
    files = world.files()
    files[CHECKPOINT] += files[CHECKPOINT].splitlines(keepends=True)[-1]
    result = run(world.sealed(files))
    assert result.verdict is Verdict.CONTRADICTED
    assert "checkpoint-false" in found(result)
