"""What a role may do, and over what. Pure.

    right   one kind of thing that can be asked for
    role    a name with its rights; what the table does not name is refused
    scope   over what the rights hold: `everything`, `division:CODE`, `unit:USCC` or `instrument:ASSET`
    access  a role in a scope: what a person was given, and what a key carries

A scope of a unit holds the days on which the unit owned an instrument, that of a division those on which the owner lay
in it; the database knows which (in_scope). A division is a province, city or county by the first two, four or all six
digits of GB/T 2260.
"""

import re
from enum import StrEnum
from typing import NamedTuple

from collector.errors import RegistryError
from collector.registry.units import check_uscc

MAX_ASSET_CHARS = 64


class Right(StrEnum):
    """One kind of thing that can be asked for or, from FACTS on, changed; SCORES is asked for."""

    INSTRUMENTS = "instruments"
    HOURS = "hours"
    POLICIES = "policies"
    READINGS = "readings"
    AGENTS = "agents"
    PAGES = "pages"
    AUDIT = "audit"
    FACTS = "facts"
    BOOKINGS = "bookings"
    RULINGS = "rulings"
    REGISTRY = "registry"
    FREEZE = "freeze"
    FINDINGS = "findings"
    ROUNDS = "rounds"
    POINTS = "points"
    SCORES = "scores"
    MONITORING = "monitoring"


_FIGURES = frozenset({Right.INSTRUMENTS, Right.HOURS, Right.POLICIES})
_READER = _FIGURES | {Right.READINGS, Right.PAGES}
_INSPECTOR = _READER | {Right.AGENTS, Right.AUDIT, Right.FINDINGS, Right.SCORES}
ROLES: dict[str, frozenset[Right]] = {
    "platform": _FIGURES,
    "reader": _READER,
    "officer": _READER | {Right.FACTS, Right.BOOKINGS},
    "approver": _READER | {Right.FACTS, Right.BOOKINGS, Right.RULINGS},
    "operator": _READER | {Right.AGENTS},
    "inspector": _INSPECTOR,
    "registrar": _INSPECTOR | {Right.REGISTRY, Right.FREEZE},
    "evaluator": _READER | {Right.ROUNDS, Right.SCORES},
    "expert": _FIGURES | {Right.POINTS, Right.SCORES},
    "supervisor": _READER | {Right.AGENTS, Right.MONITORING},
    "booker": frozenset({Right.INSTRUMENTS, Right.BOOKINGS}),
}
"""`platform` is a machine that takes figures; `booker` a booking system that hands in bookings, users and charges;
`reader` a unit's or an instrument's own people; `officer` the unit's information officer, who records facts and
proposes; `approver` one who also rules on what others proposed; `operator` who keeps agents and collector running;
`inspector` who may ask for all that there is, the audit trail included, and hands in what he found on site; `registrar`
who also changes the registry and freezes periods; `evaluator` who holds rounds of evaluation for the platform; `expert`
who gives points in one; `supervisor` who monitors for the platform: thresholds, reminders, transfers, notices. SCORES
shows points and rankings, which are nobody else's before they are published."""

UNSCOPED = frozenset(
    {Right.AUDIT, Right.REGISTRY, Right.FREEZE, Right.ROUNDS, Right.POINTS, Right.SCORES, Right.MONITORING}
)
"""Rights over what belongs to no single instrument: they need a scope of everything."""


NOT_OF_DIVISIONS = frozenset({Right.FACTS, Right.BOOKINGS, Right.RULINGS})
"""What a unit says of itself is said by its own people: whoever looks after a division only asks."""

SCOPES = "everything, division:CODE, unit:USCC or instrument:ASSET"
"""How scopes are written, for people."""

_DIVISION = re.compile(r"[1-8][0-9](?:[0-9]{2}){0,2}")


class Scope(NamedTuple):
    """`kind` is everything, division, unit or instrument; `name` the division's code, the USCC or the asset number."""

    kind: str = "everything"
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else self.kind

    def holds(self, other: "Scope") -> bool:
        """Whether this is as wide as the other, as far as their names alone tell."""
        if self.kind == other.kind == "division":
            return other.name.startswith(self.name)
        return self in (EVERYTHING, other)

    @property
    def values(self) -> dict[str, str]:
        """What the queries ask for."""
        return {"scope_kind": self.kind, "scope_name": self.name}


EVERYTHING = Scope()


class Access(NamedTuple):
    """A role in a scope; role None: nothing."""

    role: str | None
    scope: Scope = EVERYTHING

    def allows(self, right: Right) -> bool:
        if right in UNSCOPED and self.scope != EVERYTHING:
            return False
        if right in NOT_OF_DIVISIONS and self.scope.kind == "division":
            return False
        return right in ROLES.get(self.role or "", ())

    def covers(self, other: "Access") -> bool:
        """Whether whoever has this may hand on the other: no more rights, and no wider a scope."""
        rights, asked = (ROLES.get(access.role or "", frozenset()) for access in (self, other))
        return asked <= rights and self.scope.holds(other.scope)

    def __str__(self) -> str:
        return f"{self.role or 'no role'} over {self.scope}"


def check_role(text: str) -> str:
    """The role of that name; RegistryError with the names that there are."""
    if text not in ROLES:
        raise RegistryError(f"{text[:40]!a} is no role: roles are {', '.join(ROLES)}")
    return text


def parse_scope(text: str) -> Scope:
    """`everything`, `division:CODE`, `unit:USCC` or `instrument:ASSET`; RegistryError, BadUscc for anything else."""
    kind, colon, name = text.partition(":")
    if text == EVERYTHING.kind:
        return EVERYTHING
    if kind == "division" and _DIVISION.fullmatch(name):
        return Scope(kind, name)
    if kind == "unit" and colon:
        return Scope(kind, check_uscc(name))
    if kind == "instrument" and 1 <= len(name) <= MAX_ASSET_CHARS and name.isprintable():
        return Scope(kind, name)
    raise RegistryError(
        f"{text[:80]!a} is no scope: {SCOPES} is expected; a division's code has two, four or six digits (GB/T 2260)"
    )
