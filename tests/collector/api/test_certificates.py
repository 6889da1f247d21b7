"""Certificates over HTTP: at the enrolment, and anew."""

import dataclasses
from datetime import timedelta

import httpx
import pytest

from collector.certificates.directory import make_next, read_bundle
from collector.config import Broker, Config
from collector.registry.enrolment import Watch, make_token
from protocol.certificate_request import make_certificate_request
from protocol.keys import ED25519, SigningKey
from protocol.note import enrolment_text, sign
from tests.collector.province import DOMAIN, MovableClock, Province

PATH = "/api/v1/enrolments"
ORIGIN = f"{DOMAIN}/a/em-01/1"
LOG_KEY = SigningKey(ORIGIN, ED25519, b"l" * 32)


@pytest.fixture
def config(config: Config, clock: MovableClock) -> Config:
    """The same collector with a broker that admits certificates only."""
    for kind in ("services", "agents"):
        make_next(config.data_dir, kind, domain=DOMAIN, now=clock.at)
    return dataclasses.replace(config, broker=Broker("broker.example", 8883, tls=True))


@pytest.fixture
def token(province: Province, clock: MovableClock) -> str:
    province.add_instrument("A001")
    watch = [Watch("meter1", "power", "A001")]
    return make_token(province.connection, "em-01", watch=watch, now=clock.at, valid_for=timedelta(hours=1))


def request_for(key: int = 1) -> str:
    return make_certificate_request(LOG_KEY, SigningKey("tls", ED25519, bytes([key]) * 32).verifier.public).decode()


def enrol(client: httpx.Client, token: str, **more: str) -> httpx.Response:
    asked = client.post(f"{PATH}/challenge", json={"token": token, "agent_id": "em-01"}).json()
    vkey = str(LOG_KEY.verifier)
    proof = sign(enrolment_text(asked["origin"], vkey, asked["nonce"]), LOG_KEY).decode()
    members = {"token": token, "agent_id": "em-01", "vkey": vkey, "proof": proof}
    return client.post(PATH, json={**members, **more})


def renew(client: httpx.Client, request: str, origin: str = ORIGIN) -> httpx.Response:
    return client.post(f"{PATH}/certificate", json={"origin": origin, "certificate_request": request})


def test_an_enrolment_brings_the_certificate_and_whom_to_believe(
    client: httpx.Client, token: str, config: Config
) -> None:
    answer = enrol(client, token, certificate_request=request_for())
    assert answer.status_code == 201
    assert answer.json()["broker"] == {"host": "broker.example", "port": 8883, "tls": True}
    credentials = answer.json()["credentials"]
    assert credentials["certificate"].startswith("-----BEGIN CERTIFICATE-----")
    assert credentials["trusted"] == read_bundle(config.data_dir, "services").decode()
    again = enrol(client, token, certificate_request=request_for())
    assert (again.status_code, again.json()["credentials"]) == (200, credentials)


@pytest.mark.parametrize(
    ("members", "status", "slug"),
    [({}, 409, "certificate-needed"), ({"certificate_request": "nonsense"}, 422, "bad-key")],
)
def test_an_enrolment_whose_certificate_is_refused_uses_no_token_up(
    client: httpx.Client, token: str, province: Province, members: dict[str, str], status: int, slug: str
) -> None:
    refused = enrol(client, token, **members)
    assert (refused.status_code, refused.json()["type"]) == (status, f"urn:jishi:problem:{slug}")
    assert province.rows("SELECT 1 FROM journal") == []
    assert enrol(client, token, certificate_request=request_for()).status_code == 201


def test_a_certificate_is_had_again_and_for_another_key(client: httpx.Client, token: str) -> None:
    first = enrol(client, token, certificate_request=request_for()).json()["credentials"]
    assert renew(client, request_for()).json()["credentials"] == first
    assert renew(client, request_for(2)).json()["credentials"]["certificate"] != first["certificate"]
    replaced = renew(client, request_for())
    assert (replaced.status_code, replaced.json()["type"]) == (409, "urn:jishi:problem:key-replaced")


def test_who_is_not_enrolled_or_revoked_or_has_another_key_gets_none(
    client: httpx.Client, token: str, province: Province
) -> None:
    enrol(client, token, certificate_request=request_for())
    assert renew(client, request_for(), f"{DOMAIN}/a/em-02/1").status_code == 404
    stranger = SigningKey(ORIGIN, ED25519, b"s" * 32)
    forged = make_certificate_request(stranger, stranger.verifier.public).decode()
    assert renew(client, forged).json()["type"] == "urn:jishi:problem:bad-key"
    province.connection.execute("UPDATE journal SET revoked_at = now()")
    revoked = renew(client, request_for())
    assert (revoked.status_code, revoked.json()["type"]) == (403, "urn:jishi:problem:journal-revoked")
    assert province.rows("SELECT count(*) FROM certificate") == [(1,)]


class TestWithoutTls:
    @pytest.fixture
    def config(self, config: Config) -> Config:
        """A broker that admits whoever comes."""
        return dataclasses.replace(config, broker=Broker())

    def test_there_are_no_certificates(self, client: httpx.Client, token: str) -> None:
        assert enrol(client, token, certificate_request=request_for()).json()["credentials"] is None
        assert "[broker] tls is off" in renew(client, request_for()).json()["detail"]
