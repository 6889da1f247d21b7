"""The whole round: a real agent that runs, one that does not, and a configuration that cannot be used."""

import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from agent.clock import SystemClock
from agent.doctor import round as doctors_round
from agent.doctor.case import Case
from agent.doctor.round import examine
from agent.finding import Finding
from collector.embedded.broker import EmbeddedBroker
from tests.agent.conftest import AGENT_KEY, RECEIPT_KEY
from tests.agent.doctor.brokers import ACCESS_RULES, mosquitto
from tests.agent.doctor.cases import verdicts
from tests.agent.enrolled import enrol_in
from tests.agent.fake_collector import FakeCollector
from tests.agent.holder import hold
from tests.agent.test_run import Host
from tests.agent.test_uplink_broker import eventually

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the simulator needs pseudo-terminals")


@pytest.fixture
def collector(broker: EmbeddedBroker) -> Iterator[FakeCollector]:
    made = FakeCollector(broker.port, agent=AGENT_KEY.verifier, key=RECEIPT_KEY)
    yield made
    made.close()


@pytest.fixture
def host(tmp_path: Path, broker: EmbeddedBroker) -> Iterator[Host]:
    made = Host(tmp_path / "pc", broker.port)
    yield made
    made.close()


def test_a_configuration_with_faults_is_all_that_is_looked_at(tmp_path: Path) -> None:
    path = enrol_in(tmp_path / "pc", broker_port=9, port=tmp_path / "port")
    path.write_text(path.read_text("utf-8").replace("poll_s", "pol_s").replace("127.0.0.1:9", ""), "utf-8")
    found = list(examine(path, SystemClock()))
    assert [finding.verdict for finding in found] == ["fail", "fail"]
    assert [finding.found.partition(":")[0] for finding in found] == ["collector.url", "watcher[0].pol_s"]


def test_an_agent_that_runs_is_asked_and_not_disturbed(host: Host, collector: FakeCollector) -> None:
    host.plug_in()
    agent = host.start()
    eventually(lambda: (host.directory / "state" / "status.json").exists(), within_s=30)
    eventually(lambda: [row["state"] for row in host.status()["watchers"]] == ["up"], within_s=30)  # type: ignore[attr-defined]
    eventually(lambda: collector.size >= 3, within_s=30)
    children = psutil.Process(agent.pid).children()
    hellos = len(collector.hellos)
    found = verdicts(examine(host.configuration, SystemClock()))
    assert "port of meter1" not in found, "the agent's own child, and the meter, are no other programs"
    with hold(str(host.directory / "port")) as pid:
        (company,) = [one for one in examine(host.configuration, SystemClock()) if one.what == "port of meter1"]
    assert company.verdict == "fail"
    assert f"process {pid} (" in company.found
    assert found["agent"] == "ok"
    assert (found["watcher meter1"], found["delivery"], found["journal"]) == ("ok", "ok", "ok")
    assert found["collector"] == "fail", "nothing listens at the configured address"
    assert psutil.Process(agent.pid).children() == children, "its port was left alone"
    assert len(collector.hellos) == hellos, "and so was its session"
    assert agent.poll() is None


def test_an_agent_that_the_broker_silently_denies_is_told_of_its_rules(tmp_path: Path, open_directory: Path) -> None:
    rules = open_directory / "rules"
    rules.write_text(ACCESS_RULES)
    with mosquitto(open_directory, "allow_anonymous true", f"acl_file {rules}") as port:
        host = Host(tmp_path / "pc", port)
        host.start()
        eventually(lambda: "does not answer" in str(_uplink(host)), within_s=30)
        finding = next(one for one in examine(host.configuration, SystemClock()) if one.what == "delivery")
        host.close()
    assert finding.verdict == "fail"
    assert "entries wait for a receipt" in finding.found
    assert "jishi/v1/up/35/em-01 to be written" in finding.remedy


def _uplink(host: Host) -> object:
    path = host.directory / "state" / "status.json"
    return host.status().get("uplink") if path.exists() else None


def examine_this(_case: Case) -> Iterator[Finding]:
    yield Finding("first", "ok", "it looked")
    raise OSError(5, "Input/output error")


def test_an_examination_that_fails_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = enrol_in(tmp_path / "pc", broker_port=9, port=tmp_path / "port")
    monkeypatch.setattr(doctors_round, "EXAMINATIONS", (examine_this, doctors_round.examine_enrolment))
    found = list(examine(path, SystemClock()))
    assert [(one.what, one.verdict) for one in found[1:]] == [
        ("first", "ok"),
        ("this", "unknown"),
        ("enrolment", "ok"),
    ]
    assert "Input/output error" in found[2].found
