"""The live table in the terminal: what each agent sees, how far its journal is receipted, hours today.

Agent, state and journal come from the agents' own status files; hours come from the collector's API, so that the
table shows both ends of the way.
"""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from protocol.interval import local_day

STATE_STYLE = {"run": "bold green", "standby": "yellow", "off": "dim", "unobserved": "red"}


@dataclass(frozen=True, slots=True)
class Row:
    """One agent as the table shows it."""

    agent_id: str
    instrument: str
    state: str
    power: str
    hours_today: str
    journal: str
    receipted: str


def read_status(path: Path) -> dict[str, Any]:
    """The agent's status file; empty where it has not written one yet."""
    try:
        status: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return status


class Figures:
    """Reads today's figures from the API; what cannot be read is shown as a dash, the reason beside it."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._key = key

    def today(self, asset: str) -> dict[str, Any]:
        """Today's hour record of the instrument, empty where there is none or the API does not answer."""
        day = local_day(int(datetime.now(UTC).timestamp() * 1000)).isoformat()
        request = urllib.request.Request(  # noqa: S310 (our own address)
            f"{self._url}/api/v1/hours/{asset}/{day}", headers={"Authorization": f"Bearer {self._key}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=2) as answer:  # noqa: S310
                record: dict[str, Any] = json.load(answer)
        except (OSError, ValueError, urllib.error.URLError):
            return {}
        return record


def describe(agent_id: str, instrument: str, *, status: dict[str, Any], record: dict[str, Any]) -> Row:
    """One row from what the agent says of itself and what the collector has derived."""
    journal = status.get("journal", {})
    age = journal.get("receipt_age_s")
    spans = record.get("spans") or []
    watts = [
        watcher["last"]["power_mw"] / 1000
        for watcher in status.get("watchers", [])
        if isinstance(watcher.get("last"), dict) and "power_mw" in watcher["last"]
    ]
    return Row(
        agent_id=agent_id,
        instrument=instrument,
        state=str(spans[-1]["state"]) if spans else "–",
        power=f"{watts[0]:.0f} W" if watts else "–",
        hours_today=f"{record['run_s'] / 3600:.3f} h" if record else "–",
        journal=str(journal.get("size", "–")),
        receipted=f"{journal.get('receipted', '–')}" + (f", {age:.0f} s ago" if age is not None else ""),
    )


def draw(rows: list[Row], *, caption: str) -> Table:
    """The table as rich draws it."""
    table = Table(
        title="jishi 机时",
        caption=caption,
        caption_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column("agent", no_wrap=True)
    table.add_column("instrument", overflow="fold")
    for heading in ("state", "power", "run today", "journal", "receipted"):
        table.add_column(heading, justify="left" if heading == "state" else "right", no_wrap=True)
    for row in rows:
        style = STATE_STYLE.get(row.state, "")
        table.add_row(
            row.agent_id,
            row.instrument,
            f"[{style}]{row.state}[/]" if style else row.state,
            row.power,
            row.hours_today,
            row.journal,
            row.receipted,
        )
    return table
