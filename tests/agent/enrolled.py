"""An agent as it is after `enroll`, without a collector to enrol with: state directory, key, journal, configuration."""

from pathlib import Path

import msgspec

from agent import identity
from agent.clock import SystemClock
from agent.identity import Broker, Enrolment, Watch
from agent.journal import Journal
from protocol.entry import Genesis
from tests.agent.conftest import AGENT_KEY, ORIGIN, RECEIPT_KEY

CONFIGURATION = """\
[agent]
id = "em-01"
state_dir = "state"
block_s = {block_s}

[collector]
url = "http://127.0.0.1:9"

[[watcher]]
name = "meter1"
kind = "modbus-meter"
asset = "A001"
port = "{port}"
map = "sdm120"
poll_s = 1
"""


def answer(broker_port: int) -> bytes:
    """The collector's answer to the enrolment."""
    enrolment = Enrolment(
        origin=ORIGIN,
        agent_id="em-01",
        epoch=1,
        domain="jishi.example",
        receipt_vkey=str(RECEIPT_KEY.verifier),
        broker=Broker("127.0.0.1", broker_port),
        assets=("A001",),
        watch=(Watch("meter1", "power", "A001"),),
    )
    return msgspec.json.encode(enrolment)


def enrol_in(directory: Path, *, broker_port: int, port: Path, block_s: int = 300) -> Path:
    """Make `directory`/agent.toml and an enrolled state directory beside it; returns the configuration's path."""
    state_dir = directory / "state"
    state_dir.mkdir(parents=True)
    identity.write_identity(state_dir, AGENT_KEY, answer=answer(broker_port))
    journal = Journal.open(identity.journal_directory(state_dir, 1), origin=ORIGIN, create=True)
    clock = SystemClock()
    journal.append(Genesis(("A001",), str(AGENT_KEY.verifier), "a build"), clock.now(), boot=clock.boot_id)
    journal.close()
    path = directory / "agent.toml"
    path.write_text(CONFIGURATION.format(port=port, block_s=block_s), encoding="utf-8")
    return path
