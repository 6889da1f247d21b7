"""The dated facts about one instrument, out of the database: what protocol/history.py chooses from.

A *cut* says up to which line of each table of facts something knew; a frozen period is derived once more under its own
cut, everything else under NOW. `load_history` is the one place that reads.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from collector.store.database import Connection
from collector.store.queries import load
from protocol.bindings import Channel, MeasurementFact
from protocol.history import History, InForce, Modelled, Owned

_SQL = load("closing")
_ALL = 2**62


class Cut(NamedTuple):
    """The last line of each table of facts that is known; `sizes` by journal_id, None: all entries there are."""

    ownership: int = _ALL
    measurement: int = _ALL
    policy: int = _ALL
    description: int = _ALL
    fact: int = _ALL
    sizes: Mapping[int, int] | None = None

    def size(self, journal_id: int) -> int:
        """How many entries of a journal are known."""
        return _ALL if self.sizes is None else self.sizes.get(journal_id, 0)


NOW = Cut()


def load_history(connection: Connection, asset_no: str, *, cut: Cut = NOW) -> History:
    """What the database holds of one instrument, up to the cut."""
    values = {
        "asset_no": asset_no,
        "ownership": cut.ownership,
        "description": cut.description,
        "policy": cut.policy,
        "measurement": cut.measurement,
    }
    dated: dict[str, list[tuple[Any, ...]]] = {"owner": [], "model": [], "policy": []}
    for what, *row in connection.execute(_SQL.load_dated, values, binary=True):
        dated[what].append(tuple(row))
    rows = connection.execute(_SQL.load_measurement, values, binary=True)
    return History(
        owners=[Owned(from_day, seq, uscc) for _, from_day, seq, uscc, _ in dated["owner"]],
        models=[Modelled(from_day, seq, model) for _, from_day, seq, model, _ in dated["model"]],
        policies=[InForce(*row) for row in dated["policy"]],
        measurements=[MeasurementFact(Channel(*row[:3]), *row[3:]) for row in rows],
    )
