"""The captured bytes on the pages of contact, card reader and status poll are what these devices send."""

import re

import msgspec
import pytest

from agent.simulator import rfc2217
from agent.simulator.models import State
from agent.simulator.rfc2217 import Session
from agent.simulator.status import answer
from agent.watchers.card_frame import FORMATS
from agent.watchers.status_profile import STATES
from protocol.policy import EvidenceRule
from tests.agent.watchers.test_pages import PAGES, blocks_of


def test_the_contacts_captured_bytes_are_what_a_device_server_sends() -> None:
    lines = [line for block in blocks_of(PAGES / "contact.md", "text") for line in block.splitlines()]
    session = Session()
    session.receive(bytes([rfc2217.IAC, rfc2217.WILL, rfc2217.COM_PORT]))
    session.notify(0)
    assert [bytes.fromhex(line) for line in lines] == [session.notify(rfc2217.CTS), session.notify(0)]


def test_the_captured_cards_are_read_as_the_page_says() -> None:
    lines = [line.split() for block in blocks_of(PAGES / "card-reader.md", "text") for line in block.splitlines()]
    assert len(lines) == 2
    for form, *frame, number in lines:
        assert FORMATS[form](bytes.fromhex("".join(frame))).found == [number]  # type: ignore[index]


def test_the_instruments_captured_answers_are_what_it_says() -> None:
    lines = [line for block in blocks_of(PAGES / "status-poll.md", "text") for line in block.splitlines()]
    states: list[State] = ["standby", "run", "run", "run"]
    for line, state in zip(lines, states, strict=True):
        question, said = line.split(maxsplit=1)
        assert answer(question.encode(), state).decode().strip() == said


@pytest.mark.parametrize(("page", "evidence_class"), [("contact", "contact"), ("status-poll", "status")])
def test_the_rule_of_the_policy_is_one_and_its_words_are_the_watchers(page: str, evidence_class: str) -> None:
    [shown] = re.findall(r"`(\{\"class\".*?\}\})`", (PAGES / f"{page}.md").read_text(encoding="utf-8"))
    rule = msgspec.json.decode(shown, type=EvidenceRule)
    assert rule.kind == evidence_class
    assert set(rule.words or {}) <= {"closed", "open", *STATES}
