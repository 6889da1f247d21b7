"""Whether an agent is heard: a word for people, from the time it was last seen."""

from datetime import datetime, timedelta
from typing import Literal

Liveness = Literal["live", "silent", "never"]

SILENT_AFTER = timedelta(minutes=15)
"""An agent that observes a steady instrument still closes a block every five minutes (signals.md section 2); three
of them missing is silence, fewer may be a slow link."""


def liveness(last_seen_at: datetime | None, now: datetime) -> Liveness:
    if last_seen_at is None:
        return "never"
    return "silent" if now - last_seen_at > SILENT_AFTER else "live"
