"""Days that served orders, closed, in a real province: what service records are made of."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from collector.accounts.closing import close_days
from collector.exchange import mapping
from collector.exchange.drafts import Made
from collector.exchange.making import Maker, make_messages
from collector.exchange.mapping import ReadMapping
from collector.exchange.records import Asked
from collector.facts.store import record_fact
from collector.registry.audit import Actor
from protocol.facts import Document, Order, Use
from protocol.interval import day_bounds_ms
from tests.collector.province import RUN, USCC, Piece, Province

EXAMPLE = (Path(__file__).parents[3] / "deploy" / "exchange" / "national-example.toml").read_bytes()
BENEFICIARY = "12100000400000624D"
MONDAY = date(2026, 11, 16)
NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
HOUR = 3600
LI = Actor("li", "command", "li@host")


class ServedDays:
    """A001 with an agent, whose every run is from 8 to 10 o'clock unless a test says otherwise."""

    def __init__(self, province: Province) -> None:
        self.province = province
        self.connection = province.connection
        province.add_instrument("A001")
        self.origin = province.add_agent("em-01", "A001")
        self.mapping: ReadMapping = mapping.parse(EXAMPLE)

    def run(self, day: date = MONDAY, *, start_h: float = 8, end_h: float = 10) -> None:
        self.province.observe(
            self.origin,
            Piece(day, 0, start_h * HOUR, 5_000),
            Piece(day, start_h * HOUR, end_h * HOUR, RUN),
            Piece(day, end_h * HOUR, 86_400, 5_000),
        )

    def order(self, number: str = "SO-1", **members: object) -> None:
        said: dict[str, object] = {
            "beneficiary": BENEFICIARY, "beneficiary_name": "清华大学", "content": "透射电镜成像",
            "way": "commissioned", "fee_fen": 120_050, "documents": (),
        }  # fmt: skip
        order = Order(v=1, at=_ms(NOW), by="li", unit=USCC, order=number, **{**said, **members})  # type: ignore[arg-type]
        with self.connection.transaction():
            record_fact(self.connection, order)

    def use(self, number: str = "SO-1", *, day: date = MONDAY, start_h: float = 8, end_h: float = 10) -> None:
        midnight_ms, _ = day_bounds_ms(day)
        use = Use(
            v=1, at=_ms(NOW), by="lims", asset="A001", start=midnight_ms + round(start_h * 3_600_000),
            end=midnight_ms + round(end_h * 3_600_000), purpose="service-order", order=number, user="a" * 64,
        )  # fmt: skip
        with self.connection.transaction():
            record_fact(self.connection, use)

    def close(self) -> None:
        self.province.derive(NOW.date())
        close_days(self.connection, today=NOW.date(), after_days=3)

    def served(self, number: str = "SO-1", *, day: date = MONDAY, **order: object) -> None:
        """A day of two hours for an order, closed."""
        self.run(day)
        self.order(number, **order)
        self.use(number, day=day)
        self.close()

    def make(self, *, first: date = MONDAY - timedelta(days=1), days: int = 7, unit: str | None = None) -> Made:
        asked = Asked(first, first + timedelta(days=days), unit)
        return make_messages(self.connection, asked, self.mapping, maker=Maker(NOW, LI))

    def states(self) -> list[tuple[str, int, str]]:
        """Inner id, revision and state of each message, the oldest first."""
        rows = self.connection.execute(
            "SELECT m.inner_id, m.revision, s.state FROM exchange_message m JOIN exchange_standing s USING (message_id)"
            " ORDER BY m.message_id"
        ).fetchall()
        return [(inner, revision, state) for inner, revision, state in rows]


def document(sha256: str = "d" * 64) -> Document:
    return Document(kind="agreement", sha256=sha256)


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
