"""The instrument's own state, by question and answer on a serial line: off unless somebody has accepted that it asks.

An instrument that is asked has to answer, and some measure worse, lose data or leave local control while they do. So a
watcher of this kind is refused until its table says `disturbs = "accepted"`, and it sends nothing that is no question.

How to ask and what answers mean is a profile: built in (`status_profile`), or one's own in the table `own`, or in a
TOML file that `profile_file` names and that holds the same. The port lives in a child process (`status_port`).
"""

from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from agent.clock import Clock, Instant
from agent.reading import Channel, Sample
from agent.watchers.serial_examination import examine_ports
from agent.watchers.serial_port import NoReading
from agent.watchers.serial_watcher import ChildLine, SerialWatcher, SpeedSettings
from agent.watchers.status_profile import (
    BUILT_IN,
    STATES,
    Profile,
    State,
    objection_to_pattern,
    objection_to_question,
    profile_as_json,
)
from agent.watchers.watcher import Kind

_Text = Annotated[str, Meta(max_length=200)]
_Hex = Annotated[str, Meta(pattern=r"\A([0-9A-Fa-f]{2} ?)*\Z", max_length=300, description="pairs of hex digits")]
_End = Annotated[str, Meta(min_length=1, max_length=4)]
_PAIRS = f"pairs like [[%r, 'run']], at most %d, with the states {', '.join(STATES)}"
_Mask = Annotated[int, Meta(ge=1, le=0x7FFFFFFF)]


class OwnProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A profile of one's own: `ask` as text or `ask_hex` as bytes; `answers` by pattern or `bits` by mask."""

    ask: _Text = ""
    ask_hex: _Hex = ""
    is_query: bool = False
    ends_with: _End = "\n"
    answers: Annotated[tuple[tuple[_Text, State], ...], Meta(max_length=50, description=_PAIRS % ("RUN.*", 50))] = ()
    bits: Annotated[tuple[tuple[_Mask, State], ...], Meta(max_length=32, description=_PAIRS % (16, 32))] = ()
    otherwise: State | None = None

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what is wrong)."""
        if bool(self.ask) == bool(self.ask_hex):
            yield "own.ask", "expected the question as ask (text) or as ask_hex (bytes), and not both"
        elif objection := objection_to_question(self.question, is_query=self.is_query):
            yield "own.ask", objection
        if bool(self.answers) == bool(self.bits):
            yield "own.answers", "expected answers (patterns) or bits (masks), and not both"
        if self.otherwise and not self.bits:
            yield "own.otherwise", "goes with bits; an answer that no pattern fits is told, never guessed"
        for pattern, _ in self.answers:
            if objection := objection_to_pattern(pattern):
                yield "own.answers", objection

    @property
    def question(self) -> bytes:
        """What is sent, but for its end."""
        return bytes.fromhex(self.ask_hex) if self.ask_hex else self.ask.encode()


class StatusPollSettings(SpeedSettings, frozen=True):
    """`[[watcher]] kind = "status-poll"`; `profile` names a built-in unless there is one's own."""

    disturbs: Literal["no", "accepted"] = "no"
    profile: str = ""
    profile_file: Annotated[str, Meta(max_length=200, extra={"holds": "own"})] = ""
    own: OwnProfile | None = None
    poll_s: Annotated[float, Meta(ge=0.2, le=60)] = 5.0
    timeout_s: Annotated[float, Meta(ge=0.05, le=10)] = 1.0
    quiet_after_s: Annotated[float, Meta(ge=0, le=600)] = 5.0

    def faults(self) -> Iterator[tuple[str, str]]:
        yield from super().faults()
        if self.disturbs != "accepted":
            yield (
                "disturbs",
                "a status poll talks to the instrument and can disturb an acquisition: ask its maker, try it during a "
                'run, and write disturbs = "accepted" here once whoever answers for the instrument agrees',
            )
        if self.quiet_after_s < 2 * self.timeout_s:
            yield (
                "quiet_after_s",
                "expected at least twice timeout_s, or a late answer would be taken for the one to the next question",
            )
        if self.own is not None:
            yield from self.own.faults()
        elif self.profile not in BUILT_IN:
            yield (
                "profile",
                f"no built-in profile {self.profile!r}; known: {', '.join(BUILT_IN)}; else describe it in own",
            )

    def chosen(self) -> Profile:
        """Return the profile to ask by."""
        own = self.own
        if own is None:
            return BUILT_IN[self.profile]
        name = self.profile or PurePath(self.profile_file).stem or "own"
        ends_with = own.ends_with.encode()
        return Profile(name, own.question, ends_with, own.answers, own.bits, own.otherwise or "")


class StatusLine(ChildLine):
    """What the child says of one question."""

    state: str = ""


class StatusPoll(SerialWatcher[StatusLine]):
    """The watcher: channel `status`, of kind state."""

    kind = "status-poll"
    child_module = "agent.watchers.status_port"
    line_type = StatusLine

    def __init__(self, settings: StatusPollSettings, clock: Clock) -> None:
        profile = settings.chosen()
        super().__init__(
            settings,
            clock,
            channels=(Channel("status", "state", round(settings.poll_s * 1000)),),
            poll_s=settings.poll_s,
            poll_takes_s=settings.timeout_s + settings.quiet_after_s,
            task={
                "profile": profile_as_json(profile),
                "poll_s": settings.poll_s,
                "timeout_s": settings.timeout_s,
                "quiet_after_s": settings.quiet_after_s,
            },
        )
        self._profile = profile

    def hear(self, at: Instant, line: StatusLine) -> Iterable[Sample]:
        if not line.state:
            raise NoReading("garbage", "the child's line holds no state: the agent's files are of different versions")
        return [Sample(self.name, "status", at, line.state)]

    def particulars(self) -> tuple[tuple[str, str | int], ...]:
        return (("profile", self._profile.name),)


KIND = Kind(StatusPollSettings, StatusPoll, examine_ports)
