"""`jishi-agent doctor`: find the usual troubles, and say the remedy."""

import shutil
import sys
import textwrap
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator

from agent.commands import usage
from agent.finding import Finding

MARKS = {"ok": "ok", "warn": "warn", "fail": "FAIL", "unknown": "?"}
WHAT_WIDTH = 20
WIDEST = 100


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `doctor`."""
    usage.add_json(parser)
    usage.add_configuration(parser)


def run(arguments: Namespace) -> int:
    """Print findings as they are found; the exit code is 1 when something does not work."""
    from agent.clock import SystemClock
    from agent.doctor.round import examine

    findings = examine(arguments.config, SystemClock())
    found = _print_json(findings) if arguments.json else _print_lines(findings)
    return usage.FAILED if any(finding.verdict == "fail" for finding in found) else usage.OK


def lines(finding: Finding, *, width: int) -> Iterator[str]:
    """A finding for people: a line for what was found, and where something is wrong, what to do."""
    head = f"{MARKS[finding.verdict]:<5} {finding.what:<{WHAT_WIDTH}} "
    yield from _wrapped(head, finding.found, width=width)
    if finding.verdict != "ok":
        indent = " " * len(f"{'':<5} {'':<{WHAT_WIDTH}} ")
        for label, text in (("expected", finding.expected), ("remedy", finding.remedy)):
            if text:
                yield from _wrapped(f"{indent}{label}: ", text, width=width)


def summary(findings: list[Finding]) -> str:
    """The last line: how many of each."""
    counts = [
        f"{count} {word}{'s' if count != 1 and word != 'not told' else ''}"
        for verdict, word in (("fail", "failure"), ("warn", "warning"), ("unknown", "not told"))
        if (count := sum(finding.verdict == verdict for finding in findings))
    ]
    return ", ".join(counts) if counts else "nothing is wrong"


def _print_lines(findings: Iterable[Finding]) -> list[Finding]:
    width = min(WIDEST, shutil.get_terminal_size().columns) if sys.stdout.isatty() else 0
    found = []
    for finding in findings:
        found.append(finding)
        print(*lines(finding, width=width), sep="\n", flush=True)
    print(f"\n{summary(found)}")
    return found


def _print_json(findings: Iterable[Finding]) -> list[Finding]:
    import json

    found = list(findings)
    healthy = not any(finding.verdict == "fail" for finding in found)
    print(json.dumps({"healthy": healthy, "findings": [finding._asdict() for finding in found]}, ensure_ascii=False))
    return found


def _wrapped(head: str, text: str, *, width: int) -> list[str]:
    """Lines of at most `width` characters, 0 for one line however long it is (for grep)."""
    if not width:
        return [head + text]
    return textwrap.wrap(text, width, initial_indent=head, subsequent_indent=" " * len(head)) or [head]
