"""One line for each event on standard error: time, level, event, and its fields.

    2026-11-23T01:50:00Z warning uplink changed state=offline detail="the broker cannot be reached"

Whoever runs the agent as a service keeps what it prints; the agent has no log files of its own.
"""

from __future__ import annotations

import json
import logging
import time

_ORDINARY = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"})


class EventFormatter(logging.Formatter):
    """Past-tense event first, then whatever was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        fields = [f"{key}={_field(value)}" for key, value in vars(record).items() if key not in _ORDINARY]
        line = " ".join([when, record.levelname.lower(), record.getMessage(), *fields])
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def set_up(*, verbose: bool) -> None:
    """Print warnings and what the agent finds worth a line; with `verbose` all that it does."""
    handler = logging.StreamHandler()
    handler.setFormatter(EventFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("agent").setLevel(logging.DEBUG if verbose else logging.INFO)


def _field(value: object) -> str:
    text = str(value)
    return text if text and text.isprintable() and " " not in text and '"' not in text else json.dumps(text)
