"""What agents send by HTTPS, to the real application: the same answers as over MQTT, and nothing twice."""

import random
import threading
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from fastapi import FastAPI

from collector.config import Config
from collector.ingest.prepare import prepare
from collector.ingest.writer import Writer
from collector.keys import load_receipt_key
from collector.store.database import Connection, connect
from protocol.batch import MAX_WIRE_BYTES, parse_bundle
from protocol.message import Refusal, Welcome, parse_down
from protocol.note import open_receipt
from tests.collector.province import MovableClock, Province
from tests.enrolling import enrol_light
from tests.light_agent import LightAgent

NOW_MS = 1_795_000_000_000
Post = Callable[..., httpx.Response]


@pytest.fixture
def agent(province: Province, clock: MovableClock) -> LightAgent:
    province.add_instrument("A001")
    made = LightAgent("em-01")
    enrol_light(province.connection, made, asset_no="A001", now=clock.at)
    return made


@pytest.fixture
def post(client: httpx.Client) -> Post:
    """Sends bytes up in an agent's name, without any key."""
    headers = {"Content-Type": "application/octet-stream"}
    return lambda raw, name="em-01": client.post(f"/api/v1/up/{name}", content=raw, headers=headers)


def test_a_hello_is_welcomed_and_a_batch_is_receipted(post: Post, agent: LightAgent, config: Config) -> None:
    agent.append_readings(20)
    welcome = parse_down(post(agent.hello()).content)
    assert isinstance(welcome, Welcome)
    assert (welcome.nonce, welcome.held, welcome.receipt) == ("0" * 32, 0, None)
    answer = post(agent.payload())
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/octet-stream")
    receipt = open_receipt(answer.content, load_receipt_key(config.data_dir, config.domain).verifier)
    assert (receipt.checkpoint.size, receipt.checkpoint.root) == (20, agent.root())


def test_what_is_stored_is_what_was_posted_and_a_repetition_gets_the_same_receipt(
    post: Post, agent: LightAgent, connection: Connection
) -> None:
    agent.append_readings(20)
    first = post(agent.payload()).content
    assert post(agent.payload()).content == first
    assert _stored(connection) == agent.entries


def test_a_gap_is_refused_with_what_is_held(post: Post, agent: LightAgent) -> None:
    agent.append_readings(9)
    post(agent.payload(0, 4))
    refusal = parse_down(post(agent.payload(6)).content)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.held) == ("gap", 4)


@pytest.mark.parametrize(
    ("name", "code"), [("em-01", "malformed"), ("em-99", "malformed")], ids=["enrolled", "never enrolled"]
)
def test_noise_is_answered_whoever_is_said_to_send_it(post: Post, agent: LightAgent, name: str, code: str) -> None:
    refusal = parse_down(post(b"noise", name).content)
    assert isinstance(refusal, Refusal)
    assert refusal.code == code
    assert "neither a batch nor a hello" in refusal.detail


def test_a_batch_in_the_name_of_another_agent_is_refused(post: Post, agent: LightAgent) -> None:
    agent.append_readings(1)
    refusal = parse_down(post(agent.payload(), "em-02").content)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.receipt) == ("unknown-key", None)


@pytest.mark.parametrize(
    ("name", "raw", "status", "slug"),
    [
        ("EM_01", b"x", 404, "unknown-agent"),
        ("em-01", b"", 400, "no-message"),
        ("em-01", bytes(MAX_WIRE_BYTES + 1), 413, "too-large"),
    ],
    ids=["a name that no agent has", "no body", "over the limit of a batch"],
)
def test_what_cannot_be_a_message_is_a_problem_that_says_so(
    post: Post, agent: LightAgent, name: str, raw: bytes, status: int, slug: str
) -> None:
    answer = post(raw, name)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:jishi:problem:{slug}")


def test_other_routes_keep_their_own_limit(client: httpx.Client) -> None:
    assert client.post("/api/v1/enrolments", content=bytes(70_000)).status_code == 413


