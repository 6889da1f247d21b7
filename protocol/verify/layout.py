"""Where the parts of a bundle lie, and the small texts in it; bytes -> values, strictly. Pure.

The bundle's format is docs/bundle.md. This is its reader: the collector writes with other code, so that a fault in one
of them does not hide in both.
"""

import re
from datetime import date
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta

from protocol.canonical import decode_canonical
from protocol.entry import LogName, Natural, Root, Word
from protocol.errors import BadProof, MalformedMessage, TooLarge, excerpt, one_line
from protocol.facts import Sha256
from protocol.keys import read_base64
from protocol.merkle import MAX_SIZE, Frontier
from protocol.tiles import WIDTH
from protocol.topics import MAX_EPOCH, agent_origin, check_domain
from protocol.verify.container import MAX_FILES, Stated, is_sound_path

MANIFEST: Final = "MANIFEST"
MAX_MANIFEST_BYTES: Final = 8 * 1024 * 1024
MAX_FILE_BYTES: Final = 2 * 1024 * 1024 * 1024
READMES: Final = ("README.zh.txt", "README.en.txt")
KEYS: Final = "keys/policy.txt"
FACTS, STATEMENTS, PROOFS = "facts/facts.jsonl", "facts/registered.jsonl", "facts/proofs.jsonl"
RECORDS, GRADES, CLOSED, TABLE = "hours/records.jsonl", "hours/grades.jsonl", "hours/closed.jsonl", "hours/hours.csv"
SESSION: Final = "session.json"

_COMMON = (*READMES, KEYS, STATEMENTS, PROOFS)
PARTS: Final = {"full": (*_COMMON, FACTS, RECORDS, GRADES, CLOSED, TABLE), "selective": (*_COMMON, SESSION)}
"""What a bundle of each scope must hold, besides what depends on the instrument."""

_FORMAT = "jishi-bundle/v1"
_FRONTIER = "jishi-frontier/v1"
_FILE = re.compile(r"([0-9a-f]{64}) (0|[1-9][0-9]{0,11}) (\S+)")
_POLICY = re.compile(r"policy/([0-9a-f]{64})\.json")
_DECISION = re.compile(r"facts/decisions/([0-9a-f]{64})\.note")
_AGENT = re.compile(r"agents/([a-z0-9-]{4,40})/([1-9][0-9]{0,8})/(.+)")
_LOG = re.compile(r"collector/([0-9]{4}-[1-9][0-9]{0,5})/(checkpoint|consistency\.jsonl)")
_PARTS = re.compile(
    r"frontier|(tile/entries|receipts)/(x[0-9]{3}/)*[0-9]{3}(\.p/[1-9][0-9]{0,2})?"
    r"|receipts/(0|[1-9][0-9]{0,9})|proofs/(0|[1-9][0-9]{0,15})\.tlog-proof|entries/(0|[1-9][0-9]{0,15})\.json"
)
_KNOWN = frozenset({*READMES, KEYS, FACTS, STATEMENTS, PROOFS, RECORDS, GRADES, CLOSED, TABLE, SESSION})

Scope = Literal["full", "selective"]


class Manifest(NamedTuple):
    """What a bundle is about and what is in it, by path; `made_ms` UTC."""

    asset: str
    first_day: date
    last_day: date
    scope: Scope
    made_ms: int
    domain: str
    files: dict[str, Stated]

    def origin(self, directory: str) -> str:
        """The origin of the log that lies in a directory `agents/<id>/<epoch>/`."""
        _, agent_id, epoch, *_ = directory.split("/")
        return agent_origin(self.domain, agent_id, int(epoch))

    def journals(self) -> list[str]:
        """The directories of agents' logs, in order."""
        found = {f"agents/{m[1]}/{m[2]}/" for m in map(_AGENT.fullmatch, self.files) if m}
        return sorted(found, key=lambda path: (path.split("/")[1], int(path.split("/")[2])))

    def logs(self) -> list[str]:
        """The names of the collector's logs, in order."""
        return sorted({m[1] for m in map(_LOG.fullmatch, self.files) if m})

    def policies(self) -> dict[str, str]:
        """Path by SHA-256 of each policy."""
        return {m[1]: path for path in self.files if (m := _POLICY.fullmatch(path))}

    def decisions(self) -> dict[str, str]:
        """Path of the signed note by SHA-256 of the decision."""
        return {m[1]: path for path in self.files if (m := _DECISION.fullmatch(path))}


def parse_manifest(text: str) -> Manifest:
    """Read the text of the manifest's note; MalformedMessage, TooLarge."""
    lines = text.split("\n")
    try:
        head = dict(line.split(" ", 1) for line in lines[1:7])
        if lines[0] != _FORMAT or list(head) != ["asset", "from", "to", "scope", "made", "domain"] or lines[-1]:
            raise ValueError(f"its first lines are {_FORMAT}, asset, from, to, scope, made, domain")
        first, last = date.fromisoformat(head["from"]), date.fromisoformat(head["to"])
        scope = next((known for known in _SCOPES if known == head["scope"]), None)
        if first > last or (first.isoformat(), last.isoformat()) != (head["from"], head["to"]) or scope is None:
            raise ValueError("from and to are days in order as YYYY-MM-DD, and scope is full or selective")
        if not re.fullmatch(r"0|[1-9][0-9]{0,15}", head["made"]) or not 0 < len(head["asset"]) <= 64:
            raise ValueError("made is UTC ms, and asset an asset number")
        domain = check_domain(head["domain"])
    except ValueError as error:
        raise MalformedMessage(f"not the manifest of a bundle: {one_line(error)}: {excerpt(text)}") from error
    return Manifest(head["asset"], first, last, scope, int(head["made"]), domain, _parse_files(lines[7:-1]))


