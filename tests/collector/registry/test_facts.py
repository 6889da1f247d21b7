"""Owners, measurements and policies hold from a day; the newest fact up to a day is the one that holds."""

from datetime import date

import pytest

from collector.errors import RegistryError, UnknownName
from collector.ingest.prepare import prepare
from collector.ingest.writer import Writer
from collector.registry import instruments, people, policies, units
from collector.store.database import Connection
from tests.light_agent import RECEIPT_KEY, START_MS, LightAgent

TSINGHUA, CAS = "12100000400000624D", "91110000802100433B"
DAY = date(2025, 12, 1)
POLICY = (
    b'{"v":1,"name":"%s","valid_mw":[0,15000000],"standby":{"on_mw":40000,"off_mw":25000,"on_ms":20000,"off_ms":60000},'
    b'"run":{"on_mw":900000,"off_mw":600000,"on_ms":20000,"off_ms":180000},"gap_ms":60000}'
)


@pytest.fixture
def registered(connection: Connection) -> Connection:
    units.register_unit(connection, TSINGHUA, name_zh="清华大学")
    units.register_unit(connection, CAS, name_zh="科学院")
    people.register_person(connection, "li.ming")
    for asset_no in ("A001", "A002"):
        instruments.register_instrument(connection, asset_no, name_zh="电镜")
    return connection


def test_the_owner_is_the_one_of_that_day(registered: Connection) -> None:
    instruments.register_owner(registered, "A001", uscc=TSINGHUA, from_day=date(2025, 1, 1))
    instruments.register_owner(registered, "A001", uscc=None, from_day=date(2025, 6, 1))
    instruments.register_owner(registered, "A001", uscc=CAS, from_day=date(2025, 7, 1))
    days = [date(2024, 12, 31), date(2025, 1, 1), date(2025, 5, 31), date(2025, 6, 1), date(2025, 7, 1)]
    owners = [instruments.find_owner(registered, "A001", day=day) for day in days]
    assert owners == [None, TSINGHUA, TSINGHUA, None, CAS]


def test_of_two_facts_for_one_day_the_later_recorded_holds(registered: Connection) -> None:
    for uscc in (TSINGHUA, CAS, CAS, TSINGHUA):
        instruments.register_owner(registered, "A001", uscc=uscc, from_day=DAY)
    assert instruments.find_owner(registered, "A001", day=DAY) == TSINGHUA
    assert registered.execute("SELECT count(*) FROM ownership").fetchone() == (3,)


def test_what_was_not_registered_cannot_be_referred_to(registered: Connection) -> None:
    with pytest.raises(UnknownName, match="no instrument 'A009'"):
        instruments.register_owner(registered, "A009", uscc=TSINGHUA, from_day=DAY)
    with pytest.raises(UnknownName, match="no unit"):
        instruments.register_owner(registered, "A001", uscc="12610000435230237A", from_day=DAY)
    policy = policies.register_policy(registered, POLICY % b"x")
    with pytest.raises(UnknownName, match="no person 'nobody'"):
        policies.put_in_force(registered, policy, asset_no=None, from_day=DAY, approved_by="nobody")
    with pytest.raises(RegistryError, match="policy:"):
        policies.register_policy(registered, b"{}")
    with pytest.raises(RegistryError, match="registered already"):
        instruments.register_instrument(registered, "A001", name_zh="another")


def test_an_instruments_own_policy_goes_before_a_newer_default(registered: Connection) -> None:
    default, own, newer = (policies.register_policy(registered, POLICY % name) for name in (b"d", b"o", b"n"))
    force = {"approved_by": "li.ming"}
    policies.put_in_force(registered, default, asset_no=None, from_day=date(2025, 1, 1), **force)
    policies.put_in_force(registered, own, asset_no="A001", from_day=date(2025, 2, 1), **force)
    policies.put_in_force(registered, newer, asset_no=None, from_day=date(2025, 3, 1), **force)

    def name_on(asset_no: str, day: date) -> str | None:
        policy = policies.find_policy(registered, asset_no, day=day)
        return None if policy is None else policy.name

    assert [name_on("A001", date(2025, month, 1)) for month in (1, 2, 3)] == ["d", "o", "o"]
    assert [name_on("A002", date(2025, month, 1)) for month in (1, 2, 3)] == ["d", "d", "n"]
    assert name_on("A001", date(2024, 12, 31)) is None


def test_a_policy_or_a_measurement_marks_the_days_that_it_changes(registered: Connection) -> None:
    agent = _enrolled(registered)
    agent.append_readings(200)  # 10:00 until 02:40 of the next day
    Writer(registered, RECEIPT_KEY, clock_ms=lambda: START_MS).write([prepare(agent.topic, agent.payload())])
    registered.execute("DELETE FROM dirty_day")
    policy = policies.register_policy(registered, POLICY % b"x")
    policies.put_in_force(registered, policy, asset_no=None, from_day=date(2025, 12, 2), approved_by="li.ming")
    assert _dirty(registered) == [("A001", "2025-12-01"), ("A001", "2025-12-02")]  # the day before looks ahead
    registered.execute("DELETE FROM dirty_day")
    with registered.transaction():
        instruments.register_measurement(
            registered, "em-01", watcher="meter1", channel="power", asset_no="A002", from_day=DAY
        )
    assert set(_dirty(registered)) == {
        (asset, day) for asset in ("A001", "A002") for day in ("2025-12-01", "2025-12-02")
    }


def test_the_welcome_hints_at_the_levels_of_what_is_measured(registered: Connection) -> None:
    agent = _enrolled(registered)
    policy = policies.register_policy(registered, POLICY % b"x")
    policies.put_in_force(registered, policy, asset_no="A001", from_day=DAY, approved_by="li.ming")
    levels, sent = policies.hints_for_agent(registered, agent.agent_id, day=DAY)
    assert [(level.watcher, level.channel, level.values) for level in levels] == [
        ("meter1", "power", (25_000, 40_000, 600_000, 900_000))
    ]
    assert [(each.watcher, each.body) for each in sent] == [("meter1", POLICY % b"x")]
    assert policies.hints_for_agent(registered, agent.agent_id, day=date(2025, 11, 30)) == ((), ())


def _enrolled(connection: Connection) -> LightAgent:
    agent = LightAgent("em-01")
    connection.execute("INSERT INTO agent (agent_id) VALUES ('em-01')")
    connection.execute(
        "INSERT INTO journal (origin, agent_id, epoch, vkey) VALUES (%s, 'em-01', 1, %s)", [agent.origin, agent.vkey]
    )
    with connection.transaction():
        instruments.register_measurement(
            connection, "em-01", watcher="meter1", channel="power", asset_no="A001", from_day=date(2025, 1, 1)
        )
    return agent


def _dirty(connection: Connection) -> list[tuple[str, str]]:
    rows = connection.execute("SELECT asset_no, day::text FROM dirty_day ORDER BY 1, 2").fetchall()
    return [(row[0], row[1]) for row in rows]
