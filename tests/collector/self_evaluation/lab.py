"""A unit's year that is known to the second: four instruments, two days of work, and orders of every kind.

Records are derived from readings and facts as the collector derives them, and closed.

    A001   counted, joined the network; Monday 9 to 12 and Tuesday 9 to 11 it ran
    B001   worth too little; Monday 9 to 10 it ran for SO-1
    C001   exempt by a document
    D001   counted, silent, and late in the network

    SO-1   of Shenzhen, with an invoice and a charge: A001 Monday 9 to 11 and Tuesday 9 to 10, B001 Monday 9 to 10
    SO-2   of Beijing, without document and charge: A001 Monday 11 to 12
    SO-3   with a charge, and nobody said for whom
    SO-4   of Shenzhen, never served; its charge is of 2024
    SO-5   of the unit itself, with a charge between its departments
    SO-6   of Beijing, never served; a charge of nothing
    own    A001 Tuesday 10 to 11
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from collector.accounts.closing import close_days
from collector.accounts.freezing import Frozen, Period, freeze, one_snapshot
from collector.evaluation.figures import fix_data
from collector.evaluation.members import fix_population
from collector.evaluation.rounds import By, create_round
from collector.facts.store import record_fact
from collector.network.states import enter
from collector.registry import people, units
from collector.registry.access import Access, Scope
from collector.registry.audit import Actor
from collector.registry.described import Instrument
from collector.registry.descriptions import describe
from collector.self_evaluation import reports
from collector.self_evaluation.reports import Doer
from collector.self_evaluation.versions import Standing
from protocol.facts import Document, Fact, Order, OrderDocument, Use
from protocol.interval import day_bounds_ms
from tests.collector.province import RUN, USCC, Piece, Province

XIAN, BEIJING, SHENZHEN = USCC, "12100000400000624D", "91440300708461136T"
MONDAY, TUESDAY = date(2025, 3, 3), date(2025, 3, 4)
NOW = datetime(2026, 1, 20, 4, tzinfo=UTC)
TODAY = date(2026, 1, 20)
HOUR = 3600
INVOICE, AGREEMENT = "a" * 64, "b" * 64
OFFICER = Access("officer", Scope("unit", XIAN))
EVALUATOR = Access("evaluator")


@dataclass
class Lab:
    """The unit's year, and who does something in it."""

    province: Province

    @property
    def connection(self) -> Any:
        return self.province.connection

    def say(self, fact: Fact, *, key: str = "") -> str:
        """Records a fact as the system `lims` sends it; returns its ref."""
        with self.connection.transaction():
            return f"fact:{record_fact(self.connection, fact, source='lims' if key else '', key=key).sha256}"

    def derive(self) -> None:
        self.province.derive(TODAY)
        close_days(self.connection, today=TODAY, after_days=3)

    def freeze(self, name: str = "2025") -> Frozen:
        with one_snapshot(self.connection):
            period = Period(name, date(2025, 1, 1), date(2025, 12, 31))
            return freeze(self.connection, period, by="Wang", now=NOW)

    def hold_round(self, name: str = "2025") -> None:
        """A round of the year with figures out of the frozen period `2025`."""
        with self.connection.transaction():
            create_round(self.connection, name, year=2025, by=by())
            fix_population(self.connection, name, by=by())
        fix_data(self.connection, name, period="2025", by=by())

    def draft(self, **given: object) -> Standing:
        with self.connection.transaction():
            return reports.draft(self.connection, XIAN, 2025, given=given, doer=officer("draft"))

    def confirm(self, *, keep_figures: bool = False) -> Standing:
        with self.connection.transaction():
            made, _ = reports.confirm(
                self.connection, XIAN, 2025, keep_figures=keep_figures, doer=officer("all is right")
            )
        return made

    def go_on(self, state: Any, doer: Doer) -> Standing:
        with self.connection.transaction():
            return reports.go_on(self.connection, XIAN, 2025, state, doer=doer)

    def person(self, name: str, access: Access) -> None:
        with self.connection.transaction():
            people.appoint(self.connection, people.register_person(self.connection, name), access, now=NOW)


def by(why: str = "the notice", *, name: str = "Wang", now: datetime = NOW) -> By:
    return By(Actor(name, "command", f"{name}@host"), why, now)


def officer(why: str = "checked", *, now: datetime = NOW) -> Doer:
    return Doer(by(why, name="li.ming", now=now), OFFICER)


