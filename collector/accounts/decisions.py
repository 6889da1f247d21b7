"""Decisions about an instrument's time, out of the database: what the grades read beside entries and receipts.

Which of them hold, and which part of each, is for protocol/decided.py; here is only where they lie. A new decision
marks the days that it touches (collector/facts/store.py), with the reason `decision`.
"""

from collector.accounts.history import NOW, Cut
from collector.store.database import Connection
from collector.store.queries import load
from protocol import facts
from protocol.decided import Decided, decided
from protocol.facts import Fact

_SQL = load("decisions")


def load_decisions(
    connection: Connection, asset_no: str, *, start_ms: int, end_ms: int, cut: Cut = NOW
) -> list[Decided]:
    """What was decided of [start_ms, end_ms) (UTC ms) up to a cut: start_ms, end_ms, verdict, ref; in order, disjoint.

    They are cut to the range; of two about one instant the later approved one holds.
    """
    found = load_decision_facts(connection, asset_no, start_ms=start_ms, end_ms=end_ms, cut=cut)
    return [
        (max(start, start_ms), min(end, end_ms), verdict, ref)
        for start, end, verdict, ref in decided(found, asset_no)
        if start < end_ms and start_ms < end
    ]


def load_decision_facts(
    connection: Connection, asset_no: str, *, start_ms: int, end_ms: int, cut: Cut = NOW
) -> dict[str, Fact]:
    """The facts behind it by their refs, corrections of them included: what a bundle carries."""
    values = {"asset_no": asset_no, "start_ms": start_ms, "end_ms": end_ms, "upto": cut.fact}
    rows = connection.execute(_SQL.list_decisions_of, values, binary=True)
    return {facts.target_of(sha256): facts.decode(bytes(body)) for sha256, body in rows}
