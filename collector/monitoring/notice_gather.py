"""The figures of a notice out of the database: hours from a frozen period, everything else at the end of its last day.

Hours are the frozen sums, so the same question gives the same answer for ever. Where instruments stand in the network
and for how long they were not powered on is what is known when the notice is made; its form keeps that.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

import msgspec

from collector.accounts.freezing import Frozen, find_frozen
from collector.errors import MonitoringError, UnknownName
from collector.monitoring.idle import Asked, Counter, list_counters
from collector.monitoring.notice_form import NAMING, Form, Kind, Line, Named
from collector.monitoring.periods import Period
from collector.monitoring.settings import Settings, load_settings
from collector.network.states import WORKING_DAYS, Standing, list_standings
from collector.network.working_days import overdue_since
from collector.registry.access import EVERYTHING
from collector.store.database import Connection
from collector.store.queries import load
from protocol import frozen

_SQL = load("notices")
_SUBJECT = re.compile(r"everything|unit:[0-9A-HJ-NPQRTUWXY]{18}|division:[0-9]{2,6}", re.ASCII)


class Wanted(NamedTuple):
    """A notice that somebody wants; `named`: units with the reason of each, by USCC."""

    number: str
    kind: Kind
    subject: str
    period: Period
    frozen: str
    named: Mapping[str, str]


def gather(connection: Connection, wanted: Wanted, *, at_ms: int) -> Form:
    """The whole form. Raises FreezingError, MonitoringError, UnknownName, CalendarUnknown."""
    data = _find_period(connection, wanted)
    settings = load_settings(connection, wanted.period.last_day)
    overdue_since(wanted.period.last_day, WORKING_DAYS)  # who is overdue has to be known: CalendarUnknown
    names = _unit_names(connection, wanted)
    lines = [line for line in _lines(connection, data, wanted.period.last_day, settings) if line.uscc in names]
    units, kept = _choose(wanted, names, lines, settings)
    return Form(
        v=1,
        number=wanted.number,
        kind=wanted.kind,
        subject=wanted.subject,
        period=wanted.period.name,
        first_day=wanted.period.first_day.isoformat(),
        last_day=wanted.period.last_day.isoformat(),
        frozen=data.manifest.name,
        frozen_sha256=data.sha256,
        at=at_ms,
        settings=settings.named,
        policies=tuple(connection.execute(_SQL.list_policies, {"frozen_id": data.frozen_id}).fetchall()),
        units=tuple(units),
        lines=tuple(kept),
    )


def list_hours(connection: Connection, data: Frozen) -> dict[tuple[str, str], dict[str, int]]:
    """The frozen sums by instrument and owner."""
    found = {}
    for (body,) in connection.execute(_SQL.list_sums, {"frozen_id": data.frozen_id}, binary=True):
        leaf = msgspec.json.decode(body, type=frozen.Figure)
        found[leaf.asset, leaf.owner] = leaf.sums
    return found


def hours_of(sums: Mapping[str, int]) -> dict[str, int]:
    """What a line has of the frozen sums."""
    held = {name: sums.get(name, 0) for name in _HOURS}
    return {
        "days": sums.get("network", 0),
        "until_s": held["until_s"],
        "observed_s": held["until_s"] - held["unobserved_s"] - held["bridged_s"],
        "on_s": held["energised_s"] + held["inferred_s"],
        **{name: held[name] for name in ("effective_s", "verified_s", "claimed_s", "unresolved_s", "hand_s")},
    }


_HOURS = (
    "until_s", "unobserved_s", "bridged_s", "energised_s", "inferred_s", "effective_s", "verified_s", "claimed_s",
    "unresolved_s", "hand_s",
)  # fmt: skip


def _find_period(connection: Connection, wanted: Wanted) -> Frozen:
    data = find_frozen(connection, wanted.frozen)
    first, last, unit = data.period[1:]
    of_unit = wanted.subject.removeprefix("unit:") if wanted.subject.startswith("unit:") else None
    if (first, last) != wanted.period[1:] or unit not in (None, of_unit):
        raise MonitoringError(
            f"frozen period {wanted.frozen} is {first} to {last} of {unit or 'every unit'}, and the notice is about "
            f"{wanted.period.first_day} to {wanted.period.last_day} of {wanted.subject}: freeze that first "
            f"(jishi-collector freeze {wanted.period.name} --from {wanted.period.first_day} --until "
            f"{wanted.period.last_day})"
        )
    return data


def _unit_names(connection: Connection, wanted: Wanted) -> dict[str, str]:
    kind, _, name = wanted.subject.partition(":")
    if not _SUBJECT.fullmatch(wanted.subject):
        raise MonitoringError(
            f"{wanted.subject[:40]!a} is nothing that a notice is about: everything, unit:USCC, or division: with the "
            "first 2 to 6 digits of GB/T 2260"
        )
    values = {"kind": kind, "name": name, "day": wanted.period.last_day}
    found: dict[str, str] = dict(connection.execute(_SQL.list_units, values).fetchall())
    if unknown := sorted(wanted.named.keys() - found.keys()):
        raise UnknownName(f"unit {unknown[0][:18]!a} is not registered, or not part of {wanted.subject}")
    return found


def _lines(connection: Connection, data: Frozen, day: date, settings: Settings) -> list[Line]:
    standings = {each.asset_no: each for each in list_standings(connection, day=day, scope=EVERYTHING, limit=None)}
    counters = {each.asset_no: each for each in list_counters(connection, Asked(day, EVERYTHING), settings)}
    return [
        _line(standings[asset], owner, counters.get(asset), hours_of(sums))
        for (asset, owner), sums in list_hours(connection, data).items()
        if owner and asset in standings
    ]


def _line(standing: Standing, uscc: str, counter: Counter | None, hours: dict[str, int]) -> Line:
    is_held = standing.owner == uscc
    idle = counter if is_held else None
    return Line(
        asset=standing.asset_no,
        name=standing.name_zh,
        uscc=uscc,
        **hours,
        state=standing.state if is_held else "",
        due=_text(standing.due_on) if is_held else "",
        idle="" if idle is None else idle.state,
        last_on="" if idle is None else _text(idle.last_on),
        observed_days=0 if idle is None else idle.observed_days,
        unobserved_days=0 if idle is None else idle.unobserved_days,
    )


def _text(day: date | None) -> str:
    return "" if day is None else day.isoformat()


def _choose(
    wanted: Wanted, names: Mapping[str, str], lines: Sequence[Line], settings: Settings
) -> tuple[list[Named], list[Line]]:
    """Which units the notice names, and which lines it holds."""
    kept = list(lines)
    if wanted.kind == "low-use":
        hours = settings.low_use_hours
        if hours is None:
            raise MonitoringError(
                "nobody decided how many hours are too few: jishi-collector monitoring set low-use-hours …"
            )
        kept = [line for line in lines if line.is_low(hours)]
    if wanted.kind in NAMING and not wanted.named:
        raise MonitoringError(f"a notice of kind {wanted.kind} names the units and says why: no figure decides that")
    if wanted.kind == "regular" and wanted.named:
        raise MonitoringError("a regular notice is about every unit: another kind names some")
    chosen = set(wanted.named) or {line.uscc for line in kept}
    if not chosen:
        raise MonitoringError(f"no unit of {wanted.subject} has anything to be told of in {wanted.period.name}")
    if missing := chosen - {line.uscc for line in kept} if wanted.kind == "low-use" else set():
        raise MonitoringError(
            f"{', '.join(sorted(missing))}: no instrument is used less than {settings.low_use_hours} h a year"
        )
    units = [Named(uscc, names[uscc], wanted.named.get(uscc, "")) for uscc in sorted(chosen)]
    return units, [line for line in kept if line.uscc in chosen]
