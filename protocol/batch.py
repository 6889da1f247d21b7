"""Batches and entry bundles: entries on their way, with the signed checkpoint that they lead to.

    jishi-batch/v1
    old 1234                   entries before this one are believed to be held
    note 213                   bytes of the signed checkpoint, whose size is 1234 + the number of entries
    entries 812                bytes of the entry bundle as it stands here
    deflate 1                  1: the bundle is compressed (RFC 1950), 0: it is plain
                               a blank line
    <213 bytes of note><812 bytes of bundle>

A bundle is a row of entries, each behind its length as two big-endian bytes (C2SP tlog-tiles, entry bundles):

    >>> pack_bundle((b"{}", b"abc"))
    b'\\x00\\x02{}\\x00\\x03abc'

Limits: 1 MiB on the wire, 4 MiB of bundle, checked while inflating; 16 384 entries of 1 to 4096 bytes. Whether the
entries lead to the note's root, and who signed it, is the accept rule's to decide. Source: evidence.md section 3.
"""

import zlib
from dataclasses import dataclass

from protocol.entry import MAX_ENTRY_BYTES, MAX_INT
from protocol.errors import MalformedBatch, MalformedMessage, TooLarge, excerpt
from protocol.header import Header, first_line, format_header
from protocol.note import MAX_NOTE_BYTES

BATCH_KIND = "jishi-batch/v1"
MAX_WIRE_BYTES = 1024 * 1024
MAX_INFLATED_BYTES = 4 * 1024 * 1024
MAX_ENTRIES = 16_384


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries from index `old` on, and the signed checkpoint over the log with them."""

    old: int
    note: bytes
    entries: tuple[bytes, ...]


def pack_batch(batch: Batch) -> bytes:
    """Return a batch as it travels, compressed where that makes it smaller; ValueError when it breaks a limit."""
    bundle = pack_bundle(batch.entries)
    packed = zlib.compress(bundle)
    deflate = len(packed) < len(bundle)
    body = packed if deflate else bundle
    if not 0 <= batch.old <= MAX_INT or not 0 < len(batch.note) <= MAX_NOTE_BYTES:
        raise ValueError("a batch has an old size below 2^53 and a note")
    members = [
        ("old", str(batch.old)),
        ("note", str(len(batch.note))),
        ("entries", str(len(body))),
        ("deflate", str(int(deflate))),
    ]
    raw = b"".join((format_header(BATCH_KIND, members), batch.note, body))
    if len(raw) > MAX_WIRE_BYTES:
        raise ValueError(f"a batch of {len(raw)} bytes is over {MAX_WIRE_BYTES}: send fewer entries at once")
    return raw


def parse_batch(raw: bytes) -> Batch:
    """Read a batch; MalformedBatch or TooLarge."""
    if len(raw) > MAX_WIRE_BYTES:
        raise TooLarge(f"a batch has at most {MAX_WIRE_BYTES} bytes, not {len(raw)}")
    if first_line(raw) != BATCH_KIND.encode():
        raise MalformedBatch(f"not a batch: {excerpt(raw)}")
    try:
        header = Header(raw)
        old = header.take_number("old", MAX_INT)
        note_bytes = header.take_number("note", MAX_NOTE_BYTES)
        bundle_bytes = header.take_number("entries", MAX_WIRE_BYTES)
        deflate = header.take_number("deflate", 1)
        header.end()
    except MalformedMessage as error:
        raise MalformedBatch(f"the header of a batch: {error}") from error
    bundle_at = header.body_at + note_bytes
    if note_bytes == 0 or len(raw) != bundle_at + bundle_bytes:
        raise MalformedBatch(f"a batch of {len(raw)} bytes does not have the lengths that its header says")
    bundle = _inflate(raw[bundle_at:]) if deflate else raw[bundle_at:]
    return Batch(old, raw[header.body_at : bundle_at], parse_bundle(bundle))


def pack_bundle(entries: tuple[bytes, ...]) -> bytes:
    """Return the entry bundle; ValueError for an entry, a number of entries or a bundle over its limit."""
    if len(entries) > MAX_ENTRIES:
        raise ValueError(f"a bundle holds at most {MAX_ENTRIES} entries, not {len(entries)}")
    parts: list[bytes] = []
    for entry in entries:
        if not 0 < len(entry) <= MAX_ENTRY_BYTES:
            raise ValueError(f"an entry has 1 to {MAX_ENTRY_BYTES} bytes, not {len(entry)}")
        parts += (len(entry).to_bytes(2, "big"), entry)
    bundle = b"".join(parts)
    if len(bundle) > MAX_INFLATED_BYTES:
        raise ValueError(f"a bundle of {len(bundle)} bytes is over {MAX_INFLATED_BYTES}")
    return bundle


def parse_bundle(raw: bytes) -> tuple[bytes, ...]:
    """Read an entry bundle; MalformedBatch or TooLarge."""
    end = len(raw)
    if end > MAX_INFLATED_BYTES:
        raise TooLarge(f"a bundle has at most {MAX_INFLATED_BYTES} bytes, not {end}")
    entries: list[bytes] = []
    at = 0
    while at + 2 <= end:
        length = raw[at] << 8 | raw[at + 1]
        at += 2 + length
        if not 0 < length <= MAX_ENTRY_BYTES:
            raise MalformedBatch(f"entry {len(entries)} of a bundle has {length} bytes, not 1 to {MAX_ENTRY_BYTES}")
        if len(entries) == MAX_ENTRIES:
            raise TooLarge(f"a bundle holds at most {MAX_ENTRIES} entries")
        entries.append(raw[at - length : at])
    if at != end:
        raise MalformedBatch(f"a bundle that ends in the middle of entry {max(len(entries) - 1, 0)}")
    return tuple(entries)


def _inflate(raw: bytes) -> bytes:
    stream = zlib.decompressobj()
    try:
        bundle = stream.decompress(raw, MAX_INFLATED_BYTES + 1)
    except zlib.error as error:
        raise MalformedBatch(f"the entries of a batch do not inflate: {error}") from error
    if len(bundle) > MAX_INFLATED_BYTES:
        raise TooLarge(f"the entries of a batch inflate to more than {MAX_INFLATED_BYTES} bytes")
    if not stream.eof or stream.unused_data:
        raise MalformedBatch("the entries of a batch are not one whole compressed stream")
    return bundle
