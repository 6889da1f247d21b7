"""`forks` as an operator gives it, and `jishi-audit fork` on what it writes."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collector import cli
from collector.ingest.prepare import prepare
from collector.ingest.writer import Writer
from collector.store.database import Connection
from protocol.audit import cli as audit
from protocol.batch import Batch, pack_batch
from protocol.fork_proof import decode, verify_fork
from tests.collector.province import Province
from tests.enrolling import enrol_light
from tests.light_agent import RECEIPT_KEY, START_MS, LightAgent

NOW_MS = START_MS + 86_400_000

Say = Callable[..., str]


@pytest.fixture
def said_by(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    monkeypatch.setenv("JISHI_DATABASE_DSN", dsn)
    monkeypatch.setenv("JISHI_COLLECTOR_DATA_DIR", str(tmp_path / "data"))

    def say(*words: str, status: int = 0) -> str:
        assert cli.main(list(words)) == status
        captured = capsys.readouterr()
        return captured.err if status else captured.out

    return say


@pytest.fixture
def agent(province: Province) -> LightAgent:
    province.add_instrument("A001")
    made = LightAgent()
    enrol_light(province.connection, made, asset_no="A001", now=datetime.fromtimestamp(START_MS / 1000, UTC))
    return made


@pytest.fixture
def forked(connection: Connection, agent: LightAgent) -> LightAgent:
    """The agent whose log was receipted first; a clone of it goes on from entry 3 on."""
    clone = LightAgent()
    agent.append_readings(3)
    clone.append_all_of(agent)
    agent.append_readings(4)
    clone.append_readings(6, power_mw=40_000)
    writer = Writer(connection, RECEIPT_KEY, clock_ms=lambda: NOW_MS)
    for each in (agent, clone):
        writer.write([prepare(each.topic, each.payload())])
    return agent


def test_a_proof_goes_from_the_collector_to_a_third_party(
    dsn: str,
    forked: LightAgent,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    monkeypatch.setenv("JISHI_DATABASE_DSN", dsn)
    monkeypatch.setenv("JISHI_COLLECTOR_DATA_DIR", str(tmp_path / "data"))
    assert cli.main(["forks", "--proof", forked.origin]) == 0
    proof = tmp_path / "proof"
    proof.write_bytes(capsysbinary.readouterr().out)
    assert verify_fork(decode(proof.read_bytes()), forked.key.verifier).index == 3
    assert audit.main(["fork", str(proof), "--key", forked.vkey]) == 0


def test_forks_are_listed_with_how_to_check_them(said_by: Say, forked: LightAgent) -> None:
    listed = said_by("forks")
    assert f"{forked.origin}  fork, 7 entries held" in listed
    assert "the histories part at entry 3" in listed
    assert f"jishi-audit fork proof --key {forked.vkey}" in listed
    assert "1 batches are kept" in listed
    assert "readings of 1800 s that count nowhere" in listed
    assert said_by("forks", "--agent", "em-01") == listed
    assert said_by("forks", "--agent", "em-02") == "no log is in doubt\n"


def test_a_doubt_is_listed_while_it_is_open(said_by: Say, connection: Connection, agent: LightAgent) -> None:
    agent.append_readings(3)
    batch = agent.batch()
    sent = prepare(agent.topic, pack_batch(Batch(0, batch.note, (*batch.entries[:-1], b"altered"))))
    Writer(connection, RECEIPT_KEY, clock_ms=lambda: NOW_MS).write([sent])
    assert "a tree of 3 entries did not fit: asked 1 times, no answer yet" in said_by("forks")


def test_without_a_proof_the_remedy_is_named(said_by: Say, connection: Connection) -> None:
    assert said_by("forks") == "no log is in doubt\n"
    assert "there is no proof of a fork of 'nobody'" in said_by("forks", "--proof", "nobody", status=1)
