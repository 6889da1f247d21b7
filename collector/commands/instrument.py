"""`jishi-collector instrument`: all that is registered of an instrument, on a day and ever."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from datetime import date

import msgspec

from collector.clock import system_now_ms
from collector.commands.days import parse_day
from collector.config import Config
from collector.errors import UnknownName
from collector.registry.described import Instrument, yuan
from collector.registry.descriptions import list_past, list_places
from collector.registry.instruments import find_instrument_on
from collector.registry.places import PLACES, Places, find_places
from collector.store.database import Connection, connect
from collector.store.migrate import check_migrated
from protocol.interval import local_day

_NOBODY = "-"


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `instrument`."""
    parser.add_argument("asset_no", metavar="ASSET")
    parser.add_argument("--as-of", type=parse_day, metavar="DAY", help="what held on this local day (default: today)")


def run(config: Config, arguments: Namespace) -> None:
    """Print what held, then the history; UnknownName for one that nobody registered."""
    day = arguments.as_of or local_day(system_now_ms())
    with connect(config.dsn, application="instrument") as connection:
        check_migrated(connection)
        held = find_instrument_on(connection, arguments.asset_no, day=day)
        if held is None:
            raise UnknownName(f"no instrument {arguments.asset_no!a} is registered")
        places = find_places(connection, [(held.asset_no, day)])[held.asset_no, day]
        print("\n".join([f"as of {day}", *_lines(held, places), "history", *_history(connection, held.asset_no)]))


def _lines(held: Instrument, places: Places) -> Iterator[str]:
    members = {**_members(held), **{place: places.of(place) or _NOBODY for place in PLACES}}
    yield from (f"  {name:<16} {value}" for name, value in members.items())


def _history(connection: Connection, asset_no: str) -> Iterator[str]:
    """What each fact changed, by the day from which it holds."""
    told: list[tuple[date, str]] = []
    before: dict[str, str] = {}
    for past in list_past(connection, asset_no):
        after = _members(past.instrument)
        changed = ", ".join(f"{name} {value}" for name, value in after.items() if before.get(name, _NOBODY) != value)
        recorded = f"recorded {past.recorded_at:%Y-%m-%d} by {past.recorded_by}"
        told.append((past.from_day, f"{changed or 'nothing else'}  ({recorded})"))
        before = after
    told += [
        (place.from_day, f"{place.kind} {place.key or _NOBODY}  (recorded {place.recorded_at:%Y-%m-%d})")
        for place in list_places(connection, asset_no)
    ]
    yield from (f"  {day} {text}" for day, text in sorted(told, key=lambda line: line[0]))


def _members(held: Instrument) -> dict[str, str]:
    """As people read them: amounts in CNY, yes and no, and a sign for what nobody said."""
    shown = {}
    for name, value in msgspec.structs.asdict(held).items():
        if name.endswith("_fen"):
            shown[name.replace("_fen", "_yuan")] = _NOBODY if value is None else yuan(value)
        elif isinstance(value, bool):
            shown[name] = "yes" if value else "no"
        else:
            shown[name] = str(value or _NOBODY)
    return shown
