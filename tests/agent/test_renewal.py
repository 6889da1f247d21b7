"""The certificate anew: asked for with the journal's key, over https only; where it is refused, nothing is lost."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent import config, credentials, identity
from agent.enrolment import Answer
from agent.errors import EnrolmentError
from agent.identity import Broker, Identity
from agent.renewal import PATH, ask_of, renew
from collector.certificates.authority import issue_to_agent, make_authority, to_pem
from protocol.certificate_request import open_certificate_request
from tests.agent.conftest import AGENT_KEY, ORIGIN
from tests.agent.enrolled import enrol_in

NOW = datetime.now(UTC)
AGENTS = make_authority("agents", generation=1, domain="jishi.example", now=NOW)
TRUSTED = to_pem(make_authority("services", generation=1, domain="jishi.example", now=NOW).certificate).decode()
REFUSAL = {"type": "urn:jishi:problem:key-replaced", "detail": "the agent has another key since"}


class Collector:
    """Certifies what an agent's key asks for, or says what it is told to."""

    def __init__(self) -> None:
        self.says: tuple[int, bytes] | None = None
        self.asked: list[bytes] = []

    def ask(self, path: str, members: dict[str, str]) -> Answer:
        assert (path, members["origin"]) == (PATH, ORIGIN)
        public = open_certificate_request(members["certificate_request"].encode(), AGENT_KEY.verifier)
        self.asked.append(public)
        if self.says:
            return Answer(*self.says, None)
        certificate = to_pem(issue_to_agent(AGENTS, "em-01", tls_public=public, now=NOW)).decode()
        brought = {"credentials": {"certificate": certificate, "trusted": TRUSTED}}
        return Answer(200, json.dumps(brought).encode(), None)


@pytest.fixture
def who(tmp_path: Path) -> Identity:
    """An agent whose broker wants certificates."""
    enrol_in(tmp_path, broker_port=1, port=tmp_path / "port")
    found = identity.load(tmp_path / "state", agent_id="em-01")
    return found._replace(enrolment=_with_broker(found, Broker("localhost", 8883, tls=True)))


def _with_broker(found: Identity, broker: Broker) -> identity.Enrolment:
    import msgspec

    return msgspec.structs.replace(found.enrolment, broker=broker)


def test_a_certificate_for_the_key_is_put_in_force(tmp_path: Path, who: Identity) -> None:
    state_dir, collector = tmp_path / "state", Collector()
    seed = credentials.pending_seed(state_dir)
    renew(state_dir, who, ask=collector.ask, seed=seed)
    assert collector.asked == [credentials.public_of(seed)]
    assert credentials.current_seed(state_dir) == seed
    assert (state_dir / "tls" / credentials.TRUSTED).read_text() == TRUSTED


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ((409, json.dumps(REFUSAL).encode()), "the agent has another key since"),
        ((200, b'{"credentials":{"certificate":"none","trusted":"nobody"}}'), "cannot be used"),
        ((200, b'{"credentials":null}'), "cannot be used"),
        ((502, b"<html>"), "is not a jishi collector"),
    ],
)
def test_what_is_refused_or_unusable_leaves_the_old_one_in_force(
    tmp_path: Path, who: Identity, says: tuple[int, bytes], words: str
) -> None:
    state_dir, collector = tmp_path / "state", Collector()
    renew(state_dir, who, ask=collector.ask, seed=credentials.pending_seed(state_dir))
    before = (state_dir / "tls" / credentials.CLIENT).read_bytes()
    collector.says = says
    seed = credentials.pending_seed(state_dir)
    with pytest.raises(EnrolmentError, match=words):
        renew(state_dir, who, ask=collector.ask, seed=seed)
    assert (state_dir / "tls" / credentials.CLIENT).read_bytes() == before
    assert credentials.pending_seed(state_dir) == seed, "the next attempt asks for the same key"


def test_without_tls_there_is_nothing_to_renew(tmp_path: Path, who: Identity) -> None:
    plain = who._replace(enrolment=_with_broker(who, Broker("localhost", 1883)))
    with pytest.raises(EnrolmentError, match="nothing to renew"):
        renew(tmp_path / "state", plain, ask=Collector().ask, seed=bytes(32))


def test_a_plain_address_is_not_asked(tmp_path: Path) -> None:
    """Whoever stands between could name himself an authority."""
    path = enrol_in(tmp_path, broker_port=1, port=tmp_path / "port")
    path.write_text(path.read_text().replace("http://127.0.0.1:9", "http://collector.example:8321"))
    with pytest.raises(EnrolmentError, match=r"change \[collector\] url to the https address"):
        ask_of(config.load(path))
