"""Who does something in monitoring, why, and when; and what a text may be that others will read."""

from datetime import date, datetime
from typing import NamedTuple

from collector.approvals import proposals
from collector.approvals.proposals import Asker
from collector.clock import day_of
from collector.errors import MonitoringError
from collector.registry.access import Right
from collector.registry.audit import MAX_TEXT
from collector.store.database import Connection

MAX_REPLY = 5000
"""Characters of a unit's reply: some pages."""


class By(NamedTuple):
    """A registered person with what he may do; `now` is aware."""

    asker: Asker
    why: str
    now: datetime

    @property
    def today(self) -> date:
        """The local day at the collector."""
        return day_of(self.now)

    @property
    def values(self) -> dict[str, object]:
        """What the queries ask for."""
        return {
            "by": self.asker.actor.name,
            "person_id": self.asker.person.person_id,
            "why": self.why,
            "now": self.now,
        }


def check_right(connection: Connection, by: By, right: Right, *, subject: str = "everything") -> None:
    """Raises NotAllowed unless the person has the right over that subject (`unit:USCC`, `instrument:ASSET`)."""
    proposals.check_right(connection, by.asker, right, subject=subject, today=by.today)


def check_text(name: str, text: str, *, most: int = MAX_TEXT) -> None:
    """Raises MonitoringError unless it is a text of one line, without spaces around."""
    if not text or not text.isprintable() or text != text.strip() or len(text) > most:
        raise MonitoringError(f"{name}: 1 to {most} characters on one line are expected, without spaces around")
