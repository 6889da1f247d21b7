"""How many instruments one machine carries: arithmetic over figures that `make bench` has printed.

    make bench > figures.jsonl; python -m tests.bench.scale figures.jsonl

It measures nothing: each line below is a product or a quotient of figures in the file and of the assumptions named
here, so that another machine, or other assumptions, give their own table. docs/scale.md shows one.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

DAY_S = 86_400
INSTRUMENTS = (1_000, 5_000, 16_000)
KEPT_YEARS = 3
"""Of readings (1100 days); evidence is kept for ever."""
OPEN_DAY_SHARE = 0.5
"""While a day is open, half of its blocks are there on the average."""
OUTAGE_DAYS = 1.0
_LIVE = "ingest, batches of 1, one worker, beside single inserts"
_BACKLOG = "ingest, batches of 100, one worker, beside COPY BINARY"
_PROCESSOR = "ingest processor time, batches of 1, beside executemany"
_EVIDENCE = "plain: evidence, live in batches of 1"
_ROWS = "plain: readings as rows"
NEEDED = {
    "entries": "sizes",
    _EVIDENCE: "sizes",
    _ROWS: "sizes",
    _LIVE: "ingest",
    _BACKLOG: "ingest",
    _PROCESSOR: "ingest",
    "derive a day": "derive",
}


class MissingFigures(Exception):
    """The file does not hold what the arithmetic needs; the message names the parts to run."""


class Figures(NamedTuple):
    """What was measured, in the units of the bench."""

    entries_a_day: float
    evidence_mb_a_year: float
    rows_mb_a_year: float
    columns_mb_a_year: float | None
    live_entries_a_s: float
    backlog_entries_a_s: float
    ingest_cpu_s_per_entry: float
    derive_cpu_s: float


class Load(NamedTuple):
    """What so many instruments ask of a machine, by the figures."""

    instruments: int
    entries_a_s: float
    ingest_share: float
    ingest_cores: float
    derive_cores: float
    drain_minutes: float
    derive_minutes: float
    evidence_gb_a_year: float
    rows_gb: float
    columns_gb: float | None


def read_figures(lines: Iterable[str]) -> Figures:
    """From the lines that `make bench` prints; MissingFigures names the parts that were not run."""
    found = {str(each.get("name")): each for each in map(json.loads, filter(str.strip, lines))}
    missing = {part for name, part in NEEDED.items() if name not in found}
    if missing:
        raise MissingFigures(f"no figures of the parts {', '.join(sorted(missing))}: run `make bench > figures.jsonl`")
    value = {name: float(each["value"]) for name, each in found.items() if "value" in each}
    year = {
        name: float(each["per_instrument_year_mb"]) for name, each in found.items() if "per_instrument_year_mb" in each
    }
    return Figures(
        entries_a_day=value["entries"],
        evidence_mb_a_year=year[_EVIDENCE],
        rows_mb_a_year=year[_ROWS],
        columns_mb_a_year=year.get("timescale: readings in columns"),
        live_entries_a_s=value[_LIVE],
        backlog_entries_a_s=value[_BACKLOG],
        ingest_cpu_s_per_entry=value[_PROCESSOR] / 1e6,
        derive_cpu_s=value["derive a day"] / 1000,
    )


def load_of(instruments: int, figures: Figures) -> Load:
    """Each instrument with one agent that is caught up: an entry a batch, and its open day derived after each."""
    entries_a_s = instruments * figures.entries_a_day / DAY_S
    backlog = instruments * figures.entries_a_day * OUTAGE_DAYS
    columns = figures.columns_mb_a_year
    return Load(
        instruments,
        entries_a_s=entries_a_s,
        ingest_share=entries_a_s / figures.live_entries_a_s,
        ingest_cores=entries_a_s * figures.ingest_cpu_s_per_entry,
        derive_cores=entries_a_s * figures.derive_cpu_s * OPEN_DAY_SHARE,
        drain_minutes=backlog / (figures.backlog_entries_a_s - entries_a_s) / 60,
        derive_minutes=instruments * OUTAGE_DAYS * figures.derive_cpu_s / 60,
        evidence_gb_a_year=instruments * figures.evidence_mb_a_year / 1000,
        rows_gb=instruments * figures.rows_mb_a_year * KEPT_YEARS / 1000,
        columns_gb=None if columns is None else instruments * columns * KEPT_YEARS / 1000,
    )


def table(loads: Sequence[Load]) -> str:
    """The table of docs/scale.md."""
    rows = [
        ("instruments", [f"{each.instruments:,}" for each in loads]),
        ("entries a second, all agents caught up", [f"{each.entries_a_s:.1f}" for each in loads]),
        ("share of what ingest takes in batches of one", [f"{each.ingest_share:.1%}" for each in loads]),
        ("cores for ingest and its database", [f"{each.ingest_cores:.2f}" for each in loads]),
        ("cores to derive the open day after each entry", [f"{each.derive_cores:.2f}" for each in loads]),
        ("minutes to take in a day's backlog of all agents", [f"{each.drain_minutes:.1f}" for each in loads]),
        ("minutes of one core to derive those days", [f"{each.derive_minutes:.1f}" for each in loads]),
        ("evidence, GB a year", [f"{each.evidence_gb_a_year:,.0f}" for each in loads]),
        (f"readings of {KEPT_YEARS} years as rows, GB", [f"{each.rows_gb:,.0f}" for each in loads]),
        (f"readings of {KEPT_YEARS} years in columns, GB", [_or_dash(each.columns_gb) for each in loads]),
    ]
    lines = [f"| {name} | {' | '.join(cells)} |" for name, cells in rows]
    return "\n".join([lines[0], "|---" * (len(loads) + 1) + "|", *lines[1:]])


def _or_dash(size: float | None) -> str:
    return "not measured" if size is None else f"{size:,.0f}"


def main() -> int:
    """Prints the table; 1 where the file lacks figures, 2 for wrong usage."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        figures = read_figures(Path(sys.argv[1]).read_text(encoding="utf-8").splitlines())
    except (MissingFigures, OSError, ValueError) as error:
        print(f"tests.bench.scale: {error}", file=sys.stderr)
        return 1
    print(table([load_of(instruments, figures) for instruments in INSTRUMENTS]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
