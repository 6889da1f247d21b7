"""The journal's entries: kinds, fields, units; bytes <-> frozen values, strictly.

An entry is one JSON object of 1 to 4096 bytes in canonical form: members in the stated order, no spaces, integers
only, |n| < 2^53, UTF-8, no line feed. Canonical means that decoding and encoding gives the same bytes, so that each
value has exactly one byte string; `decode` refuses every other. Optional members are left out when absent.

    {"v":1,"i":7,"t":1764554716036,"m":72893813,"b":"5f3a9c01","k":"reading","d":{"s":"meter1","ch":"power",
     "a":72890000,"d":[2001,1812],"w":[21959,904900],"lo":[21200,904900],"hi":[22900,904900],"e":[0,1000],"c":1646000}}

(one line in truth): `v` format, `i` index = leaf index, `t` wall clock in UTC ms, `m` monotonic clock in ms, `b` boot
id, `k` kind, `d` body. The members of `d` are the fields of the struct of that kind, in their order.

Text holds no control characters (a database may refuse them) and names are short; both clocks keep to ranges in
which every derived UTC instant t − (m − x) is a date that any calendar can hold. So an entry that `decode` accepts
can be stored and computed with, whoever wrote it. Stored bytes are the evidence: nothing is ever encoded again to be
verified, and an entry that `decode` refuses is still hashed and stored, and earns nothing.
Source: evidence.md section 3.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import compress
from operator import le
from typing import Annotated, ClassVar, Literal, get_args

import msgspec
from msgspec import Meta

from protocol.errors import MalformedEntry, excerpt

MAX_ENTRY_BYTES = 4096
MAX_INT = 2**53 - 1
MIN_WALL_MS, MAX_WALL_MS = -(2**43), 2**47 - 1  # years 1691 to 6429
MAX_MONO_MS = 2**42 - 1  # 139 years of one boot
MAX_INTERVALS = 600
MAX_BLOCK_MS = 3_600_000
MAX_TEXT = 500

NAME_PATTERN = r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,39}\Z"  # of watchers and channels
BOOT_PATTERN = r"\A[0-9a-f]{8}\Z"
_BASE64 = r"\A(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?\Z"

Int = Annotated[int, Meta(ge=-MAX_INT, le=MAX_INT)]
Natural = Annotated[int, Meta(ge=0, le=MAX_INT)]
MonoMs = Annotated[int, Meta(ge=0, le=MAX_MONO_MS)]
Name = Annotated[str, Meta(pattern=NAME_PATTERN)]
Word = Annotated[str, Meta(min_length=1, max_length=64)]
Text = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]
Boot = Annotated[str, Meta(pattern=BOOT_PATTERN)]
WallMs = Annotated[int, Meta(ge=MIN_WALL_MS, le=MAX_WALL_MS)]
SaltedHash = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Base64 = Annotated[str, Meta(min_length=4, max_length=2000, pattern=_BASE64)]
Root = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=\Z")]  # base64 of 32 bytes

_PerInterval = Meta(min_length=1, max_length=MAX_INTERVALS)
Ints = Annotated[tuple[Int, ...], _PerInterval]
Naturals = Annotated[tuple[Natural, ...], _PerInterval]
Words = Annotated[tuple[Word, ...], _PerInterval]

LogName = Annotated[str, Meta(pattern=r"\A[0-9]{4}-[1-9][0-9]{0,5}\Z")]

Purpose = Literal["own-research", "service-order", "teaching", "maintenance", "calibration"]
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
How = Literal["command", "card", "page", "forgotten"]

_is_name = lru_cache(maxsize=4096)(lambda text: re.match(NAME_PATTERN, text) is not None)
_is_boot = lru_cache(maxsize=4096)(lambda text: re.match(BOOT_PATTERN, text) is not None)


class _Body(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    kind: ClassVar[str]


class Genesis(_Body, frozen=True):
    """The first entry of a log: whose key, for which instruments, and what it follows."""

    kind: ClassVar[str] = "genesis"
    assets: Annotated[tuple[Word, ...], Meta(max_length=64)]  # asset numbers
    key: Text  # vkey of the log
    build: Text
    predecessor: Base64 | None = None  # last receipt of the epoch before
    why: Text | None = None  # why that epoch ended


class Start(_Body, frozen=True):
    """The agent began to run; `recovered` names [boot, index] of the readings saved from the scratch file."""

    kind: ClassVar[str] = "start"
    version: Text
    recovered: Annotated[tuple[tuple[Boot, Natural], ...], Meta(max_length=64)] = ()
    quarantined_bytes: Natural = 0


class Stop(_Body, frozen=True):
    """The agent ended on purpose."""

    kind: ClassVar[str] = "stop"
    reason: Text


class Reading(_Body, frozen=True, rename={
    "watcher": "s", "channel": "ch", "start_mono_ms": "a", "durations_ms": "d", "means": "w", "lows": "lo",
    "highs": "hi", "deltas": "e", "counter": "c", "states": "st", "counts": "n", "events": "x",
}):  # fmt: skip
    """Contiguous intervals of one watcher's channel, in exactly one shape: gauge, state, count or event.

    Gauge: `means`, `lows`, `highs` in mW (or the channel's unit), with `deltas` in mWh per interval and the `counter`
    in mWh after the last one, where there is a counter. Lists are parallel to `durations_ms`; only events may have
    a duration of 0.
    """

    kind: ClassVar[str] = "reading"
    watcher: str  # a Name, checked below: the same few come again and again, and a pattern costs more than the rest
    channel: str  # a Name
    start_mono_ms: MonoMs  # in the boot of the entry
    durations_ms: Naturals
    means: Ints | None = None
    lows: Ints | None = None
    highs: Ints | None = None
    deltas: Naturals | None = None
    counter: Natural | None = None
    states: Words | None = None
    counts: Ints | None = None
    events: Words | None = None

    def __post_init__(self) -> None:
        if not (_is_name(self.watcher) and _is_name(self.channel)):
            raise ValueError("the names of a watcher and its channel are 1 to 40 of A-Z, a-z, 0-9, '.', '_' and '-'")
        intervals = len(self.durations_ms)
        shapes = (self.means, self.states, self.counts, self.events)
        values = self.means or self.states or self.counts or self.events  # none of them is ever empty
        if shapes.count(None) != len(shapes) - 1 or values is None or len(values) != intervals:
            raise ValueError("a reading has exactly one of w, st, n, x, as long as d")
        if sum(self.durations_ms) > MAX_BLOCK_MS:
            raise ValueError(f"a reading covers at most {MAX_BLOCK_MS} ms")
        if self.events is None and 0 in self.durations_ms:
            raise ValueError("only an event may have a duration of 0")
        self._check_range(intervals)
        self._check_counter(intervals)

    def _check_range(self, intervals: int) -> None:
        means, lows, highs = self.means, self.lows, self.highs
        if means is None and lows is None and highs is None:
            return
        if means is None or lows is None or highs is None or not len(lows) == len(highs) == intervals:
            raise ValueError("a gauge has w, lo and hi, each as long as d")
        if not (all(map(le, lows, means)) and all(map(le, means, highs))):
            raise ValueError("a gauge has lo <= w <= hi in every interval")

    def _check_counter(self, intervals: int) -> None:
        if self.deltas is None and self.counter is None:
            return
        if self.deltas is None or self.counter is None or self.means is None or len(self.deltas) != intervals:
            raise ValueError("e and c stand together, in a gauge, e as long as d")


class WatcherChange(_Body, frozen=True):
    """A watcher came up or went down, and why; `since_mono_ms` is the last (or first) instant that it saw."""

    kind: ClassVar[str] = "watcher"
    watcher: Name
    state: Literal["up", "down"]
    reason: Text
    since_mono_ms: MonoMs | None = None


class Declaration(_Body, frozen=True, kw_only=True):
    """What a person said at an instrument: I begin (`in`), for this purpose and order, or I end (`out`).

    The person is an HMAC-SHA256 of the name under the agent's salt, which stays outside the log. What was said holds
    from the entry's own time on. `how` is `forgotten` where nobody signed out: then the agent says so, later, and
    `until_ms` is the UTC ms of the last evidence, at which it ended. protocol/presence.py pairs in and out.
    """

    kind: ClassVar[str] = "declaration"
    asset: Word  # asset number of the instrument
    operator: SaltedHash
    action: Literal["in", "out"]
    how: How
    purpose: Purpose | None = None  # of an `in`, always
    order: Word | None = None  # number of the service order, of an `in`
    until_ms: WallMs | None = None  # of a forgotten `out`, always

    def __post_init__(self) -> None:
        if (self.action == "in") != (self.purpose is not None):
            raise ValueError("who signs in names a purpose, and who signs out none")
        if self.order is not None and self.action == "out":
            raise ValueError("an order stands where somebody signs in")
        if self.how == "forgotten" and self.action == "in":
            raise ValueError("nobody can forget to sign out by signing in")
        if (self.how == "forgotten") != (self.until_ms is not None):
            raise ValueError("until_ms stands in an out that was forgotten, and nowhere else")


class ClockJump(_Body, frozen=True):
    """The wall clock moved against the monotonic one by `jump_ms`."""

    kind: ClassVar[str] = "clock"
    jump_ms: Int
    cause: Literal["step", "suspend"]


class Beacon(_Body, frozen=True):
    """The collector's own checkpoint, verified before it was journalled: bounds later entries from below.

    With the domain of the journal's origin `log` names the log; protocol/beacon.py makes the signed note of it again.
    """

    kind: ClassVar[str] = "beacon"
    log: LogName
    size: Natural
    root: Root
    time_s: Natural
    signature: Annotated[str, Meta(pattern=r"\A[A-Za-z0-9+/]{96}\Z")]  # 72 bytes of the collector's timestamped line


class ConfigChange(_Body, frozen=True):
    """The configuration in force: SHA-256 of the file, and the key paths that changed."""

    kind: ClassVar[str] = "config"
    sha256: Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
    changed: Annotated[tuple[Text, ...], Meta(max_length=100)]


class Storage(_Body, frozen=True):
    """The disk made trouble."""

    kind: ClassVar[str] = "storage"
    problem: Text


class Inspect(_Body, frozen=True):
    """The nonce of an on-site check."""

    kind: ClassVar[str] = "inspect"
    nonce: Word


Body = Genesis | Start | Stop | Reading | WatcherChange | Declaration | ClockJump | Beacon | ConfigChange | Storage | Inspect  # fmt: skip # noqa: E501
KINDS: dict[str, type[Body]] = {body.kind: body for body in get_args(Body)}


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One entry: its place in the log, the two clocks when it was written, and what it says."""

    index: int
    wall_ms: int  # UTC
    mono_ms: int  # within the boot
    boot: str  # 8 lower-case hex digits
    body: Body

    @property
    def kind(self) -> str:
        """The kind's word on the wire."""
        return self.body.kind


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    v: Literal[1]
    i: Natural
    t: WallMs
    m: MonoMs
    b: str  # a Boot, checked by `decode`
    k: str
    d: msgspec.Raw


class _ReadingLine(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An entry whose kind is known beforehand, so that it is read in one step; the members are _Envelope's."""

    v: Literal[1]
    i: Natural
    t: WallMs
    m: MonoMs
    b: str
    k: Literal["reading"]
    d: Reading


_READING_MARK = b',"k":"reading","d":{'
_decode_reading_lines = msgspec.json.Decoder(_ReadingLine).decode_lines
_encode_lines = msgspec.json.Encoder().encode_lines
_encode_json = msgspec.json.Encoder().encode
_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_DECODE_BODY = {kind: msgspec.json.Decoder(body).decode for kind, body in KINDS.items()}


def make(body: Body, *, index: int, wall_ms: int, mono_ms: int, boot: str) -> Entry:
    """Return the entry that says `body` at this place and time."""
    return Entry(index, wall_ms, mono_ms, boot, body)


def encode(entry: Entry) -> bytes:
    """Return the one byte string of an entry; ValueError for what `decode` would refuse."""
    try:
        raw = _encode(entry)
        written = decode(raw)
    except (MalformedEntry, TypeError, UnicodeError) as error:
        raise ValueError(f"this is not an entry that may be written: {error}") from error
    if written != entry:
        raise ValueError(f"this entry would be read as another value: {excerpt(raw)}")
    return raw


def decode(raw: bytes) -> Entry:
    """Return the entry that these bytes are the canonical form of; MalformedEntry for any others."""
    if not 1 <= len(raw) <= MAX_ENTRY_BYTES:
        raise MalformedEntry(f"an entry has 1 to {MAX_ENTRY_BYTES} bytes, not {len(raw)}")
    try:
        envelope = _decode_envelope(raw)
        decode_body = _DECODE_BODY.get(envelope.k)
        if decode_body is None:
            raise MalformedEntry(f"an entry of the unknown kind {excerpt(envelope.k)}")
        if not _is_boot(envelope.b):
            raise MalformedEntry(f"boot id {excerpt(envelope.b)}: 8 lower-case hex digits are expected")
        entry = Entry(envelope.i, envelope.t, envelope.m, envelope.b, decode_body(envelope.d))
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise MalformedEntry(f"not an entry: {excerpt(str(error), 160)} in {excerpt(raw)}") from error
    if _encode(entry) != raw:
        raise MalformedEntry(f"an entry that is not in canonical form: {excerpt(raw)}")
    if has_control_character(raw):
        raise MalformedEntry(f"an entry with a control character in its text: {excerpt(raw)}")
    return entry


def decode_all(raws: Sequence[bytes]) -> list[Entry | None]:
    """What `decode` makes of each of these, None where it refuses; several times faster where most are readings."""
    marks = [_READING_MARK in raw for raw in raws]
    readings = _decode_readings(list(compress(raws, marks)))
    if readings is None:
        return [_decode_or_none(raw) for raw in raws]
    found = iter(readings)
    return [next(found) if marked else _decode_or_none(raw) for raw, marked in zip(raws, marks, strict=True)]


def _decode_readings(raws: list[bytes]) -> list[Entry] | None:
    """Readings as lines of one text; None where one of them is no reading, or needs a closer look.

    What is encoded again has a line feed behind each entry and nowhere else. So where it equals the text, and there
    are as many entries as byte strings, no entry ends elsewhere than its byte string does.
    """
    text = b"".join([raw + b"\n" for raw in raws])
    if b"\\" in text:  # perhaps a control character
        return None
    try:
        lines = _decode_reading_lines(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    if len(lines) != len(raws) or _encode_lines(lines) != text or max(map(len, raws), default=0) > MAX_ENTRY_BYTES:
        return None
    if not all(map(_is_boot, {line.b for line in lines})):
        return None
    return [Entry(line.i, line.t, line.m, line.b, line.d) for line in lines]


def _decode_or_none(raw: bytes) -> Entry | None:
    try:
        return decode(raw)
    except MalformedEntry:
        return None


def clean_text(text: str, limit: int = MAX_TEXT) -> str:
    """Make any text fit for an entry: no control characters or lone surrogates, 1 to `limit` characters."""
    return "".join(char if char.isprintable() else " " for char in text[:limit]).strip() or "-"


def _encode(entry: Entry) -> bytes:
    body = entry.body
    raw = msgspec.Raw(_encode_json(body))
    return _encode_json(_Envelope(1, entry.index, entry.wall_ms, entry.mono_ms, entry.boot, body.kind, raw))


def has_control_character(canonical: bytes) -> bool:
    """Canonical JSON escapes exactly the quote, the backslash and the control characters."""
    return b"\\" in canonical.replace(b"\\\\", b"").replace(b'\\"', b"")
