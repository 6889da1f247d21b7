"""The lead: the whole state in which one piece of a timeline hands over to the next, as a short text.

On nearly every midnight it is one word: `off`, `standby`, `run` or `unobserved`. Members follow when they are needed,
in this order, times in milliseconds before the handover:

    off,standby:5000,run:3000      off is confirmed; the trigger of standby has been the other way for 5 s, that of
                                   run for 3 s; neither dwell is over yet
    run,run:41000,hole:20000       run is confirmed; its trigger has been low for 41 s; the last observation ended
                                   20 s ago, and that is not yet longer than gap_ms
    run,steady:905000:60000        905 W were observed for 60 s without a change of power or counter (freshness.py;
                                   only under a policy with frozen_ms)

It is the smallest that chains exactly (timeline.py, rule 10): pasts with the same lead have the same future, and for
each member there are two pasts that differ in it alone and have different futures (tests/protocol/test_timeline.py
shows them). The text is canonical, so that "the lead-in no longer changes" is a comparison of strings.
"""

import re
from typing import Final, Literal, NamedTuple

State = Literal["off", "standby", "run", "unobserved"]
STATES: tuple[State, ...] = ("off", "standby", "run", "unobserved")  # by level
UNSEEN = -1  # the level while nothing is observed
UNOBSERVED: Final = "unobserved"  # where nothing is known of the past

_LEVELS = {"off": 0, "standby": 1, "run": 2, "unobserved": UNSEEN}

_MS = "(0|[1-9][0-9]{0,9})"
_TEXT = re.compile(
    f"(off|standby|run|unobserved)(?:,standby:{_MS})?(?:,run:{_MS})?"
    "(?:,hole:([1-9][0-9]{0,9}))?(?:,steady:(0|-?[1-9][0-9]{0,15}):([1-9][0-9]{0,9}))?"
)


class Lead(NamedTuple):
    """A handover, times counted back from it in ms; `pending_ms` of (standby, run), None while nothing is pending."""

    level: int
    pending_ms: tuple[int | None, int | None] = (None, None)
    hole_ms: int = 0
    steady: tuple[int, int] | None = None

    def __str__(self) -> str:
        members: list[str] = [STATES[self.level]]
        members += [f"{name}:{ms}" for name, ms in zip(STATES[1:3], self.pending_ms, strict=True) if ms is not None]
        members += [f"hole:{self.hole_ms}"] if self.hole_ms else []
        members += ["steady:{}:{}".format(*self.steady)] if self.steady else []
        return ",".join(members)

    def raised(self) -> list[bool]:
        """The triggers' outputs: a pending one is the other way than the confirmed level says."""
        return [(self.level > k) != (ms is not None) for k, ms in enumerate(self.pending_ms)]


def parse_lead(text: str) -> Lead:
    """Read a lead; ValueError where no timeline can end in it."""
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a lead: a state, then what is pending, as in 'off,standby:5000,run:3000'")
    word, *members = match.groups()
    standby, run, hole, steady_mw, steady_ms = (None if member is None else int(member) for member in members)
    steady = None if steady_mw is None or steady_ms is None else (steady_mw, steady_ms)
    lead = Lead(_LEVELS[word], (standby, run), hole or 0, steady)
    _check(lead, text)
    return lead


def _check(lead: Lead, text: str) -> None:
    """A run is always above standby's thresholds too; what is pending began before the last observation ended."""
    standby_ms, run_ms = lead.pending_ms
    low_standby, low_run = (not raised for raised in lead.raised())
    nested = low_run or not low_standby
    if standby_ms is not None and run_ms is not None:
        nested = nested and (standby_ms >= run_ms if lead.level == 0 else run_ms >= standby_ms)
    if lead.level == UNSEEN:
        nested = standby_ms is None and run_ms is None and not lead.hole_ms
    if not nested or any(ms is not None and ms < lead.hole_ms for ms in lead.pending_ms):
        raise ValueError(f"{text!r} is not a lead that a timeline can end in")
