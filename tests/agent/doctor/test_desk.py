"""The desk's page: its port, and what a running agent says of it."""

import os
import socket
from pathlib import Path

import msgspec
import pytest

from agent.config import DeskSettings
from agent.doctor.case import Case
from agent.doctor.desk import examine_desk, judge_desk
from tests.agent.doctor.cases import a_case, only
from tests.agent.test_status import a_status


def with_desk(directory: Path, port: int) -> Case:
    case = a_case(directory)
    return case._replace(configuration=msgspec.structs.replace(case.configuration, desk=DeskSettings(port=port)))


def test_without_a_desk_nothing_is_said(tmp_path: Path) -> None:
    assert list(examine_desk(a_case(tmp_path))) == []


def test_a_free_port_is_in_order(tmp_path: Path, free_port: int) -> None:
    assert only(examine_desk(with_desk(tmp_path, free_port))).verdict == "ok"


def test_who_has_the_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        finding = only(examine_desk(with_desk(tmp_path, port)))
    assert finding.verdict == "fail"
    assert finding.found.startswith(f"port {port} on 127.0.0.1 is taken by process {os.getpid()} (")


def test_a_port_that_a_page_just_gave_back_is_free(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as page:
        port = page.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            page.accept()[0].close()
    assert only(examine_desk(with_desk(tmp_path, port))).verdict == "ok"


def test_nothing_is_tried_while_an_agent_hangs(tmp_path: Path, free_port: int) -> None:
    assert list(examine_desk(with_desk(tmp_path, free_port)._replace(holder="4711"))) == []


@pytest.mark.parametrize(
    ("desk", "verdict", "found"),
    [
        ({"page": "http://127.0.0.1:8323/", "problem": "", "present": [{}]}, "ok", "1 people are signed in"),
        ({"page": None, "problem": "the port is taken: choose another", "present": []}, "fail", "the port is taken"),
        ({}, "fail", "the running agent has no desk"),
    ],
)
def test_a_running_agent_is_asked(desk: dict[str, object], verdict: str, found: str) -> None:
    finding = judge_desk(desk)
    assert finding.verdict == verdict
    assert found in finding.found


def test_its_word_comes_from_the_status(tmp_path: Path, free_port: int) -> None:
    desk = {"page": "http://127.0.0.1:8323/", "problem": "", "present": []}
    case = with_desk(tmp_path, free_port)._replace(status=a_status(desk=desk))
    assert only(examine_desk(case)).found.startswith("http://127.0.0.1:8323/")
