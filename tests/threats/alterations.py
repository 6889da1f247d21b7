"""What the collector's operator, who has the database and all its keys, can put in the place of what is true."""

import hashlib
import json
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

from agent.segment import PREFIX_BYTES, line
from collector.keys import ensure_export_key, load_log_key, load_receipt_key
from protocol import note
from protocol.batch import pack_bundle, parse_bundle
from protocol.merkle import EMPTY_FRONTIER, leaf_hash
from protocol.note import Checkpoint, Note, cosign, parse_note, sign_checkpoint
from tests.threats.place import Place

DAY_S = 86_400


def rewrite_entries(place: Place) -> None:
    """Other readings in every stored batch."""
    place.change(
        "batch",
        "entries",
        lambda stored: zlib.compress(pack_bundle(tuple(map(fewer_watts, open_batch(stored))))),
        key="first",
    )


def open_batch(stored: bytes) -> tuple[bytes, ...]:
    """The entries in a stored batch."""
    return parse_bundle(zlib.decompress(stored))


def fewer_watts(entry: bytes) -> bytes:
    """Another mean power in a reading, in the same form."""
    return entry.replace(b'"w":[', b'"w":[1')


def more_energised(record: bytes) -> bytes:
    """What was off stands in it as a state that it does not have yet, and all its sums say so."""
    said = json.loads(record)
    state = next(each for each in ("standby", "run") if all(told != each for _, _, told in said["spans"]))
    said["spans"] = [[start, end, state if told == "off" else told] for start, end, told in said["spans"]]
    said[f"{state}_s"] += said["off_s"]
    said["energised_s"] += said["off_s"]
    said["off_s"] = 0
    return json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode()


def receipt_over(receipt: bytes, entries: list[bytes], place: Place) -> bytes:
    """A receipt over these entries by the collector's key, with the lines that the agent gave to others."""
    old = parse_note(receipt)
    origin, size, _ = old.text.splitlines()[:3]
    root = EMPTY_FRONTIER.extend(map(leaf_hash, entries[: int(size)])).root()
    own = Note(Checkpoint(origin, int(size), root).text, old.signatures[:1]).to_bytes()
    key = load_receipt_key(place.directory, place.domain)
    return cosign(own, key, time_s=_time_s(receipt, place))


def day_earlier(receipt: bytes, place: Place) -> bytes:
    """The same receipt, given a day before."""
    old = parse_note(receipt)
    own = Note(old.text, old.signatures[:1]).to_bytes()
    return cosign(own, load_receipt_key(place.directory, place.domain), time_s=_time_s(receipt, place) - DAY_S)


def _time_s(receipt: bytes, place: Place) -> int:
    return note.open_receipt(receipt, load_receipt_key(place.directory, place.domain).verifier).time_s


def sign_again(bundle: Path, place: Place) -> None:
    """A manifest over the files as they are now."""
    manifest = bundle / "MANIFEST"
    lines = []
    for stated in parse_note(manifest.read_bytes(), limit=1 << 20).text.splitlines():
        path = stated.rpartition(" ")[2]
        if len(stated.split()) == 3 and (bundle / path).is_file():
            raw = (bundle / path).read_bytes()
            lines.append(f"{hashlib.sha256(raw).hexdigest()} {len(raw)} {path}\n")
        else:
            lines.append(f"{stated}\n")
    manifest.write_bytes(note.sign("".join(lines), ensure_export_key(place.directory, place.domain), limit=1 << 20))


def rewrite_log(place: Place) -> None:
    """Another first leaf in the collector's log, and a head over all leaves that its own key signs again."""
    place.change("log_leaf", "body", lambda leaf: leaf.replace(b'"first log"', b'"other log"'), key="leaf_index")
    leaves = [leaf_hash(bytes(body)) for (body,) in place.rows("SELECT body FROM log_leaf ORDER BY leaf_index")]
    tree = EMPTY_FRONTIER.extend(leaves)
    [(origin,)] = place.rows("SELECT origin FROM collector_log")

    def signed(old: bytes) -> bytes:
        receipt_key = load_receipt_key(place.directory, place.domain)
        checkpoint = Checkpoint(origin, tree.size, tree.root())
        own = sign_checkpoint(checkpoint, load_log_key(place.directory, origin))
        return cosign(own, receipt_key, time_s=_time_s(old, place))

    place.change("log_head", "note", signed, key="log")
    place.change("log_head", "root", lambda _: tree.root(), key="log")
    place.change("log_head", "frontier", lambda _: tree.to_bytes(), key="log")
    shutil.rmtree(place.directory / "log")
    assert place.collector("log", "rebuild").code == 0


def swap_line(segment: Path, index: int, changed: Callable[[bytes], bytes]) -> None:
    """Another entry in a host's journal, with a checksum that fits."""
    lines = segment.read_bytes().splitlines(keepends=True)
    lines[index + 1] = line(changed(lines[index + 1][PREFIX_BYTES:-1]))  # the first one is the segment's header
    segment.write_bytes(b"".join(lines))
