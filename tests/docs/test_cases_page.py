"""docs/cases.md names every kind of evidence, and its commands are those that there are."""

import argparse
import re
from pathlib import Path

import pytest

from collector.commands import case, evaluate
from collector.evaluation.evidence import KINDS
from protocol.signed_case import Evidence

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "cases.md").read_text(encoding="utf-8")


def test_the_kinds_of_each_indicator_are_those_that_are_taken() -> None:
    rows = re.findall(r"^\| ([13468]) \| (.*) \|$", PAGE, re.MULTILINE)
    assert {int(indicator): tuple(re.findall(r"`([a-z-]+)`", kinds)) for indicator, kinds in rows} == KINDS


def test_the_kinds_of_proof_are_those_of_the_signed_text() -> None:
    [meta] = Evidence.__metadata__  # type: ignore[attr-defined]
    kinds = re.search(r"\(([a-z|]+)\)", meta.pattern)
    assert kinds is not None
    assert re.findall(r"^\| `([a-z]+):` \|", PAGE, re.MULTILINE) == kinds[1].split("|")


COMMANDS = re.findall(r"^ {4}(?:\$ )?jishi-collector (evaluate|case) (.*)$", PAGE, re.MULTILINE)


def test_the_page_has_commands() -> None:
    assert len(COMMANDS) > 15


@pytest.mark.parametrize(("command", "words"), COMMANDS)
def test_each_command_is_one_that_is_taken(command: str, words: str) -> None:
    parser = argparse.ArgumentParser(exit_on_error=False)
    {"evaluate": evaluate, "case": case}[command].configure(parser)
    said = re.findall(r'"[^"]*"|\S+', words.split(" > ")[0])
    parser.parse_args([word.strip('"') for word in said])
