"""`jishi-collector case`: units that were rated poor, proved fraud, and what may become of their instruments.

jishi-collector case list [--state open|overdue|closed]
jishi-collector case enter 3 evidence --document 5c… --why "new booking rules" --by li.na
jishi-collector case rule 3 accepted --why "seen on site" --by wang.fang
jishi-collector case fraud UNIT 2026 --evidence finding:5c… --years 2027-2029 --approver zhao --why "…" --by wang.fang
jishi-audit key sign zhao.key fraud.txt --out fraud.note                          (zhao, on his own machine)
jishi-collector case bring fraud.note --why "decided on 3 May" --by wang.fang
"""

import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, get_args

from collector.cases import fraud, poor, transfers
from collector.cases.fraud import Accused
from collector.cases.poor import STATES, PoorCase
from collector.cases.signing import open_signed
from collector.cases.transfers import Moved, Wanted
from collector.clock import system_now_ms
from collector.commands.round_deed import by_of, declare, spoken_by
from collector.config import Config
from collector.errors import CaseError
from collector.files import read_limited
from collector.store.database import Connection, connect
from collector.store.migrate import check_migrated
from protocol.hours import hours_text
from protocol.interval import local_day
from protocol.note import MAX_NOTE_BYTES
from protocol.signed_case import Fraud, Way

_YEARS = re.compile(r"(?P<first>2[01][0-9]{2})(-(?P<last>2[01][0-9]{2}))?", re.ASCII)


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `case`."""
    deeds = parser.add_subparsers(required=True, metavar="DEED")
    listed = deeds.add_parser("list", help="cases of units that were rated poor")
    listed.add_argument("--state", choices=STATES)
    listed.set_defaults(deed=_list)
    shown = deeds.add_parser("show", help="one case, with all that was entered")
    shown.add_argument("number", type=int)
    shown.set_defaults(deed=_show)
    entered = declare(deeds, "enter", _enter, "enter a remedy or evidence, for the unit", of_round=False)
    entered.add_argument("number", type=int)
    entered.add_argument("kind", choices=poor.KINDS)
    entered.add_argument("--document", metavar="SHA256", help="as `jishi-collector document add` printed it")
    ruled = declare(deeds, "rule", _rule, "accept what a unit did, which closes its case; or refuse it", of_round=False)
    ruled.add_argument("number", type=int)
    ruled.add_argument("verdict", choices=poor.VERDICTS)
    _configure_signed(deeds)


def run(config: Config, arguments: Namespace) -> None:
    """Do it. CaseError, NotAllowed, UnknownName."""
    with connect(config.dsn, application="case") as connection:
        check_migrated(connection)
        arguments.deed(connection, arguments)


def parse_years(text: str) -> tuple[int, int]:
    """A year, or the first and the last of several."""
    found = _YEARS.fullmatch(text)
    if found is None:
        raise ArgumentTypeError(f"{text[:40]!a} is no year and no range of years: write it as 2027 or 2027-2029")
    return int(found["first"]), int(found["last"] or found["first"])


def _configure_signed(deeds: Any) -> None:
    accused = declare(deeds, "fraud", _fraud, "print what an approver signs where fraud is proved", of_round=False)
    accused.add_argument("unit", metavar="USCC")
    accused.add_argument("round", metavar="ROUND")
    accused.add_argument("--evidence", action="append", required=True, metavar="KIND:SHA256",
                         help="decision, finding, fork or document; repeatable")  # fmt: skip
    accused.add_argument("--years", type=parse_years, required=True, metavar="FIRST[-LAST]", help="out of their rounds")
    accused.add_argument("--approver", required=True, metavar="NAME", help="who signs it")
    moved = declare(deeds, "transfer", _transfer, "print what an approver signs of a transfer", of_round=False)
    moved.add_argument("unit", metavar="USCC")
    moved.add_argument("asset_no", metavar="ASSET")
    moved.add_argument("way", choices=get_args(Way))
    moved.add_argument("--to", metavar="USCC", help="the unit that gets it")
    moved.add_argument("--approver", required=True, metavar="NAME", help="who signs it")
    bring = declare(deeds, "bring", _bring, "keep what was signed, and do what follows", of_round=False)
    bring.add_argument("note", type=Path, metavar="NOTE")
    deeds.add_parser("frauds", help="list proved fraud").set_defaults(deed=_frauds)
    credit = deeds.add_parser("credit-record", help="print the text for the record of research integrity")
    credit.add_argument("number", type=int)
    credit.set_defaults(deed=_credit)
    twice = deeds.add_parser("twice", help="units that were poor twice in a row, and their little used instruments")
    twice.add_argument("--below-hours", type=int, default=1400, metavar="N", help="counted hours a year; default: 1400")
    twice.add_argument("--class-begins", metavar="CODE", help="only classes of general use, by their code's beginning")
    twice.set_defaults(deed=_twice)
    deeds.add_parser("transfers", help="list transfers that were decided").set_defaults(deed=_transfers)


def _today() -> date:
    return local_day(system_now_ms())


def _list(connection: Connection, arguments: Namespace) -> None:
    today = _today()
    for case in poor.list_cases(connection):
        if arguments.state in (None, case.state(today)):
            print(_of_case(case, today))


def _of_case(case: PoorCase, today: date) -> str:
    until = f"closed {case.closed_at:%Y-%m-%d}" if case.closed_at else f"due {case.due_on}"
    of_round = f"round {case.round}, notice {case.notice_on}, {until}"
    return f"case {case.case_id}  {case.uscc} {case.name_zh}  {of_round}  {case.state(today)}"


def _show(connection: Connection, arguments: Namespace) -> None:
    case = poor.find_case(connection, arguments.number)
    print(_of_case(case, _today()))
    for entry in poor.list_entries(connection, case):
        told = f"{entry.kind} by {entry.made_by}: {entry.told} {entry.document or ''}".rstrip()
        print(f"  {entry.made_at:%Y-%m-%d %H:%M} UTC {told}")
    for ruling in poor.list_rulings(connection, case):
        print(f"  {ruling.made_at:%Y-%m-%d %H:%M} UTC {ruling.verdict} by {ruling.made_by}: {ruling.why}")


def _enter(connection: Connection, arguments: Namespace) -> None:
    with connection.transaction():
        who, by = spoken_by(connection, arguments)
        poor.enter(
            connection,
            arguments.number,
            kind=arguments.kind,
            document=arguments.document,
            person=who.person,
            access=who.access,
            by=by,
        )


def _rule(connection: Connection, arguments: Namespace) -> None:
    with connection.transaction():
        poor.rule(connection, arguments.number, verdict=arguments.verdict, by=by_of(connection, arguments))


def _fraud(connection: Connection, arguments: Namespace) -> None:
    first, last = arguments.years
    accused = Accused(arguments.unit, arguments.round, first, last, tuple(arguments.evidence), arguments.approver)
    with connection.transaction():
        text = fraud.draw_fraud(connection, accused, by=by_of(connection, arguments))
    _print_text(text)


def _transfer(connection: Connection, arguments: Namespace) -> None:
    moved = Moved(arguments.unit, arguments.asset_no, arguments.way, arguments.to, arguments.approver)
    with connection.transaction():
        text = transfers.draw_transfer(connection, moved, by=by_of(connection, arguments))
    _print_text(text)


def _print_text(text: str) -> None:
    """The exact bytes: what is signed must not depend on a terminal's encoding."""
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