def evaluator(why: str = "read", *, now: datetime = NOW) -> Doer:
    return Doer(by(why, now=now), EVALUATOR)


def use(day: date, start_h: float, end_h: float, number: str | None, asset_no: str = "A001") -> Use:
    midnight, _ = day_bounds_ms(day)
    at = [midnight + round(hour * HOUR * 1000) for hour in (start_h, end_h)]
    purpose: Any = "service-order" if number else "own-research"
    return Use(v=1, at=at[1], by="lims", asset=asset_no, start=at[0], end=at[1], purpose=purpose, order=number)


def order(number: str, beneficiary: str | None, **more: Any) -> Order:
    members = {"first_day": "2025-01-01", "last_day": "2025-12-31", **more}
    return Order(v=1, at=day_bounds_ms(MONDAY)[0], by="li", unit=XIAN, order=number, beneficiary=beneficiary, **members)


def added_document(number: str, sha256: str = AGREEMENT) -> OrderDocument:
    document = Document("agreement", sha256)
    return OrderDocument(v=1, at=day_bounds_ms(TODAY)[0], by="li", unit=XIAN, order=number, document=document)


def make(province: Province) -> Lab:
    """The year as it is told at the top of the file."""
    lab = Lab(province)
    for uscc, name in ((BEIJING, "北京某研究所"), (SHENZHEN, "深圳某公司")):
        units.register_unit(province.connection, uscc, name_zh=name)
    for sha256 in (INVOICE, AGREEMENT):
        lab.connection.execute("INSERT INTO document VALUES (%s, 1, 'application/pdf', '', 'li')", [sha256])
    _register(lab)
    origins = {asset: province.add_agent(f"agent-{asset.lower()}", asset) for asset in ("A001", "B001")}
    province.observe(origins["A001"], Piece(MONDAY, 9 * HOUR, 12 * HOUR, RUN), Piece(TUESDAY, 9 * HOUR, 11 * HOUR, RUN))
    province.observe(origins["B001"], Piece(MONDAY, 9 * HOUR, 10 * HOUR, RUN))
    _say_all(lab)
    lab.derive()
    return lab


def _register(lab: Lab) -> None:
    of_public: dict[str, Any] = {"value_fen": 90_000_000, "government_fen": 90_000_000, "funding": "省财政"}
    since = date(2020, 1, 1)
    held = [
        Instrument(asset_no="A001", name_zh="透射电镜", class_code="030101", maker="=JEOL", model="JEM-2100F",
                   accepted_on=date(2019, 12, 2), shareable=True, bookable=True, **of_public),
        Instrument(asset_no="B001", name_zh="天平", value_fen=1_000_000, government_fen=1_000_000, shareable=True),
        Instrument(asset_no="C001", name_zh="保密仪器", shareable=False, exempt_document="密字1号",
                   exempt_reason="保密", **of_public),
        Instrument(asset_no="D001", name_zh="质谱仪", accepted_on=date(2020, 3, 2), **of_public),
    ]  # fmt: skip
    for each in held:
        lab.province.add_instrument(each.asset_no, name_zh=each.name_zh)
    with lab.connection.transaction():
        describe(lab.connection, [(each, since) for each in held], recorded_by="li")
        enter(
            lab.connection, "A001", "joined", from_day=date(2020, 2, 3), proof="陕科平台〔2020〕2", why="", by="li",
            today=TODAY,
        )  # fmt: skip


def _say_all(lab: Lab) -> None:
    invoice = (Document("invoice", INVOICE),)
    for each in (
        order("SO-1", SHENZHEN, beneficiary_name="深圳某公司", fee_fen=123_456, documents=invoice, content="形貌分析"),
        order("SO-2", BEIJING, beneficiary_name="北京某研究所"),
        order("SO-3", None, fee_fen=50_000),
        order("SO-4", SHENZHEN, fee_fen=700, first_day="2024-12-01"),
        order("SO-5", XIAN, fee_fen=9_900),
        order("SO-6", BEIJING, fee_fen=0),
    ):
        lab.say(each, key=each.order)
    uses = [
        use(MONDAY, 9, 11, "SO-1"),
        use(MONDAY, 11, 12, "SO-2"),
        use(TUESDAY, 9, 10, "SO-1"),
        use(TUESDAY, 10, 11, None),
        use(MONDAY, 9, 10, "SO-1", "B001"),
    ]
    for number, each in enumerate(uses):
        lab.say(each, key=f"use {number}")


def days_before(days: int) -> datetime:
    return NOW - timedelta(days=days)
