"""A stranger who came by what belongs to an agent. What the broker refuses him is in tests/deploy/test_strangers.py."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from collector.registry import enrolment
from collector.registry.enrolment import Watch
from protocol import note
from tests.faults.line import LOOPBACK
from tests.light_agent import LightAgent
from tests.threats.command import run
from tests.threats.office import Office, Settings

ENROLMENTS = "/api/v1/enrolments"
THIEF = "203.0.113.66"
AGENT = """\
[agent]
id = "em-01"
state_dir = "state"

[collector]
url = "http://{host}:{port}"

[[watcher]]
name = "meter1"
kind = "modbus-meter"
asset = "A001"
port = "/dev/null"
map = "sdm120"
"""


def test_whoever_uses_a_token_first_stands_in_the_trail_and_the_agent_is_told(
    open_office: Callable[[Settings], Office], tmp_path: Path
) -> None:
    """Good once, for one agent, for a time."""
    office = open_office({})
    office.register_units()
    office.places.instrument("A001")
    office.start()
    made = office.place.collector("token", "--agent", "em-01", "--watch", "meter1=A001")
    token = made.said.split()[-1]
    old = enrolment.make_token(
        office.connection,
        "em-01",
        watch=[Watch("meter1", "power", "A001")],
        now=datetime.now(UTC) - timedelta(hours=2),
        valid_for=timedelta(hours=1),
    )
    with office.caller(address=THIEF) as thief:

        def redeem(agent: LightAgent, spent: str) -> int:
            asked = thief.post(f"{ENROLMENTS}/challenge", json={"token": spent, "agent_id": agent.agent_id})
            if asked.status_code != 200:
                return asked.status_code
            proof = note.sign(note.enrolment_text(agent.origin, agent.vkey, asked.json()["nonce"]), agent.key)
            sent = {"token": spent, "agent_id": agent.agent_id, "vkey": agent.vkey, "proof": proof.decode()}
            return thief.post(ENROLMENTS, json=sent).status_code

        stolen = LightAgent("em-01", seed=b"thief".ljust(32, b"."))
        assert redeem(LightAgent("em-02"), token) == 404, "it is of one agent"
        assert redeem(stolen, old) == 410, "it is good for a time"
        assert redeem(stolen, token) == 201
        assert redeem(LightAgent("em-01", seed=b"accomplice".ljust(32, b".")), token) == 409, "it is good once"
    (tmp_path / "agent.toml").write_text(AGENT.format(host=LOOPBACK, port=office.port), "utf-8")
    environment = {"JISHI_TOKEN": token}
    refused = run("agent.cli", "enroll", "-c", "agent.toml", environment=environment, within=tmp_path)
    assert refused.code == 1
    assert "this token was used already, with another key" in refused.complained
    assert token not in refused.complained
    [line] = [line for line in office.place.collector("audit").said.splitlines() if "journal.enrol" in line]
    assert f"from={THIEF}" in line
    assert stolen.vkey in line
