"""`jishi-audit log`: whether a directory is the whole log that its checkpoint says, by the key that the auditor has.

    1  the checkpoint is there, and signed by the key
    2  every bundle of entries and every tile of hashes is there, and the entries lead to each tile and to the root
    3  files of the tree that a newer one has replaced (partial tiles) are its beginning
    4  a log of a jishi collector: each entry is a leaf, the first one names this key, and the receipt key that it names
       has signed the checkpoint with a time

Reads any log in the layout of C2SP tlog-tiles; step 4 only where the first entry says that it is one of ours. Files
that the checkpoint does not speak of are named and not judged. Memory is bounded, whatever the checkpoint claims.
"""

import json
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from protocol import log_leaf, tiles
from protocol.errors import BadSignature, ForeignBytesError, MalformedNote
from protocol.keys import VerifierKey, parse_vkey
from protocol.note import MAX_NOTE_BYTES, Checkpoint, open_receipt, parse_checkpoint, verify
from protocol.tiles import CHECKPOINT, Place

VALID, INCOMPLETE, CONTRADICTED = "VALID", "INCOMPLETE", "CONTRADICTED"
EXIT_CODES = {VALID: 0, INCOMPLETE: 1, CONTRADICTED: 2}
MOST_FOUND = 100
_MAX_FILE_BYTES = tiles.WIDTH * (2 + tiles.MAX_ENTRY_BYTES)


class Found(NamedTuple):
    """Something that is wrong with a file, or that it is missing."""

    path: str
    is_missing: bool
    what: str


class Report(NamedTuple):
    """What was found; `found` holds the first ones of `faults`. `time_s`: POSIX seconds, None where none is signed."""

    directory: str
    key: str
    checkpoint: Checkpoint | None
    time_s: int | None
    kinds: dict[str, int]
    found: tuple[Found, ...]
    faults: int
    not_judged: tuple[str, ...]

    @property
    def verdict(self) -> str:
        if any(not each.is_missing for each in self.found):
            return CONTRADICTED
        return INCOMPLETE if self.found else VALID


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `log`."""
    parser.add_argument("directory", type=Path, metavar="DIR", help="a log: it holds `checkpoint` and `tile/`")
    shown = "the log's key; `jishi-collector log status` shows it"
    parser.add_argument("--key", required=True, metavar="VKEY", help=shown)
    parser.add_argument("--json", action="store_true", help="one line for programs")


def check_directory(directory: Path, key: VerifierKey) -> Report:
    """Compare every file with the checkpoint. OSError where the directory cannot be read."""
    if not directory.is_dir():
        raise NotADirectoryError(f"{directory} is no directory: name the one that holds `checkpoint` and `tile/`")
    read = _Directory(directory)
    raw = read(CHECKPOINT)
    if raw is None:
        found = Found(CHECKPOINT, True, "the checkpoint is missing: without it nothing says what the log is")
        return Report(str(directory), key.name, None, None, {}, (found,), 1, ())
    try:
        checkpoint = _open(raw, key)
    except ForeignBytesError as error:
        found = Found(CHECKPOINT, False, str(error))
        return Report(str(directory), key.name, None, None, {}, (found,), 1, ())
    faults = _First(Found(*each) for each in tiles.check(read, checkpoint.size, checkpoint.root))
    not_judged: list[str] = []
    faults.take(_check_replaced(read, checkpoint.size, not_judged))
    ours = _Ours(read, checkpoint.size)
    if not faults.count and ours.begins:
        faults.take(ours.check(raw, key))
    return Report(
        str(directory), key.name, checkpoint, ours.time_s, dict(ours.kinds), tuple(faults.held), faults.count,
        tuple(not_judged),
    )  # fmt: skip


def as_json(report: Report) -> str:
    """One line for programs; hashes in hex."""
    checkpoint = report.checkpoint
    return json.dumps(
        {
            "verdict": report.verdict,
            "key": report.key,
            "origin": None if checkpoint is None else checkpoint.origin,
            "size": None if checkpoint is None else checkpoint.size,
            "root": None if checkpoint is None else checkpoint.root.hex(),
            "time_s": report.time_s,
            "leaves": report.kinds,
            "found": [{"path": path, "missing": missing, "what": what} for path, missing, what in report.found],
            "faults": report.faults,
            "not_judged": report.not_judged,
        }
    )


def as_text(report: Report) -> str:
    """The same for people."""
    return "\n".join([*_head(report), *_faults(report), *_rest(report), _VERDICTS[report.verdict]])


def _head(report: Report) -> Iterator[str]:
    yield f"key         {report.key}"
    if (checkpoint := report.checkpoint) is None:
        return
    yield f"log         {checkpoint.origin}"
    yield f"checkpoint  {checkpoint.size} entries, root {checkpoint.root.hex()}, signed by the key"
    if report.time_s is not None:
        yield f"signed      {_utc(report.time_s)} by the receipt key that the first leaf names"
    if report.kinds:
        yield "leaves      " + ", ".join(f"{count} {kind}" for kind, count in report.kinds.items())


def _faults(report: Report) -> Iterator[str]:
    for each in report.found:
        yield f"{'missing' if each.is_missing else 'WRONG':<11} {each.path}: {each.what}"
    if report.faults > len(report.found):
        yield f"            and {report.faults - len(report.found)} more"


def _rest(report: Report) -> Iterator[str]:
    if report.not_judged:
        shown, count = ", ".join(report.not_judged[:3]), len(report.not_judged)
        yield f"not judged  {count} files that the checkpoint does not speak of: {shown}{', …' if count > 3 else ''}"


_VERDICTS = {
    VALID: "VALID: every entry and every tile leads to the root that the key signed",
    INCOMPLETE: "INCOMPLETE: what is there is right, and something is missing; ask for the log once more",
    CONTRADICTED: "CONTRADICTED: these files are not the log that the key signed; keep them, and ask who has others",
}


def _utc(time_s: int) -> str:
    try:
        return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"second {time_s} of POSIX time"


class _First:
    """Counts all, and keeps the first ones."""

    def __init__(self, found: Iterable[Found]) -> None:
        self.held: list[Found] = []
        self.count = 0
        self.take(found)

    def take(self, found: Iterable[Found]) -> None:
        for each in found:
            self.count += 1
            # What is wrong decides more than what is missing: it is kept, however much is missing before it.
            if len(self.held) < MOST_FOUND or (not each.is_missing and all(one.is_missing for one in self.held)):
                self.held.append(each)


class _Directory:
    """The files of a log by their paths; None for what is no file."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def __call__(self, path: str) -> bytes | None:
        file = self.directory / path
        if not file.is_file():
            return None
        most = MAX_NOTE_BYTES if path == CHECKPOINT else _MAX_FILE_BYTES
        with file.open("rb") as opened:
            return opened.read(most + 1)

    def paths(self) -> Iterator[str]:
        """Every file, in order; links are not followed."""
        for file in sorted(self.directory.rglob("*")):
            if file.is_file():
                yield file.relative_to(self.directory).as_posix()


