"""Enrolment over HTTP, as an agent goes through it."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from collector.registry import enrolment
from collector.registry.enrolment import Watch
from protocol.note import ED25519, SigningKey, enrolment_text, sign
from tests.collector.province import DOMAIN, MovableClock, Province

PATH = "/api/v1/enrolments"


@pytest.fixture
def token(province: Province, clock: MovableClock) -> str:
    province.add_instrument("A001")
    return enrolment.make_token(
        province.connection, "em-01", watch=[Watch("meter1", "power", "A001")], now=clock.at,
        valid_for=timedelta(hours=1),
    )  # fmt: skip


def challenge(client: httpx.Client, token: str, agent_id: str = "em-01") -> Any:
    return client.post(f"{PATH}/challenge", json={"token": token, "agent_id": agent_id})


def enrol(client: httpx.Client, token: str, *, seed: bytes = b"s" * 32, nonce: str | None = None) -> Any:
    asked = challenge(client, token).json()
    key = SigningKey(asked["origin"], ED25519, seed)
    vkey = str(key.verifier)
    proof = sign(enrolment_text(asked["origin"], vkey, nonce or asked["nonce"]), key).decode()
    return client.post(PATH, json={"token": token, "agent_id": "em-01", "vkey": vkey, "proof": proof})


def test_a_token_becomes_a_journal_with_all_that_the_agent_needs(
    client: httpx.Client, token: str, province: Province
) -> None:
    answer = enrol(client, token)
    assert answer.status_code == 201
    enrolled = answer.json()
    vkey = enrolled.pop("receipt_vkey")
    assert vkey.startswith(f"{DOMAIN}/receipt/1+")
    assert enrolled == {
        "origin": f"{DOMAIN}/a/em-01/1",
        "agent_id": "em-01",
        "epoch": 1,
        "domain": DOMAIN,
        "shard": enrolled["shard"],
        "broker": {"host": "127.0.0.1", "port": 1883, "tls": False},
        "credentials": None,
        "assets": ["A001"],
        "watch": [{"watcher": "meter1", "channel": "power", "asset": "A001"}],
    }
    assert province.rows("SELECT origin, size FROM journal") == [(f"{DOMAIN}/a/em-01/1", 0)]


def test_asking_again_with_the_same_key_gives_the_same_answer(client: httpx.Client, token: str) -> None:
    first, again = enrol(client, token), enrol(client, token)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()


def test_a_used_token_refuses_another_key(client: httpx.Client, token: str) -> None:
    enrol(client, token)
    refused = enrol(client, token, seed=b"t" * 32)
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:jishi:problem:token-used"
    assert "already" in refused.json()["detail"]


def test_an_unknown_token_and_another_agents_token_look_alike(client: httpx.Client, token: str) -> None:
    unknown, others = challenge(client, "jt_unknown"), challenge(client, token, "em-02")
    assert unknown.status_code == others.status_code == 404
    assert unknown.json()["type"] == others.json()["type"] == "urn:jishi:problem:unknown-token"
    assert "jt_unknown" not in unknown.text


def test_an_expired_token_is_gone(client: httpx.Client, token: str, clock: MovableClock) -> None:
    clock.at += timedelta(hours=2)
    refused = challenge(client, token)
    assert refused.status_code == 410
    assert refused.json()["type"] == "urn:jishi:problem:token-expired"


def test_a_proof_over_another_nonce_is_refused(client: httpx.Client, token: str, province: Province) -> None:
    refused = enrol(client, token, nonce="0" * 32)
    assert refused.status_code == 422
    assert refused.json()["type"] == "urn:jishi:problem:bad-key"
    assert province.rows("SELECT 1 FROM journal") == []


def test_a_challenge_comes_before_the_key(client: httpx.Client, token: str) -> None:
    refused = client.post(PATH, json={"token": token, "agent_id": "em-01", "vkey": "x", "proof": "y"})
    assert refused.status_code == 409
    assert "challenge" in refused.json()["detail"]
