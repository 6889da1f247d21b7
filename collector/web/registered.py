"""What is registered of an instrument, as a day's page shows it: what nobody said is left out."""

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from collector.registry.described import Facility, Instrument
from collector.registry.descriptions import find_on
from collector.registry.instruments import find_instrument_on
from collector.registry.places import find_places
from collector.store.database import Connection
from collector.web.words import Words


class Registered(NamedTuple):
    """What held on a day."""

    instrument: Instrument
    facility: Facility | None
    centre: Facility | None


def load_registered(connection: Connection, asset_no: str, *, day: date) -> Registered | None:
    """None for an instrument that nobody registered."""
    instrument = find_instrument_on(connection, asset_no, day=day)
    if instrument is None:
        return None
    places = find_places(connection, [(asset_no, day)])[asset_no, day]
    found = find_on(connection, Facility, [(key, day) for key in (places.facility, places.centre) if key])
    return Registered(instrument, found.get((places.facility or "", day)), found.get((places.centre or "", day)))


def lines(registered: Registered, words: Words) -> list[tuple[str, str]]:
    """Labels with their texts."""
    return [(words(f"registered.{name}"), text) for name, text in _texts(registered, words) if text]


def _texts(registered: Registered, words: Words) -> Iterator[tuple[str, str]]:
    instrument = registered.instrument
    yield "class_code", instrument.class_code
    yield "value", _amount(instrument.value_fen, words)
    yield "funding", instrument.funding
    yield "government", _government(instrument, words)
    yield "maker", instrument.maker
    yield "origin", _origin(instrument, words)
    yield "accepted_on", str(instrument.accepted_on or "")
    yield "sharing", _sharing(instrument, words)
    yield "booking", _booking(instrument, words)
    yield "fee", instrument.fee
    yield "location", instrument.location
    yield "facility", _named(registered.facility, words)
    yield "centre", _named(registered.centre, words)


def _amount(fen: int | None, words: Words) -> str:
    return "" if fen is None else words("registered.amount", amount=_grouped(fen))


def _grouped(fen: int) -> str:
    """An amount of money as people read it: 2,356,000.00."""
    return f"{fen // 100:,}.{fen % 100:02d}"


def _government(instrument: Instrument, words: Words) -> str:
    value, government = instrument.value_fen, instrument.government_fen
    if not value or government is None:
        return ""
    tenths = government * 1_000 // value
    return words("registered.share", amount=_grouped(government), percent=f"{tenths // 10}.{tenths % 10}")


def _origin(instrument: Instrument, words: Words) -> str:
    origin = words(f"registered.{instrument.origin}") if instrument.origin else ""
    return " · ".join(part for part in (origin, instrument.country) if part)


def _sharing(instrument: Instrument, words: Words) -> str:
    if instrument.shareable is None:
        return ""
    if instrument.shareable:
        return words("registered.shared")
    return words("registered.exempt", document=instrument.exempt_document, reason=instrument.exempt_reason)


def _booking(instrument: Instrument, words: Words) -> str:
    if instrument.bookable is None:
        return ""
    return words("registered.bookable" if instrument.bookable else "registered.not_bookable")


def _named(facility: Facility | None, words: Words) -> str:
    if facility is None:
        return ""
    name = facility.name_en if words.language == "en" and facility.name_en else facility.name_zh
    return f"{name} · {facility.facility_no}"
