"""A day of a province in the readings table: stated load models, seeded, packed once and copied for many instruments.

    model           what its power does                                                     intervals a day
    chromatograph   gradients: twenty steps up, twenty down, a pause between                1 900 or so
    thermostat      a heater comes on for a quarter minute to a minute, goes for two        1 200
    microscope      idle at night, two long runs whose pumps come and go                    1 300
    furnace         a ramp, a plateau with a relay, cooling; one batch a day                1 700
    workshop        off at night, bursts of short jobs in working hours                     1 400

An instrument has one agent with one journal, whose meter reports blocks as the agent cuts them: an interval lasts 300 s
at most, a block holds what began within 300 s, means, extremes and an energy counter in each. TEMPLATES days are drawn,
the same number of each model; the instruments take them in turn, under journals of their own. The day before ends and
the day after begins with a quarter of an hour of the same load, so that the day is neither cut off nor alone.

Units own the instruments in turn. Nothing here is measured: tests/bench/hours.py does that.
"""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from random import Random
from typing import NamedTuple

from collector.ingest.rows import COPY_HEADER, COPY_READING, COPY_TRAILER, reading_row_tail, reading_rows
from collector.registry import people, policies
from collector.store.database import Connection
from protocol.entry import Entry, Reading
from protocol.interval import day_bounds_ms
from protocol.uscc import fault
from tests.collector.province import POLICY

DAY = date(2026, 12, 7)
"""A month that has a partition for two years from now on."""
SEED = 20_261_207
TEMPLATES = 50
UNITS = 110
EDGE_MS = 900_000
_BLOCK_MS = 300_000
_BOOT_MS = 40_000_000
_AT_ONCE = 400

_LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"

Piece = tuple[int, int, int]  # duration in ms, mean and spread in mW
Load = Callable[[Random], Iterator[Piece]]


class Template(NamedTuple):
    """One drawn day: its rows without their journal, and how many intervals they hold."""

    tails: list[bytes]
    intervals: int


def load_province(connection: Connection, instruments: int) -> int:
    """Registers so many instruments, stores the readings of DAY and marks it dirty; returns how many intervals."""
    register(connection, instruments)
    templates = make_templates(DAY)
    intervals = 0
    journals = [row[0] for row in connection.execute("SELECT journal_id FROM journal ORDER BY journal_id")]
    for first in range(0, len(journals), _AT_ONCE):
        chosen = [(journal, templates[journal % TEMPLATES]) for journal in journals[first : first + _AT_ONCE]]
        copy_readings(connection, [(journal, template.tails) for journal, template in chosen])
        intervals += sum(template.intervals for _, template in chosen)
    connection.execute("INSERT INTO dirty_day SELECT asset_no, %s, clock_timestamp() FROM instrument", [DAY])
    connection.execute("ANALYZE")
    return intervals


def load_year(connection: Connection, *, first_day: date, days: int) -> int:
    """The readings of one more instrument, `Y0001`, on so many days, all dirty; returns how many intervals."""
    journal = _register_one(connection, "Y0001")
    intervals = 0
    for number in range(days):
        day = first_day + timedelta(days=number)
        template = _draw(day, LOADS[number % len(LOADS)], Random(f"{SEED} year {number}"), number=number, edge_ms=0)
        copy_readings(connection, [(journal, template.tails)])
        intervals += template.intervals
        connection.execute("INSERT INTO dirty_day VALUES ('Y0001', %s, clock_timestamp())", [day])
    connection.execute("ANALYZE")
    return intervals


def register(connection: Connection, instruments: int) -> None:
    """Units, instruments A00001 and on, an agent, a journal and a meter for each, and a policy for all."""
    person = people.register_person(connection, "bench")
    assert person is not None
    policy = policies.register_policy(connection, POLICY)
    policies.put_in_force(connection, policy, asset_no=None, from_day=date(2020, 1, 1), approved_by="bench")
    codes = [_uscc(number) for number in range(UNITS)]
    connection.execute("INSERT INTO unit (uscc, name_zh) SELECT c, '单位' || c FROM unnest(%s::text[]) c", [codes])
    values = {"instruments": instruments, "codes": codes, "units": UNITS}
    for statement in _REGISTER:
        connection.execute(statement, values)


def make_templates(day: date) -> list[Template]:
    """The drawn days, one model after the other."""
    return [
        _draw(day, LOADS[number % len(LOADS)], Random(f"{SEED} {number}"), number=0, edge_ms=EDGE_MS)
        for number in range(TEMPLATES)
    ]


def copy_readings(connection: Connection, journals: list[tuple[int, list[bytes]]]) -> None:
    """Rows of so many journals by one COPY."""
    with connection.cursor() as cursor, cursor.copy(COPY_READING) as copy:
        copy.write(COPY_HEADER)
        for journal_id, tails in journals:
            copy.write(reading_rows(journal_id, tails))
        copy.write(COPY_TRAILER)


_REGISTER = (
    b"INSERT INTO instrument (asset_no, name_zh) SELECT 'A' || lpad(n::text, 5, '0'), 'bench'"
    b" FROM generate_series(1, %(instruments)s) n",
    b"INSERT INTO ownership (asset_no, uscc, from_day) SELECT 'A' || lpad(n::text, 5, '0'),"
    b" (%(codes)s::text[])[n %% %(units)s + 1], '2020-01-01' FROM generate_series(1, %(instruments)s) n",
    b"INSERT INTO agent (agent_id, last_epoch) SELECT 'agent-' || n, 1 FROM generate_series(1, %(instruments)s) n",
    b"INSERT INTO journal (origin, agent_id, epoch, vkey) SELECT 'jishi.example/a/agent-' || n || '/1', 'agent-' || n,"
    b" 1, 'key' FROM generate_series(1, %(instruments)s) n",
    b"INSERT INTO measurement (agent_id, watcher, channel, asset_no, from_day) SELECT 'agent-' || n, 'meter1', 'power',"
    b" 'A' || lpad(n::text, 5, '0'), '2020-01-01' FROM generate_series(1, %(instruments)s) n",
)


