"""What agent and collector say to each other: hello, welcome, refusal, receipt; `parse_up` and `parse_down` of all.

    up                                            down
    jishi-hello/v1                                jishi-welcome/v1
    nonce 0f1e2d3c4b5a69788796a5b4c3d2e1f0        nonce 0f1e2d3c4b5a69788796a5b4c3d2e1f0
    note 213                                      time 1764554716036
                                                  held 1242
    <213 bytes of signed checkpoint>              window 4
                                                  spread 60
    jishi-refuse/v1                               level meter1 power 30000,120000
    code gap                                      receipt 335
    log jishi.example/a/em-01/1
    held 1242                                     <335 bytes of receipt>
    detail entries from 1300 on were sent
    receipt 335

    <335 bytes of receipt>

`level` stands once for each channel (watcher, channel, values ascending or not, as hints); `policy meter1 344` once for
each watcher whose instrument has a policy, so that the agent can show a preview: its bytes follow those of the receipt.
`beacon 243`, where there is one, says that a beacon note (beacon.py) of so many bytes follows at the end.
`log` is the origin of what was refused, left out where that named none: agents that share an id (a cloned directory)
hear each other's answers. `receipt 0` means that there is none. A receipt of its own is sent as its bytes, so
`parse_down` gives back as bytes whatever begins with none of our first lines. Batches are `batch`'s, the request for
the next epoch and its answer are `epoch`'s, hints are `hint`'s, hashes that are asked for are `leaves`'. A welcome is
not signed: the agent clamps its numbers and verifies the receipt inside.
Source: evidence.md section 3, faults.md section 2.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, get_args

from protocol.batch import BATCH_KIND, MAX_WIRE_BYTES, Batch, parse_batch
from protocol.entry import MAX_INT, NAME_PATTERN
from protocol.epoch import EPOCH_KIND, TAKEN_KIND, NextEpoch, Taken, parse_next_epoch, parse_taken
from protocol.errors import MalformedMessage, TooLarge, excerpt
from protocol.header import MAX_HEADER_BYTES, Header, first_line, format_header
from protocol.hint import HINT_KIND, SignedHint
from protocol.leaves import ASK_KIND, LEAVES_KIND, Ask, Leaves, parse_ask, parse_leaves
from protocol.note import MAX_NOTE_BYTES

RefusalCode = Literal["gap", "suspect", "fork", "unknown-key", "revoked", "too-large", "malformed", "busy"]
REFUSAL_CODES: tuple[RefusalCode, ...] = get_args(RefusalCode)
MAX_SENT_POLICIES = 64
MAX_SENT_POLICY_BYTES = 8192
"""A longer policy holds all the same, but no agent is shown it."""
MAX_DOWN_BYTES = MAX_HEADER_BYTES + MAX_NOTE_BYTES + MAX_SENT_POLICIES * MAX_SENT_POLICY_BYTES + 2048
MAX_BEACON_BYTES = 2048
MAX_LEVELS = 256
MAX_LEVEL_VALUES = 16
MAX_WINDOW = 1024
MAX_SPREAD_S = 86_400
MAX_DETAIL = 200

_HELLO, _WELCOME, _REFUSE = "jishi-hello/v1", "jishi-welcome/v1", "jishi-refuse/v1"
_NONCE = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(NAME_PATTERN)
_LEVEL = re.compile(r"(\S+) (\S+) ((?:0|-?[1-9][0-9]{0,15})(?:,(?:0|-?[1-9][0-9]{0,15})){0,15})")
_POLICY = re.compile(r"(\S+) ([1-9][0-9]{0,3})")
_LENGTH = re.compile(r"[1-9][0-9]{0,4}")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")


@dataclass(frozen=True, slots=True)
class Hello:
    """The agent is here: a fresh nonce and its newest signed checkpoint."""

    nonce: str  # 32 lower-case hex digits
    note: bytes


@dataclass(frozen=True, slots=True)
class Level:
    """Values of one channel (mW for power) near which the agent should cut its intervals: a hint."""

    watcher: str
    channel: str
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SentPolicy:
    """The policy in force for what a watcher measures, as its file's bytes: for a preview, nothing is decided by it."""

    watcher: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Welcome:
    """The collector's answer to a hello."""

    nonce: str  # of the hello
    time_ms: int  # the collector's clock, UTC
    held: int  # entries of this log that the collector holds
    window: int  # batches that may be under way at once
    spread_s: int  # time over which to spread the first attempt after a lost connection
    levels: tuple[Level, ...]
    receipt: bytes | None  # the latest one
    policies: tuple[SentPolicy, ...] = ()
    beacon: bytes | None = None  # the collector's own checkpoint with this moment's time, signed: beacon.py


