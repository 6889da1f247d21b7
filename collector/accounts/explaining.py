"""Explains a second of a day: gathers what it is derived from, as the deriver does, and asks protocol/explain.py."""

from datetime import date

from collector.accounts.blocks import bounded, read_blocks
from collector.accounts.claims import load_said
from collector.accounts.grading import load_grade
from collector.accounts.history import load_history
from collector.errors import DerivationError
from collector.registry.instruments import check_instrument
from collector.store.database import Connection
from collector.store.queries import load
from protocol import hours
from protocol.day import Day, gather_day, measure_gathered
from protocol.derivation import Neighbours, account
from protocol.explain import Explanation, Ground, explain
from protocol.hours import HourRecord
from protocol.interval import DAY_S

_SQL = load("accounts")


def explain_second(connection: Connection, asset_no: str, *, day: date, second: int) -> Explanation:
    """Why this second of the local day counts or does not, by what is known now.

    Raises UnknownName for an instrument that nobody registered, DerivationError where the day has no record or that
    does not reach so far, ReadingsDropped.
    """
    check_instrument(connection, asset_no)
    with connection.transaction():
        stored = _load_record(connection, asset_no, day)
        history = load_history(connection, asset_no)
        policy = history.policy_on(day)
        if policy is None:
            raise DerivationError(f"no policy holds for instrument {asset_no} on {day}: put one in force first")
        facts, is_over = history.measurements, stored.until == DAY_S
        given = Day(asset_no, day, policy, facts, lead_in=stored.lead_in, is_over=is_over)
        gathered = gather_day(given, lambda stretch: bounded(read_blocks(connection, stretch)))
        said = load_said(connection, asset_no, day=day, owner=history.owner_on(day))
        graded = load_grade(connection, asset_no, day=day)
        neighbours = Neighbours(stored.phase_in, stored.follow)
        record = account(asset_no, measure_gathered(given, gathered), policy=policy, said=said, neighbours=neighbours)
    if second >= record.until:
        reach = f"{record.until // 3600:02}:{record.until % 3600 // 60:02}:{record.until % 60:02}"
        raise DerivationError(f"{day} is still open, and its evidence reaches to {reach}: ask again later")
    return explain(record, Ground(gathered.evidence, gathered.blocks, policy, said, graded), second=second)


def _load_record(connection: Connection, asset_no: str, day: date) -> HourRecord:
    row = connection.execute(_SQL.load_body, {"asset_no": asset_no, "day": day}, binary=True).fetchone()
    if row is None:
        raise DerivationError(
            f"instrument {asset_no} has no record on {day}: nothing was observed on that day, so all of it is "
            "unobserved; or it waits to be derived, which /metrics and `jishi-collector account` tell"
        )
    return hours.decode(bytes(row[0]))
