"""`jishi-collector self-evaluation`: a unit's report on its year, from its draft to its acceptance, and who is late.

jishi-collector self-evaluation draft 91610131MA6TYUUC74 2025 --texts texts.toml --why "first figures" --by li.ming
jishi-collector self-evaluation confirm 91610131MA6TYUUC74 2025 --why "checked" --by li.ming
jishi-collector self-evaluation submit 91610131MA6TYUUC74 2025 --why "notice of 5 January" --by li.ming
jishi-collector self-evaluation export 91610131MA6TYUUC74 2025 report.html
jishi-collector self-evaluation timeliness 2025
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from collector.clock import system_now_ms
from collector.commands import asker
from collector.commands.days import parse_day
from collector.config import Config
from collector.errors import ExportError, SelfEvaluationError
from collector.evaluation.rounds import By
from collector.exports import xlsx_file
from collector.files import read_limited
from collector.registry.access import EVERYTHING, Scope
from collector.self_evaluation import document, report_tables, reports, texts, timeliness, versions
from collector.self_evaluation.changes import Difference
from collector.self_evaluation.reports import Doer
from collector.self_evaluation.states import State
from collector.self_evaluation.versions import Standing
from collector.store.database import Connection, connect
from collector.store.migrate import check_migrated
from protocol.interval import local_day

Deed = Callable[[Connection, Namespace], None]
_GOES_ON: dict[str, tuple[State, str]] = {
    "submit": ("submitted", "the unit submits what it confirmed"),
    "return": ("returned", "the evaluator sends it back"),
    "accept": ("accepted", "the evaluator accepts it"),
}


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `self-evaluation`."""
    parser.add_argument("--year", type=int, help="only the reports of this year")
    parser.add_argument("--unit", metavar="USCC", help="only those of this unit")
    parser.set_defaults(deed=_list)
    deeds = parser.add_subparsers(metavar="DEED")
    draft = _deed(deeds, "draft", _draft, "make the next version out of the records")
    draft.add_argument("--texts", type=Path, metavar="FILE.toml", help="what the unit writes itself")
    confirm = _deed(deeds, "confirm", _confirm, "the unit's officer confirms the version")
    confirm.add_argument("--keep-figures", action="store_true", help="although the records say otherwise by now")
    for name, (state, purpose) in _GOES_ON.items():
        _deed(deeds, name, _go_on, purpose).set_defaults(state=state)
    due = deeds.add_parser("due", help="say until when the reports of a year are submitted")
    due.add_argument("year", type=int)
    due.add_argument("due_on", type=parse_day, metavar="DAY")
    _declare_why(due, _due)
    late = deeds.add_parser("timeliness", help="list which units submitted in time")
    late.add_argument("year", type=int)
    late.set_defaults(deed=_timeliness)
    for name, deed, purpose in (
        ("show", _show, "show how a report came where it is"),
        ("differences", _differences, "list what the records say otherwise than the newest version"),
        ("export", _export, "write a version as .xlsx, .html (to print) or .json (its exact bytes)"),
    ):
        told = deeds.add_parser(name, help=purpose)
        _declare_report(told)
        told.set_defaults(deed=deed)
        if deed is _export:
            told.add_argument("file", type=Path, metavar="FILE")
            told.add_argument("--version", type=int, metavar="N", help="default: the newest")


def run(config: Config, arguments: Namespace) -> None:
    """Do it. SelfEvaluationError, RoundError, NotAllowed, UnknownName, ExportError."""
    with connect(config.dsn, application="self-evaluation") as connection:
        check_migrated(connection)
        arguments.deed(connection, arguments)


def _deed(deeds: Any, name: str, deed: Deed, purpose: str) -> ArgumentParser:
    parser = deeds.add_parser(name, help=purpose)
    assert isinstance(parser, ArgumentParser)
    _declare_report(parser)
    _declare_why(parser, deed)
    return parser


def _declare_report(parser: ArgumentParser) -> None:
    parser.add_argument("unit", metavar="USCC")
    parser.add_argument("year", type=int)


def _declare_why(parser: ArgumentParser, deed: Deed) -> None:
    parser.add_argument("--why", required=True, metavar="TEXT", help="is kept with it")
    asker.declare(parser)
    parser.set_defaults(deed=deed)


def _doer(connection: Connection, arguments: Namespace) -> Doer:
    found = asker.find(connection, arguments)
    return Doer(By(found.actor, arguments.why, datetime.now(UTC)), found.access)


