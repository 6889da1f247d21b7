"""The deeds of `evaluate` by which units show evidence, are visited, object, and a result is published.

jishi-collector evaluate evidence 2026 91610131MA6TYUUC74 6 --kind paper --title "…" --why "list of 2026" --by li.na
jishi-collector evaluate announce 2026 --days 10 --why "notice 7" --by wang.fang
jishi-collector evaluate object 2026 91610131MA6TYUUC74 5 --why "A003 ran until June" --by li.na
jishi-collector evaluate answer 2026 1 upheld --measure average_effective --figure 7200000/3 --why "…" --by wang.fang
"""

import re
from argparse import ArgumentTypeError, Namespace
from typing import Any, get_args

from collector.commands.days import parse_day
from collector.commands.round_deed import by_of, declare, parse_points, spoken_by
from collector.evaluation import evidence, objections, publication, visits
from collector.evaluation.amending import Correction
from collector.evaluation.evidence import KINDS, Item, Sight
from collector.evaluation.experts import OF_EXPERTS
from collector.evaluation.indicators import MEASURES
from collector.evaluation.objections import Answer
from collector.evaluation.rounds import Round, find_round
from collector.evaluation.scheme import RATINGS, RATINGS_ZH
from collector.evaluation.scoring import EXPERTS
from collector.store.database import Connection

_FIGURE = re.compile(r"(?P<numerator>[0-9]{1,16})/(?P<denominator>[0-9]{1,16})", re.ASCII)
_YUAN = re.compile(r"(?P<yuan>[0-9]{1,12})(\.(?P<part>[0-9]{1,2}))?", re.ASCII)


def configure(deeds: Any) -> None:
    """Declare the deeds."""
    _configure_evidence(deeds)
    draw = declare(deeds, "draw", _draw, "draw the units that are visited")
    draw.add_argument("--seed", required=True, metavar="TEXT", help="thrown before witnesses, as '4 2 6 1 5'")
    draw.add_argument("--by-flags", type=int, default=0, metavar="N", help="so many units whose flags weigh most")
    draw.add_argument("--by-seed", type=int, default=0, metavar="N", help="and so many of all units by the seed")
    announce = declare(deeds, "announce", _announce, "show units their results and let them object")
    announce.add_argument("--days", type=int, required=True, metavar="N", help="they may object so many days on")
    object_to = declare(deeds, "object", _object, "object to a result, for a unit")
    object_to.add_argument("unit", metavar="USCC")
    object_to.add_argument("about", type=parse_about, metavar="INDICATOR|rating")
    object_to.add_argument("--document", action="append", default=[], metavar="SHA256", help="repeatable")
    answer = declare(deeds, "answer", _answer, "answer an objection")
    answer.add_argument("number", type=int)
    answer.add_argument("verdict", choices=get_args(objections.Verdict))
    answer.add_argument("--measure", choices=MEASURES, help="whose figure is corrected")
    answer.add_argument("--figure", type=parse_figure, metavar="N/D", help="the right one, in s, fen or instruments")
    answer.add_argument("--points", type=parse_points, metavar="POINTS", help="the right ones of the experts")
    answer.add_argument("--rating", choices=RATINGS)
    declare(deeds, "publish", _publish, "publish the result, for good")


def parse_figure(text: str) -> tuple[int, int]:
    """Numerator and denominator of a quotient of integers."""
    found = _FIGURE.fullmatch(text)
    if found is None:
        raise ArgumentTypeError(f"{text[:40]!a} is no quotient of whole numbers: write it as 7200000/3")
    return int(found["numerator"]), int(found["denominator"])


def parse_fen(text: str) -> int:
    """An amount in yuan with at most two decimals, as fen."""
    found = _YUAN.fullmatch(text)
    if found is None:
        raise ArgumentTypeError(f"{text[:40]!a} is no amount in yuan: write it as 1200 or 1200.50")
    return int(found["yuan"]) * 100 + int((found["part"] or "").ljust(2, "0"))