_SCOPES: tuple[Scope, ...] = ("full", "selective")


def _parse_files(lines: list[str]) -> dict[str, Stated]:
    if len(lines) > MAX_FILES:
        raise TooLarge(f"a bundle has at most {MAX_FILES} files, and the manifest states {len(lines)}")
    files: dict[str, Stated] = {}
    before = ""
    for line in lines:
        match = _FILE.fullmatch(line)
        if match is None or not is_sound_path(match[3]) or match[3] == MANIFEST:
            raise MalformedMessage(f"a line of the manifest that names no file of a bundle: {excerpt(line, 240)}")
        if match[3] <= before:
            raise MalformedMessage(f"the manifest is not sorted by path, each once, at {excerpt(match[3], 240)}")
        if int(match[2]) > MAX_FILE_BYTES:
            raise TooLarge(f"{match[3]} should have {match[2]} bytes; a file of a bundle has at most {MAX_FILE_BYTES}")
        before = match[3]
        files[before] = Stated(int(match[2]), match[1])
    return files


def is_known_path(path: str) -> bool:
    """Whether a file of this path has a meaning in a bundle; what nobody reads must not lie in it."""
    if path in _KNOWN or any(known.fullmatch(path) for known in (_POLICY, _LOG, _DECISION)):
        return True
    match = _AGENT.fullmatch(path)
    return match is not None and int(match[2]) <= MAX_EPOCH and _PARTS.fullmatch(match[3]) is not None


def parse_frontier(raw: bytes) -> Frontier:
    """Read the tree before the first entry of a bundle; BadProof, MalformedMessage."""
    lines = raw.split(b"\n")
    if (
        lines[0] != _FRONTIER.encode()
        or len(lines) < 3
        or lines[-1]
        or not re.fullmatch(rb"0|[1-9][0-9]{0,15}", lines[1])
    ):
        raise MalformedMessage(f"not a frontier: {excerpt(raw)}")
    first = int(lines[1])
    peaks = [read_base64(line.decode("latin-1")) for line in lines[2:-1]]
    if first % WIDTH or first > MAX_SIZE or any(len(peak) != 32 for peak in peaks):
        raise BadProof(f"a frontier of size {first}: a multiple of {WIDTH}, and hashes of 32 bytes, are expected")
    return Frontier.from_bytes(first, b"".join(peaks))


_Hash = Annotated[Root, Meta()]
_Path = Annotated[tuple[_Hash, ...], Meta(max_length=64)]


class Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line of facts/proofs.jsonl: where in a log the leaf lies that names these bytes."""

    sha256: Sha256
    log: LogName
    index: Natural
    leaf: str
    proof: _Path


class Continued(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line of consistency.jsonl: the tree of a beacon begins that of the checkpoint."""

    size: Natural
    root: Root
    proof: _Path


class Closing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line of hours/closed.jsonl: the leaf that closed a day, and the record's place in it."""

    day: str
    revision: Natural
    sha256: Sha256
    grades: Annotated[str, Meta(pattern=r"\A(?:[0-9a-f]{64})?\Z")]
    log: LogName
    index: Natural
    leaf: str
    proof: _Path
    place: Natural
    of: Natural
    path: _Path


class Session(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """session.json: the seconds of the day that a selective bundle shows, and how many of them ran."""

    asset: Word
    day: str
    start_s: Natural
    end_s: Natural
    run_s: Natural


def parse_proof(raw: bytes) -> Proof:
    """Read a line; MalformedMessage."""
    return decode_canonical(raw, _decode_proof, what="a proof", error=MalformedMessage)


def parse_continued(raw: bytes) -> Continued:
    """Read a line; MalformedMessage."""
    return decode_canonical(raw, _decode_continued, what="a proof of consistency", error=MalformedMessage)


def parse_closing(raw: bytes) -> Closing:
    """Read a line; MalformedMessage."""
    return decode_canonical(raw, _decode_closing, what="a closed day", error=MalformedMessage)


def parse_session(raw: bytes) -> Session:
    """Read session.json; MalformedMessage."""
    return decode_canonical(raw.removesuffix(b"\n"), _decode_session, what="a session", error=MalformedMessage)


def hashes(texts: tuple[str, ...]) -> tuple[bytes, ...]:
    """Hashes out of their base64, whose form the parsers checked."""
    return tuple(map(read_base64, texts))


_decode_proof = msgspec.json.Decoder(Proof).decode
_decode_continued = msgspec.json.Decoder(Continued).decode
_decode_closing = msgspec.json.Decoder(Closing).decode
_decode_session = msgspec.json.Decoder(Session).decode
