"""The threat table names tests: each of them exists, and no row is silent about what answers it."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "security" / "threats.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
OF_PROGRAMS = re.compile(r"`tests/(threats/|faults/|deploy/test_strangers\.py)")
ROWS = [
    [cell.strip() for cell in line.strip().strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith("| attack ")
]


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED)))
def test_every_test_that_the_page_names_exists(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_every_row_names_a_test_or_says_that_the_attack_is_not_stopped(row: list[str]) -> None:
    _, answer, shown_by = row
    assert bool(re.search(r"`tests/[^`]+::\w+`", shown_by)) != ("**not stopped**" in answer + shown_by)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_every_attack_that_is_stopped_is_done_to_programs_that_run(row: list[str]) -> None:
    _, answer, shown_by = row
    assert "**not stopped**" in answer + shown_by or OF_PROGRAMS.search(shown_by)


def test_the_table_is_more_than_its_frame() -> None:
    assert len(ROWS) > 40
    assert len(NAMED) > 40
