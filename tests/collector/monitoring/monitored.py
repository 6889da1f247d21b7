"""What the tests of monitoring share: days as the deriver stores them, and people who do something."""

from datetime import UTC, date, datetime, timedelta

from collector.approvals.proposals import Asker
from collector.monitoring.acts import By
from collector.registry import people
from collector.registry.access import EVERYTHING, Access, Scope
from collector.registry.audit import Actor
from collector.registry.described import Unit
from collector.registry.descriptions import describe
from tests.collector.province import USCC, Province

NOW = datetime(2026, 11, 27, 4, tzinfo=UTC)
TODAY = date(2026, 11, 27)
YESTERDAY = date(2026, 11, 26)
OWN = Scope("unit", USCC)
_NAMES = (
    "until_s", "off_s", "standby_s", "prepare_s", "run_s", "post_s", "calibrate_s", "maintain_s", "fault_s",
    "unobserved_s", "energised_s", "inferred_s", "bridged_s", "no_run_s", "effective_s", "internal_s", "claimed_s",
    "verified_s", "unresolved_s", "hand_s", "hand_external_s",
)  # fmt: skip


def days_before(number: int, day: date = TODAY) -> date:
    return day - timedelta(days=number)


def put_day(province: Province, asset_no: str, day: date, *, on_s: int = 0, seen_s: int = 86_400, **more: int) -> None:
    """A whole day of an instrument: powered on and running for so long, the rest off, as far as anybody looked."""
    seconds = dict.fromkeys(_NAMES, 0) | {
        "until_s": 86_400, "off_s": seen_s - on_s, "run_s": on_s, "unobserved_s": 86_400 - seen_s, "energised_s": on_s,
        "effective_s": on_s, "internal_s": on_s, **more,
    }  # fmt: skip
    values = {**seconds, "asset_no": asset_no, "day": day, "policy": province.policy.sha256, "owner": USCC}
    province.connection.execute(
        "INSERT INTO hour_record (asset_no, day, body, policy, owner, lead_in, lead_out, phase_in, phase_out, follow,"
        f" head, looks_ahead, {', '.join(_NAMES)}) VALUES (%(asset_no)s, %(day)s, '', %(policy)s, %(owner)s, 'off',"
        f" 'off', 'new', 'new', '', '', false, {', '.join(f'%({name})s' for name in _NAMES)})".encode(),
        values,
    )


def put_days(
    province: Province, asset_no: str, first: date, last: date, *, on_s: int = 0, seen_s: int = 86_400
) -> None:
    for number in range((last - first).days + 1):
        put_day(province, asset_no, first + timedelta(days=number), on_s=on_s, seen_s=seen_s)


def lies_in(province: Province, uscc: str, division: str, from_day: date = date(2020, 1, 1)) -> None:
    """From that day on the registry has the unit in the division."""
    with province.connection.transaction():
        unit = Unit(uscc=uscc, name_zh="西安测试大学", division=division)
        describe(province.connection, [(unit, from_day)], recorded_by="li")


def person(
    province: Province, name: str, role: str, scope: Scope = EVERYTHING, *, why: str = "test", now: datetime = NOW
) -> By:
    """A registered person with that role, who does something now."""
    with province.connection.transaction():
        found = people.register_person(province.connection, name)
        people.appoint(province.connection, found, Access(role, scope), now=NOW)
    return By(Asker(found, Access(role, scope), Actor(name, "command", f"{name}@host")), why, now)
