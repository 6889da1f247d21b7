"""docs/calibration.md says what is so: its outputs are the program's, its numbers those of the code.

The traces of its examples are not part of the project; where they are absent, only the numbers are held against it.
"""

import json
import os
import re
from pathlib import Path

import pytest

from agent.calibration import counter, dwells, levels, proposal, rates, verdict, yardstick
from agent.calibration.examine import examine
from agent.calibration.report import as_text
from protocol.audit.timeline import as_json, tell
from protocol.sample_file import parse_samples
from tests.agent.calibration.loads import HOUR, LOCAL, bursts, counted, csv_of

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "calibration.md").read_text("utf-8")
TRACES = {
    "projector.csv.gz": "complete__VideoProjector__dev_B814A6_2012.01.14.csv.gz",
    "coffee.csv.gz": "complete__BeanToCupCoffeemaker__dev_B7BE96_2011.08.08.csv.gz",
}


@pytest.fixture(scope="module")
def traces():
    folder = Path(os.environ.get("JISHI_SHARED") or ROOT.parent / "shared") / "traces"
    if not folder.is_dir():
        pytest.skip(f"no real traces at {folder} (JISHI_SHARED names another place); the page's numbers were checked")
    return folder


def output_of(command):
    [shown] = re.findall(rf"^\$ {re.escape(command)}[^\n]*\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return shown.rstrip("\n")


@pytest.mark.parametrize("name", sorted(TRACES))
def test_the_output_shown_is_the_programs(traces, name):
    result = examine(parse_samples((traces / TRACES[name]).read_bytes(), "tracebase"), name.split(".")[0])
    assert output_of(f"jishi-agent calibrate --from {name}") == as_text(result)
    if result.finding.serves:
        told = as_json(tell(result.recording, result.policy)).replace(result.policy.sha256, "…")
        assert output_of(f"jishi-audit timeline --policy projector.json {name}") == told


def test_the_output_shown_of_a_heater_is_the_programs():
    warm, work = bursts(2200, 300, low_s=2, high_s=38), bursts(2200, 300, low_s=24, high_s=16)
    heater = counted((2 * HOUR, 5), (HOUR, warm), (2 * HOUR, work), (HOUR, warm), (2 * HOUR, 5))
    result = examine(parse_samples(csv_of(heater, LOCAL).encode()), "heater")
    assert output_of("jishi-agent calibrate --from heater.csv") == as_text(result)
    member = json.dumps({"counter": json.loads(result.raw_policy)["counter"]})
    assert member.strip("{}") in PAGE


@pytest.mark.parametrize(
    "words",
    [
        f"max({levels.LEAST_GAP_MW // 1000} W, {levels.GAP_SHARE} × the lower level)",
        f"max(10 W, {levels.MAD_FACTOR} × MAD, 0.3 × floor, {levels.OWN_FACTOR} × (reach − floor))",
        f"it lasted {verdict.IDLE_MS // 60_000} minutes or {verdict.IDLE_OF_RECORDING:.0%} of the recording".replace(
            "%", " %"
        ),
        f"after {verdict.SURELY_IDLE_MS // 60_000} minutes or {verdict.SURELY_IDLE_OF_RECORDING:.0%}".replace(
            "%", " %"
        ),
        f"Upwards {', '.join(str(ms // 1000) for ms in dwells.ON_MS)} s",
        f"downwards {', '.join(str(ms // 1000) for ms in dwells.OFF_MS)} s",
        f"both at most {dwells.SMALL:.0%}".replace("%", " %"),
        f"by more than {verdict.TOLERANCE:.0%} with either dwell".replace("%", " %"),
        f"thresholds at {proposal.LOWER} and {proposal.HIGHER} steps",
        f"below {proposal.BELOW_THE_RUN} of the run's median power",
        f"there for {counter.LEAST_SHARE:.0%} of the recording and to rise {counter.LEAST_RISES} times".replace(
            "%", " %"
        ),
        f"where that is below {counter.ROUNDED_MWH} mWh",
        f"windows of {', '.join(str(ms // 1000) for ms in yardstick.WINDOWS_MS[:-1])} and 900 s",
        f"windows of {proposal.LONG_LEVEL_MS // 60_000} minutes ({proposal.SHORT_LEVEL_MS // 60_000} in a recording",
        f"its step must be at most {proposal.HIGHER} of that of watts",
        f"thinned to {', '.join(str(ms // 1000) for ms in rates.RATES_MS[:-1])} and {rates.RATES_MS[-1] // 1000} s",
    ],
)
def test_the_numbers_on_the_page_are_those_of_the_code(words):
    assert words in PAGE
