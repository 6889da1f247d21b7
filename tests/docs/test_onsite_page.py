"""docs/onsite.md and docs/keys.md: the example is findings, the commands are there, the pictures are small."""

import re
from pathlib import Path

import pytest

from agent.cli import COMMANDS as OF_AGENT
from collector.cli import COMMANDS as OF_COLLECTOR
from protocol.audit.cli import main
from protocol.findings import KIND, MATCHES, VERDICTS, parse_findings

DOCS = Path(__file__).parents[2] / "docs"
PAGE, KEYS = (DOCS / "onsite.md").read_text("utf-8"), (DOCS / "keys.md").read_text("utf-8")


def test_the_example_is_findings_in_canonical_form() -> None:
    [example] = re.findall(r"^```json\n(.*?)\n```$", PAGE, re.DOTALL | re.MULTILINE)
    found = parse_findings(f"{KIND}\n{example}\n")
    assert (found.asset, len(found.steps)) == ("A001", 2)


def test_every_word_of_the_format_is_told() -> None:
    for word in (*VERDICTS, *(word for word in MATCHES if word != "open")):
        assert f"`{word}`" in PAGE


@pytest.mark.parametrize(("program", "known"), [("jishi-agent", OF_AGENT), ("jishi-collector", OF_COLLECTOR)])
def test_the_commands_of_the_pages_are_there(program: str, known: dict[str, object]) -> None:
    named = set(re.findall(rf"{program} ([a-z-]+)", PAGE + KEYS))
    assert named
    assert named <= set(known)


@pytest.mark.parametrize("step", sorted(set(re.findall(r"jishi-audit ((?:inspect|key) [a-z]+)", PAGE + KEYS))))
def test_the_steps_of_the_pages_are_there(step: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*step.split(), "--help"])
    assert ended.value.code == 0


def test_the_pictures_are_there_and_small() -> None:
    pictures = re.findall(r"\]\((pictures/[a-z0-9-]+\.png)\)", PAGE)
    assert len(pictures) == 5
    for picture in pictures:
        assert 5_000 < (DOCS / picture).stat().st_size < 200_000
