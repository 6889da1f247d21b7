"""Parcels that people carry here: found on a medium, held against their manifest, taken in batch by batch.

A parcel is looked at as a whole before anything of it is judged: a stick that was pulled out too early, a flipped byte,
a foreign province cost nothing but a sentence. What passes goes through the same rule and the same transaction as
everything else; what the rule refuses ends the parcel there, because what follows builds on it. Doing it again changes
nothing. One batch is in memory at a time.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from collector.errors import MediumError
from collector.ingest.intake import Intake
from protocol.batch import BATCH_KIND
from protocol.errors import ForeignBytesError, excerpt
from protocol.header import first_line
from protocol.message import Refusal, parse_down
from protocol.parcel import MANIFEST, MAX_MANIFEST_BYTES, RECEIPT, Manifest, Piece, parse_manifest
from protocol.topics import parse_origin


@dataclass(frozen=True, slots=True)
class Parcel:
    """One that is whole."""

    directory: Path
    manifest: Manifest

    @property
    def agent_id(self) -> str:
        return parse_origin(self.manifest.origin)[1]


@dataclass(slots=True)
class Taken:
    """What became of the entries of one parcel. `refusal` says why some were not taken; `receipt` covers the rest."""

    accepted: int = 0
    repeated: int = 0
    refused: int = 0
    refusal: str = ""
    receipt: bytes | None = None


def find_parcels(medium: Path) -> list[Path]:
    """The directories on a medium that hold a parcel, or a part of one; MediumError where there is none."""
    if not medium.is_dir():
        raise MediumError(f"{medium} is no directory: name where the medium is mounted")
    places = [medium, *sorted(path for path in medium.iterdir() if path.is_dir())]
    found = [place for place in places if (place / MANIFEST).exists() or any(place.glob("*.batch*"))]
    if not found:
        raise MediumError(
            f"{medium} holds nothing of jishi: a directory with {MANIFEST} is expected, from `jishi-agent export`"
        )
    return found


def open_parcel(directory: Path, *, domain: str) -> Parcel:
    """Hold a parcel against its manifest; MediumError where it is not whole, or not of this domain."""
    try:
        manifest = parse_manifest(_read(directory / MANIFEST, MAX_MANIFEST_BYTES + 1))
    except FileNotFoundError as error:
        raise MediumError(
            f"there is no {MANIFEST}: the export was cut short, or not all was copied; export again"
        ) from error
    except ForeignBytesError as error:
        raise MediumError(f"{MANIFEST} cannot be used ({error}); export again") from error
    except OSError as error:
        raise MediumError(
            f"{MANIFEST} cannot be read ({error.strerror}); try another reader or export again"
        ) from error
    named = parse_origin(manifest.origin)[0]
    if named != domain:
        raise MediumError(f"it is of {named}, and this collector is that of {domain}: it belongs elsewhere")
    for piece in manifest.pieces:
        _read_whole(directory, piece)
    return Parcel(directory, manifest)


def take(parcel: Parcel, intake: Intake) -> Taken:
    """Feed a parcel's batches to the rule until one is refused.

    DatabaseLost where an answer is not known, MediumError where a batch is not what it was a moment ago.
    """
    taken = Taken()
    for piece in parcel.manifest.pieces:
        if taken.refusal:
            taken.refused += piece.size - piece.old
            continue
        _take_piece(parcel, piece, intake, taken)
    return taken


def leave_receipt(parcel: Parcel, receipt: bytes) -> None:
    """Write the receipt where the agent looks for it; OSError, as for a medium that takes nothing."""
    path = parcel.directory / RECEIPT
    unfinished = path.with_name(f"{RECEIPT}.new")
    with unfinished.open("wb") as file:
        file.write(receipt)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _take_piece(parcel: Parcel, piece: Piece, intake: Intake, taken: Taken) -> None:
    before = intake.counts["entries"]
    answer = intake.take(parcel.agent_id, _read_whole(parcel.directory, piece))
    message = parse_down(answer)
    if isinstance(message, Refusal):
        taken.refused += piece.size - piece.old
        taken.refusal = f"{message.code}: {message.detail}{_REMEDIES.get(message.code, '')}"
        taken.receipt = message.receipt or taken.receipt
        return
    assert isinstance(message, bytes), "a batch gets a receipt or a refusal"
    accepted = intake.counts["entries"] - before
    taken.accepted += accepted
    taken.repeated += piece.size - piece.old - accepted
    taken.receipt = message


_REMEDIES = {
    "gap": "; export again with --all",
    "unknown-key": "; enrol the agent here first, or take the parcel to the collector where it is enrolled",
    "suspect": "; export again",
    "busy": "; import again",
}


def _read_whole(directory: Path, piece: Piece) -> bytes:
    """The bytes of a batch, each time that they are read: a medium may be pulled, or changed, between two looks."""
    try:
        raw = _read(directory / piece.name, piece.length + 1)
    except FileNotFoundError as error:
        raise MediumError(f"{piece.name} is missing: not all was copied; copy or export again") from error
    except OSError as error:
        raise MediumError(
            f"{piece.name} cannot be read ({error.strerror}); try another reader or export again"
        ) from error
    if not piece.is_of(raw):
        raise MediumError(
            f"{piece.name} is not as it was written ({len(raw)} bytes, {piece.length} expected; or altered): copy or "
            "export again"
        )
    kind = first_line(raw)
    if kind != BATCH_KIND.encode():  # made by another program than ours: the manifest fits, and names something else
        raise MediumError(f"{piece.name} is no batch: it begins with {excerpt(kind)}, {BATCH_KIND!r} is expected")
    return raw


def _read(path: Path, most_bytes: int) -> bytes:
    with path.open("rb") as file:
        return file.read(most_bytes)


def refusals(parcels: list[Path], *, domain: str) -> Iterator[tuple[Path, Parcel | MediumError]]:
    """Each directory with the parcel in it, or why it is none; one at a time, so that one bad parcel costs itself."""
    for directory in parcels:
        try:
            yield directory, open_parcel(directory, domain=domain)
        except MediumError as problem:
            yield directory, problem