def parse_about(text: str) -> int | None:
    """What is objected to: an indicator, or None for the rating."""
    if text == "rating":
        return None
    if text not in "12345678" or len(text) != 1:
        raise ArgumentTypeError(f"{text[:40]!a} is neither an indicator (1 to 8) nor the word rating")
    return int(text)


def show(connection: Connection, held: Round) -> None:
    """What there is of all this, one line a thing."""
    items = evidence.list_items(connection, held, sight=Sight(None, OF_EXPERTS))
    if items:
        term = evidence.find_term(connection, held)
        kept = sum(1 for each in items if each.withdrawn_at is None)
        print(f"evidence: {kept} items, {len(items) - kept} withdrawn" + (f", taken until {term}" if term else ""))
    for drawn in visits.list_draws(connection, held):
        print_draw(drawn)
    if last_day := objections.find_last_day(connection, held):
        print(f"objections until {last_day}")
    for each in objections.list_objections(connection, held):
        print(of_objection(each))
    for _, number, amendment in objections.list_amendments(connection, held):
        print(
            f"amended by objection {number}: {amendment.uscc} indicator {amendment.indicator} "
            f"{amendment.correction.source} was {amendment.was}, became {amendment.became} hundredths"
        )
    if found := publication.find_publication(connection, held):
        print(f"published on {found.published_on} sha256 {found.sha256}")


def of_objection(each: objections.Objection) -> str:
    """`objection 3  91610131MA6TYUUC74 to indicator 5 by li.na: …  refused by wang.fang: …`"""
    about = "the rating" if each.indicator is None else f"indicator {each.indicator}"
    answer = "open" if each.verdict is None else f"{each.verdict} by {each.answered_by}: {each.answer}"
    return f"objection {each.objection_id}  {each.uscc} to {about} by {each.made_by}: {each.why}  {answer}"


def print_draw(drawn: visits.Draw) -> None:
    """The seed, and who is visited in which order."""
    print(f"draw {drawn.draw_id} by {drawn.made_by}, seed {drawn.seed!r}: {drawn.why}")
    for each in drawn.visits:
        print(f"  {each.place}  {each.uscc} by {each.reason}, weight {each.weight} {' '.join(each.rules)}".rstrip())


def _configure_evidence(deeds: Any) -> None:
    item = declare(deeds, "evidence", _evidence, "enter an item of evidence, for a unit")
    item.add_argument("unit", metavar="USCC")
    item.add_argument("indicator", type=int, choices=OF_EXPERTS)
    kinds = sorted({kind for of_indicator in KINDS.values() for kind in of_indicator})
    item.add_argument("--kind", required=True, choices=kinds)
    item.add_argument("--title", required=True, metavar="TEXT")
    item.add_argument("--amount-yuan", type=parse_fen, metavar="YUAN")
    item.add_argument("--number", type=int, metavar="N", help="how many; of a user's rating 1 to 5")
    item.add_argument("--document", metavar="SHA256", help="as `jishi-collector document add` printed it")
    withdraw = declare(deeds, "withdraw", _withdraw, "withdraw an item of evidence, for a unit")
    withdraw.add_argument("number", type=int, metavar="ITEM")
    until = declare(deeds, "evidence-until", _until, "say until when evidence is taken")
    until.add_argument("day", type=parse_day, metavar="DAY", help="the last local day")
    listed = deeds.add_parser("evidence-list", help="list the evidence of a round")
    listed.add_argument("name", metavar="ROUND")
    listed.add_argument("--unit", metavar="USCC")
    listed.add_argument("--indicator", type=int, choices=OF_EXPERTS)
    listed.set_defaults(deed=_list_evidence)


def _list_evidence(connection: Connection, arguments: Namespace) -> None:
    held = find_round(connection, arguments.name)
    sight = Sight(arguments.unit, OF_EXPERTS)
    for each in evidence.list_items(connection, held, sight=sight, indicator=arguments.indicator):
        print(_of_item(each))


