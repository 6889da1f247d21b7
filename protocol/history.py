"""What holds for one instrument on which local day: its owner, model, policy, and the channels that measure it. Pure.

All are dated facts: of those up to a day the newest holds, of two for the same day the one recorded later (`seq`).
"""

import functools
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from protocol.bindings import MeasurementFact
from protocol.policy import Policy, parse_policy


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


_parse = functools.lru_cache(maxsize=256)(parse_policy)
