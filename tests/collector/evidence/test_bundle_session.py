"""One session shown without the rest: its readings are proved, and no byte of anything else is there."""

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from collector.errors import BundleError
from collector.evidence.bundle_session import WantedSession, write_session
from protocol import entry, tlog_proof
from protocol.clock_bounds import clocks_of
from protocol.entry import Beacon, Reading
from protocol.interval import day_bounds_ms
from protocol.observation import covered_ms
from protocol.verify.verdicts import Verdict
from protocol.verify.verification import verify
from tests.collector.evidence.evidence_world import ASSET, FIRST, World, files_of
from tests.collector.province import OFF, Province
from tests.protocol.bundles import Memory

_HOUR = 3600
_MORNING, _EVENING = 987_000, 1_234_000
"""Powers in mW of two sessions: what is shown of one must not hold the other's."""


@pytest.fixture
def world(province: Province, tmp_path: Path) -> World:
    """A day with a session from 02:00 to 03:00 and one from 05:00 to 06:00, and a project's name at the second."""
    made = World(province, tmp_path)
    made.work(24, OFF)
    made.work(12, _MORNING)
    made.work(24, OFF)
    made.declare("in", purpose="service-order", order="SECRET-7")
    made.work(12, _EVENING)
    made.declare("out")
    made.work(224, OFF)
    made.settle()
    return made


def test_its_readings_are_proved_and_nothing_else_is_shown(world: World, dsn: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    wanted = WantedSession(ASSET, FIRST, 2 * _HOUR + 1800)
    summary = write_session(dsn, wanted, world.keys(), directory=tmp_path / "out", now_ms=world.now_ms)
    files = files_of(tmp_path / "out")
    session = msgspec.json.decode(files["session.json"])
    assert (session["asset"], session["day"]) == (ASSET, FIRST.isoformat())
    assert 3000 < session["run_s"] <= session["end_s"] - session["start_s"] <= 3700
    directory, midnight_ms = "agents/em-01/1/", day_bounds_ms(FIRST)[0]
    readings = 0
    for path in (path for path in files if path.startswith(f"{directory}entries/")):
        raw = files[path]
        found = entry.decode(raw)
        assert raw == world.agent.entries[found.index]
        proof = tlog_proof.decode(files[f"{directory}proofs/{found.index}.tlog-proof"])
        receipt = tlog_proof.verify(
            proof, raw, log_key=world.agent.key.verifier, receipt_key=world.receipt_key.verifier
        )
        assert proof.entry_index == found.index == int(Path(path).stem)
        assert receipt.time_s * 1000 >= clocks_of(found).wall_ms
        if isinstance(found.body, Reading):
            readings += 1
            start_ms, end_ms = covered_ms(found, found.body)
            assert start_ms < midnight_ms + session["end_s"] * 1000
            assert midnight_ms + session["start_s"] * 1000 < end_ms
        else:
            assert isinstance(found.body, Beacon), "nobody's name, no start, no clock"
    assert 12 <= readings <= 14
    assert summary.entries > readings, "with the beacons that bound it from below"
    everything = b"".join(files.values())
    assert str(_MORNING).encode() in everything
    for hidden in (str(_EVENING).encode(), b"SECRET-7", b"0f" * 32, b'"declaration"'):
        assert hidden not in everything
    assert not [
        path for path in files if path.startswith(("hours/", "facts/facts", f"{directory}tile", f"{directory}f"))
    ]
    assert b"scope selective\n" in files["MANIFEST"]
    assert verify(Memory(files), world.trust).verdict is Verdict.VALID


def test_a_time_without_a_session_is_told_with_those_that_there_are(world: World, dsn: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    wanted = WantedSession(ASSET, FIRST, 12 * _HOUR)
    with pytest.raises(
        BundleError, match=r"no session at 12:00:00 on 2026-03-02; sessions of that day: 02:00:.. to 03:"
    ):
        write_session(dsn, wanted, world.keys(), directory=tmp_path / "out", now_ms=world.now_ms)
    nothing = wanted._replace(day=FIRST - timedelta(days=9))
    with pytest.raises(BundleError, match="sessions of that day: none"):
        write_session(dsn, nothing, world.keys(), directory=tmp_path / "out", now_ms=world.now_ms)