def _of_item(held: evidence.HeldItem) -> str:
    item = held.item
    told = [f"item {held.item_id}  {item.uscc} {item.indicator} {item.kind}: {item.title}"]
    if item.number is not None:
        told.append(f"number {item.number}")
    if item.amount_fen is not None:
        told.append(f"{item.amount_fen // 100}.{item.amount_fen % 100:02} CNY")
    if item.document:
        told.append(f"document {item.document}")
    told.append(f"by {held.made_by}: {item.note}")
    if held.withdrawn_at is not None:
        told.append(f"withdrawn by {held.withdrawn_by}: {held.withdrawn_why}")
    return "  ".join(told)


def _evidence(connection: Connection, arguments: Namespace) -> None:
    item = Item(
        uscc=arguments.unit,
        indicator=arguments.indicator,
        kind=arguments.kind,
        title=arguments.title,
        note=arguments.why,
        amount_fen=arguments.amount_yuan,
        number=arguments.number,
        document=arguments.document,
    )
    with connection.transaction():
        who, by = spoken_by(connection, arguments)
        number = evidence.enter_item(connection, arguments.name, item, person=who.person, access=who.access, by=by)
    print(f"item {number}")


def _withdraw(connection: Connection, arguments: Namespace) -> None:
    with connection.transaction():
        who, by = spoken_by(connection, arguments)
        evidence.withdraw_item(
            connection, arguments.name, arguments.number, person=who.person, access=who.access, by=by
        )


def _until(connection: Connection, arguments: Namespace) -> None:
    with connection.transaction():
        evidence.set_term(connection, arguments.name, last_day=arguments.day, by=by_of(connection, arguments))


def _draw(connection: Connection, arguments: Namespace) -> None:
    with connection.transaction():
        drawn = visits.draw_visits(
            connection,
            arguments.name,
            seed=arguments.seed,
            by_flags=arguments.by_flags,
            by_seed=arguments.by_seed,
            by=by_of(connection, arguments),
        )
    print_draw(drawn)


def _announce(connection: Connection, arguments: Namespace) -> None:
    with connection.transaction():
        by = by_of(connection, arguments)
        held = objections.announce_round(connection, arguments.name, days=arguments.days, by=by)
        last_day = objections.find_last_day(connection, held)
    print(f"{held.name} {held.state}, objections until {last_day}")


def _object(connection: Connection, arguments: Namespace) -> None:
    with connection.transaction():
        who, by = spoken_by(connection, arguments)
        number = objections.object_to(
            connection,
            arguments.name,
            uscc=arguments.unit,
            indicator=arguments.about,
            documents=arguments.document,
            person=who.person,
            access=who.access,
            by=by,
        )
    print(f"objection {number}")


def _answer(connection: Connection, arguments: Namespace) -> None:
    correction = None
    if arguments.points is not None:
        correction = Correction(EXPERTS, hundredths=arguments.points)
    elif arguments.figure is not None or arguments.measure is not None:
        numerator, denominator = arguments.figure or (None, None)
        correction = Correction(arguments.measure or "", numerator, denominator)
    answer = Answer(arguments.verdict, correction, arguments.rating)
    with connection.transaction():
        by = by_of(connection, arguments)
        objections.answer_objection(connection, arguments.name, arguments.number, answer=answer, by=by)


def _publish(connection: Connection, arguments: Namespace) -> None:
    with connection.transaction():
        found = publication.publish_round(connection, arguments.name, by=by_of(connection, arguments))
    print(f"{arguments.name} published on {found.published_on} sha256 {found.sha256}")
    for unit in found.published.units:
        print(f"{unit.rank:>3}  {unit.rating} {RATINGS_ZH[unit.rating]}  {unit.uscc} {unit.name_zh}")
