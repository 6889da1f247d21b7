"""docs/desk.md says what is so: its configuration loads, its entries are entries, its commands parse."""

import re
from pathlib import Path

import msgspec
import pytest

from agent import cli
from agent.config import DeskSettings, load
from protocol.entry import PURPOSES, Declaration

PAGE = (Path(__file__).parents[3] / "docs" / "desk.md").read_text(encoding="utf-8")
HEAD = '[agent]\nid = "em-01"\nstate_dir = "state"\n[collector]\nurl = "http://127.0.0.1:8321"\n'


def blocks_of(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_configuration_loads_and_names_the_defaults(tmp_path: Path) -> None:
    (example,) = blocks_of("toml")
    path = tmp_path / "agent.toml"
    path.write_text(HEAD + example, encoding="utf-8")
    assert load(path).desk == DeskSettings()


def test_the_entries_are_declarations() -> None:
    lines = [line for block in blocks_of("json") for line in block.splitlines()]
    said = [msgspec.json.decode(line, type=Declaration) for line in lines]
    assert [(one.action, one.how) for one in said] == [("in", "page"), ("out", "card"), ("out", "forgotten")]
    assert [msgspec.json.encode(one).decode() for one in said] == lines


COMMANDS = [re.split(r"   +(?=[a-z])", line)[0] for line in re.findall(r"^    jishi-agent (.*)$", PAGE, re.MULTILINE)]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_parses(command: str) -> None:
    words = command.split()
    assert cli._parser(words[0]).parse_args(words).deed == words[1]


def test_each_purpose_is_named() -> None:
    assert all(f"`{purpose}`" in PAGE for purpose in PURPOSES)
