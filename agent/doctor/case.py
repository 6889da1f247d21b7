"""What the doctor is called to: a configuration without faults, and what is known at once about its agent."""

from typing import NamedTuple

from agent import identity, status
from agent.clock import Clock
from agent.config import Configuration
from agent.disk import lock_holder
from agent.errors import NotEnrolledError
from agent.identity import Identity
from agent.status import Status


class Case(NamedTuple):
    """`status` is that of an agent that runs, else None; `holder` the process id of the journal's writer, else None.

    `who` is None, and `not_enrolled` says why, where there is no complete enrolment.
    """

    configuration: Configuration
    clock: Clock
    who: Identity | None
    not_enrolled: str
    status: Status | None
    holder: str | None

    @property
    def is_attended(self) -> bool:
        """Whether an agent runs, or hangs, so that ports and broker session are not the doctor's to use."""
        return self.status is not None or self.holder is not None


def take_up(configuration: Configuration, clock: Clock) -> Case:
    """Look at enrolment, status and lock."""
    who, not_enrolled = None, ""
    try:
        who = identity.load(configuration.state_dir, agent_id=configuration.agent.id)
    except NotEnrolledError as problem:
        not_enrolled = str(problem)
    found = status.read(configuration.state_dir)
    runs = found is not None and status.is_running(found, now_ms=clock.now().wall_ms)
    return Case(configuration, clock, who, not_enrolled, found if runs else None, _holder(who))


def _holder(who: Identity | None) -> str | None:
    try:
        return lock_holder(who.journal) if who else None
    except OSError:
        return None  # the examination of the journal says why
