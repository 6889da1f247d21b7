"""Preparation and post-processing: which standby of a local day belongs to a run. Pure, in seconds of the day.

Necessary preparation and post-processing count only next to a run and up to the policy's minutes, once per power-on
session (domain.md sections 2 and 3; the annual form of the Ministry of Education). Rules:

 1 A power-on session begins where `off` was observed last, and ends where it is observed next. Unobserved time neither
   begins nor ends one; before anything was observed a session is taken to be under way, with a run in it.
 2 Prepare: the standby directly before the first run of a session, at most `prepare_s` of it. "Directly" is without
   anything else between, unobserved time included.
 3 Post: the standby directly after the last run of a session, at most `post_s` of it. A run is the last one if `off` is
   observed before another run is, in the day in which the run ended or in the day after. So an instrument that is
   never switched off has no post-processing, and hourly pulses do not make 24 hours.
 4 Midnight. What a day has to know of the days before is its *phase*, and what it has to know of the day after is that
   day's *head*. Both follow from measured states alone, so a day's phases never depend on its neighbours' phases: the
   phase chains forward like the lead, and a head reaches back one day and no further.

    phase  `new`         off, or powered on since off was observed, and no run yet
           `ran`         a run took place in this session, or may have
           `ran:1200`    the same, and standby has lasted for 1200 s since the run ended
    head   `run:600`     standby from midnight for 600 s, then a run (`run:0`: it runs at midnight)
           `run`, `off`  what is observed first of the two, after other things than standby
           (empty)       neither, or not known yet

Standby is never added to: every second of prepare and post was measured as standby.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from protocol.interval import DAY_S, Interval
from protocol.lead import State

MAX_PHASE_S = 14_400
"""The most that a policy may allow for preparation or post-processing; what is longer is not told on."""

UNKNOWN = "ran"
"""The phase where nothing is known of the past."""
NOTHING = ""
"""The head of a day of which nothing is known yet."""

_SECONDS = "(0|[1-9][0-9]{0,4})"
_PHASE = re.compile(f"new|ran(?::{_SECONDS})?")
_HEAD = re.compile(f"|off|run(?::{_SECONDS})?")

DaySpan = tuple[int, int, State]  # start and end in seconds of the day, half-open


class Phases(NamedTuple):
    """Standby that is preparation and post-processing, and the phase in which the day ends."""

    prepare: list[Interval]
    post: list[Interval]
    phase_out: str


def classify(spans: Sequence[DaySpan], *, phase_in: str, follow: str, prepare_s: int, post_s: int) -> Phases:
    """Rules 1 to 4 for the measured states of a day; `follow` is the head of the day after.

    ValueError for a phase or a head that is none.
    """
    session = _Session(phase_in, prepare_s=prepare_s, post_s=post_s)
    for start, end, state in spans:
        session.take(start, end, state)
    if spans and spans[-1][1] == DAY_S:
        session.look_ahead(parse_head(follow))
    return Phases(session.prepare, session.post, session.phase if spans else phase_in)


def head_of(spans: Sequence[DaySpan]) -> str:
    """What the day before has to know of a day."""
    for place, (start, _, state) in enumerate(spans):
        if state == "off":
            return "off"
        if state == "run":
            is_direct = all(before == "standby" for _, _, before in spans[:place])
            return f"run:{start}" if is_direct and start <= MAX_PHASE_S else "run"
    return NOTHING


def parse_phase(text: str) -> tuple[bool, int | None]:
    """Whether no run took place yet, and for how long standby has lasted since one."""
    match = _PHASE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a phase: new, ran, or ran:SECONDS is expected")
    return text == "new", None if match[1] is None else int(match[1])


def parse_head(text: str) -> tuple[str, int | None]:
    """What is observed first of run and off, and after how much standby the run begins."""
    match = _HEAD.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not the head of a day: off, run, run:SECONDS or nothing is expected")
    return text.partition(":")[0], None if match[1] is None else int(match[1])


class _Session:
    """The power-on session as the day goes on."""

    def __init__(self, phase_in: str, *, prepare_s: int, post_s: int) -> None:
        self.prepare: list[Interval] = []
        self.post: list[Interval] = []
        self._is_new, since_s = parse_phase(phase_in)
        self._limits = prepare_s, post_s
        self._run_end = None if since_s is None else -since_s  # while only standby followed
        self._standby_since: int | None = None
        self._awaited: list[Interval] = []  # post, if off comes before a run
        self._is_own = False  # the run before it ended in this day
        self._end = 0

    def take(self, start: int, end: int, state: State) -> None:
        match state:
            case "run":
                self._run(start, end)
            case "standby":
                self._stand_by(start, end)
            case "off":
                self.post += self._awaited
                self._awaited, self._is_new, self._run_end = [], True, None
            case "unobserved":
                self._run_end = None
        if state != "standby":
            self._standby_since = None
        self._end = end

    def _run(self, start: int, end: int) -> None:
        if self._is_new and self._standby_since is not None:
            _add(self.prepare, max(self._standby_since, start - self._limits[0]), start)
        self._awaited, self._is_new, self._run_end, self._is_own = [], False, end, True

    def _stand_by(self, start: int, end: int) -> None:
        self._standby_since = start
        if self._run_end is not None:
            _add(self._awaited, start, min(end, self._run_end + self._limits[1]))

    def look_ahead(self, head: tuple[str, int | None]) -> None:
        """Rule 4 at midnight. Of a run that ended the day before, its own day has decided already (rule 3)."""
        event, after_s = head
        if event == "off" and self._is_own:
            self.post += self._awaited
        if event == "run" and after_s is not None and self._is_new and self._standby_since is not None:
            _add(self.prepare, max(self._standby_since, DAY_S - self._limits[0] + after_s), DAY_S)

    @property
    def phase(self) -> str:
        if self._is_new:
            return "new"
        if self._run_end is None or self._end - self._run_end > MAX_PHASE_S:
            return "ran"
        return f"ran:{self._end - self._run_end}"


def _add(intervals: list[Interval], start: int, end: int) -> None:
    if start < end:
        intervals.append((start, end))
