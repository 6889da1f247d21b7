"""`jishi-collector notice`: notices 通报 over a month, a quarter or a year, and what units reply to them.

jishi-collector notice draft 2026-Q1 --frozen 2026-Q1 --number 陕科通〔2026〕3号 --why "first quarter" --by wang.fang
jishi-collector notice issue 2026-Q1 --frozen 2026-Q1 --number 陕科通〔2026〕3号 --why "first quarter" --by wang.fang
jishi-collector notice issue 2026 --kind false-report --unit 91610131MA6TYUUC74=TEXT …
jishi-collector notice reply 3 --unit 91610131MA6TYUUC74 --text "…" --by li.ming
jishi-collector notice list | show 3 | write 3 --page notice.html --annex notice.xlsx | verify 3
"""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from collector.commands import asker
from collector.config import Config
from collector.errors import MonitoringError
from collector.monitoring import notices
from collector.monitoring.acts import By
from collector.monitoring.notice_form import KINDS, decode
from collector.monitoring.notice_gather import Wanted
from collector.monitoring.notice_tables import write_annex
from collector.monitoring.notice_text import write_page, write_text
from collector.monitoring.notices import Notice
from collector.monitoring.periods import parse_period
from collector.store.database import Connection, connect
from collector.store.migrate import check_migrated


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `notice`."""
    deeds = parser.add_subparsers(required=True, metavar="draft|issue|list|show|write|reply|verify")
    for name, deed, purpose in (
        ("draft", _draft, "print what a notice would say; nothing is kept"),
        ("issue", _issue, "issue a notice, for good"),
    ):
        made = deeds.add_parser(name, help=purpose)
        made.add_argument("period", metavar="PERIOD", help="2026-03, 2026-Q1 or 2026")
        made.add_argument("--frozen", required=True, metavar="NAME", help="the frozen period of exactly these days")
        made.add_argument("--number", required=True, metavar="TEXT", help="the number of the notice")
        made.add_argument("--kind", choices=KINDS, default="regular")
        made.add_argument(
            "--of", default="everything", metavar="SUBJECT", help="everything, unit:USCC or division:DIGITS (GB/T 2260)"
        )
        made.add_argument(
            "--unit", action="append", type=_unit, default=[], metavar="USCC=REASON", help="whom it names; repeatable"
        )
        made.add_argument("--why", required=True, metavar="TEXT", help="is kept with it")
        asker.declare(made)
        made.set_defaults(deed=deed)
    deeds.add_parser("list", help="the notices that there are").set_defaults(deed=_list)
    for name, deed, purpose in (
        ("show", _show, "print the text of a notice, and the replies"),
        ("verify", _verify, "hold a notice against the figures that it rests on"),
        ("write", _write, "write a notice as files"),
    ):
        kept = deeds.add_parser(name, help=purpose)
        kept.add_argument("notice", type=int)
        kept.set_defaults(deed=deed)
        if name == "write":
            kept.add_argument("--page", type=Path, metavar="FILE.html", help="to print, with the replies")
            kept.add_argument("--annex", type=Path, metavar="FILE.xlsx", help="units and instruments")
    reply = deeds.add_parser("reply", help="what a unit that is named says to it")
    reply.add_argument("notice", type=int)
    reply.add_argument("--unit", required=True, metavar="USCC")
    reply.add_argument("--text", dest="why", required=True, metavar="TEXT")
    reply.add_argument("--document", metavar="SHA256", help="a stored file that belongs to it")
    asker.declare(reply)
    reply.set_defaults(deed=_reply)


def run(config: Config, arguments: Namespace) -> None:
    """Do it. MonitoringError, FreezingError, UnknownName, NotAllowed, CalendarUnknown."""
    with connect(config.dsn, application="notice") as connection:
        check_migrated(connection)
        arguments.deed(connection, arguments)


def _unit(text: str) -> tuple[str, str]:
    uscc, equals, reason = text.partition("=")
    if not equals or not reason:
        raise ArgumentTypeError(f"{text[:40]!a} names no reason: write it as USCC=REASON")
    return uscc, reason


def _wanted(arguments: Namespace) -> Wanted:
    named: dict[str, str] = dict(arguments.unit)
    period = parse_period(arguments.period)
    return Wanted(arguments.number, arguments.kind, arguments.of, period, arguments.frozen, named)


def _by(connection: Connection, arguments: Namespace) -> By:
    return By(asker.find(connection, arguments), arguments.why, datetime.now(UTC))


def _draft(connection: Connection, arguments: Namespace) -> None:
    form = notices.draft(connection, _wanted(arguments), _by(connection, arguments))
    print(write_text(form).decode(), end="")


def _issue(connection: Connection, arguments: Namespace) -> None:
    with connection.transaction():
        print(_line(notices.issue(connection, _wanted(arguments), _by(connection, arguments))))


def _list(connection: Connection, _arguments: Any) -> None:
    for each in notices.list_notices(connection):
        print(_line(each))


def _show(connection: Connection, arguments: Namespace) -> None:
    held = notices.find_notice(connection, arguments.notice)
    print(_line(held))
    print(notices.load_bytes(connection, held)[1].decode(), end="")
    for each in notices.list_replies(connection, held):
        document = "" if each.document is None else f", document {each.document}"
        print(f"reply of {each.uscc} ({each.made_by}, {each.made_at:%Y-%m-%d}{document}): {each.text}")


def _write(connection: Connection, arguments: Namespace) -> None:
    held = notices.find_notice(connection, arguments.notice)
    form = decode(notices.load_bytes(connection, held)[0])
    if arguments.page is None and arguments.annex is None:
        raise MonitoringError("say what is to be written: --page FILE.html, --annex FILE.xlsx, or both")
    try:
        if arguments.page is not None:
            page = write_page(form, sha256=held.sha256, replies=notices.list_replies(connection, held))
            arguments.page.write_text(page, encoding="utf-8")
        if arguments.annex is not None:
            write_annex(form, arguments.annex)
    except OSError as error:
        raise MonitoringError(f"{error.filename} cannot be written: {error.strerror}") from error


def _reply(connection: Connection, arguments: Namespace) -> None:
    with connection.transaction():
        by = _by(connection, arguments)
        notices.reply(connection, arguments.notice, by, uscc=arguments.unit, document=arguments.document)
    print(f"unit {arguments.unit} replied to notice {arguments.notice}")


def _verify(connection: Connection, arguments: Namespace) -> None:
    found = notices.verify(connection, arguments.notice)
    for each in found:
        print(f"differs: {each}")
    print(f"differences={len(found)}")
    if found:
        raise MonitoringError(f"notice {arguments.notice} is not what its figures say")


def _line(held: Notice) -> str:
    return (
        f"notice {held.notice_id}  {held.number}  {held.kind}  {held.subject}  {held.first_day} to {held.last_day}  "
        f"frozen {held.frozen}  {held.units} units  {held.replies} replies  sha256 {held.sha256}  "
        f"by {held.issued_by} on {held.issued_at:%Y-%m-%d}"
    )
