"""The effective-hours policy: everything that turns milliwatts into operating states.

A policy is a JSON file. Its identity is the SHA-256 of the file's bytes, so the bytes need no canonical form, but
they must have one meaning only: a member given twice, a member that is not known, a fraction and a wrong type are
refused, each with the member's name and what to do about it. Power is in mW, time in ms, all integers.

    {"v":1,"name":"SEM","valid_mw":[0,15000000],
     "standby":{"on_mw":40000,"off_mw":25000,"on_ms":20000,"off_ms":60000},
     "run":{"on_mw":900000,"off_mw":600000,"on_ms":20000,"off_ms":180000},
     "gap_ms":60000}

`valid_mw` is the range outside which a reading is not believed. `standby` separates off from standby, `run` separates
standby from run: each trigger rises when the power reaches `on_mw` for `on_ms`, and falls when it reaches `off_mw`
for `off_ms`. `gap_ms` is the longest time without a reading that is not yet *unobserved*: three poll periods and at
least 60 s in the field (signals.md section 3, no. 4); a demonstration may be stricter. `frozen_ms`, which may be left
out, is how long a power above `standby.off_mw` may stay the same to the milliwatt while the meter's counter stays too,
before the meter counts as frozen. How the numbers are applied is in timeline.py.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any, NoReturn

import msgspec

from protocol.errors import MalformedPolicy, excerpt
from protocol.interval import DAY_MS

MAX_POLICY_BYTES = 65_536
MAX_NAME = 120
MAX_POWER_MW = 10**12
MAX_DWELL_MS = 3_600_000
MIN_GAP_MS = 1_000


class Trigger(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One Schmitt trigger with a dwell each way: thresholds in mW, dwells in ms."""

    on_mw: int
    off_mw: int
    on_ms: int
    off_ms: int


class Policy(msgspec.Struct, frozen=True):
    """A policy whose members fit together; `sha256` (hex) is that of the file it was read from."""

    name: str
    valid_mw: tuple[int, int]
    standby: Trigger
    run: Trigger
    gap_ms: int
    sha256: str
    frozen_ms: int | None = None

    def levels(self) -> tuple[int, ...]:
        """The powers in mW, ascending, whose crossing can change a state: hints for the agents' intervals."""
        return tuple(sorted({self.standby.off_mw, self.standby.on_mw, self.run.off_mw, self.run.on_mw}))

    def horizon_ms(self) -> int:
        """How far past an instant readings can still decide the state before it: the longest dwell and one gap."""
        dwells = (self.standby.on_ms, self.standby.off_ms, self.run.on_ms, self.run.off_ms)
        return max(dwells) + self.gap_ms


class _PolicyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The members of the file, in the order of the example."""

    v: int
    name: str
    valid_mw: tuple[int, int]
    standby: Trigger
    run: Trigger
    gap_ms: int
    frozen_ms: int | None = None


def parse_policy(raw: bytes) -> Policy:
    """Read a policy file. MalformedPolicy names every member that is wrong, and the remedy."""
    file = _decode(raw)
    if file.v != 1:
        raise MalformedPolicy(f"policy: v is {file.v}; this program knows version 1 only")
    faults = list(_faults(file))
    if faults:
        raise MalformedPolicy("policy: " + "; ".join(faults))
    return Policy(
        name=file.name,
        valid_mw=file.valid_mw,
        standby=file.standby,
        run=file.run,
        gap_ms=file.gap_ms,
        sha256=hashlib.sha256(raw).hexdigest(),
        frozen_ms=file.frozen_ms,
    )


def _decode(raw: bytes) -> _PolicyFile:
    """Bytes to typed members, or MalformedPolicy."""
    if len(raw) > MAX_POLICY_BYTES:
        raise MalformedPolicy(f"policy: {len(raw)} bytes; the limit is {MAX_POLICY_BYTES}")
    try:
        members = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_members_once,
            parse_float=_refuse_fraction,
            parse_constant=_refuse_fraction,
        )
        return msgspec.convert(members, _PolicyFile)
    except MalformedPolicy:
        raise
    except msgspec.ValidationError as error:
        raise MalformedPolicy(f"policy: {error}; {_remedy(str(error))}") from error
    except (ValueError, RecursionError) as error:
        raise MalformedPolicy(f"policy: not a JSON file in UTF-8 ({error}); correct it and try again") from error


def _members_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a member given twice: JSON readers differ in which one they take, and hours would differ with them."""
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise MalformedPolicy(f"policy: {excerpt(twice)} is given twice; keep one of them")
    return members


def _refuse_fraction(text: str) -> NoReturn:
    raise MalformedPolicy(f"policy: {excerpt(text)} is not an integer; write whole milliwatts and milliseconds")


def _remedy(fault: str) -> str:
    if "unknown field" in fault:
        return "remove the member or correct its spelling"
    if "missing required field" in fault:
        return "add the member"
    return "correct the value's type"


def _faults(file: _PolicyFile) -> Iterator[str]:
    """What the types cannot say, one sentence for each member that is wrong."""
    low, high = file.valid_mw
    if not file.name.isprintable() or not 1 <= len(file.name.strip()) <= MAX_NAME:
        yield f"name must be 1 to {MAX_NAME} printable characters; give one that a person will recognise"
    if not -MAX_POWER_MW <= low < high <= MAX_POWER_MW:
        yield f"valid_mw is [{low}, {high}]; write [lowest, highest] believable power in mW"
    for name, trigger in (("standby", file.standby), ("run", file.run)):
        yield from _trigger_faults(name, trigger)
        if not low <= trigger.off_mw or not trigger.on_mw <= high:
            yield f"{name}.off_mw and {name}.on_mw must lie inside valid_mw [{low}, {high}], or they are never reached"
    for member in ("on_mw", "off_mw"):
        lower, upper = getattr(file.standby, member), getattr(file.run, member)
        if lower > upper:
            yield f"standby.{member} {lower} is above run.{member} {upper}; a run must need at least as much power"
    if not MIN_GAP_MS <= file.gap_ms <= MAX_DWELL_MS:
        yield f"gap_ms is {file.gap_ms}; write {MIN_GAP_MS} to {MAX_DWELL_MS} ms, 60000 where nothing speaks against it"
    if file.frozen_ms is not None and not file.gap_ms <= file.frozen_ms <= DAY_MS:
        yield f"frozen_ms is {file.frozen_ms}; write gap_ms {file.gap_ms} to {DAY_MS} ms, or leave it out"


def _trigger_faults(name: str, trigger: Trigger) -> Iterator[str]:
    if trigger.off_mw >= trigger.on_mw:
        yield f"{name}.off_mw {trigger.off_mw} is not below {name}.on_mw {trigger.on_mw}; lower it"
    for member, dwell_ms in (("on_ms", trigger.on_ms), ("off_ms", trigger.off_ms)):
        if not 0 <= dwell_ms <= MAX_DWELL_MS:
            yield f"{name}.{member} is {dwell_ms}; write 0 to {MAX_DWELL_MS} ms"
