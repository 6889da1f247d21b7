"""Whether instruments are in the provincial network, since when, by what proof; and who is late. 意见二(一).

    not-eligible   未达标   worth less than THRESHOLD_FEN
    unknown        待核     nobody registered its value
    exempt         豁免     not shared, by a document (the registry holds it)
    pending        待入网   has to join within WORKING_DAYS of its acceptance
    overdue        逾期     has not, and the term is over
    joined         已入网   in the network
    left           已退网   was, and is not any more

Who is pending is warned before the term ends: `due-soon` (即将到期), and `due-last` (临近期限) shortly before. How many
working days before, whoever asks says (collector/monitoring/settings.py).

Joining and leaving are entered, with proof; the rest follows from what is registered of the instrument on the day that
is asked about. Nothing is deleted: of two entries for one day the later recorded one holds, and both stay.
"""

from datetime import date, datetime
from typing import Literal, NamedTuple, get_args

from collector.errors import CalendarUnknown, NetworkError
from collector.network.working_days import due_on, due_within, overdue_since, working_days_until
from collector.registry.access import Scope
from collector.registry.instruments import check_instrument
from collector.store.database import Connection
from collector.store.queries import load

THRESHOLD_FEN = 20_000_000
"""200 000 CNY: 意见二(一)."""
WORKING_DAYS = 30
"""Within so many working days of its acceptance an instrument has to join: 意见二(一)."""
MAX_TEXT = 500

State = Literal["not-eligible", "unknown", "exempt", "pending", "overdue", "joined", "left"]
STATES: tuple[State, ...] = get_args(State)
Step = Literal["joined", "left"]
Warned = Literal["due-soon", "due-last"]
WARNED: tuple[Warned, ...] = get_args(Warned)


class Warnings(NamedTuple):
    """So many working days before the term ends somebody is warned, and warned for the last time."""

    soon_days: int = 10
    last_days: int = 3


_SQL = load("network")


class Standing(NamedTuple):
    """How one instrument stands on a day.

    `since`, `proof`, `why`, `recorded_by`: of the last step. `due_on` of whoever has to join; None where nobody said
    when it was accepted, or where the calendar of a year is unknown, which `problem` then says. `days_left`: working
    days after that day up to `due_on`, of whoever is in time; `warned`: whether these are few.
    """

    asset_no: str
    name_zh: str
    owner: str | None
    state: State
    since: date | None
    proof: str
    why: str
    recorded_by: str
    accepted_on: date | None
    due_on: date | None
    days_left: int | None
    warned: Warned | None
    problem: str


class Entered(NamedTuple):
    """One step, as it was recorded."""

    step: Step
    from_day: date
    proof: str
    why: str
    recorded_by: str
    recorded_at: datetime


def enter(
    connection: Connection, asset_no: str, step: Step, *, from_day: date, proof: str, why: str, by: str, today: date
) -> None:
    """Keep that an instrument joined or left, in the caller's transaction. UnknownName, NetworkError.

    `proof`: the document or page that shows it, for a step into the network; `why`: the reason of leaving.
    """
    check_instrument(connection, asset_no)
    for name, text in (("proof", proof), ("why", why)):
        if len(text) > MAX_TEXT or not text.isprintable() or text != text.strip():
            raise NetworkError(f"{name}: at most {MAX_TEXT} characters on one line are expected, without spaces around")
    if step == "joined" and not proof:
        raise NetworkError("an instrument joins with a proof: the number of the notice, or the page that shows it")
    if step == "left" and not why:
        raise NetworkError("an instrument leaves for a reason: say which, others will read it")
    if from_day > today:
        raise NetworkError(f"{from_day} has not come yet: enter it when it has")
    connection.execute(_SQL.lock_network, {"asset_no": asset_no})
    row = connection.execute(_SQL.find_step, {"asset_no": asset_no, "day": from_day}).fetchone()
    held, since = row or (None, None)
    if step == "joined" and held == "joined":
        raise NetworkError(f"{asset_no} is in the network since {since}")
    if step == "left" and held != "joined":
        raise NetworkError(f"{asset_no} was not in the network on {from_day}")
    values = {"asset_no": asset_no, "step": step, "from_day": from_day, "proof": proof, "why": why, "by": by}
    connection.execute(_SQL.insert_step, values)


def list_standings(
    connection: Connection,
    *,
    day: date,
    scope: Scope,
    state: State | Warned | None = None,
    after: str = "",
    limit: int | None = 100,
    warnings: Warnings | None = None,
) -> list[Standing]:
    """How instruments stand at the end of a local day, by asset number; `due-soon` holds those that are due at last.

    CalendarUnknown where those in time and those overdue are asked for and cannot be told apart.
    """
    try:
        cutoffs = _cutoffs(day, warnings or Warnings())
    except CalendarUnknown:
        if state in ("pending", "overdue", *WARNED):
            raise
        cutoffs = {"cutoff": None, "soon": None, "last": None}
    values = {
        **scope.values,
        **cutoffs,
        "day": day,
        "threshold": THRESHOLD_FEN,
        "state": None if state in WARNED else state,
        "warned": state if state in WARNED else None,
        "after": after,
        "limit": limit,
    }
    return [_standing(day, *row) for row in connection.execute(_SQL.list_standings, values)]


def _cutoffs(day: date, warnings: Warnings) -> dict[str, date | None]:
    return {
        "cutoff": overdue_since(day, WORKING_DAYS),
        "soon": due_within(day, WORKING_DAYS, left=warnings.soon_days),
        "last": due_within(day, WORKING_DAYS, left=warnings.last_days),
    }


def list_steps(connection: Connection, asset_no: str) -> list[Entered]:
    """Every step of an instrument that was ever recorded, by the day from which it holds."""
    return [Entered(*row) for row in connection.execute(_SQL.list_steps, {"asset_no": asset_no})]


def count_states(connection: Connection, *, day: date, scope: Scope) -> dict[State, int]:
    """How many instruments stand how. CalendarUnknown."""
    values = {**scope.values, "day": day, "threshold": THRESHOLD_FEN, "cutoff": overdue_since(day, WORKING_DAYS)}
    found: dict[State, int] = dict(connection.execute(_SQL.count_states, values).fetchall())
    return {state: found.get(state, 0) for state in STATES}


def _standing(
    day: date,
    asset_no: str,
    name_zh: str,
    owner: str | None,
    accepted_on: date | None,
    state: State,
    since: date | None,
    proof: str | None,
    why: str | None,
    by: str | None,
    warned: Warned | None,
) -> Standing:
    due, days_left, problem = None, None, ""
    if state in ("pending", "overdue"):
        if accepted_on is None:
            problem = "nobody registered when it was accepted (accepted_on, 验收日期), so no term runs"
        else:
            try:
                due = due_on(accepted_on, WORKING_DAYS)
                days_left = working_days_until(day, due) if state == "pending" else None
            except CalendarUnknown as error:
                problem = str(error)
    said = (proof or "", why or "", by or "")
    return Standing(asset_no, name_zh, owner, state, since, *said, accepted_on, due, days_left, warned, problem)