@dataclass(frozen=True, slots=True)
class Refusal:
    """The collector did not take what was sent, why, and what it holds."""

    code: RefusalCode
    held: int
    detail: str  # for people; packing makes it one line of printable ASCII
    receipt: bytes | None
    log: str = ""  # origin of what was refused, where that named one


def pack(message: Hello | Welcome | Refusal) -> bytes:
    """Return a message as it travels; ValueError when a field is out of its range."""
    if isinstance(message, Refusal):
        message = replace(message, detail=_UNPRINTABLE.sub("?", message.detail[:MAX_DETAIL]))
    raw = _pack(message)
    try:
        read = parse_up(raw) if isinstance(message, Hello) else parse_down(raw)
    except (MalformedMessage, TooLarge) as error:
        raise ValueError(f"this is not a message that may be sent: {error}") from error
    if read != message:
        raise ValueError(f"this message would be read as another: {excerpt(raw)}")
    return raw


def parse_up(raw: bytes) -> Hello | Batch | NextEpoch | SignedHint | Leaves:
    """Read what an agent sent, a hint unverified; MalformedMessage, MalformedBatch, MalformedName or TooLarge."""
    if len(raw) > MAX_WIRE_BYTES:
        raise TooLarge(f"a message has at most {MAX_WIRE_BYTES} bytes, not {len(raw)}")
    kind = first_line(raw)
    if kind == BATCH_KIND.encode():
        return parse_batch(raw)
    if kind == _HELLO.encode():
        return _parse_hello(raw)
    if kind == EPOCH_KIND.encode():
        return parse_next_epoch(raw)
    if kind == HINT_KIND.encode():
        return SignedHint(raw)
    if kind == LEAVES_KIND.encode():
        return parse_leaves(raw)
    raise MalformedMessage(f"neither a batch nor a hello: {excerpt(raw)}")


def parse_down(raw: bytes) -> Welcome | Refusal | Taken | Ask | bytes:
    """Read what the collector sent, a receipt as its unverified bytes; MalformedMessage, MalformedName, TooLarge."""
    if len(raw) > MAX_DOWN_BYTES:
        raise TooLarge(f"a message has at most {MAX_DOWN_BYTES} bytes, not {len(raw)}")
    kind = first_line(raw)
    if kind == _WELCOME.encode():
        return _parse_welcome(raw)
    if kind == _REFUSE.encode():
        return _parse_refusal(raw)
    if kind == TAKEN_KIND.encode():
        return parse_taken(raw)
    if kind == ASK_KIND.encode():
        return parse_ask(raw)
    if kind in (word.encode() for word in (_HELLO, BATCH_KIND, EPOCH_KIND, HINT_KIND, LEAVES_KIND)):
        raise MalformedMessage(f"a message that only agents send: {excerpt(raw)}")
    return raw


def _pack(message: Hello | Welcome | Refusal) -> bytes:
    if isinstance(message, Hello):
        members = [("nonce", message.nonce), ("note", str(len(message.note)))]
        return format_header(_HELLO, members) + message.note
    receipt = message.receipt or b""
    tail = ("receipt", str(len(receipt)))
    if isinstance(message, Refusal):
        log = [("log", message.log)] if message.log else []
        members = [("code", message.code), *log, ("held", str(message.held)), ("detail", message.detail), tail]
        return format_header(_REFUSE, members) + receipt
    members = [
        ("nonce", message.nonce),
        ("time", str(message.time_ms)),
        ("held", str(message.held)),
        ("window", str(message.window)),
        ("spread", str(message.spread_s)),
    ]
    members += [("level", f"{one.watcher} {one.channel} {','.join(map(str, one.values))}") for one in message.levels]
    members += [("policy", f"{one.watcher} {len(one.body)}") for one in message.policies]
    beacon = message.beacon or b""
    members += [("beacon", str(len(beacon)))] if beacon else []
    follow = [*(one.body for one in message.policies), beacon]
    return format_header(_WELCOME, [*members, tail]) + receipt + b"".join(follow)


def _parse_hello(raw: bytes) -> Hello:
    header = Header(raw)
    nonce = _take_nonce(header)
    note = _take_tail(header, "note", raw=raw)
    if note is None:
        raise MalformedMessage("a hello without a note")
    return Hello(nonce, note)


