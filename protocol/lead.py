"""The lead: the whole state in which one piece of a timeline hands over to the next, as a short text.

On nearly every midnight it is one word: `off`, `standby`, `run` or `unobserved`. Three members follow when they are
needed, in this order, each in milliseconds before the handover:

    off,standby:5000,run:3000      off is confirmed; the trigger of standby has been the other way for 5 s, that of
                                   run for 3 s; neither dwell is over yet
    run,run:41000,hole:20000       run is confirmed; its trigger has been low for 41 s; the last observation ended
                                   20 s ago, and that is not yet longer than gap_ms

It is the smallest that chains exactly (timeline.py, rule 10): pasts with the same lead have the same future, and for
each member there are two pasts that differ in it alone and have different futures (tests/protocol/test_timeline.py
shows them). The text is canonical, so that "the lead-in no longer changes" is a comparison of strings.
"""

import re
from typing import NamedTuple

LEVELS = ("off", "standby", "run")
UNSEEN = -1  # the level while nothing is observed
UNOBSERVED = "unobserved"

_MS = "(0|[1-9][0-9]{0,9})"
_TEXT = re.compile(f"(off|standby|run)(?:,standby:{_MS})?(?:,run:{_MS})?(?:,hole:([1-9][0-9]{{0,9}}))?")


class Lead(NamedTuple):
    """A handover, times counted back from it in ms; `pending_ms` of (standby, run), None while nothing is pending."""

    level: int
    pending_ms: tuple[int | None, int | None] = (None, None)
    hole_ms: int = 0

    def __str__(self) -> str:
        if self.level == UNSEEN:
            return UNOBSERVED
        members = [LEVELS[self.level]]
        members += [f"{name}:{ms}" for name, ms in zip(LEVELS[1:], self.pending_ms, strict=True) if ms is not None]
        return ",".join(members + ([f"hole:{self.hole_ms}"] if self.hole_ms else []))

    def raised(self) -> list[bool]:
        """The triggers' outputs: a pending one is the other way than the confirmed level says."""
        return [(self.level > k) != (ms is not None) for k, ms in enumerate(self.pending_ms)]


def parse_lead(text: str) -> Lead:
    """Read a lead; ValueError where no timeline can end in it."""
    if text == UNOBSERVED:
        return Lead(UNSEEN)
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a lead: a state, then what is pending, as in 'off,standby:5000,run:3000'")
    word, standby, run, hole = match.groups()
    lead = Lead(
        LEVELS.index(word),
        (None if standby is None else int(standby), None if run is None else int(run)),
        int(hole or 0),
    )
    _check(lead, text)
    return lead


def _check(lead: Lead, text: str) -> None:
    """A run is always above standby's thresholds too; what is pending began before the last observation ended."""
    standby_ms, run_ms = lead.pending_ms
    low_standby, low_run = (not raised for raised in lead.raised())
    nested = low_run or not low_standby
    if standby_ms is not None and run_ms is not None:
        nested = nested and (standby_ms >= run_ms if lead.level == 0 else run_ms >= standby_ms)
    if not nested or any(ms is not None and ms < lead.hole_ms for ms in lead.pending_ms):
        raise ValueError(f"{text!r} is not a lead that a timeline can end in")
