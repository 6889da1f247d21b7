"""Makes the golden hour records of this folder, by a route that shares no code with protocol/.

    .venv/bin/python -m tests.protocol.golden_hours.make

Each case is a load told in words of (seconds, watts); it is written as journal entries by the JSON that evidence.md
section 3 describes, read back from that JSON, spread over ticks of half a second, and judged tick by tick by the
brute-force oracle. The expected records are put together from the ticks, with the standard library alone. Nothing
here is to be run when the kernel changes: if a golden record has to change, hours that were paid for have changed.
"""

import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from tests.protocol.oracle import Limits, Rules, runs_of, tell

HERE = Path(__file__).parent
TICK_MS = 500
TICKS_A_DAY = 86_400_000 // TICK_MS
LOCAL = timedelta(hours=8)

POLICY = {
    "v": 1,
    "name": "golden",
    "valid_mw": [0, 5_000_000],
    "standby": {"on_mw": 40_000, "off_mw": 20_000, "on_ms": 20_000, "off_ms": 60_000},
    "run": {"on_mw": 400_000, "off_mw": 200_000, "on_ms": 20_000, "off_ms": 120_000},
    "gap_ms": 60_000,
}

FLOOR, IDLE, BAND, BUSY = 5, 100, 300, 900


def midnight_ms(day):
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - LOCAL
    return int(start.timestamp()) * 1000


