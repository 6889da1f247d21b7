"""The dated facts about one instrument, out of the database: what protocol/history.py chooses from.

A *cut* says up to which line of each table of facts something knew; a frozen period is derived once more under its own
cut, everything else under NOW. `load_history` is the one place that reads.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

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

    def rows(query: bytes, upto: int) -> Sequence[tuple[object, ...]]:
        return connection.execute(query, {"asset_no": asset_no, "upto": upto}, binary=True).fetchall()

    return History(
        owners=[Owned(*row) for row in rows(_SQL.load_ownership, cut.ownership)],  # type: ignore[arg-type]
        models=[Modelled(*row) for row in rows(_SQL.load_models, cut.description)],  # type: ignore[arg-type]
        policies=[InForce(*row) for row in rows(_SQL.load_policies, cut.policy)],  # type: ignore[arg-type]
        measurements=[
            MeasurementFact(Channel(*row[:3]), *row[3:])  # type: ignore[arg-type]
            for row in rows(_SQL.load_measurement, cut.measurement)
        ],
    )
