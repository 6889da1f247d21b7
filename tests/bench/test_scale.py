"""The arithmetic of docs/scale.md, by hand, and what is said where figures are missing."""

import json
from pathlib import Path

import pytest

from tests.bench import scale
from tests.bench.scale import Figures, MissingFigures, load_of, read_figures

LINES = [
    {"name": "bench", "at": "2026-11-26"},
    {"name": "entries", "value": 432},
    {"name": "plain: evidence, live in batches of 1", "value": 300, "per_instrument_year_mb": 150},
    {"name": "plain: readings as rows", "value": 140, "per_instrument_year_mb": 70},
    {"name": "ingest, batches of 1, one worker, beside single inserts", "value": 5_000},
    {"name": "ingest, batches of 100, one worker, beside COPY BINARY", "value": 72_050},
    {"name": "ingest processor time, batches of 1, beside executemany", "value": 200},
    {"name": "derive a day", "value": 20},
]
MEASURED = Figures(432, 150, 70, None, 5_000, 72_050, 200e-6, 0.02)


def test_figures_are_taken_from_what_the_bench_prints() -> None:
    assert read_figures(map(json.dumps, LINES)) == MEASURED
    columns = {"name": "timescale: readings in columns", "value": 30, "per_instrument_year_mb": 15}
    assert read_figures(map(json.dumps, [*LINES, columns])).columns_mb_a_year == 15


def test_missing_figures_are_told_with_the_parts_to_run() -> None:
    with pytest.raises(MissingFigures, match="parts derive, sizes: run `make bench"):
        read_figures(map(json.dumps, [line for line in LINES if "ingest" in str(line["name"])]))


def test_ten_thousand_instruments_by_hand() -> None:
    load = load_of(10_000, MEASURED)
    assert load.entries_a_s == 50  # 10 000 × 432 ÷ 86 400
    assert load.ingest_share == 0.01  # of 5 000
    assert load.ingest_cores == pytest.approx(0.01)  # 50 × 200 µs
    assert load.derive_cores == pytest.approx(0.5)  # 50 × 20 ms × ½
    assert load.drain_minutes == pytest.approx(4_320_000 / 72_000 / 60)
    assert load.derive_minutes == pytest.approx(10_000 * 0.02 / 60)
    assert (load.evidence_gb_a_year, load.rows_gb, load.columns_gb) == (1_500, 2_100, None)


def test_the_command_prints_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "figures.jsonl"
    file.write_text("\n".join(map(json.dumps, LINES)), encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["scale", str(file)])
    assert scale.main() == 0
    assert "| instruments | 1,000 | 5,000 | 16,000 |\n|---|---|---|---|\n" in capsys.readouterr().out
    file.write_text("", encoding="utf-8")
    assert scale.main() == 1
    assert "run `make bench > figures.jsonl`" in capsys.readouterr().err