def _bring(connection: Connection, arguments: Namespace) -> None:
    try:
        note = read_limited(arguments.note, MAX_NOTE_BYTES)
    except (OSError, ValueError) as error:
        raise CaseError(f"the note {arguments.note} cannot be read: {error}") from error
    with connection.transaction():
        by = by_of(connection, arguments)
        signed = open_signed(connection, note, now=datetime.now(UTC))
        if isinstance(signed.decision, Fraud):
            print(f"fraud case {fraud.bring_fraud(connection, signed, by=by)}")
        else:
            print(f"transfer {transfers.bring_transfer(connection, signed, by=by)}")


def _frauds(connection: Connection, _arguments: Namespace) -> None:
    for case in fraud.list_frauds(connection):
        decision = case.decision
        print(
            f"fraud case {case.fraud_id}  {case.uscc} {case.name_zh}  round {case.round}, out of "
            f"{decision.first_year}-{decision.last_year}, signed by {decision.approver}: {decision.why}"
        )


def _credit(connection: Connection, arguments: Namespace) -> None:
    print(fraud.credit_record(fraud.find_fraud(connection, arguments.number)), end="")


def _twice(connection: Connection, arguments: Namespace) -> None:
    wanted = Wanted(arguments.below_hours, arguments.class_begins)
    for unit in transfers.list_twice_poor(connection):
        print(f"{unit.uscc} {unit.name_zh}  poor in {unit.first.round} and {unit.second.round}")
        for each in transfers.list_candidates(connection, unit, wanted):
            print(f"  {of_candidate(each)}")


def of_candidate(each: transfers.Candidate) -> str:
    """`A003 电子显微镜 class 03030101: 12.4 h counted, 0.0 h external, 80 % observed, open`"""
    counted, external = (f"{hours_text(seconds)} h" for seconds in (each.counted_s, each.counted_verified_s))
    observed = f"{100 * each.observed_s // each.network_s} % observed" if each.network_s else "never observed"
    named = f"{each.asset_no} {each.name_zh} class {each.class_code or '-'}"
    return f"{named}: {counted} counted, {external} external, {observed}, {'open' if each.shareable else 'not open'}"


def _transfers(connection: Connection, _arguments: Namespace) -> None:
    for each in transfers.list_transfers(connection):
        decision = each.decision
        print(
            f"transfer {each.transfer_id}  {each.uscc} {each.asset_no} {decision.way} {decision.to or '-'}, "
            f"signed by {decision.approver}: {decision.why}"
        )
