"""What the agent says of itself: a file that it rewrites every two seconds, and that file as a table for people.

    {"agent":"em-01","origin":"jishi.example/a/em-01/1","version":"0.1.0","pid":4711,"at_ms":1764554716036,
     "state":"running","reason":"",
     "watchers":[{"name":"meter1","kind":"modbus-meter","asset":"A001","state":"up","last_at_ms":1764554715900,
                  "last":{"power_mw":905800,"energy_mwh":1646000},"particulars":{},"reason":"","failures":0}],
     "journal":{"size":1242,"bytes":402000,"receipted":1240,"receipt_at_ms":1764554716000,"receipt_age_s":0,
                "refusing":null,"dropped":0},
     "uplink":{"state":"welcomed","since_ms":1764554000000,"detail":"","clock_ahead_ms":12,
               "road":"mqtt","road_why":""},
     "beacon":{"log":"2026-1","size":88211,"time_s":1764554700,"problem":""},
     "desk":{"page":"http://127.0.0.1:8323/","problem":"","hint":"","failures":0,
             "present":[{"asset":"A001","operator":"张三","purpose":"teaching","order":null,"how":"card",
                         "since_ms":1764554000000,"entry":1240}]}}

`state` is running or stopped; an agent that was killed leaves `running` behind, so whoever reads asks whether it is.
`desk` is null where none is configured; the names in it are in this file and in no journal.
Power in mW, energy in mWh, times in UTC ms. `receipt_age_s` is by this machine's clock and null before any receipt.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from agent.beacons import BeaconView
from agent.clock import Instant
from agent.journal import Journal
from agent.recorder import Observed, Recorder
from agent.uplink import UplinkView
from agent.version import VERSION

FILE = "status.json"
STALE_MS = 15_000

Status = dict[str, Any]


def compose(
    agent_id: str,
    journal: Journal,
    *,
    recorder: Recorder,
    uplink: UplinkView,
    beacon: BeaconView,
    failures: dict[str, int],
    desk: Status | None = None,
    now: Instant,
) -> Status:
    """The status of a running agent at this moment."""
    watchers = [
        {**_describe(observed), "failures": failures.get(name, 0)} for name, observed in recorder.observed.items()
    ]
    return {
        "agent": agent_id,
        "origin": journal.origin,
        "version": VERSION,
        "pid": os.getpid(),
        "at_ms": now.wall_ms,
        "state": "running",
        "reason": "",
        "watchers": watchers,
        "journal": _describe_journal(journal, recorder, now=now),
        "uplink": uplink._asdict(),
        "beacon": beacon._asdict(),
        "desk": desk,
    }


def stopped(before: Status, *, agent_id: str, reason: str, now: Instant) -> Status:
    """The last status of an agent that ends, and why."""
    empty = {"agent": agent_id, "version": VERSION, "pid": os.getpid(), "watchers": []}
    return {**empty, **before, "at_ms": now.wall_ms, "state": "stopped", "reason": reason}


def write(state_dir: Path, status: Status) -> None:
    """Replace the file; a reader sees the old or the new one. Losing it to a power cut costs nothing: no sync."""
    path = state_dir / FILE
    unfinished = path.with_name(f"{FILE}.new")
    unfinished.write_bytes(msgspec.json.encode(status) + b"\n")
    unfinished.replace(path)


def read(state_dir: Path) -> Status | None:
    """What the agent said last; None where it has said nothing that can be read."""
    try:
        return msgspec.json.decode((state_dir / FILE).read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.MsgspecError):
        return None


def is_running(status: Status, *, now_ms: int) -> bool:
    """Whether the agent that wrote this still runs: it said so lately, and its process is there."""
    fresh = abs(now_ms - int(status.get("at_ms", 0))) <= STALE_MS
    return status.get("state") == "running" and fresh and _is_alive(int(status.get("pid", 0)))


def in_one_line(status: Status) -> str:
    """The status in a few words, for a service manager's list."""
    journal, watchers = status["journal"], status["watchers"]
    up = sum(watcher["state"] == "up" for watcher in watchers)
    words = f"{up} of {len(watchers)} watchers up, {journal['receipted']} of {journal['size']} entries receipted"
    return f"RECORDS NOTHING: {journal['refusing']}; {words}" if journal["refusing"] else words


def table(status: Status, *, now_ms: int) -> str:
    """The status for people, as lines."""
    running = is_running(status, now_ms=now_ms)
    heard = age(now_ms - int(status.get("at_ms", now_ms)))
    reason = f": {status['reason']}" if status.get("reason") else ""
    head = "running" if running else f"NOT RUNNING, last heard of {heard} ago{reason}"
    lines = [f"agent    {status.get('agent')}  ({status.get('origin', 'not enrolled')})", f"state    {head}"]
    journal, uplink = status.get("journal"), status.get("uplink")
    if journal:
        lines += _journal_lines(journal)
    if uplink:
        lines += _uplink_lines(uplink, now_ms=now_ms)
    if status.get("beacon"):
        lines += _beacon_lines(status["beacon"], now_ms=now_ms)
    if status.get("desk"):
        lines += _desk_lines(status["desk"], now_ms=now_ms)
    rows = [_row(watcher, now_ms=now_ms) for watcher in status.get("watchers", [])]
    return "\n".join([*lines, "", *_columns([("watcher", "kind", "asset", "state", "last seen", "what"), *rows])])