def _open(raw: bytes, key: VerifierKey) -> Checkpoint:
    """The checkpoint that the key signed; other logs may have lines behind the three, and keys of another name."""
    lines = verify(raw, key).split("\n")
    if len(lines) < 4:
        raise MalformedNote("a checkpoint has at least three lines: origin, size, root")
    return parse_checkpoint("\n".join(lines[:3]) + "\n")


def _check_replaced(read: _Directory, size: int, not_judged: list[str]) -> Iterator[Found]:
    """Compare what lies beside the files of this tree; what is no part of it goes to `not_judged`."""
    for path in read.paths():
        place = _place_of(path)
        if path == CHECKPOINT or (place is not None and _newest_of(place, size) == place):
            continue
        if place is None or place.end > size:
            not_judged.append(path)
        elif not _begins(read, place, size):
            yield Found(path, False, "is not the beginning of the tile that replaced it")


def _place_of(path: str) -> Place | None:
    try:
        return tiles.parse_path(path)
    except ForeignBytesError:
        return None


def _newest_of(place: Place, size: int) -> Place:
    """The same place as a tree of this size has it; width 0 where it has none."""
    held = (size >> (8 * (place.level or 0))) - place.number * tiles.WIDTH
    return place._replace(width=max(0, min(tiles.WIDTH, held)))


def _begins(read: _Directory, place: Place, size: int) -> bool:
    newest = tiles.with_full(read)(_newest_of(place, size).path)
    # A missing one was said before.
    return newest is None or read(place.path) == tiles.first_of(newest, place)


class _Ours:
    """A log of this product's collector: what its leaves say."""

    def __init__(self, read: _Directory, size: int) -> None:
        self._read = tiles.with_full(read)
        self._size = size
        self.kinds: Counter[str] = Counter()
        self.time_s: int | None = None
        self.begins = self._first() is not None

    def check(self, note: bytes, key: VerifierKey) -> Iterator[Found]:
        """Read every leaf; the files were compared with the root before."""
        opened = self._first()
        assert opened is not None, "asked before"
        if opened.key != str(key):
            yield Found(tiles.entries_path(0), False, f"the first leaf names another key of the log, {opened.key}")
        for index, raw in enumerate(self._entries()):
            try:
                leaf = log_leaf.decode(raw)
            except ForeignBytesError as error:
                yield Found(tiles.entries_path(index // tiles.WIDTH), False, f"entry {index}: {error}")
                continue
            self.kinds[leaf.kind] += 1
            if index and isinstance(leaf, log_leaf.Opened):
                yield Found(tiles.entries_path(index // tiles.WIDTH), False, f"entry {index} opens the log once more")
        try:
            self.time_s = open_receipt(note, parse_vkey(opened.receipt)).time_s
        except BadSignature as error:
            yield Found(CHECKPOINT, False, f"no valid time of the receipt key that the first leaf names: {error}")

    def _first(self) -> log_leaf.Opened | None:
        try:
            leaf = log_leaf.decode(next(self._entries(), b""))
        except ForeignBytesError:
            return None
        return leaf if isinstance(leaf, log_leaf.Opened) else None

    def _entries(self) -> Iterator[bytes]:
        for index, width in tiles.bundles_of(self._size):
            raw = self._read(tiles.entries_path(index, width=width))
            yield from () if raw is None else tiles.parse_entries(raw, most=width)
