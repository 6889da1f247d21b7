"""Which roads the doctor tries, and what the answers by HTTPS mean; real web server, no broker."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from agent.doctor.case import Case
from agent.doctor.roads import examine_delivery
from protocol.message import Refusal, Welcome, pack, parse_up
from tests.agent.doctor.cases import a_case, only, verdicts
from tests.agent.roads.web_server import Say, WebServer, web_server


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server() as running:
        yield running


def case_by(road: str, directory: Path, server: WebServer) -> Case:
    case = a_case(directory)
    collector = msgspec.structs.replace(case.configuration.collector, url=server.url, road=road)  # type: ignore[arg-type]
    return case._replace(configuration=msgspec.structs.replace(case.configuration, collector=collector))


def test_only_the_road_that_is_set_is_tried(tmp_path: Path, server: WebServer) -> None:
    server.script.append(Say(body=pack(Refusal("busy", 0, "later", None))))
    assert verdicts(examine_delivery(case_by("https", tmp_path, server))) == {"https road": "warn"}
    assert verdicts(examine_delivery(case_by("mqtt", tmp_path / "2", server))) == {"broker": "fail"}
    assert len(server.asked) == 1
    assert len(parse_up(server.asked[0].body).note) > 0


def test_the_other_road_is_tried_where_the_broker_fails(tmp_path: Path, server: WebServer) -> None:
    found = verdicts(examine_delivery(case_by("auto", tmp_path, server)))
    assert found == {"broker": "fail", "https road": "fail"}, "a welcome with another nonce is none"


def test_a_welcome_to_another_hello_is_no_answer(tmp_path: Path, server: WebServer) -> None:
    server.script.append(Say(body=pack(Welcome("0" * 32, 0, 0, 4, 0, (), None))))
    found = only(examine_delivery(case_by("https", tmp_path, server)))
    assert (found.verdict, found.found) == ("fail", "no answer that is the collector's")


def test_what_is_no_collector_is_told_with_the_remedy(tmp_path: Path, server: WebServer) -> None:
    server.script.append(Say(404, b"nothing here", "text/plain"))
    found = only(examine_delivery(case_by("https", tmp_path, server)))
    assert "HTTP status 404" in found.found
    assert "proxy" in found.remedy
