"""What the oracle is given: both sides of every journal, and every instrument's truth beside its hours.

It is gathered once everything has ended. Receipts that went down a line count like those that an agent kept.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from collector.store.database import Connection
from deploy.demo.truth import Span, read_truth
from protocol import hours
from protocol.interval import day_bounds_ms
from protocol.note import parse_vkey
from tests.faults.crowd import Crowd
from tests.faults.facts import Issued, origin_of, read_stored
from tests.faults.host import Host
from tests.faults.oracle import Log, Watched, covered_s

LIFE_S = 12.0
"""What a life of an agent may leave unobserved at its two ends: its start, and what was open when it was killed."""


class _Known(NamedTuple):
    issued: Issued
    is_newest: bool
    revoked_size: int | None


def sent_receipts(hosts: Sequence[Host]) -> list[bytes]:
    """Every receipt that went down a line."""
    heard = {payload for host in hosts for _, payload in host.line.heard}
    return [payload for payload in heard if not payload.startswith(b"jishi-")]


def gather_logs(connection: Connection, hosts: Sequence[Host], crowd: Crowd | None) -> Iterable[Log]:
    """Every journal that somebody issued."""
    stored = {each.origin: each for each in read_stored(connection)}
    keys = dict(connection.execute("SELECT origin, vkey FROM journal").fetchall())
    sent = sent_receipts(hosts)
    for issued, is_newest, revoked_size in _known(hosts, crowd):
        vkey = keys.get(issued.origin)
        yield Log(
            issued,
            stored.get(issued.origin),
            parse_vkey(vkey) if vkey else None,
            goes_on=is_newest and revoked_size is None,
            revoked_size=revoked_size,
            sent=frozenset(note for note in sent if origin_of(note) == issued.origin),
        )


def gather_watched(connection: Connection, hosts: Sequence[Host]) -> Iterable[Watched]:
    """Every instrument; what the collector was not told of, because a key was revoked, is not in its hours."""
    for host in hosts:
        if host.revoked_size is not None:
            continue
        truth = read_truth(host.truth)
        lived_s = sum(until_s - since_s for since_s, until_s in host.lives)
        # No truth: the meter was never asked, and every other violation is still to be told.
        span_s = truth[-1][1] - truth[0][0] if truth else 0.0
        unobservable_s = span_s - lived_s + LIFE_S * len(host.lives)
        records = list(_recorded(connection, host.asset))
        covered = None if host.is_dated else _covered_s(connection, host)
        yield Watched(host.asset, truth, records, max(0.0, unobservable_s), covered)


def _known(hosts: Sequence[Host], crowd: Crowd | None) -> Iterable[_Known]:
    for host in hosts:
        epochs = host.issued()
        yield from (_Known(each, each is epochs[-1], host.revoked_size) for each in epochs)
    yield from (_Known(each, True, None) for each in (crowd.issued() if crowd else []))


def _covered_s(connection: Connection, host: Host) -> float:
    origins = {each.origin for each in host.issued()}
    return sum(covered_s(each) for each in read_stored(connection) if each.origin in origins)


def _recorded(connection: Connection, asset: str) -> Iterable[Span]:
    rows = connection.execute("SELECT day, body FROM hour_record WHERE asset_no = %s ORDER BY day", [asset])
    for day, body in rows.fetchall():
        midnight_s = day_bounds_ms(day)[0] // 1000
        spans = hours.decode(bytes(body)).spans
        yield from ((midnight_s + start, midnight_s + end, state) for start, end, state in spans)