class Journal:
    """One agent's log: writes loads as entries of at most 12 intervals, which is an hour."""

    def __init__(self, origin, *, index=0, boot="5f3a9c01", watcher="meter1", mono_ms=10_000_000):
        self.origin, self.index, self.boot, self.watcher, self.mono_ms = origin, index, boot, watcher, mono_ms
        self.entries = []

    def write(self, wall_ms, *load, clock_ms=0):
        """Journals a load from wall_ms on; `clock_ms` is by how much the wall clock is wrong. Gives the end."""
        block = []
        for seconds, *watts in load:
            left = int(seconds * 1000)
            while left:
                step = min(left, 300_000)
                if watts[0] is None:
                    wall_ms = self._close(wall_ms, block, clock_ms)
                    block = []
                    wall_ms += step
                    self.mono_ms += step
                else:
                    block.append((step, min(watts) * 1000, max(watts) * 1000))
                left -= step
                if len(block) == 12:
                    wall_ms = self._close(wall_ms, block, clock_ms)
                    block = []
        return self._close(wall_ms, block, clock_ms)

    def _close(self, wall_ms, block, clock_ms):
        """The entry is written 137 ms after its last interval ended."""
        if not block:
            return wall_ms
        spent = sum(step for step, _, _ in block)
        body = {
            "s": self.watcher,
            "ch": "power",
            "a": self.mono_ms,
            "d": [step for step, _, _ in block],
            "w": [(low + high) // 2 for _, low, high in block],
            "lo": [low for _, low, _ in block],
            "hi": [high for _, _, high in block],
        }
        self.mono_ms += spent
        entry = {
            "v": 1,
            "i": self.index,
            "t": wall_ms + spent + clock_ms + 137,
            "m": self.mono_ms + 137,
            "b": self.boot,
            "k": "reading",
            "d": body,
        }
        self.entries.append([self.origin, json.dumps(entry, separators=(",", ":"))])
        self.index += 3  # other entries between
        return wall_ms + spent


def claims_of(entries):
    """(origin, watcher) -> [(index, start, end, low, high)] in UTC ms, from the entries' text."""
    sources = {}
    for origin, text in entries:
        entry = json.loads(text)
        body = entry["d"]
        at = entry["t"] - (entry["m"] - body["a"])
        for step, low, high in zip(body["d"], body["lo"], body["hi"], strict=True):
            sources.setdefault((origin, body["s"]), []).append((entry["i"], at, at + step, low, high))
            at += step
    return sources


def ticks_of(entries, start_ms, ticks, gap):
    """What each tick shows: per source the lowest index that is in range; then source after source into long holes."""
    layered = [None] * ticks
    sources = claims_of(entries)
    for name in sorted(sources):
        mine = [None] * ticks
        for index, begin, end, low, high in sources[name]:
            assert (begin - start_ms) % TICK_MS == (end - start_ms) % TICK_MS == 0
            if not POLICY["valid_mw"][0] <= low <= high <= POLICY["valid_mw"][1]:
                continue
            for tick in range(max(0, (begin - start_ms) // TICK_MS), min(ticks, (end - start_ms) // TICK_MS)):
                if mine[tick] is None or index < mine[tick][0]:
                    mine[tick] = (index, low, high)
        for first, last in holes_of(layered):
            if last - first > gap or first == 0 or last == ticks:
                layered[first:last] = mine[first:last]
    return layered


def holes_of(shown):
    holes, first = [], None
    for tick, value in enumerate([*shown, 0]):
        if value is None and first is None:
            first = tick
        if value is not None and first is not None:
            holes.append((first, tick))
            first = None
    return holes


def rules():
    ticks = [
        Limits(each["on_mw"], each["off_mw"], each["on_ms"] // TICK_MS, each["off_ms"] // TICK_MS)
        for each in (POLICY["standby"], POLICY["run"])
    ]
    return Rules(*ticks, gap=POLICY["gap_ms"] // TICK_MS)


def records_of(entries, first_day, days, *, until_s=86_400):
    """The texts of the records of `days` days; `until_s` is how far the last one reaches."""
    start_ms = midnight_ms(first_day)
    ticks = (days + 1) * TICKS_A_DAY if until_s == 86_400 else days * TICKS_A_DAY
    shown = ticks_of(entries, start_ms, ticks, rules().gap)
    samples = [(tick, tick + 1, *value[1:]) for tick, value in enumerate(shown) if value is not None]
    ends = [day * TICKS_A_DAY for day in range(1, days)] + [(days - 1) * TICKS_A_DAY + until_s * 1000 // TICK_MS]
    told = tell(samples, rules(), ticks=ticks, leads_at=tuple(ends), tick_ms=TICK_MS)
    lead, found = "unobserved", []
    for place, end in enumerate(ends):
        begin = place * TICKS_A_DAY
        record = record_of(told.states, begin, end, lead_in=lead, lead_out=told.leads[end])
        record["day"] = (first_day + timedelta(days=place)).isoformat()
        record["journals"] = journals_of(
            entries, start_ms + begin * TICK_MS, start_ms + (begin + TICKS_A_DAY) * TICK_MS
        )
        found.append(
            {"observed_until_ms": start_ms + end * TICK_MS, "record": json.dumps(record, separators=(",", ":"))}
        )
        lead = told.leads[end]
    return found


def record_of(states, begin, end, *, lead_in, lead_out):
    spans = []
    for first, last, state in runs_of(states, begin, end):
        start_s, end_s = (first - begin) * TICK_MS // 1000, (last - begin) * TICK_MS // 1000
        if start_s == end_s:
            continue
        if spans and spans[-1][2] == state:
            spans[-1][1] = end_s
        else:
            spans.append([start_s, end_s, state])
    seconds = {
        state: sum(e - s for s, e, each in spans if each == state) for state in ("off", "standby", "run", "unobserved")
    }
    powered = seconds["standby"] + seconds["run"]
    nothing = dict.fromkeys(("prepare", "post", "calibrate", "maintain", "fault"), 0)
    ordered = ("off", "standby", "prepare", "run", "post", "calibrate", "maintain", "fault", "unobserved")
    return {
        "v": 2,
        "asset": "SX-2026-0001",
        "day": "",
        "policy": hashlib.sha256(policy_text().encode()).hexdigest(),
        "owner": "",
        "lead_in": lead_in,
        "lead_out": lead_out,
        "phase_in": "ran",
        "phase_out": phase_of(spans),
        "follow": "",
        "until": (end - begin) * TICK_MS // 1000,
        **{f"{state}_s": (seconds | nothing)[state] for state in ordered},
        "energised_s": powered,
        "inferred_s": 0,
        "bridged_s": 0,
        "no_run_s": 0,
        "effective_s": seconds["run"],
        "internal_s": 0,
        "claimed_s": 0,
        "verified_s": 0,
        "unresolved_s": seconds["run"],
        "hand_s": 0,
        "hand_external_s": 0,
        "journals": [],
        "facts": [],
        "spans": spans,
        "classes": [],
        "bridged": [],
        "served": [["", "", "unresolved", seconds["run"], 0]] if seconds["run"] else [],
        "told": [],
        "flags": [],
    }


def phase_of(spans):
    """The phase in which a day ends that began in `ran`: by looking back from its end."""
    last = next((place for place in reversed(range(len(spans))) if spans[place][2] in ("run", "off")), None)
    if last is None:
        return "ran"
    if spans[last][2] == "off":
        return "new"
    behind = spans[last + 1 :]
    since = spans[-1][1] - spans[last][1]
    return f"ran:{since}" if all(state == "standby" for *_, state in behind) and since <= 14_400 else "ran"


def journals_of(entries, begin_ms, end_ms):
    found = {}
    for (origin, _), claims in claims_of(entries).items():
        for index, start, end, _, _ in claims:
            if start < end_ms and end > begin_ms:
                first, last = found.get(origin, (index, index))
                found[origin] = min(first, index), max(last, index)
    return [[origin, *found[origin]] for origin in sorted(found)]


def policy_text():
    return json.dumps(POLICY, separators=(",", ":"))


def over_new_year():
    """The domain's example: a run from 31 Dec 22:00 to 1 Jan 06:00, with power inside the band over midnight."""
    day = date(2025, 12, 31)
    journal = Journal("jishi.example/a/em-01/1")
    at = journal.write(midnight_ms(day), (21 * 3600, FLOOR), (3600, IDLE))
    at = journal.write(at, (1800, BUSY), (3 * 3600, BAND), (4.5 * 3600, BUSY))
    journal.write(at, (3600, IDLE), (18 * 3600, FLOOR))
    return day, 2, journal.entries, {}


def every_edge():
    """Spikes, dips, both-sided intervals, holes, values out of range, boundaries inside seconds, a clock set back, a
    reboot, changes pending over midnight that are confirmed and that are not, a second agent that fills a long hole."""
    day = date(2026, 3, 2)
    journal = Journal("jishi.example/a/em-01/1", index=17)
    second = Journal("jishi.example/a/em-02/4", index=900, boot="00c0ffee", watcher="plug", mono_ms=77)
    start = midnight_ms(day)
    at = journal.write(start + 45_000, (600, FLOOR), (19.5, BUSY), (600, FLOOR), (15, IDLE), (20, BUSY), (300, IDLE))
    at = journal.write(at, (1200.5, BUSY), (119.5, IDLE), (77, BUSY), (59.5, FLOOR), (0.5, IDLE), (300, BUSY))
    at = journal.write(at, (120, 150, 500), (30, IDLE), (40, 150, 500), (119.5, BAND), (0.5, BAND), (300, IDLE))
    at = journal.write(at, (500, BUSY), (60, None), (500, BUSY), (60.5, None), (500, BUSY), (30, 9_999), (500, BUSY))
    at = journal.write(at, (90, 9_999), (300, BAND), (20, BUSY), (119.5, IDLE), (3600, None), (600, BAND))
    second.write(at - 5000_000, (2000, IDLE), (1000, BUSY), (2500, IDLE))
    journal.boot, journal.mono_ms = "5f3a9c02", 4_000
    at = journal.write(at + 20_000, (600, BUSY), (600, IDLE))
    at = journal.write(at, (900, BUSY), (900, IDLE), clock_ms=-400_000)  # the clock is set back by 400 s
    left_s = (start + 86_400_000 - at) // 1000
    at = journal.write(at, (left_s - 10.5, FLOOR), (5, IDLE), (15, BUSY), (3600, BAND), (600, FLOOR))
    left_s = (start + 2 * 86_400_000 - at) // 1000
    at = journal.write(at, (left_s - 31.5, FLOOR), (11, IDLE), (0.5, BUSY), (40, None), (5, BUSY), (300, FLOOR))
    left_s = (start + 3 * 86_400_000 - at) // 1000
    journal.write(at, (left_s - 3000, BUSY), (900, IDLE))
    return day, 3, [*journal.entries, *second.entries, *journal.entries[3:5]], {}


def an_open_day():
    """A day that is not over: it ends at its newest evidence, in a run that is not yet confirmed and one that is."""
    day = date(2026, 2, 28)
    journal = Journal("jishi.example/a/em-01/2")
    journal.write(midnight_ms(day), (3600, FLOOR), (5400, BUSY), (1000, FLOOR), (12, BUSY))
    return day, 1, journal.entries, {"until_s": 10_012}


def main():
    for case in (over_new_year, every_edge, an_open_day):
        day, days, entries, more = case()
        golden = {
            "about": " ".join(case.__doc__.split()),
            "policy": policy_text(),
            "entries": entries,
            "days": records_of(entries, day, days, **more),
        }
        path = HERE / f"{case.__name__}.json"
        path.write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