def _draft(connection: Connection, arguments: Namespace) -> None:
    given: dict[str, object] = {}
    if arguments.texts is not None:
        try:
            given = texts.parse_file(read_limited(arguments.texts, texts.MAX_FILE_BYTES))
        except (OSError, ValueError) as error:
            raise SelfEvaluationError(f"{arguments.texts} cannot be read: {error}") from error
    with connection.transaction():
        doer = _doer(connection, arguments)
        made = reports.draft(connection, arguments.unit, arguments.year, given=given, doer=doer)
    print(_line(made))


def _confirm(connection: Connection, arguments: Namespace) -> None:
    with connection.transaction():
        doer = _doer(connection, arguments)
        made, found = reports.confirm(
            connection, arguments.unit, arguments.year, keep_figures=arguments.keep_figures, doer=doer
        )
    print(_line(made))
    _print_differences(found)


def _go_on(connection: Connection, arguments: Namespace) -> None:
    with connection.transaction():
        doer = _doer(connection, arguments)
        made = reports.go_on(connection, arguments.unit, arguments.year, arguments.state, doer=doer)
    print(_line(made))


def _due(connection: Connection, arguments: Namespace) -> None:
    with connection.transaction():
        doer = _doer(connection, arguments)
        timeliness.set_due(connection, arguments.year, arguments.due_on, doer=doer)
    print(f"reports of {arguments.year} are to be submitted until {arguments.due_on}")


def _timeliness(connection: Connection, arguments: Namespace) -> None:
    for each in timeliness.list_timeliness(connection, arguments.year, scope=EVERYTHING, today=_today()):
        days = f" {each.days} d" if each.judged in ("late", "missing", "awaited") else ""
        told = [f"{each.uscc} {each.name_zh}  {each.judged}{days}  {each.state or 'none'}"]
        if each.first_submitted_at and each.last_submitted_at:
            told.append(f"submitted {each.first_submitted_at:%Y-%m-%d}, last {each.last_submitted_at:%Y-%m-%d} UTC")
        if each.returned:
            told.append(f"returned {each.returned} times")
        print("  ".join(told))


def _list(connection: Connection, arguments: Namespace) -> None:
    scope = Scope("unit", arguments.unit) if arguments.unit else EVERYTHING
    for each in versions.list_reports(connection, scope, year=arguments.year):
        print(_line(each))


def _show(connection: Connection, arguments: Namespace) -> None:
    held = versions.find_report(connection, arguments.unit, arguments.year)
    print(_line(held))
    for step in versions.list_steps(connection, held):
        changed = f" ({step.differences} figures differed)" if step.differences else ""
        print(
            f"  {step.state} version {step.version} {step.sha256}: {step.made_at:%Y-%m-%d %H:%M} UTC by {step.made_by}"
            f"{changed}: {step.why}"
        )


def _differences(connection: Connection, arguments: Namespace) -> None:
    held = versions.find_report(connection, arguments.unit, arguments.year)
    version = versions.read_version(connection, held, held.version)
    with connection.transaction():
        _print_differences(reports.compare(connection, version, today=_today()))


def _print_differences(found: list[Difference]) -> None:
    for each in found:
        print(f"differs {each.place}: {each.was or '-'} -> {each.now or '-'}")
    print(f"differences={len(found)}")


def _export(connection: Connection, arguments: Namespace) -> None:
    held = versions.find_report(connection, arguments.unit, arguments.year)
    number = held.version if arguments.version is None else arguments.version
    version = versions.read_version(connection, held, number)
    steps = versions.list_steps(connection, held)
    path: Path = arguments.file
    try:
        match path.suffix:
            case ".json":
                path.write_bytes(version.body)
            case ".html":
                path.write_text(document.render(version, steps), encoding="utf-8")
            case ".xlsx":
                xlsx_file.write(path, report_tables.tables_of(version, steps), made_at=datetime.now(UTC))
            case _:
                raise ExportError(f"{path} is none of .xlsx, .html and .json: its end says what is written")
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error}") from error
    print(f"{path}: version {number} of {held.name}, sha256 {version.sha256}")


def _line(held: Standing) -> str:
    """`91610131MA6TYUUC74 2025 西安测试大学  submitted version 2 9f12…`"""
    return f"{held.uscc} {held.year} {held.name_zh}  {held.state} version {held.version} {held.sha256}"


def _today() -> date:
    return local_day(system_now_ms())
