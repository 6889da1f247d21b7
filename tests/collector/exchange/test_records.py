"""Service records out of closed days: what they say, when they are said again, and what is wrong with them."""

import json
from datetime import timedelta
from typing import Any

from collector.exchange import mapping
from collector.exchange.making import check_records
from collector.exchange.records import Asked
from tests.collector.exchange.served_days import EXAMPLE, MONDAY, ServedDays
from tests.collector.province import USCC

STRICT = b"required = true\nmax_chars = 5"
WEEK = Asked(MONDAY - timedelta(days=1), MONDAY + timedelta(days=7))


def bodies(served_days: ServedDays) -> list[dict[str, Any]]:
    rows = served_days.connection.execute("SELECT body FROM exchange_message ORDER BY message_id").fetchall()
    return [json.loads(bytes(row[0])) for row in rows]


def test_a_day_that_served_an_order_is_one_record_with_what_was_measured(served_days: ServedDays) -> None:
    served_days.served()
    assert served_days.make()[:2] == (1, 0)
    [said] = bodies(served_days)
    assert said["insCode"] == USCC
    assert (said["innerId"], said["serviceAmount"]) == ("A001", 2.0)
    assert (said["serviceTime"], said["endTime"]) == ("2026-11-16 08", "2026-11-16 10")
    assert (said["serviceWay"], said["serviceType"], said["amounts"]) == ("委托共享", "130", 1200.5)
    assert (said["applicantUnit"], said["signAgreement"], said["revision"]) == ("清华大学", "1", 1)
    assert said["replaces"] is None


def test_the_same_days_again_say_nothing_new(served_days: ServedDays) -> None:
    served_days.served()
    served_days.make()
    assert served_days.make()[:2] == (0, 1)
    assert len(bodies(served_days)) == 1


def test_an_open_day_is_not_told(served_days: ServedDays) -> None:
    served_days.run()
    served_days.order()
    served_days.use()
    served_days.province.derive(MONDAY + timedelta(days=1))
    assert served_days.make()[:2] == (0, 0)


def test_a_later_revision_of_the_hours_updates_the_record_and_cites_the_old_one(served_days: ServedDays) -> None:
    served_days.served()
    served_days.make()
    served_days.use("SO-1", start_h=9, end_h=9.5)  # the same order: nothing changes
    served_days.close()
    assert served_days.make().new == 0
    served_days.order("SO-2")
    served_days.use("SO-2", start_h=9, end_h=10)  # half of the second hour goes to another order
    served_days.close()
    assert served_days.make().new == 2
    sha256 = served_days.connection.execute("SELECT sha256 FROM exchange_message WHERE revision = 1 LIMIT 1").fetchone()
    updated = next(said for said in bodies(served_days) if said["revision"] == 2)
    assert (updated["serviceAmount"], updated["replaces"]) == (1.5, sha256 and sha256[0])
    assert [state for _, _, state in served_days.states()][:1] == ["replaced"]


def test_time_that_is_told_no_more_is_taken_back_with_no_hours(served_days: ServedDays) -> None:
    served_days.served()
    served_days.make()
    own_only = EXAMPLE.replace(b'["verified", "claimed", "internal"]', b'["internal"]')
    served_days.mapping = mapping.parse(own_only)
    served_days.make()
    assert [(said["revision"], said["serviceAmount"]) for said in bodies(served_days)] == [(1, 2.0), (2, 0.0)]
    assert served_days.make()[:2] == (0, 1)


def test_what_an_order_cost_stands_on_one_record_alone(served_days: ServedDays) -> None:
    tuesday = MONDAY + timedelta(days=1)
    served_days.run(tuesday)
    served_days.use(day=tuesday)
    served_days.served()
    served_days.make()
    assert [said["amounts"] for said in bodies(served_days)] == [1200.5, 0.0]
    sunday = MONDAY - timedelta(days=1)
    served_days.run(sunday)
    served_days.use(day=sunday)
    served_days.close()
    served_days.make()
    assert [said["amounts"] for said in bodies(served_days)] == [1200.5, 0.0, 0.0], "it stays where it was first told"


def test_all_that_is_wrong_is_told_at_once_and_the_rest_is_made(served_days: ServedDays) -> None:
    content = b'source = "order.content"\n'
    strict = EXAMPLE.replace(content + 'otherwise = "单位内使用"\nmax_chars = 600'.encode(), content + STRICT)
    assert strict != EXAMPLE
    served_days.mapping = mapping.parse(strict)
    tuesday = MONDAY + timedelta(days=1)
    for day, order, content in ((MONDAY, "SO-1", "透射电镜成像"), (tuesday, "SO-2", "成像")):
        served_days.run(day)
        served_days.order(order, content=content, fee_fen=None)
        served_days.use(order, day=day)
    served_days.close()
    count, faults = check_records(served_days.connection, WEEK, served_days.mapping)
    assert count == 2
    assert [(fault.record, fault.field, fault.value) for fault in faults] == [
        ("A001 2026-11-16 SO-1", "serviceContent", "透射电镜成像"),
        ("A001 2026-11-16 SO-1", "amounts", ""),
        ("A001 2026-11-17 SO-2", "amounts", ""),
    ]
    assert "it has 6 characters; write at most 5" in str(faults[0])
    assert "exchange take charges" in str(faults[1])
    assert served_days.states() == [], "to look makes nothing"
    served_days.connection.execute(
        "INSERT INTO charge (source, key, unit, order_no, kind, amount_fen, charged_on, content, recorded_by,"
        " recorded_at) VALUES ('x', '1', %s, 'SO-2', 'charge', 100, '2026-11-17', %s, 'li', now())",
        [USCC, b"0" * 32],
    )
    made = served_days.make()
    assert (made.new, {fault.record for fault in made.faults}) == (1, {"A001 2026-11-16 SO-1"})


def test_own_use_without_an_order_costs_nothing_and_is_internal(served_days: ServedDays) -> None:
    served_days.run()
    served_days.close()
    unresolved = EXAMPLE.replace(b'"internal"]', b'"internal", "unresolved"]')
    served_days.mapping = mapping.parse(unresolved)
    served_days.make()
    [said] = bodies(served_days)
    assert (said["serviceType"], said["amounts"], said["serviceContent"]) == ("120", 0.0, "单位内使用")


def test_another_units_records_are_not_told(served_days: ServedDays) -> None:
    served_days.served()
    assert served_days.make(unit="12100000400000624D")[:2] == (0, 0)
    assert served_days.make(unit=USCC)[:2] == (1, 0)
