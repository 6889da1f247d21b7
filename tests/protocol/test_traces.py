"""The kernel on real power: three 1 s traces of the tracebase data set, against labels fixed before any tuning.

The files are not part of the project (ODbL): they lie in ../shared/traces beside it, or where JISHI_SHARED says.
Contains information from the tracebase data set, which is made available at http://www.tracebase.org under the Open
Database License (ODbL).
"""

import gzip
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from protocol.observation import Observation
from protocol.policy import Policy, Trigger
from protocol.timeline import derive

LONGEST_MS = 3_000  # a sample speaks for the time since the one before it, but for no more than the sampling allows

# A projector's lamp is on or off; nothing between. It rests at 0 to 4 W.
PROJECTOR = Policy(
    name="projector",
    valid_mw=(0, 1_000_000),
    standby=Trigger(on_mw=15_000, off_mw=8_000, on_ms=15_000, off_ms=60_000),
    run=Trigger(on_mw=100_000, off_mw=60_000, on_ms=15_000, off_ms=60_000),
    gap_ms=60_000,
    sha256="0" * 64,
)

# A washing machine rests between turns of its drum, at 2 to 20 W for up to a minute, and its run is the whole program.
WASHING_MACHINE = Policy(
    name="washing machine",
    valid_mw=(0, 4_000_000),
    standby=Trigger(on_mw=8_000, off_mw=3_000, on_ms=15_000, off_ms=300_000),
    run=Trigger(on_mw=60_000, off_mw=30_000, on_ms=15_000, off_ms=300_000),
    gap_ms=60_000,
    sha256="0" * 64,
)


@pytest.fixture(scope="session")
def traces():
    shared = os.environ.get("JISHI_SHARED") or Path(__file__).parents[2].parent / "shared"
    folder = Path(shared) / "traces"
    if not folder.is_dir():
        pytest.skip(f"no real traces at {folder} (JISHI_SHARED names another place); the drawn loads ran")
    return folder


def read(path):
    """Samples of a trace as observations; times are local to the file, and taken as if they were UTC."""
    found = []
    at = None
    with gzip.open(path, "rt", encoding="ascii") as lines:
        for line in lines:
            if not line.strip():
                continue
            moment, watts, _eight_seconds = line.split(";")
            now = int(datetime.strptime(moment.strip(), "%d/%m/%Y %H:%M:%S").replace(tzinfo=UTC).timestamp() * 1000)
            if at is not None and now > at:
                mw = int(watts) * 1000
                found.append(Observation(max(at, now - LONGEST_MS), now, mw, mw, mw, None))
            at = now if at is None else max(at, now)
    return found


def hours_of_run(observed, policy):
    start_ms = observed[0].start_ms
    timeline = derive(observed, policy, start_ms=start_ms, end_ms=observed[-1].end_ms, lead_in="unobserved")
    runs = [span.end_ms - span.start_ms for span in timeline.spans if span.state == "run"]
    return sum(runs) / 3_600_000, len(runs)


@pytest.mark.parametrize(
    "name, policy, sessions",
    [
        ("complete__VideoProjector__dev_B814A6_2012.01.14", PROJECTOR, 2),
        ("complete__Washingmachine__Washingmachine_2012.01.03", WASHING_MACHINE, 2),
    ],
)
def test_a_real_day_lands_inside_its_label(traces, name, policy, sessions):
    least, most = json.loads((traces / "labels.json").read_text("utf-8"))[name]
    hours, found = hours_of_run(read(traces / f"{name}.csv.gz"), policy)
    assert least <= hours <= most
    assert found == sessions


def test_a_thermostatted_load_shows_that_the_dwell_decides_its_hours(traces):
    """The coffee maker's heater and its use need different dwells (labels.json says so): no policy of ours claims it.

    What the kernel owes is that the hours grow with the dwell that bridges the pauses, on both sides of the label.
    """
    name = "complete__BeanToCupCoffeemaker__dev_B7BE96_2011.08.08"
    least, most = json.loads((traces / "labels.json").read_text("utf-8"))[name]
    observed = read(traces / f"{name}.csv.gz")
    hours = [hours_of_run(observed, _coffee_maker(off_ms))[0] for off_ms in (60_000, 180_000, 300_000)]
    assert hours[0] < least < most < hours[1] < hours[2]


def _coffee_maker(off_ms):
    return Policy(
        name="coffee maker",
        valid_mw=(0, 4_000_000),
        standby=Trigger(on_mw=12_000, off_mw=8_000, on_ms=15_000, off_ms=60_000),
        run=Trigger(on_mw=500_000, off_mw=300_000, on_ms=10_000, off_ms=off_ms),
        gap_ms=60_000,
        sha256="0" * 64,
    )
