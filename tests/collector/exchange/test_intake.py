"""What booking systems bring: by file, whole or refused row by row, once, and without anybody's name."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from collector import cli
from collector.exchange.bookings import compare_bookings, list_bookings
from collector.exchange.intake import KINDS
from collector.registry import units
from collector.registry.access import EVERYTHING, Scope
from collector.registry.audit import list_changes
from tests.collector.exchange.served_days import MONDAY, NOW, ServedDays
from tests.collector.province import IDLE, USCC, Piece, Province

OTHER_USCC = "12100000400000624D"
BOOKINGS = "预约编号,资产编号,预约开始时间,预约结束时间,预约人,订单号,预约状态\n"
Take = Callable[..., str]


@pytest.fixture
def take(
    served_days: ServedDays, dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Take:  # fmt: skip
    """Writes a file and takes it; what the command says."""
    monkeypatch.setenv("JISHI_DATABASE_DSN", dsn)
    monkeypatch.setenv("JISHI_COLLECTOR_DATA_DIR", str(tmp_path / "data"))

    def take_file(kind: str, text: str, *words: str, status: int = 0, name: str = "rows.csv") -> str:
        (tmp_path / name).write_text(text, "utf-8")
        command = ["exchange", "take", kind, str(tmp_path / name), "--source", "lims", "--by", "li", *words]
        assert cli.main(command) == status, capsys.readouterr()
        told = capsys.readouterr()
        return told.out + told.err

    return take_file


def test_a_booking_is_taken_moved_and_cancelled_and_every_line_stays(take: Take, province: Province) -> None:
    first = f"{BOOKINGS}B1,A001,2026-11-16 08:00,2026-11-16 10:00,张三,SO-1,\n"
    assert "rows=1 accepted=1 unchanged=0 refused=0" in take("bookings", first)
    assert "unchanged=1" in take("bookings", first)
    assert "unchanged=0" in take("bookings", first.replace("08:00", "09:00"))
    assert "unchanged=0" in take("bookings", first.replace("SO-1,", "SO-1,已取消"))
    assert province.rows("SELECT state, extract(hour FROM starts_at)::integer FROM booking ORDER BY seq") == [
        ("booked", 0), ("booked", 1), ("cancelled", 0)
    ]  # fmt: skip
    [held] = list_bookings(province.connection, EVERYTHING, first_day=MONDAY, last_day=MONDAY)
    assert (held.state, held.source, held.key) == ("cancelled", "lims", "B1")
    assert "unchanged=0" in take("bookings", first), "back to what it was before is news as well"


def test_no_name_and_no_card_stands_anywhere(take: Take, province: Province, dsn: str) -> None:
    take("bookings", f"{BOOKINGS}B1,A001,2026-11-16 08:00,2026-11-16 10:00,张三丰,,\n")
    take("users", "工号,卡号,用户类型\n张三丰,04a224d1,教工\n", "--unit", USCC)
    for table in ("booking", "unit_user", "audit"):
        [row] = province.rows(f"SELECT coalesce(string_agg(t::text, ' '), '') FROM {table} t")
        assert "张三丰" not in str(row[0])
        assert "04a224d1" not in str(row[0])
    [(booked,)] = province.rows("SELECT user_hash FROM booking")
    [(user,)] = province.rows("SELECT user_hash FROM unit_user")
    assert booked == user, "a booking finds its user by the hash"


def test_money_is_told_once_and_refunded(take: Take, province: Province) -> None:
    heading = "收费编号,订单号,收费类型,金额,收费日期\n"
    text = f"{heading}C1,SO-1,收费,1200.50,2026-11-17\nC2,SO-1,退费,200.50,2026-11-18\n"
    assert "accepted=2" in take("charges", text, "--unit", USCC)
    assert "unchanged=2" in take("charges", text, "--unit", USCC)
    told = take("charges", text.replace("1200.50", "1300"), "--unit", USCC, status=1)
    assert "row 2, key: 'C1': lims sent something else under this key before; leave it, and refund it" in told
    assert province.rows("SELECT order_amount_fen(%s, 'SO-1', 5)", USCC) == [(100_000,)]
    assert province.rows("SELECT order_amount_fen(%s, 'SO-2', 5)", USCC) == [(5,)], "without charges its own fee"


def test_charges_and_details_go_into_the_records(take: Take, served_days: ServedDays) -> None:
    served_days.served(fee_fen=None)
    assert [fault.field for fault in served_days.make().faults] == ["amounts"]
    take("charges", "key,order,amount,charged_on\nC1,SO-1,99.9,2026-11-17\n", "--unit", USCC)
    take("order-details", "订单号,课题名称,服务类型,用户评价\nSO-1,相变,科技开发,基本满意\n", "--unit", USCC)
    assert served_days.make().new == 1
    [(body,)] = served_days.province.rows("SELECT body FROM exchange_message")
    said = json.loads(bytes(body))  # type: ignore[arg-type]
    assert (said["amounts"], said["subjectName"], said["serviceDirection"], said["comment"]) == (
        99.9, "相变", "136", "基本满意",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        ("bookings", f"{BOOKINGS},A001,2026-11-16 08:00,2026-11-16 10:00,,,\n", "key: it is missing"),
        ("bookings", f"{BOOKINGS}B1,NONE,2026-11-16 08:00,2026-11-16 10:00,,,\n", "no instrument 'NONE' is registered"),
        ("bookings", f"{BOOKINGS}B1,A001,2026-11-16 10:00,2026-11-16 08:00,,,\n", "it ends before it begins"),
        ("bookings", f"{BOOKINGS}B1,A001,2026-11-16 08:00,2199-11-16 08:00,,,\n", "it lasts more than 31 days"),
        ("bookings", f"{BOOKINGS}B1,A001,2099-11-16 08:00,2099-11-16 10:00,,,\n", "more than 400 days from now"),
        ("bookings", f"{BOOKINGS}B1,A001,2001-11-16 08:00,2001-11-16 10:00,,,\n", "nobody owns A001 on 2001-11-16"),
        ("bookings", f"{BOOKINGS}B1,A001,2026-11-16 08:00,2026-11-16 10:00,,,也许\n", "none of the words"),
        ("charges", "key,order,amount,charged_on\nC1,SO-1,0,2026-11-17\n", "it is nothing"),
        ("charges", "key,order,amount,charged_on\nC1,SO-1,99999999999999999,2026-11-17\n", "more than anybody pays"),
        ("charges", "key,order,amount,charged_on\nC1,SO-1,1.234,2026-11-17\n", "more exact than a fen"),
        ("charges", "key,order,amount,charged_on\nC1,SO-1,1,1026-11-17\n", "its year is not between"),
        ("users", "unit,user\n12100000400000624D,x\n", "no unit 12100000400000624D is registered"),
        ("users", "user,member_of\nx,12100000400000624E\n", "its check character should be"),
        ("effects", "asset,year,papers\nA001,1026,1\n", "no whole number from 2000 to 2199"),
        ("effects", "asset,year,papers\nA001,2026,-1\n", "no whole number from 0 to 100000"),
        ("order-details", "order,satisfaction\nSO-1,9\n", "none of the words"),
    ],
)
def test_a_row_that_cannot_be_is_refused_with_its_reason(
    take: Take, province: Province, kind: str, text: str, told: str
) -> None:
    words = ["--unit", USCC] if kind in ("charges", "users", "order-details") and "unit," not in text else []
    assert told in take(kind, text, *words, status=1)
    for table in ("booking", "charge", "unit_user", "year_effect", "order_detail"):
        assert province.rows(f"SELECT count(*) FROM {table}") == [(0,)]


def test_the_other_rows_are_recorded_unless_all_or_nothing_is_asked(take: Take, province: Province) -> None:
    rows = "B1,A001,2026-11-16 08:00,2026-11-16 10:00,,,\nB2,NONE,2026-11-16 08:00,2026-11-16 10:00,,,\n"
    take("bookings", BOOKINGS + rows, "--all-or-nothing", status=1)
    take("bookings", BOOKINGS + rows, "--dry-run", status=1)
    assert province.rows("SELECT count(*) FROM booking") == [(0,)]
    assert list_changes(province.connection) == []
    take("bookings", BOOKINGS + rows, status=1)
    assert province.rows("SELECT key FROM booking") == [("B1",)]
    [change] = list_changes(province.connection)
    assert (change.action, change.actor, change.new and change.new["new"]) == ("exchange.take", "li", 1)


def test_json_lines_and_a_mapping_are_read_like_files_of_facts(take: Take, province: Province, tmp_path: Path) -> None:
    line = {"key": "B1", "asset": "A001", "start": "2026-11-16T00:00:00Z", "end": "2026-11-16T02:00:00Z"}
    take("bookings", json.dumps(line) + "\n", name="rows.jsonl")
    mapping = 'kind = "bookings"\n[columns]\n"单号" = "key"\n"设备" = "asset"\n"从" = "start"\n"到" = "end"\n'
    (tmp_path / "map.toml").write_text(mapping, "utf-8")
    text = "单号,设备,从,到\nB2,A001,2026-11-16 08:00,2026-11-16 10:00\n"
    take("bookings", text, "--map", str(tmp_path / "map.toml"))
    assert province.rows("SELECT key FROM booking ORDER BY key") == [("B1",), ("B2",)]
    assert "maps bookings, not charges" in take("charges", text, "--map", str(tmp_path / "map.toml"), status=1)


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_file_of_each_kind_is_told_plainly(take: Take, kind: str) -> None:
    assert "was recorded: " in take(kind, "", status=1)


def test_bookings_beside_what_was_measured(take: Take, served_days: ServedDays) -> None:
    served_days.run(start_h=8, end_h=10)
    tuesday = MONDAY + timedelta(days=1)
    served_days.province.observe(served_days.origin, Piece(tuesday, 0, 86_400, IDLE))
    wednesday = MONDAY + timedelta(days=2)
    served_days.province.observe(served_days.origin, Piece(wednesday, 0, 8 * 3600, IDLE))
    served_days.close()
    rows = [
        "B1,A001,2026-11-16 08:00,2026-11-16 09:00,,SO-1,",
        "B2,A001,2026-11-17 08:00,2026-11-17 09:00,,,",
        "B3,A001,2026-11-18 07:00,2026-11-18 09:00,,,",
        "B4,A001,2026-11-21 09:00,2026-11-22 09:00,,,",
        "B5,A001,2026-11-16 09:00,2026-11-16 10:00,,,已取消",
    ]
    take("bookings", BOOKINGS + "\n".join(rows) + "\n")
    found = compare_bookings(
        served_days.connection, EVERYTHING, first_day=MONDAY, last_day=MONDAY + timedelta(days=6), now=NOW
    )
    assert [(each.kind, each.ref, each.seconds) for each in found] == [
        ("used", "lims/B1", 3600),
        ("unbooked", "", 3600),
        ("no-show", "lims/B2", 0),
        ("not-known", "lims/B3", 0),
        ("open", "lims/B4", 0),
    ]
    assert served_days.province.rows("SELECT effective_s FROM hour_record WHERE day = %s", MONDAY) == [(7200,)]


def test_who_never_books_has_nothing_unbooked_and_other_units_see_nothing(take: Take, served_days: ServedDays) -> None:
    served_days.run()
    served_days.close()
    days = {"first_day": MONDAY, "last_day": MONDAY}
    assert compare_bookings(served_days.connection, EVERYTHING, **days, now=NOW) == []
    take("bookings", f"{BOOKINGS}B1,A001,2026-11-16 08:00,2026-11-16 10:00,,,\n")
    assert len(compare_bookings(served_days.connection, EVERYTHING, **days, now=NOW)) == 1
    units.register_unit(served_days.connection, OTHER_USCC, name_zh="清华大学")
    assert compare_bookings(served_days.connection, Scope("unit", OTHER_USCC), **days, now=NOW) == []
