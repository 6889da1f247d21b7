"""`jishi-collector audit`: who changed what, oldest first."""

import json
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from datetime import datetime, timedelta, timezone

from collector.config import Config
from collector.registry.audit import Change, list_changes
from collector.store.database import connect
from collector.store.migrate import check_migrated
from protocol.interval import UTC_OFFSET_MS

LOCAL = timezone(timedelta(milliseconds=UTC_OFFSET_MS))


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `audit`."""
    parser.add_argument(
        "--since", type=_instant, metavar="TIME", help="a day or an instant, as 2026-03-02 or 2026-03-02T08:00+08:00"
    )


def run(config: Config, arguments: Namespace) -> None:
    """Print one line a change."""
    with connect(config.dsn, application="audit") as connection:
        check_migrated(connection)
        for change in list_changes(connection, since=arguments.since):
            print(_line(change))


def _line(change: Change) -> str:
    words = [
        change.at.astimezone(LOCAL).isoformat(timespec="seconds"),
        change.outcome,
        change.action,
        change.target,
        f"by={change.actor}",
        f"via={change.via}",
        f"from={change.place}",
    ]
    words += [
        f"{name}={_json(value)}" for name, value in (("old", change.old), ("new", change.new)) if value is not None
    ]
    return "  ".join([*words, f"reason={change.reason}"] if change.reason else words)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _instant(text: str) -> datetime:
    """A day is its local midnight, a time without an offset is local."""
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!a} is no time: 2026-03-02 or 2026-03-02T08:00+08:00 is expected") from error
    return given if given.tzinfo else given.replace(tzinfo=LOCAL)