def test_a_crowd_is_asked_to_wait_and_everybody_else_is_served(
    post: Post, agent: LightAgent, app: FastAPI, client: httpx.Client
) -> None:
    app.state.deliveries.places = 0
    answer = post(agent.hello())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert client.get("/readyz").status_code == 200
    app.state.deliveries.places = 1
    assert post(agent.hello()).status_code == 200
    assert app.state.deliveries.places == 1


def test_both_roads_at_once_store_everything_once(
    post: Post, agent: LightAgent, connection: Connection, config: Config, dsn: str, clock: MovableClock
) -> None:
    agent.append_readings(60)
    pieces = [(old, min(60, old + 3)) for old in range(0, 60, 2)]
    start = threading.Barrier(2)

    def by_mqtt() -> None:
        """What a worker does with what the broker brings it."""
        with connect(dsn, application="test") as own:
            key = load_receipt_key(config.data_dir, config.domain)
            writer = Writer(own, key, clock_ms=lambda: round(clock.at.timestamp() * 1000))
            start.wait(20)
            for piece in pieces:
                writer.write([prepare(agent.topic, agent.payload(*piece))])

    def by_https() -> None:
        start.wait(20)
        for piece in pieces:
            assert post(agent.payload(*piece)).status_code == 200

    with ThreadPoolExecutor(2) as both:
        for done in [both.submit(by_mqtt), both.submit(by_https)]:
            done.result(60)
    assert _stored(connection) == agent.entries
    counted = connection.execute("SELECT count(*), count(DISTINCT entry_index) FROM reading").fetchone()
    assert counted == (60, 60)


def test_what_another_road_stored_while_it_was_judged_is_judged_again(
    post: Post, agent: LightAgent, connection: Connection, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    agent.append_readings(5)
    post(agent.payload(0, 1))
    writer = Writer(connection, load_receipt_key(config.data_dir, config.domain), clock_ms=lambda: NOW_MS)
    with ThreadPoolExecutor(1) as other:
        with connection.transaction():
            connection.execute("SELECT FROM journal FOR NO KEY UPDATE")
            posted = other.submit(post, agent.payload())
            _wait_until_it_waits(config.dsn)
            (receipt,) = writer.write([prepare(agent.topic, agent.payload())])
        assert posted.result(60).content == receipt
    assert "1 of 1 journals moved meanwhile" in caplog.text
    assert _stored(connection) == agent.entries


def test_agents_that_come_together_through_a_few_writers_are_all_receipted(
    post: Post, province: Province, clock: MovableClock, app: FastAPI
) -> None:
    province.add_instrument("A002")
    agents = [LightAgent(f"em-{number:02d}") for number in range(12)]
    for one in agents:
        enrol_light(province.connection, one, asset_no="A002", now=clock.at)
        one.append_readings(random.Random(one.agent_id).randint(1, 30))
    with ThreadPoolExecutor(12) as crowd:
        answers = list(crowd.map(lambda one: post(one.payload(), one.agent_id), agents))
    assert [answer.status_code for answer in answers] == [200] * 12
    rows = province.rows("SELECT agent_id, size FROM journal WHERE size > 0 ORDER BY agent_id")
    assert rows == [(one.agent_id, len(one.entries)) for one in agents]


def _wait_until_it_waits(dsn: str) -> None:
    """Until the road's transaction wants the row that we hold; it has judged by then."""
    waiting = "SELECT FROM pg_stat_activity WHERE application_name = 'jishi-deliver' AND wait_event_type = 'Lock'"
    with connect(dsn, application="test") as own:
        end_s = time.monotonic() + 30
        while own.execute(waiting).fetchone() is None:
            assert time.monotonic() < end_s, "nobody waits for the journal"
            time.sleep(0.01)


def _stored(connection: Connection) -> list[bytes]:
    rows = connection.execute("SELECT entries FROM batch ORDER BY first").fetchall()
    return [entry for (bundle,) in rows for entry in parse_bundle(zlib.decompress(bundle))]
