"""What a running agent says of itself, judged: its watchers, its journal, its session with the collector."""

from collections.abc import Iterable, Iterator
from typing import Any

import psutil

from agent.doctor.case import Case
from agent.doctor.delivery import missing_answers
from agent.doctor.journal import when_written
from agent.doctor.machine import judge_clock
from agent.finding import Finding, split_remedy
from agent.ports import find_holders
from agent.status import Status, age, readings
from agent.version import VERSION
from agent.watchers.watcher import WatcherSettings

SILENT_MS = 1_800_000
"""Three of the longest polls that any kind allows: whoever is up and has not said anything since is worth a look."""

UNRECEIPTED_MS = 60_000
"""A receipt comes within a second or two, and after 30 s without one the agent asks again."""


def examine_running(case: Case) -> Iterator[Finding]:
    """Judge the status of an agent that runs."""
    if case.status is None:
        return
    now_ms = case.clock.now().wall_ms
    if case.status.get("version") != VERSION:
        found = f"version {case.status.get('version')} runs, version {VERSION} is installed"
        yield Finding("agent", "warn", found, VERSION, "start the agent again")
    for watcher in case.status.get("watchers", []):
        yield judge_watcher(watcher, now_ms=now_ms)
    yield from examine_company(case.configuration.watchers, agent_pid=case.status["pid"])
    if case.status.get("journal"):
        yield from judge_recording(case.status["journal"])
    if case.status.get("journal") and case.status.get("uplink"):
        written_ms = when_written(case.who, case.status["journal"]["receipted"]) if case.who else None
        yield judge_uplink(case.status, waiting_ms=now_ms - written_ms if written_ms else 0, now_ms=now_ms)
        ahead_ms = case.status["uplink"].get("clock_ahead_ms")
        if ahead_ms is not None:
            yield judge_clock(ahead_ms / 1000)


def judge_watcher(watcher: dict[str, Any], *, now_ms: int) -> Finding:
    """Judge one watcher's line of the status."""
    what, seen_ms = f"watcher {watcher['name']}", watcher["last_at_ms"]
    if watcher["state"] == "down":
        found, remedy = split_remedy(watcher["reason"].removeprefix("unobserved because "))
        return Finding(what, "fail", found, "samples", remedy or "see the page of its kind in docs/watchers")
    if watcher["state"] != "up" or seen_ms is None:
        return Finding(what, "unknown", "has said nothing yet", "samples", "ask again in a minute")
    found = f"{readings(watcher)}, {age(now_ms - seen_ms)} ago"
    if watcher.get("failures"):
        remedy = "the agent's log tells each time and reason"
        return Finding(what, "warn", f"{found}; it failed {watcher['failures']} times", "no failure", remedy)
    if now_ms - seen_ms > SILENT_MS:
        remedy = "nothing may have changed; if it should have, see that it still sees anything (jishi-agent watch)"
        return Finding(what, "warn", found, "samples", remedy)
    return Finding(what, "ok", found)


def examine_company(settings: Iterable[WatcherSettings], *, agent_pid: int) -> Iterator[Finding]:
    """Name the programs that have one of the agent's ports open beside it: each takes answers from the other."""
    for one in settings:
        if not one.occupies or "://" in one.occupies:
            continue
        others = [holder for holder in find_holders(one.occupies).found if not _descends(holder.pid, agent_pid)]
        if others:
            found = f"{', '.join(map(str, others))} has {one.occupies} open beside the agent"
            yield Finding(f"port of {one.name}", "fail", found, "the agent alone", "end that program")


def _descends(pid: int, ancestor: int) -> bool:
    try:
        return pid == ancestor or any(parent.pid == ancestor for parent in psutil.Process(pid).parents())
    except psutil.Error:
        return True  # it ended meanwhile


def judge_recording(journal: dict[str, Any]) -> Iterator[Finding]:
    """Judge whether what watchers say is recorded."""
    if journal["refusing"]:
        remedy = "make room, or mend the disk; it goes on by itself"
        yield Finding("recording", "fail", f"nothing is recorded: {journal['refusing']}", "new entries", remedy)
    if journal["dropped"]:
        found = f"{journal['dropped']} samples were thrown away because the disk was too slow"
        yield Finding("recording", "warn", found, "none", "look for what keeps the disk busy, or use a faster one")


def judge_uplink(status: Status, *, waiting_ms: int, now_ms: int) -> Finding:
    """Judge the session with the collector by what it has to show: receipts.

    `waiting_ms` is the age of the oldest entry without one, 0 where there is none.
    """
    uplink, journal = status["uplink"], status["journal"]
    state, detail = uplink["state"], uplink["detail"]
    found = f"{state} for {age(now_ms - uplink['since_ms'])}"
    if waiting := journal["size"] - journal["receipted"]:
        found += f", {waiting} entries wait for a receipt, the oldest for {age(waiting_ms)}"
    found += f"; {detail}" if detail else ""
    if state == "welcomed" and uplink.get("road_why") and waiting_ms <= UNRECEIPTED_MS:
        remedy = 'nothing is lost; have the broker seen to, or set road = "https" in [collector] where there is none'
        return Finding("delivery", "warn", f"{found}; by HTTPS, because {uplink['road_why']}", "MQTT", remedy)
    if state == "welcomed" and waiting_ms <= UNRECEIPTED_MS:
        return Finding("delivery", "ok", found)
    if state == "greeting" and not detail:
        return Finding("delivery", "unknown", found, "a welcome", "ask again in a minute")
    if state in ("welcomed", "greeting"):
        return Finding("delivery", "fail", found, "receipts within seconds", missing_answers(status["agent"]))
    if state in ("offline", "connecting"):
        remedy = "see that the broker runs and can be reached from here; what is recorded is kept and sent later"
        return Finding("delivery", "fail", found, "a connection", remedy)
    return Finding("delivery", "fail", found, "a welcome", "as it says; what is recorded is kept")