def _parse_welcome(raw: bytes) -> Welcome:
    header = Header(raw)
    welcome = Welcome(
        nonce=_take_nonce(header),
        time_ms=header.take_number("time", MAX_INT),
        held=header.take_number("held", MAX_INT),
        window=header.take_number("window", MAX_WINDOW),
        spread_s=header.take_number("spread", MAX_SPREAD_S),
        levels=_take_levels(header),
        receipt=None,
    )
    lengths = list(_take_policies(header))
    beacon_bytes = _take_beacon(header)
    follows = sum(length for _, length in lengths) + beacon_bytes
    receipt = _take_tail(header, "receipt", raw=raw, follows=follows)
    at, policies = len(raw) - follows, []
    for watcher, length in lengths:
        policies.append(SentPolicy(watcher, raw[at : at + length]))
        at += length
    return replace(welcome, receipt=receipt, policies=tuple(policies), beacon=raw[at:] or None)


def _parse_refusal(raw: bytes) -> Refusal:
    header = Header(raw)
    word = header.take("code")
    code = next((known for known in REFUSAL_CODES if known == word), None)
    if code is None:
        raise MalformedMessage(f"refusal code {excerpt(word)}: one of {', '.join(REFUSAL_CODES)} is expected")
    log = next(header.take_all("log"), "")
    held = header.take_number("held", MAX_INT)
    detail = header.take("detail")
    if len(detail) > MAX_DETAIL:
        raise MalformedMessage(f"the detail of a refusal has at most {MAX_DETAIL} characters")
    return Refusal(code, held, detail, _take_tail(header, "receipt", raw=raw), log)


def _take_nonce(header: Header) -> str:
    nonce = header.take("nonce")
    if not _NONCE.fullmatch(nonce):
        raise MalformedMessage(f"nonce {excerpt(nonce)}: 32 lower-case hex digits are expected")
    return nonce


def _take_levels(header: Header) -> tuple[Level, ...]:
    levels: list[Level] = []
    for value in header.take_all("level"):
        if len(levels) == MAX_LEVELS:
            raise TooLarge(f"a welcome has at most {MAX_LEVELS} levels")
        levels.append(_parse_level(value))
    return tuple(levels)


def _parse_level(text: str) -> Level:
    match = _LEVEL.fullmatch(text)
    if match is None or not _NAME.fullmatch(match[1]) or not _NAME.fullmatch(match[2]):
        raise MalformedMessage(f"level {excerpt(text)}: <watcher> <channel> <numbers with commas> is expected")
    values = tuple(map(int, match[3].split(",")))
    if max(map(abs, values)) > MAX_INT:
        raise MalformedMessage(f"level {excerpt(text)}: numbers below 2^53 are expected")
    return Level(match[1], match[2], values)


def _take_policies(header: Header) -> Iterator[tuple[str, int]]:
    """Watcher and length of each policy."""
    for number, text in enumerate(header.take_all("policy")):
        if number == MAX_SENT_POLICIES:
            raise TooLarge(f"a welcome has at most {MAX_SENT_POLICIES} policies")
        match = _POLICY.fullmatch(text)
        if match is None or not _NAME.fullmatch(match[1]) or int(match[2]) > MAX_SENT_POLICY_BYTES:
            expected = f"<watcher> <bytes, at most {MAX_SENT_POLICY_BYTES}>"
            raise MalformedMessage(f"policy {excerpt(text)}: {expected} is expected")
        yield match[1], int(match[2])


def _take_beacon(header: Header) -> int:
    """The length of the beacon note, 0 where there is none."""
    text = next(header.take_all("beacon"), None)
    if text is None:
        return 0
    if not _LENGTH.fullmatch(text) or int(text) > MAX_BEACON_BYTES:
        raise MalformedMessage(f"beacon {excerpt(text)}: 1 to {MAX_BEACON_BYTES} bytes are expected")
    return int(text)


def _take_tail(header: Header, name: str, *, raw: bytes, follows: int = 0) -> bytes | None:
    """Return the body whose length is the last member, None for length 0; `follows` bytes come after it."""
    length = header.take_number(name, MAX_NOTE_BYTES)
    header.end()
    if len(raw) != header.body_at + length + follows:
        raise MalformedMessage(f"a message of {len(raw)} bytes does not have the length that its header says")
    return raw[header.body_at : header.body_at + length] or None
