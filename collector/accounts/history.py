"""What holds for one instrument on which local day: its owner, model, policy, and the channels that measure it.

All are dated facts: of those up to a day the newest holds, of two for the same day the one recorded later
(`seq`). A *cut* says up to which line of each table of facts something knew; a frozen period is derived once more
under its own cut, everything else under NOW. Choosing is pure; `load_history` is the one place that reads.
"""

import functools
from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from collector.accounts.bindings import Channel, MeasurementFact
from collector.store.database import Connection
from collector.store.queries import load
from protocol.policy import Policy, parse_policy

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


class Owned(NamedTuple):
    """From a day on this unit owns the instrument; `uscc` None: nobody."""

    from_day: date
    seq: int
    uscc: str | None


class Modelled(NamedTuple):
    """From a day on the instrument is of this model."""

    from_day: date
    seq: int
    model: str


class InForce(NamedTuple):
    """From a day on this policy holds; `level` 2: for the instrument, 1: for those of `model`, 0: for all."""

    level: int
    from_day: date
    seq: int
    model: str
    body: bytes


class History(NamedTuple):
    """Every dated fact about one instrument, in no order."""

    owners: Sequence[Owned]
    models: Sequence[Modelled]
    policies: Sequence[InForce]
    measurements: Sequence[MeasurementFact]

    def owner_on(self, day: date) -> str:
        """The USCC of the owner, "" where there is none."""
        held = max((each for each in self.owners if each.from_day <= day), default=None)
        return "" if held is None or held.uscc is None else held.uscc

    def model_on(self, day: date) -> str:
        """The model, "" where nobody said."""
        held = max((each for each in self.models if each.from_day <= day), default=None)
        return "" if held is None else held.model

    def policy_on(self, day: date) -> Policy | None:
        """The instrument's own policy, else its model's, else the default; None where there is none."""
        model = self.model_on(day)
        fitting = (each for each in self.policies if each.from_day <= day and (each.level != 1 or each.model == model))
        held = max(fitting, default=None)
        return None if held is None else _parse(held.body)


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


_parse = functools.lru_cache(maxsize=256)(parse_policy)
