"""From a year's figure to the bytes of one reading and their receipt, in five requests, by the API alone."""

import base64
import hashlib
from datetime import date, timedelta

import httpx
import pytest

from collector.ingest.writer import Writer
from collector.registry import units
from collector.registry.access import Access, Scope
from protocol import merkle, note
from protocol.entry import decode
from tests.collector.conftest import make_key
from tests.collector.ingest.conftest import NOW_MS, offer
from tests.collector.province import USCC, MovableClock, Province
from tests.light_agent import BLOCK_MS, RECEIPT_KEY, START_MS, LightAgent

DAY = date(2025, 12, 1)


@pytest.fixture
def agent(province: Province) -> LightAgent:
    """A real journal, taken in by the real writer: 40 blocks at 900 W, then 10 more."""
    province.add_instrument("A001")
    made = LightAgent()
    connection = province.connection
    connection.execute("INSERT INTO agent (agent_id, last_epoch) VALUES ('em-01', 1)")
    connection.execute(
        "INSERT INTO journal (origin, agent_id, epoch, vkey) VALUES (%s, 'em-01', 1, %s)", [made.origin, made.vkey]
    )
    province.bind("em-01", "A001", from_day=date(2020, 1, 1))
    writer = Writer(connection, RECEIPT_KEY, clock_ms=lambda: NOW_MS)
    made.append_readings(50)
    for old, size in ((0, 7), (7, 40), (40, 50)):
        assert writer.write([offer(made, old, size)])[0] is not None
    province.derive(DAY + timedelta(days=1))
    return made


def test_five_requests_lead_from_the_years_figure_to_a_readings_bytes_and_receipt(
    api: httpx.Client, agent: LightAgent
) -> None:
    [unit] = api.get("/api/v1/figures?year=2025&by=unit").json()["items"]
    assert (unit["uscc"], unit["effective_s"] > 0) == (USCC, True)
    [instrument] = api.get(unit["details"]).json()["items"]
    [day] = api.get(instrument["details"]).json()["items"]
    assert day["effective_s"] == instrument["effective_s"] == unit["effective_s"]
    blocks = api.get(day["readings"]).json()["blocks"]
    assert [block["entry_index"] for block in blocks] == list(range(50))
    chosen = blocks[9]
    entry = api.get(chosen["entry"]).json()
    # What follows needs nothing of the collector but the answer and its key.
    raw = base64.b64decode(entry["entry_base64"])
    assert raw == agent.entries[9]
    receipt = note.open_receipt(entry["receipt"].encode(), RECEIPT_KEY.verifier)
    assert note.open_checkpoint(entry["receipt"].encode(), agent.key.verifier) == receipt.checkpoint
    merkle.verify_inclusion(
        hashlib.sha256(b"\0" + raw).digest(),
        index=9,
        size=receipt.checkpoint.size,
        proof=[base64.b64decode(each) for each in entry["proof"]],
        root=receipt.checkpoint.root,
    )
    assert decode(raw).wall_ms == START_MS + 10 * BLOCK_MS


@pytest.mark.parametrize("index", [0, 6, 7, 39, 40, 49])
def test_every_entry_is_proved_by_the_receipt_of_its_batch(api: httpx.Client, agent: LightAgent, index: int) -> None:
    entry = api.get(f"/api/v1/entries/{agent.origin}/{index}").json()
    assert entry["receipt_size"] == next(size for size in (7, 40, 50) if index < size)
    merkle.verify_inclusion(
        merkle.leaf_hash(agent.entries[index]),
        index=index,
        size=entry["receipt_size"],
        proof=[base64.b64decode(each) for each in entry["proof"]],
        root=agent.root(entry["receipt_size"]),
    )


def test_what_is_not_there_and_what_lies_outside_look_alike(
    client: httpx.Client, province: Province, agent: LightAgent, clock: MovableClock
) -> None:
    units.register_unit(province.connection, "91440300708461136T", name_zh="平安")
    client.headers["X-API-Key"] = make_key(
        province, clock, access=Access("reader", Scope("unit", "91440300708461136T"))
    )
    outside = client.get(f"/api/v1/entries/{agent.origin}/3")
    absent = client.get(f"/api/v1/entries/{agent.origin}/50")
    assert outside.status_code == absent.status_code == 404
    assert outside.text.replace(" 3", " 50").replace("/3", "/50") == absent.text
    assert client.get("/api/v1/entries/no%00body/0").status_code == 404
