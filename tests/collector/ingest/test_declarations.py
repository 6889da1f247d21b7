"""What is said at instruments is stored with its entries, once, and marks the days that it may change."""

from collector.ingest.writer import Writer
from collector.store.database import Connection
from protocol.entry import Declaration
from tests.collector.ingest.conftest import Enrol, offer
from tests.light_agent import BLOCK_MS, START_MS

SAID = "SELECT entry_index, asset_no, action, how, purpose, order_no, wall_ms, until_ms FROM declaration ORDER BY 1"
ANN = "a" * 64
DAY_MS = 86_400_000


def signed_in(asset: str = "A001") -> Declaration:
    return Declaration(asset=asset, operator=ANN, action="in", how="card", purpose="service-order", order="SO-1")


def forgotten(until_ms: int) -> Declaration:
    return Declaration(asset="A001", operator=ANN, action="out", how="forgotten", until_ms=until_ms)


def marked(connection: Connection) -> list[str]:
    return [f"{asset} {day}" for asset, day in connection.execute("SELECT asset_no, day FROM dirty_day ORDER BY 1, 2")]


def test_declarations_are_rows_beside_the_bytes_whatever_came_twice(
    connection: Connection, enrol: Enrol, writer: Writer
) -> None:
    agent = enrol()
    agent.append_readings(1)
    agent.append(signed_in())
    agent.append(forgotten(START_MS + BLOCK_MS))
    for old, size in ((0, 2), (0, 2), (1, 3), (0, 3)):
        writer.write([offer(agent, old, size)])
    assert connection.execute(SAID).fetchall() == [
        (1, "A001", "in", "card", "service-order", "SO-1", START_MS + 2 * BLOCK_MS, None),
        (2, "A001", "out", "forgotten", None, None, START_MS + 3 * BLOCK_MS, START_MS + BLOCK_MS),
    ]


def test_a_sign_in_marks_its_day_and_its_end_all_days_between(
    connection: Connection, enrol: Enrol, writer: Writer
) -> None:
    agent = enrol()
    agent.append(signed_in())
    writer.write([offer(agent)])
    assert marked(connection) == ["A001 2025-12-01"]
    connection.execute("DELETE FROM dirty_day")
    agent.append(forgotten(START_MS + DAY_MS), wall_ms=START_MS + 2 * DAY_MS)
    writer.write([offer(agent, 1)])
    assert marked(connection) == ["A001 2025-12-01", "A001 2025-12-02", "A001 2025-12-03"]


def test_a_clock_that_lies_by_centuries_marks_a_month_at_most(
    connection: Connection, enrol: Enrol, writer: Writer
) -> None:
    agent = enrol()
    agent.append(signed_in())
    agent.append(forgotten(2**47 - 1), wall_ms=2**47 - 1)
    agent.append(signed_in(), wall_ms=-(2**43))
    assert writer.write([offer(agent)])[0] is not None
    assert len(marked(connection)) <= 2 * 32


def test_what_is_said_of_an_instrument_that_the_agent_does_not_measure_marks_nothing(
    connection: Connection, enrol: Enrol, writer: Writer
) -> None:
    agent = enrol()
    agent.append(signed_in("B001"))
    writer.write([offer(agent)])
    assert (marked(connection), connection.execute("SELECT count(*) FROM declaration").fetchone()) == ([], (1,))
