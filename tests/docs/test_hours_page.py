"""docs/hours.md: the example day is derived, and its members, flags and policy are those of the program."""

import json
import re
from pathlib import Path

import pytest

from protocol.policy import parse_policy
from protocol.said import Stay
from tests.protocol.days import BEAM, RULES, Journal, Unseen, at, order, record_of, said, use
from tests.protocol.loads import BUSY, IDLE

PAGE = (Path(__file__).parents[2] / "docs" / "hours.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| ([a-z]+) \| (\d+) \| (\d+\.\d) \|", PAGE, re.MULTILINE)
DAY = Journal().meter(
    ("8:00", "9:00", IDLE),
    ("9:00", "10:00", BUSY),
    ("10:00", "10:01:30", Unseen(BUSY)),
    ("10:01:30", "12:00", BUSY),
    ("12:00", "13:00", IDLE),
)
PEOPLE = said(use("8:45", "11:00"), use("10:00", "12:30", "service-order", "SO-14"), order("SO-14"))
RECORD = record_of(DAY.blocks, said=PEOPLE)


def test_the_page_has_an_example() -> None:
    assert len(ROWS) == 11


@pytest.mark.parametrize(("name", "seconds", "hours"), ROWS)
def test_a_member_of_the_example_is_what_the_program_derives(name: str, seconds: str, hours: str) -> None:
    derived = getattr(RECORD, f"{name}_s")
    assert (str(derived), f"{derived / 3600 + 1e-9:.1f}") == (seconds, hours)


def test_the_examples_policy_is_the_one_that_the_day_is_derived_under() -> None:
    (text,) = re.findall(r"```json\n(.*?)\n```", PAGE, re.DOTALL)
    thresholds = {name: {"on_mw": 2, "off_mw": 1, "on_ms": 0, "off_ms": 0} for name in ("standby", "run")}
    whole = {"v": 1, "name": "x", "valid_mw": [0, 9], **thresholds, "gap_ms": 60_000, **json.loads(text)}
    policy = parse_policy(json.dumps(whole).encode())
    assert (policy.prepare_ms, policy.post_ms, policy.bridge_ms) == (RULES.prepare_ms, RULES.post_ms, RULES.bridge_ms)


SERVICE = use("9:00", "10:00", "service-order", "SO-14")
STAY = Stay("jishi.example/a/em-01/1", 7, "own-research", None, at("9:00"), at("10:00"), is_closed=False)
BEARING = {
    "never-closed": record_of(DAY.blocks, said=said(present=(STAY,))),
    "vetoed": record_of(Journal().meter().shows("beam", ("9:00", "10:00", "closed")).blocks, evidence=(BEAM,)),
    "order-unknown": record_of(DAY.blocks, said=said(SERVICE)),
    "order-outside-its-days": record_of(
        DAY.blocks, said=said(SERVICE, order("SO-14", first_day="2026-03-03", last_day="2026-03-09"))
    ),
    "not-owned": record_of(DAY.blocks, said=said(SERVICE, owner="")),
}


def test_every_flag_that_is_described_is_borne_by_a_day() -> None:
    assert re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.MULTILINE) == list(BEARING)
    assert {flag: record.flags for flag, record in BEARING.items()} == {flag: (flag,) for flag in BEARING}
