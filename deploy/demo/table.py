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
    who: str
    hours_today: str
    receipted: str


def read_status(path: Path) -> dict[str, Any]:
    """The agent's status file; empty where it has not written one yet."""
    try:
        status: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return status


def is_desk_open(status: dict[str, Any]) -> bool:
    """Whether somebody can present a card: the desk answers, and every reader is up."""
    readers = [watcher["state"] for watcher in status.get("watchers", []) if watcher["kind"] == "card-reader"]
    return bool(status.get("desk")) and not status["desk"]["problem"] and set(readers) == {"up"}


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
        who=_who(status),
        hours_today=f"{record['run_s'] / 3600:.3f} h" if record else "–",
        receipted=f"{journal.get('receipted', '–')}/{journal.get('size', '–')}"
        + (f", {age:.0f} s" if age is not None else ""),
    )


def _who(status: dict[str, Any]) -> str:
    """Who is signed in; a dash where the instrument has no desk, nobody where nobody is."""
    if not status.get("desk"):
        return "–"
    return ", ".join(one["operator"] for one in status["desk"]["present"]) or "nobody"


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
    for heading in ("state", "power", "desk", "run today", "receipted"):
        table.add_column(heading, justify="left" if heading in ("state", "desk") else "right", no_wrap=True)
    for row in rows:
        style = STATE_STYLE.get(row.state, "")
        table.add_row(
            row.agent_id,
            row.instrument,
            f"[{style}]{row.state}[/]" if style else row.state,
            row.power,
            row.who,
            row.hours_today,
            row.receipted,
        )
    return table
