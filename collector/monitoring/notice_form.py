"""What a notice 通报 holds: the figures of each instrument, and all that they rest on, as canonical JSON. Pure.

    {"v":1,"number":"陕科通〔2026〕3号","kind":"regular","subject":"everything","period":"2026-Q1",
     "first_day":"2026-01-01","last_day":"2026-03-31","frozen":"2026-Q1","frozen_sha256":"9f…","at":1775520000000,
     "settings":{"idle-days":30,…},"policies":[["5c…","SEM"]],
     "units":[["91610131MA6TYUUC74","西安测试大学",""]],"lines":[["A001","透射电镜","91610131MA6TYUUC74",90,…],…]}

Whatever is printed of a notice is made of this alone: the sums over a unit follow from its lines (`sum_lines`), in
whole seconds, and are rounded when they are printed.
"""

import hashlib
from collections.abc import Iterable
from typing import Literal, NamedTuple, get_args

import msgspec

from collector.errors import MonitoringError
from collector.monitoring.idle import Idleness
from collector.network.states import State as NetworkState
from protocol.interval import DAY_S

Kind = Literal["regular", "false-report", "missing-report", "no-disclosure", "poor-opening", "low-use"]
KINDS: tuple[Kind, ...] = get_args(Kind)
NAMING: tuple[Kind, ...] = ("false-report", "missing-report", "no-disclosure", "poor-opening")
"""Kinds in which a person names the units and says why: no figure decides these (意见三)."""
MUST_JOIN: tuple[NetworkState, ...] = ("joined", "pending", "overdue", "left")
"""Those of which the share of the networked ones is taken; exempt ones and those below the limit need not join."""
DAYS_A_YEAR = 365


class Line(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One instrument while one unit owned it. Whole seconds over the period; the rest at the end of its last day.

    `days`: on which the unit owned it; `on_s`: powered on by positive evidence; `state` and `idle` "" where the unit
    did not own it any more on the last day.
    """

    asset: str
    name: str
    uscc: str
    days: int
    until_s: int
    observed_s: int
    on_s: int
    effective_s: int
    verified_s: int
    claimed_s: int
    unresolved_s: int
    hand_s: int
    state: NetworkState | Literal[""]
    due: str
    idle: Idleness | Literal[""]
    last_on: str
    observed_days: int
    unobserved_days: int

    def is_low(self, hours_a_year: int) -> bool:
        """Whether it was used less than so many hours a year, by the days on which the unit owned it."""
        return self.state != "" and self.effective_s * DAYS_A_YEAR < hours_a_year * 3600 * self.days


class Named(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A unit that the notice names, and the reason where a person gave one."""

    uscc: str
    name: str
    reason: str


class Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A notice; see the top of the file. `at`: UTC ms at which it was issued."""

    v: Literal[1]
    number: str
    kind: Kind
    subject: str
    period: str
    first_day: str
    last_day: str
    frozen: str
    frozen_sha256: str
    at: int
    settings: dict[str, int | None]
    policies: tuple[tuple[str, str], ...]
    units: tuple[Named, ...]
    lines: tuple[Line, ...]

    @property
    def low_use_hours(self) -> int | None:
        return self.settings.get("low-use-hours")


class Sums(NamedTuple):
    """Over some lines; `low` None where nobody decided what low use is."""

    instruments: int
    must_join: int
    joined: int
    overdue: int
    in_network_s: int
    observed_s: int
    on_s: int
    effective_s: int
    verified_s: int
    claimed_s: int
    unresolved_s: int
    hand_s: int
    idle: int
    silent: int
    unmeasured: int
    low: int | None


def sum_lines(lines: Iterable[Line], *, low_use_hours: int | None) -> Sums:
    """Sums of seconds over all lines; numbers of instruments over those that were owned on the last day."""
    held = list(lines)
    states = [line.state for line in held if line.state]
    idle = [line.idle for line in held]
    return Sums(
        instruments=len(states),
        must_join=sum(state in MUST_JOIN for state in states),
        joined=states.count("joined"),
        overdue=states.count("overdue"),
        in_network_s=sum(line.days for line in held) * DAY_S,
        observed_s=sum(line.observed_s for line in held),
        on_s=sum(line.on_s for line in held),
        effective_s=sum(line.effective_s for line in held),
        verified_s=sum(line.verified_s for line in held),
        claimed_s=sum(line.claimed_s for line in held),
        unresolved_s=sum(line.unresolved_s for line in held),
        hand_s=sum(line.hand_s for line in held),
        idle=idle.count("idle"),
        silent=idle.count("silent"),
        unmeasured=idle.count("unmeasured"),
        low=None if low_use_hours is None else sum(line.is_low(low_use_hours) for line in held),
    )


def encode(form: Form) -> bytes:
    """The bytes that are kept and hashed."""
    return msgspec.json.encode(form)


def decode(raw: bytes) -> Form:
    """The form of these bytes; MonitoringError where they are none, or not its one form."""
    try:
        form = msgspec.json.decode(raw, type=Form)
    except msgspec.MsgspecError as error:
        raise MonitoringError(f"the stored notice cannot be read: {error}") from error
    if encode(form) != raw:
        raise MonitoringError("the stored notice is not in its canonical form")
    return form


def identity(raw: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(raw).hexdigest()
