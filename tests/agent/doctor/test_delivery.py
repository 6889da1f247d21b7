"""The way over the broker, with real brokers: as it should be, denied, refused, and not there."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.doctor import delivery
from agent.doctor.case import Case
from agent.doctor.delivery import greet, judge_answer, judge_unreachable
from agent.doctor.roads import examine_delivery
from agent.finding import Finding
from agent.identity import Broker
from agent.journal import Journal
from collector.embedded.broker import EmbeddedBroker
from protocol.message import Refusal, Welcome
from protocol.note import Checkpoint
from tests.agent.conftest import AGENT_KEY, ORIGIN, RECEIPT_KEY, add
from tests.agent.doctor.brokers import ACCESS_RULES, mosquitto, mute_listener
from tests.agent.doctor.cases import a_case, verdicts
from tests.agent.fake_collector import FakeCollector
from tests.conftest import find_free_port

SHORT_S = 0.5


def look(case: Case, *, patience_s: float = 10) -> list[Finding]:
    assert case.who is not None
    return list(greet(case.who, case, patience_s=patience_s))


@pytest.fixture
def collector(broker: EmbeddedBroker) -> Iterator[FakeCollector]:
    made = FakeCollector(broker.port, agent=AGENT_KEY.verifier, key=RECEIPT_KEY)
    yield made
    made.close()


def test_a_collector_that_answers_is_in_order(tmp_path: Path, broker: EmbeddedBroker, collector: FakeCollector) -> None:
    found = look(a_case(tmp_path, broker_port=broker.port))
    assert verdicts(found) == {"broker": "ok", "delivery": "ok", "clock": "warn"}, "the fake's clock says 1970"
    assert collector.hellos[0].size == 0, "nothing was signed yet, and the doctor signs nothing new"


def test_the_hello_repeats_what_was_signed_last(
    tmp_path: Path, broker: EmbeddedBroker, collector: FakeCollector
) -> None:
    case = a_case(tmp_path, broker_port=broker.port)
    assert case.who is not None
    journal = Journal.open(case.who.journal, origin=ORIGIN)
    add(journal, 7)
    root = journal.root_at(5)
    journal.mark_signed(5, root)
    journal.close()
    look(case)
    assert collector.hellos[0] == Checkpoint(ORIGIN, 5, root)


def test_a_broker_that_knows_no_mqtt_5_is_spoken_to_in_the_older_way(tmp_path: Path) -> None:
    with EmbeddedBroker(find_free_port(), program="amqtt") as broker:
        made = FakeCollector(broker.port, agent=AGENT_KEY.verifier, key=RECEIPT_KEY)
        found = look(a_case(tmp_path, broker_port=broker.port))
        made.close()
    assert verdicts(found)["delivery"] == "ok"


def test_a_hello_that_nobody_answers_names_both_topics(
    tmp_path: Path, broker: EmbeddedBroker, collector: FakeCollector
) -> None:
    collector.deaf = True
    _, finding = look(a_case(tmp_path, broker_port=broker.port), patience_s=SHORT_S)
    assert (finding.what, finding.verdict) == ("delivery", "fail")
    assert finding.found == "the broker took the hello, and no answer came within 0.5 s"
    assert "jishi/v1/up/35/em-01" in finding.remedy
    assert "jishi/v1/down/35/em-01" in finding.remedy


def test_a_publish_that_the_broker_denies_is_said_by_mqtt_5(tmp_path: Path, open_directory: Path) -> None:
    rules = open_directory / "rules"
    rules.write_text(ACCESS_RULES)
    with mosquitto(open_directory, "allow_anonymous true", f"acl_file {rules}") as port:
        _, finding = look(a_case(tmp_path, broker_port=port))
    assert finding.verdict == "fail"
    assert finding.found == "the broker does not let the agent write jishi/v1/up/35/em-01 (Not authorized)"


def test_an_answer_that_the_broker_keeps_back_shows_by_not_coming(tmp_path: Path, open_directory: Path) -> None:
    rules = open_directory / "rules"
    rules.write_text("topic readwrite jishi/v1/up/#\n")
    with mosquitto(open_directory, "allow_anonymous true", f"acl_file {rules}") as port:
        made = FakeCollector(port, agent=AGENT_KEY.verifier, key=RECEIPT_KEY)
        found = look(a_case(tmp_path, broker_port=port), patience_s=SHORT_S)
        assert made.hellos, "the hello arrived"
        made.close()
    assert verdicts(found)["delivery"] == "fail"


def test_a_broker_that_does_not_admit_the_agent_is_said(tmp_path: Path, open_directory: Path) -> None:
    with mosquitto(open_directory, "allow_anonymous false") as port:
        (finding,) = look(a_case(tmp_path, broker_port=port))
    assert (finding.what, finding.verdict) == ("broker", "fail")
    assert "refuses the agent (Not authorized)" in finding.found


@pytest.mark.parametrize("says", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""], ids=["a web server", "nothing"])
def test_what_does_not_speak_mqtt_is_no_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: bytes) -> None:
    monkeypatch.setattr(delivery, "CONNECT_PATIENCE_S", SHORT_S)
    with mute_listener(says=says) as port:
        (finding,) = look(a_case(tmp_path, broker_port=port))
    assert finding.found == f"127.0.0.1:{port} does not speak MQTT"


def test_where_nothing_listens_it_is_said(tmp_path: Path, free_port: int) -> None:
    (finding,) = look(a_case(tmp_path, broker_port=free_port))
    assert finding.found == f"nothing listens at 127.0.0.1:{free_port}"


@pytest.mark.parametrize(
    ("problem", "says"),
    [
        (socket.gaierror(-2, "Name or service not known"), "no machine has the name mq.example"),
        (TimeoutError("timed out"), "mq.example:1883 cannot be reached (timed out)"),
    ],
)
def test_what_is_not_reached_is_told_apart(problem: OSError, says: str) -> None:
    assert says in judge_unreachable(Broker("mq.example", 1883), problem).found


def test_nothing_is_tried_while_an_agent_runs(tmp_path: Path, free_port: int) -> None:
    case = a_case(tmp_path, broker_port=free_port)
    assert list(examine_delivery(case._replace(holder="4711"))) == []
    assert list(examine_delivery(case._replace(who=None))) == []


def a_welcome(held: int) -> Welcome:
    return Welcome("0" * 32, 1_764_554_716_036, held, 4, 1, (), None)


@pytest.mark.parametrize(
    ("answer", "verdict", "remedy"),
    [
        (a_welcome(5), "ok", ""),
        (a_welcome(6), "fail", "put back to an older copy"),
        (Refusal("busy", 0, "", None), "warn", "wait"),
        (Refusal("revoked", 0, "the key was revoked", None), "fail", "enroll --again"),
        (Refusal("unknown-key", 0, "", None), "fail", "enroll --again"),
        (Refusal("malformed", 0, "a note of 3 bytes", None), "fail", "operator"),
    ],
)
def test_each_answer_of_the_collector_has_its_meaning(answer: Welcome | Refusal, verdict: str, remedy: str) -> None:
    finding = judge_answer(answer, signed_size=5)
    assert finding.verdict == verdict
    assert remedy in finding.remedy
