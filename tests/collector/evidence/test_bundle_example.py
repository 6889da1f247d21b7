"""The small bundle that docs/bundle.md walks through is a real one: JISHI_WRITE_EXAMPLE=1 makes it anew.

It comes out of a collector at work, as every other one, with hourly readings so that it can be read by eye.
"""

import os
import shutil
from pathlib import Path

import pytest

from collector.evidence import bundle
from collector.facts.store import record_fact
from protocol import facts
from protocol.interval import day_bounds_ms
from protocol.verify.trust import parse_trust
from protocol.verify.verdicts import Verdict
from protocol.verify.verification import verify
from tests.collector.evidence.evidence_world import ASSET, FIRST, World, files_of, memory_of, trust_text
from tests.collector.province import OFF, RUN, Province
from tests.light_agent import reading

PLACE = Path(__file__).parents[3] / "docs/examples/bundle"
TRUST = PLACE.with_name("bundle-trust.txt")
_FIVE_MINUTES, _HOUR_MS = 300_000, 3_600_000


@pytest.fixture
def world(province: Province, tmp_path: Path) -> World:
    """A day and two hours: work from 09:00 to 12:00, teaching in one of them."""
    made = World(province, tmp_path)
    for hour in range(26):
        if hour % 2 == 0:
            made.log()
            made.beacon()
        start_mono_ms = made.now_ms - made._mono0
        made.now_ms += _HOUR_MS
        power_mw = RUN if hour in (9, 10, 11) else OFF
        made.put(reading(start_mono_ms, power_mw=power_mw, durations_ms=(55 * 60_000, _FIVE_MINUTES)))
        made.send()
    start = day_bounds_ms(FIRST)[0] + 10 * _HOUR_MS
    taught = facts.Use(v=1, at=start, by="lims", asset=ASSET, start=start, end=start + _HOUR_MS, purpose="teaching")
    with province.connection.transaction():
        record_fact(province.connection, taught)
    made.settle()
    return made


def test_the_example_in_the_docs_is_valid_and_small() -> None:
    result = verify(memory_of(PLACE), parse_trust(TRUST.read_bytes()))
    assert result.verdict is Verdict.VALID
    assert sum(map(len, files_of(PLACE).values())) < 60_000


def test_it_is_what_the_writer_writes(world: World, dsn: str, tmp_path: Path) -> None:
    """Keys, random leaves and the database's own times differ; what is measured and derived does not."""
    out = tmp_path / "out"
    out.mkdir()
    wanted = bundle.Wanted(ASSET, FIRST, FIRST)
    bundle.write_bundle(dsn, wanted, world.keys(), directory=out, now_ms=world.now_ms)
    trust = world.trust
    assert verify(memory_of(out), trust).verdict is Verdict.VALID
    if os.environ.get("JISHI_WRITE_EXAMPLE"):
        shutil.rmtree(PLACE, ignore_errors=True)
        shutil.copytree(out, PLACE)
        TRUST.write_bytes(b"# the keys of the example's collector\n" + trust_text(trust))
    made, held = files_of(out), files_of(PLACE)
    assert made.keys() == held.keys()
    same = [
        path for path in made if path.startswith(("policy/", "README", "hours/records", "hours/grades", "facts/facts"))
    ]
    assert [path for path in same if made[path] != held[path]] == []
