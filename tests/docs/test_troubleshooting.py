"""docs/troubleshooting.md shows what the doctor really says, in the situation that the page sets up."""

import re
import sys
from pathlib import Path

import pytest

from agent.clock import SystemClock
from agent.commands.doctor import lines
from agent.doctor.round import examine
from agent.finding import Finding
from tests.agent.watchers.bench import Bench
from tests.conftest import find_free_port

PAGE = Path(__file__).parents[2] / "docs" / "troubleshooting.md"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the simulator needs pseudo-terminals")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> list[Finding]:
    """What the doctor says of the page's configuration, its places moved into a directory of the test."""
    directory = tmp_path_factory.mktemp("try")
    moved = {"/tmp/jishi-": f"{directory}/jishi-", ":8321": f":{find_free_port()}"}
    (text,) = blocks("toml")
    for place, other in moved.items():
        text = text.replace(place, other)
    path = directory / "try.toml"
    path.write_text(text, "utf-8")
    bench = Bench(directory / "jishi-port")
    bench.plug()
    with pytest.MonkeyPatch.context() as patience:
        patience.setattr("agent.trial.FAULT_PATIENCE_S", 0.5)
        patience.setattr("agent.watchers.meter_examination.TIMEOUT_S", 0.05)
        found = [_moved_back(finding, moved, path) for finding in examine(path, SystemClock())]
    bench.unplug()
    return found


def _moved_back(finding: Finding, moved: dict[str, str], path: Path) -> Finding:
    texts = [finding.found, finding.expected, finding.remedy]
    for place, other in ((str(path), "try.toml"), *((other, place) for place, other in moved.items())):
        texts = [text.replace(place, other) for text in texts]
    return Finding(finding.what, finding.verdict, *texts)


def _pattern(line: str) -> re.Pattern[str]:
    """The line as it is, but for measured values and for what the page leaves out with an ellipsis."""
    return re.compile(
        re.sub(r"\d+\\\.\d+\\ (k?Wh?)", r"[\\d.]+ \1", re.escape(line)).replace("\\ …", "…").replace("…", ".*") + r"\Z"
    )


def test_the_page_shows_what_the_doctor_says(findings: list[Finding]) -> None:
    said = [line for finding in findings for line in lines(finding, width=0)]
    (shown,) = [block for block in blocks("text") if "remedy: " in block]
    for line in shown.partition("\n\n")[0].splitlines():
        assert any(_pattern(line).match(one) for one in said), f"the doctor says no such line: {line}"


def test_all_that_was_wrong_stands_on_the_page(findings: list[Finding]) -> None:
    (shown,) = [block for block in blocks("text") if "remedy: " in block]
    for finding in findings:
        if finding.verdict != "ok" and finding.what != "time synchronisation":
            assert f" {finding.what} " in shown


def test_everything_that_is_looked_at_stands_in_the_table(findings: list[Finding]) -> None:
    rows = re.findall(r"^\| ([^|]+) \|[^|]+\|[^|]+\|$", PAGE.read_text("utf-8"), re.MULTILINE)
    explained = {row.strip() for row in rows}
    for what in {re.sub(r"(\bof |^watcher ).*", r"\1…", finding.what) for finding in findings}:
        assert what in explained
