"""An enrolled agent for the doctor to look at, and what he found, by what he looked at."""

from collections.abc import Iterable
from pathlib import Path

from agent import config
from agent.clock import SystemClock
from agent.doctor.case import Case, take_up
from agent.finding import Finding
from tests.agent.enrolled import enrol_in


def a_case(directory: Path, *, broker_port: int = 9) -> Case:
    """The case of an agent that is enrolled and does not run; its directory is `directory`/pc."""
    path = enrol_in(directory / "pc", broker_port=broker_port, port=directory / "port")
    return take_up(config.load(path), SystemClock())


def again(case: Case) -> Case:
    """The same agent, looked at anew."""
    return take_up(case.configuration, case.clock)


def verdicts(findings: Iterable[Finding]) -> dict[str, str]:
    return {finding.what: finding.verdict for finding in findings}


def only(findings: Iterable[Finding]) -> Finding:
    (finding,) = findings
    return finding
