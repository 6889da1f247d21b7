"""Real power, of devices that nobody names: calibration lands inside the labels, or says that no pair serves.

The files are not part of the project (ODbL): they lie in ../shared/traces beside it, or where JISHI_SHARED says.
Contains information from the tracebase data set, which is made available at http://www.tracebase.org under the Open
Database License (ODbL).
"""

import json
import os
from pathlib import Path

import pytest

from agent.calibration.examine import examine
from protocol.sample_file import parse_samples


@pytest.fixture(scope="module")
def traces():
    shared = os.environ.get("JISHI_SHARED") or Path(__file__).parents[3].parent / "shared"
    folder = Path(shared) / "traces"
    if not folder.is_dir():
        pytest.skip(f"no real traces at {folder} (JISHI_SHARED names another place); the drawn loads ran")
    return folder


def examined(traces, name):
    return examine(parse_samples((traces / f"{name}.csv.gz").read_bytes(), "tracebase"), name)


@pytest.mark.parametrize(
    "name, sessions",
    [
        ("complete__VideoProjector__dev_B814A6_2012.01.14", 2),
        ("complete__Washingmachine__Washingmachine_2012.01.03", 2),
    ],
)
def test_a_real_day_lands_inside_its_label(traces, name, sessions):
    least, most = json.loads((traces / "labels.json").read_text("utf-8"))[name]
    result = examined(traces, name)
    assert result.finding.objections == ()
    assert least <= result.seconds["run"] / 3600 <= most
    assert len(result.sessions) == sessions


def test_a_machine_that_keeps_itself_warm_has_no_hours_that_a_dwell_does_not_make(traces):
    result = examined(traces, "complete__BeanToCupCoffeemaker__dev_B7BE96_2011.08.08")
    assert not result.finding.serves
    assert "pauses at rest, bridged by the dwell alone" in result.finding.objections[0]
