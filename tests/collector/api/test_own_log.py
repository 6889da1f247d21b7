"""The collector's own log over HTTP: open to everybody, in one spelling, and a log that an auditor can check."""

from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from collector.config import Config
from collector.evidence.log_worker import LogWorker
from collector.evidence.sequencer import Keys, load_head, note_conflict
from collector.keys import load_receipt_key
from protocol import tiles
from protocol.audit.log import VALID, check_directory
from protocol.keys import parse_vkey
from tests.collector.province import DOMAIN, MovableClock, Province

HOSTILE = [
    "/log/2026-1/", "/log/2026-1/tile", "/log/2026-1/tile/0/000/", "/log/2026-1/tile/0/0", "/log/2026-1/tile//0/000",
    "/log/2026-1/%2e%2e/%2e%2e/keys/receipt.key", "/log/..%2f/keys/receipt.key",
    "/log/2026-1/tile/0/..%2f..%2fcheckpoint",
    "/log/2026-1/tile/0/000.p/256", "/log/2026-1/checkpoint%00", "/log/2026-1/checkpoint/", "/log/2026-2/checkpoint",
    "/log/2026-01/checkpoint", "/log/%2e/checkpoint", "/log/2026-1/tile/0/009",
]  # fmt: skip


@pytest.fixture
def grown(province: Province, config: Config, clock: MovableClock) -> LogWorker:
    """A log of two leaves of its own, and what the registry says."""
    keys = Keys(config.data_dir, DOMAIN, load_receipt_key(config.data_dir, DOMAIN))
    worker = LogWorker(
        "", keys, directory=config.log.directory_in(config.data_dir), now_ms=lambda: int(clock.at.timestamp() * 1000)
    )
    worker.work(province.connection)
    return worker


def test_whoever_reads_it_has_a_log_that_verifies(
    client: httpx.Client, grown: LogWorker, province: Province, clock: MovableClock, tmp_path: Path
) -> None:
    for _ in range(256):
        clock.at += timedelta(minutes=1)
        grown.work(province.connection)
    [listed] = client.get("/log").json()["logs"]
    copy = tmp_path / "copy"
    size = int(client.get("/log/2026-1/checkpoint").text.splitlines()[1])
    paths = [tile.path for tile in tiles.tiles_of(size)]
    paths += [tiles.entries_path(index, width=width) for index, width in tiles.bundles_of(size)]
    for path in ["checkpoint", *paths]:
        answer = client.get(f"{listed['prefix']}/{path}")
        assert answer.status_code == 200
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_bytes(answer.content)
    assert (listed["log"], listed["origin"], listed["state"]) == ("2026-1", f"{DOMAIN}/log/2026-1", "grows")
    assert check_directory(copy, parse_vkey(listed["vkey"])).verdict == VALID
    assert size == listed["size"] > 256


def test_tiles_may_be_kept_for_good_and_the_checkpoint_may_not(client: httpx.Client, grown: LogWorker) -> None:
    size = client.get("/log").json()["logs"][0]["size"]
    tile = client.get(f"/log/2026-1/tile/0/000.p/{size}")
    assert tile.headers["content-type"] == "application/octet-stream"
    assert tile.headers["cache-control"] == "public, max-age=31536000, immutable"
    checkpoint = client.get("/log/2026-1/checkpoint")
    assert checkpoint.headers["content-type"] == "text/plain; charset=utf-8"
    assert checkpoint.headers["cache-control"] == "public, max-age=5"


@pytest.mark.parametrize("path", HOSTILE)
def test_nothing_else_can_be_named(client: httpx.Client, grown: LogWorker, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert "/log lists the logs" in answer.json()["detail"]


def test_a_log_is_named_by_its_name_alone(client: httpx.Client, grown: LogWorker, config: Config) -> None:
    for directory in (config.data_dir, config.data_dir / "log"):
        (directory / "checkpoint").write_text("of nobody")
    for name in ("%2e%2e", "%2e", "2026-1%2f%2e%2e"):
        assert client.get(f"/log/{name}/checkpoint").status_code == 404, name


def test_before_the_first_leaf_there_is_nothing(client: httpx.Client) -> None:
    assert client.get("/log").json() == {"logs": []}
    figures = client.get("/metrics").text
    assert "jishi_log_leaves_total 0.0" in figures
    assert "jishi_log_signed_timestamp_seconds 0.0" in figures


def test_a_log_that_stands_still_says_so(
    client: httpx.Client, grown: LogWorker, province: Province, clock: MovableClock
) -> None:
    head = load_head(province.connection)
    assert head is not None
    figures = client.get("/metrics").text
    assert f"jishi_log_leaves_total {float(head.size)}" in figures
    assert "jishi_log_conflicts 0.0" in figures
    note_conflict(province.connection, head, "files", size=999, root=bytes(32))
    assert "our own files hold a checkpoint of size 999" in client.get("/log").json()["logs"][0]["state"]
    assert "jishi_log_conflicts 1.0" in client.get("/metrics").text
