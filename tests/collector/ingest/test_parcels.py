"""Parcels on a medium, into a real database: whole ones once, and a sentence for what is not whole or not ours."""

import shutil
import zlib
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest

from collector.commands import import_parcels
from collector.config import Api, Broker, Config
from collector.errors import MediumError
from collector.ingest.intake import Intake
from collector.ingest.parcels import Parcel, find_parcels, open_parcel, take
from collector.keys import ensure_receipt_key, load_receipt_key
from collector.store.database import Connection
from protocol.batch import parse_bundle
from protocol.note import open_receipt
from protocol.parcel import MANIFEST, RECEIPT, Manifest, directory_name, pack_manifest, piece_of
from tests.collector.ingest.conftest import NOW_MS, Enrol
from tests.light_agent import DOMAIN, RECEIPT_KEY, LightAgent


def export(agent: LightAgent, medium: Path, *, first: int = 0, step: int = 10) -> Path:
    """What `jishi-agent export` writes, by protocol alone."""
    directory = medium / directory_name(agent.origin)
    directory.mkdir(parents=True, exist_ok=True)
    pieces = []
    for old in range(first, len(agent.entries), step):
        size = min(old + step, len(agent.entries))
        raw = agent.payload(old, size)
        pieces.append(piece_of(old, size, raw))
        (directory / pieces[-1].name).write_bytes(raw)
    manifest = Manifest(agent.origin, "2026-11-26T22:10:00Z", tuple(pieces))
    (directory / MANIFEST).write_bytes(pack_manifest(manifest))
    return directory


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    path = tmp_path / "stick"
    path.mkdir()
    return path


@pytest.fixture
def agent(enrol: Enrol) -> LightAgent:
    made = enrol()
    made.append_readings(35)
    return made


@pytest.fixture
def intake(connection: Connection) -> Intake:
    return Intake(connection, RECEIPT_KEY, clock_ms=lambda: NOW_MS, can_ask=False)


@pytest.fixture
def config(dsn: str, tmp_path: Path) -> Config:
    ensure_receipt_key(tmp_path, DOMAIN)
    return Config(DOMAIN, tmp_path, Broker(), Api(), given_dsn=dsn)


def run(config: Config, medium: Path) -> None:
    import_parcels.run(config, Namespace(medium=medium))


def stored(connection: Connection) -> list[bytes]:
    rows = connection.execute("SELECT entries FROM batch ORDER BY first").fetchall()
    return [entry for (bundle,) in rows for entry in parse_bundle(zlib.decompress(bundle))]


def why_not(directory: Path) -> str:
    with pytest.raises(MediumError) as problem:
        open_parcel(directory, domain=DOMAIN)
    return str(problem.value)


def test_a_parcel_is_taken_in_and_the_receipt_covers_it(
    agent: LightAgent, medium: Path, intake: Intake, connection: Connection
) -> None:
    taken = take(open_parcel(export(agent, medium), domain=DOMAIN), intake)
    assert (taken.accepted, taken.repeated, taken.refused, taken.refusal) == (35, 0, 0, "")
    assert stored(connection) == agent.entries
    receipt = open_receipt(taken.receipt or b"", RECEIPT_KEY.verifier)
    assert (receipt.checkpoint.size, receipt.checkpoint.root) == (35, agent.root())


def test_again_changes_nothing(agent: LightAgent, medium: Path, intake: Intake, connection: Connection) -> None:
    parcel = open_parcel(export(agent, medium), domain=DOMAIN)
    first = take(parcel, intake)
    again = take(parcel, intake)
    assert (again.accepted, again.repeated, again.receipt) == (0, 35, first.receipt)
    assert stored(connection) == agent.entries


def test_what_came_over_the_network_meanwhile_is_a_repetition(
    agent: LightAgent, medium: Path, intake: Intake, connection: Connection
) -> None:
    directory = export(agent, medium)
    intake.take(agent.agent_id, agent.payload(0, 12))
    taken = take(open_parcel(directory, domain=DOMAIN), intake)
    assert (taken.accepted, taken.repeated) == (23, 12)
    assert stored(connection) == agent.entries


def test_a_gap_ends_the_parcel_and_names_the_remedy(agent: LightAgent, medium: Path, intake: Intake) -> None:
    taken = take(open_parcel(export(agent, medium, first=10), domain=DOMAIN), intake)
    assert (taken.accepted, taken.refused) == (0, 25)
    assert taken.refusal == "gap: entries from 10 on were sent, the collector holds 0; export again with --all"


def test_an_agent_that_nobody_enrolled_is_refused(medium: Path, intake: Intake) -> None:
    stranger = LightAgent("em-77")
    stranger.append_readings(3)
    taken = take(open_parcel(export(stranger, medium), domain=DOMAIN), intake)
    assert (taken.accepted, taken.refused, taken.receipt) == (0, 3, None)
    assert "enrol the agent here first" in taken.refusal