def _describe(observed: Observed) -> Status:
    watcher = observed.watcher
    return {
        "name": watcher.name,
        "kind": watcher.kind,
        "asset": watcher.asset,
        "state": observed.state,
        "last_at_ms": observed.last and observed.last.wall_ms,
        "last": observed.values,
        "particulars": observed.particulars,
        "reason": observed.reason,
    }


def _describe_journal(journal: Journal, recorder: Recorder, *, now: Instant) -> Status:
    receipted, refusal = journal.receipted, recorder.pen.refusal
    receipt_at_ms = receipted.time_s * 1000 if receipted.note else None
    return {
        "size": journal.size,
        "bytes": journal.bytes_on_disk,
        "receipted": receipted.size,
        "receipt_at_ms": receipt_at_ms,
        "receipt_age_s": None if receipt_at_ms is None else max(0, (now.wall_ms - receipt_at_ms) // 1000),
        "refusing": refusal and refusal.reason,
        "dropped": recorder.dropped,
    }


def _journal_lines(journal: Status) -> list[str]:
    age_s = journal["receipt_age_s"]
    receipted = f"{journal['receipted']} receipted"
    receipted += ", none yet" if age_s is None else f", the newest receipt {age(age_s * 1000)} old"
    lines = [f"journal  {journal['size']} entries, {journal['bytes'] / 1e6:.1f} MB; {receipted}"]
    if journal["refusing"]:
        lines.append(f"         RECORDS NOTHING: {journal['refusing']}")
    return lines


def _uplink_lines(uplink: Status, *, now_ms: int) -> list[str]:
    words = f"uplink   {uplink['state']} for {age(now_ms - uplink['since_ms'])}"
    words += f", by {uplink['road'].upper()}" if uplink.get("road") else ""
    lines = [words + (f": {uplink['detail']}" if uplink["detail"] else "")]
    if uplink.get("road_why"):
        lines.append(f"road     {uplink['road']}, because {uplink['road_why']}")
    ahead_ms = uplink["clock_ahead_ms"]
    if ahead_ms is not None and abs(ahead_ms) > 60_000:
        direction = "ahead of" if ahead_ms > 0 else "behind"
        lines.append(f"clock    {age(abs(ahead_ms))} {direction} the collector's: set it")
    return lines


def _beacon_lines(beacon: Status, *, now_ms: int) -> list[str]:
    lines = [f"beacon   WARNING: {beacon['problem']}"] if beacon["problem"] else []
    if beacon["time_s"]:
        ago = age(now_ms - 1000 * beacon["time_s"])
        lines.append(f"beacon   of {beacon['size']} leaves of the collector's log {beacon['log']}, {ago} ago")
    return lines


def _desk_lines(desk: Status, *, now_ms: int) -> list[str]:
    page = desk["page"] or "no page"
    lines = [f"desk     {page}" + (f": {desk['problem']}" if desk["problem"] else "")]
    for one in desk["present"]:
        what = f"{one['purpose']} {one['order']}" if one["order"] else one["purpose"]
        lines.append(f"         {one['operator']} at {one['asset']} for {age(now_ms - one['since_ms'])}: {what}")
    return lines + ([f"         {desk['hint']}"] if desk["hint"] else [])


def _row(watcher: Status, *, now_ms: int) -> tuple[str, ...]:
    seen_ms = watcher["last_at_ms"]
    what = readings(watcher) if watcher["state"] == "up" else watcher["reason"]
    seen = "never" if seen_ms is None else f"{age(now_ms - seen_ms)} ago"
    return (watcher["name"], watcher["kind"], watcher["asset"] or "-", watcher["state"], seen, what)


def readings(watcher: Status) -> str:
    """What a watcher of the status says at the moment: `885.5 W, 2354.257 kWh`."""
    return ", ".join(_value(name, value) for name, value in watcher["last"].items())


def _value(name: str, value: int | str) -> str:
    if name == "power_mw" and isinstance(value, int):
        return f"{value / 1000:.1f} W"
    if name == "energy_mwh" and isinstance(value, int):
        return f"{value / 1e6:.3f} kWh"
    if name == "cpu" and isinstance(value, int):
        return f"cpu {value / 1000:.1f} %"
    if isinstance(value, str) and "=" in value:  # an event says by itself what it is about
        return value
    return f"{name} {value}"


def _columns(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def age(ms: int) -> str:
    """A length of time for people: `95 s`, `12 min`, `30 h`."""
    s = max(0, round(ms / 1000))
    for unit, length_s in (("d", 86_400), ("h", 3600), ("min", 60)):
        if s >= 2 * length_s:
            return f"{s // length_s} {unit}"
    return f"{s} s"


def _is_alive(pid: int) -> bool:
    if os.name != "posix":
        return True  # os.kill would end the process there
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # it is there and belongs to somebody else
    return pid > 0
