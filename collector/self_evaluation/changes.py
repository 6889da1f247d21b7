"""How two reports differ, figure by figure: what records that came later change of a draft. Pure.

Members of lists are held against each other by what names them, so that one instrument more is one line. What people
wrote (`texts`) is no figure.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from collector.self_evaluation.report import Report

_NAMED_BY: Mapping[str, tuple[str, ...]] = {
    "lines": ("asset_no",),
    "facilities": ("facility_no",),
    "services": ("part.asset_no", "order", "beneficiary"),
    "income": ("order",),
    "docked": ("system",),
    "parts": ("asset_no",),
}
_NO_FIGURES = ("texts",)
MAX_SHOWN = 200
"""Characters of a value that is shown."""


class Difference(NamedTuple):
    """`place` as in `lines[A001].seconds.effective_s`; `was` and `now` as JSON, "" where there is none."""

    place: str
    was: str
    now: str


def differences(was: Report, now: Report) -> list[Difference]:
    """What another report of the same unit and year says otherwise, in the order of the report."""
    left, right = (_figures(report) for report in (was, now))
    return list(_compare(left, right, ""))


def _figures(report: Report) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(report)
    indicators = found["indicators"]
    indicators["measures"] = {name: f"{top}/{bottom}" for name, top, bottom in indicators["measures"]}
    indicators["excluded"] = {f"{kind} {reason}": count for kind, reason, count in indicators["excluded"]}
    return {name: value for name, value in found.items() if name not in _NO_FIGURES}


def _compare(was: Any, now: Any, place: str) -> Iterator[Difference]:
    left, right = (_by_name(value, place) for value in (was, now))
    if not isinstance(left, dict) or not isinstance(right, dict):
        if left != right:
            yield Difference(place, _shown(was), _shown(now))
        return
    for name in dict.fromkeys((*left, *right)):
        inner = f"{place}{name}" if name.startswith("[") else f"{place}.{name}".lstrip(".")
        if name not in left or name not in right:
            yield Difference(inner, _shown(left.get(name)), _shown(right.get(name)))
        else:
            yield from _compare(left[name], right[name], inner)


def _by_name(value: Any, place: str) -> Any:
    """A list of named things as a mapping; anything else as it is."""
    names = _NAMED_BY.get(place.rpartition(".")[2])
    if names is None or not isinstance(value, list | tuple):
        return value
    return {f"[{' '.join(_member(each, name) for name in names)}]": each for each in value}


def _member(value: Any, path: str) -> str:
    for name in path.split("."):
        value = value[name]
    return str(value)


def _shown(value: Any) -> str:
    text = "" if value is None else msgspec.json.encode(value).decode()
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"