def test_a_flipped_byte_is_found_before_anything_is_judged(
    agent: LightAgent, medium: Path, connection: Connection
) -> None:
    directory = export(agent, medium)
    last = max(directory.glob("*.batch"))
    raw = bytearray(last.read_bytes())
    raw[len(raw) // 2] ^= 1
    last.write_bytes(raw)
    assert f"{last.name} is not as it was written" in why_not(directory)
    assert stored(connection) == []


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda place: (place / MANIFEST).unlink(), "there is no manifest.txt: the export was cut short"),
        (lambda place: max(place.glob("*.batch")).unlink(), "000000000030-000000000035.batch is missing"),
        (lambda place: (place / MANIFEST).write_bytes(b"holiday pictures"), "manifest.txt cannot be used"),
        (lambda place: (place / MANIFEST).write_bytes((place / MANIFEST).read_bytes()[:-30]), "cannot be used"),
    ],
    ids=["no manifest", "half copied", "a foreign file", "a manifest cut short"],
)
def test_what_is_not_whole_is_told(
    agent: LightAgent, medium: Path, spoil: Callable[[Path], object], complaint: str
) -> None:
    directory = export(agent, medium)
    spoil(directory)
    assert complaint in why_not(directory)


@pytest.mark.parametrize(
    "sent", [LightAgent.hello, lambda _: b"jishi-hint/v1\nor so", lambda _: b"?"], ids=["hello", "hint", "noise"]
)
def test_a_piece_that_is_no_batch_is_named_and_nothing_is_judged(
    agent: LightAgent, medium: Path, connection: Connection, sent: Callable[[LightAgent], bytes]
) -> None:
    directory, raw = export(agent, medium), sent(agent)
    piece = piece_of(0, 10, raw)
    (directory / piece.name).write_bytes(raw)
    (directory / MANIFEST).write_bytes(pack_manifest(Manifest(agent.origin, "2026-11-26T22:10:00Z", (piece,))))
    assert f"{piece.name} is no batch: it begins with {raw.splitlines()[0]!r}" in why_not(directory)
    assert stored(connection) == []


def test_a_piece_that_changes_after_it_was_looked_at_is_not_judged(
    agent: LightAgent, medium: Path, intake: Intake, connection: Connection
) -> None:
    parcel = open_parcel(export(agent, medium), domain=DOMAIN)
    (parcel.directory / parcel.manifest.pieces[0].name).write_bytes(agent.hello())
    with pytest.raises(MediumError, match=r"000000000000-000000000010\.batch is not as it was written"):
        take(parcel, intake)
    assert stored(connection) == []


def test_another_province_is_named(agent: LightAgent, medium: Path) -> None:
    with pytest.raises(MediumError, match=r"it is of jishi\.example, and this collector is that of other\.example"):
        open_parcel(export(agent, medium), domain="other.example")


def test_a_medium_without_a_parcel_is_told(medium: Path) -> None:
    (medium / "pictures").mkdir()
    with pytest.raises(MediumError, match=r"holds nothing of jishi: a directory with manifest\.txt is expected"):
        find_parcels(medium)
    with pytest.raises(MediumError, match="is no directory"):
        find_parcels(medium / "nowhere")


def test_several_parcels_lie_on_one_medium_and_a_parcel_may_be_named_itself(agent: LightAgent, medium: Path) -> None:
    other = LightAgent("em-02")
    other.append_notes(3)
    places = [export(agent, medium), export(other, medium)]
    assert find_parcels(medium) == sorted(places)
    assert find_parcels(places[0]) == [places[0]]
    assert isinstance(open_parcel(places[1], domain=DOMAIN), Parcel)


def test_the_command_prints_a_table_and_leaves_the_receipt(
    agent: LightAgent, medium: Path, config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = export(agent, medium)
    run(config, medium)
    assert "jishi.example/a/em-01/1                           35         0         0" in capsys.readouterr().out
    key = load_receipt_key(config.data_dir, config.domain).verifier
    assert open_receipt((directory / RECEIPT).read_bytes(), key).checkpoint.size == 35


def test_one_bad_parcel_does_not_keep_the_others_out(
    agent: LightAgent, medium: Path, config: Config, connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    export(agent, medium)
    shutil.copytree(medium / directory_name(agent.origin), medium / "a copy")
    (medium / "a copy" / MANIFEST).unlink()
    with pytest.raises(MediumError, match="1 of 2 parcels were not taken in whole"):
        run(config, medium)
    assert "there is no manifest.txt" in capsys.readouterr().out
    assert stored(connection) == agent.entries
