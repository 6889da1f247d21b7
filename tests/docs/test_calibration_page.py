"""docs/calibration.md says what is so: its outputs are the program's, its numbers those of the code.

The traces of its examples are not part of the project; where they are absent, only the numbers are held against it.
"""

import os
import re
from pathlib import Path

import pytest

from agent.calibration import dwells, levels, proposal, rates, verdict
from agent.calibration.examine import examine
from agent.calibration.report import as_text
from protocol.audit.timeline import as_json, tell
from protocol.sample_file import parse_samples

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
        f"thinned to {', '.join(str(ms // 1000) for ms in rates.RATES_MS[:-1])} and {rates.RATES_MS[-1] // 1000} s",
    ],
)
def test_the_numbers_on_the_page_are_those_of_the_code(words):
    assert words in PAGE