def _uscc(number: int) -> str:
    """A code with the check character that it should have."""
    return next(code for last in _LETTERS if not fault(code := f"91610000{number:09d}{last}"))


def _register_one(connection: Connection, asset_no: str) -> int:
    agent_id = f"agent-{asset_no.lower()}"
    values = {"asset_no": asset_no, "agent_id": agent_id, "origin": f"jishi.example/a/{agent_id}/1"}
    connection.execute("INSERT INTO instrument (asset_no, name_zh) VALUES (%(asset_no)s, 'bench')", values)
    connection.execute("INSERT INTO agent (agent_id, last_epoch) VALUES (%(agent_id)s, 1)", values)
    connection.execute(
        "INSERT INTO measurement (agent_id, watcher, channel, asset_no, from_day)"
        " VALUES (%(agent_id)s, 'meter1', 'power', %(asset_no)s, '2020-01-01')",
        values,
    )
    row = connection.execute(
        "INSERT INTO journal (origin, agent_id, epoch, vkey) VALUES (%(origin)s, %(agent_id)s, 1, 'key')"
        " RETURNING journal_id",
        values,
    ).fetchone()
    assert row is not None
    return int(row[0])


def _draw(day: date, load: Load, chance: Random, *, number: int, edge_ms: int) -> Template:
    """A day's blocks, from edge_ms before it to edge_ms after; `number` counts the days of one journal."""
    start_ms, end_ms = day_bounds_ms(day)
    at_ms, end_ms = start_ms - edge_ms, end_ms + edge_ms
    pieces = load(chance)
    tails: list[bytes] = []
    intervals, counter = 0, 10**9 + number * 10**8
    index = number * 1000
    while at_ms < end_ms:
        block = _block(pieces, end_ms - at_ms)
        until_ms = at_ms + sum(duration for duration, _, _ in block)
        deltas = tuple(mean * duration // 3_600_000 for duration, mean, _ in block)
        counter += sum(deltas)
        reading = Reading(
            watcher="meter1",
            channel="power",
            start_mono_ms=_BOOT_MS + at_ms % 10**11,
            durations_ms=tuple(duration for duration, _, _ in block),
            means=tuple(mean for _, mean, _ in block),
            lows=tuple(max(0, mean - spread) for _, mean, spread in block),
            highs=tuple(mean + spread for _, mean, spread in block),
            deltas=deltas,
            counter=counter,
        )
        entry = Entry(index, until_ms + 200, _BOOT_MS + (until_ms + 200) % 10**11, "5f3a9c01", reading)
        tails.append(reading_row_tail(entry, reading, start_ms=at_ms, end_ms=until_ms))
        intervals += len(block)
        index += 1
        at_ms = until_ms
    return Template(tails, intervals)


def _block(pieces: Iterator[Piece], longest_ms: int) -> list[Piece]:
    """The intervals of one block: until it is full, or as much as there is time left."""
    block: list[Piece] = []
    taken_ms = 0
    while taken_ms < min(_BLOCK_MS, longest_ms):
        duration, mean, spread = next(pieces)
        duration = min(duration, longest_ms - taken_ms)
        block.append((duration, mean, spread))
        taken_ms += duration
    return block


def _chromatograph(chance: Random) -> Iterator[Piece]:
    while True:
        for mean in [*range(120_000, 1_200_000, 54_000), *range(1_200_000, 120_000, -54_000)]:
            yield chance.randint(15_000, 50_000), mean + chance.randint(-5_000, 5_000), 12_000
        yield from ((_BLOCK_MS, 115_000, 3_000) for _ in range(2))


def _thermostat(chance: Random) -> Iterator[Piece]:
    while True:
        yield chance.randint(15_000, 60_000), chance.randint(1_800_000, 1_900_000), 20_000
        yield chance.randint(60_000, 150_000), chance.randint(80_000, 90_000), 2_000


def _microscope(chance: Random) -> Iterator[Piece]:
    while True:
        yield from ((_BLOCK_MS, chance.randint(180_000, 190_000), 4_000) for _ in range(90))
        for _ in range(2):
            for _ in range(580):
                yield chance.randint(10_000, 60_000), chance.choice((950_000, 1_400_000)), chance.randint(0, 30_000)
            yield from ((_BLOCK_MS, chance.randint(180_000, 190_000), 4_000) for _ in range(20))


def _furnace(chance: Random) -> Iterator[Piece]:
    while True:
        yield from ((30_000, 200_000 + 20_000 * step, 15_000) for step in range(120))
        for _ in range(700):
            yield chance.randint(20_000, 40_000), 2_400_000, 40_000
            yield chance.randint(20_000, 60_000), 1_100_000, 20_000
        yield from ((_BLOCK_MS, 30_000, 2_000) for _ in range(84))


def _workshop(chance: Random) -> Iterator[Piece]:
    while True:
        yield from ((_BLOCK_MS, 6_000, 1_000) for _ in range(96))
        for _ in range(36):
            yield from ((chance.randint(5_000, 40_000), chance.randint(900_000, 2_000_000), 60_000) for _ in range(28))
            yield from ((chance.randint(60_000, _BLOCK_MS), 200_000, 5_000) for _ in range(6))


LOADS: tuple[Load, ...] = (_chromatograph, _thermostat, _microscope, _furnace, _workshop)
