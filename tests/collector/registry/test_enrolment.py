"""Enrolment: one token, one key, proved possession, and an answer that may be asked for again."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from collector.errors import BadKey, EnrolmentError, TokenExpired, TokenUsed, UnknownName, UnknownToken
from collector.registry import enrolment, instruments
from collector.registry.enrolment import Watch
from collector.store.database import Connection
from protocol import note
from tests.light_agent import DOMAIN, LightAgent

NOW = datetime(2025, 12, 1, 3, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
WATCH = [Watch("meter1", "power", "A001"), Watch("meter2", "power", "A002")]


@pytest.fixture
def token(connection: Connection) -> str:
    for asset_no in ("A001", "A002"):
        instruments.register_instrument(connection, asset_no, name_zh="电镜")
    return make(connection)


def test_a_key_is_enrolled_by_token_challenge_and_proof(connection: Connection, token: str) -> None:
    agent = LightAgent("em-01")
    granted = redeem(connection, token, agent)
    assert granted == enrolment.Enrolment(agent.origin, "em-01", 1, tuple(WATCH), new=True)
    assert granted.assets == ("A001", "A002")
    journal = connection.execute("SELECT origin, agent_id, epoch, vkey, size, standing FROM journal").fetchone()
    assert journal == (agent.origin, "em-01", 1, agent.vkey, 0, "ok")
    measured = connection.execute("SELECT watcher, asset_no, from_day::text FROM measurement ORDER BY seq").fetchall()
    assert measured == [("meter1", "A001", "2025-12-01"), ("meter2", "A002", "2025-12-01")]


def test_the_measurements_hold_from_the_local_day(connection: Connection, token: str) -> None:
    redeem(connection, token, LightAgent("em-01"), now=NOW.replace(hour=16), valid=timedelta(days=1))
    assert connection.execute("SELECT DISTINCT from_day::text FROM measurement").fetchall() == [("2025-12-02",)]


def test_the_same_key_again_gets_the_same_answer_even_after_the_token_expired(
    connection: Connection, token: str
) -> None:
    agent = LightAgent("em-01")
    first = redeem(connection, token, agent)
    again = redeem(connection, token, agent, now=NOW + 2 * HOUR)
    assert again == first._replace(new=False)
    assert connection.execute("SELECT count(*) FROM journal").fetchone() == (1,)
    assert connection.execute("SELECT count(*) FROM measurement").fetchone() == (2,)


def test_another_key_with_a_used_token_is_refused(connection: Connection, token: str) -> None:
    redeem(connection, token, LightAgent("em-01"))
    with pytest.raises(TokenUsed, match="with another key"):
        redeem(connection, token, LightAgent("em-01", seed=b"x" * 32))


def test_a_token_expires(connection: Connection, token: str) -> None:
    agent = LightAgent("em-01")
    asked = ask(connection, token)
    with pytest.raises(TokenExpired, match="ask the operator for a new one"):
        ask(connection, token, now=NOW + HOUR)
    with pytest.raises(TokenExpired):
        redeem(connection, token, agent, now=NOW + HOUR, proof=prove(agent, asked))


def test_a_token_is_good_for_its_agent_only(connection: Connection, token: str) -> None:
    with pytest.raises(UnknownToken):
        ask(connection, token, agent_id="em-02")
    with pytest.raises(UnknownToken):
        ask(connection, token + "x")
    with pytest.raises(UnknownToken):
        ask(connection, "\ud800")


def test_the_challenge_may_be_asked_for_again(connection: Connection, token: str) -> None:
    assert ask(connection, token) == ask(connection, token)


def test_an_epoch_is_never_given_twice(connection: Connection, token: str) -> None:
    other = make(connection)
    assert [ask(connection, each).origin[-2:] for each in (token, other, token, make(connection))] == [
        "/1",
        "/2",
        "/1",
        "/3",
    ]


def test_without_a_challenge_nothing_can_be_redeemed(connection: Connection, token: str) -> None:
    agent = LightAgent("em-01")
    with pytest.raises(EnrolmentError, match="ask for it first"):
        call_redeem(connection, token, agent.vkey, "proof")


def test_a_low_order_key_is_refused_by_the_point_check(connection: Connection, token: str) -> None:
    asked = ask(connection, token)
    # The identity: every signature of some form verifies under it, so that its owner could deny all of them.
    identity = b"\x01" + b"\x00" * 31
    assert not note.is_valid_point(identity)
    with pytest.raises(BadKey, match="not a sound Ed25519 point"):
        call_redeem(connection, token, _vkey(asked.origin, note.ED25519, identity), "proof")
    assert connection.execute("SELECT count(*) FROM journal").fetchone() == (0,)


def test_a_key_of_another_name_or_purpose_is_refused(connection: Connection, token: str) -> None:
    asked = ask(connection, token)
    for key in (LightAgent("em-02").key, note.SigningKey(asked.origin, note.COSIGNATURE, b"k" * 32)):
        with pytest.raises(BadKey, match="must be an Ed25519 key"):
            call_redeem(connection, token, str(key.verifier), "proof")


def test_a_proof_by_another_key_is_refused(connection: Connection, token: str) -> None:
    agent, thief = LightAgent("em-01"), LightAgent("em-01", seed=b"t" * 32)
    asked = ask(connection, token)
    text = note.enrolment_text(asked.origin, agent.vkey, asked.nonce)
    with pytest.raises(BadKey, match="not acceptable"):
        call_redeem(connection, token, agent.vkey, note.sign(text, thief.key).decode())


def test_a_proof_over_another_text_is_refused(connection: Connection, token: str) -> None:
    agent = LightAgent("em-01")
    asked = ask(connection, token)
    for text in (
        note.enrolment_text(asked.origin, agent.vkey, "0" * 32),
        note.enrolment_text(asked.origin + "1", agent.vkey, asked.nonce),
        f"{asked.nonce}\n",
    ):
        with pytest.raises(BadKey, match="another text"):
            call_redeem(connection, token, agent.vkey, note.sign(text, agent.key).decode())


@pytest.mark.parametrize("foreign", ["", "x", "\ud800", "\x00", "a+00000000+AAAA", "机" * 1000])
def test_any_text_as_key_or_proof_is_refused_and_nothing_else_happens(
    connection: Connection, token: str, foreign: str
) -> None:
    agent = LightAgent("em-01")
    ask(connection, token)
    for vkey, proof in ((foreign, "proof"), (agent.vkey, foreign)):
        with pytest.raises(BadKey):
            call_redeem(connection, token, vkey, proof)


def test_a_token_is_made_only_for_what_is_registered_and_possible(connection: Connection, token: str) -> None:
    with pytest.raises(UnknownName, match="A009"):
        make(connection, watch=[Watch("meter1", "power", "A009")])
    for agent_id, watch in (
        ("EM", WATCH),
        ("em-01", []),
        ("em-01", [WATCH[0], WATCH[0]]),
        ("em-01", [Watch("no spaces", "power", "A001")]),
    ):
        with pytest.raises(EnrolmentError):
            make(connection, agent_id=agent_id, watch=watch)


def make(connection: Connection, *, agent_id: str = "em-01", watch: list[Watch] = WATCH) -> str:
    return enrolment.make_token(connection, agent_id, watch=watch, now=NOW, valid_for=HOUR)


def ask(connection: Connection, token: str, *, agent_id: str = "em-01", now: datetime = NOW) -> enrolment.Challenge:
    return enrolment.challenge(connection, token, agent_id=agent_id, domain=DOMAIN, now=now)


def prove(agent: LightAgent, asked: enrolment.Challenge) -> str:
    return note.sign(note.enrolment_text(asked.origin, agent.vkey, asked.nonce), agent.key).decode()


def call_redeem(
    connection: Connection, token: str, vkey: str, proof: str, *, now: datetime = NOW
) -> enrolment.Enrolment:
    return enrolment.redeem(connection, token, agent_id="em-01", vkey=vkey, proof=proof, domain=DOMAIN, now=now)


def redeem(
    connection: Connection,
    token: str,
    agent: LightAgent,
    *,
    now: datetime = NOW,
    proof: str | None = None,
    valid: timedelta | None = None,
) -> enrolment.Enrolment:
    if valid is not None:
        connection.execute("UPDATE token SET expires_at = %s", [NOW + valid])
    proof = prove(agent, ask(connection, token, now=now)) if proof is None else proof
    return call_redeem(connection, token, agent.vkey, proof, now=now)


def _vkey(name: str, algorithm: int, public: bytes) -> str:
    material = bytes([algorithm]) + public
    key_id = hashlib.sha256(name.encode() + b"\n" + material).digest()[:4].hex()
    return f"{name}+{key_id}+{base64.b64encode(material).decode()}"
