"""freeze, frozen and account --verify, as an operator types them."""

from datetime import date

import pytest

from collector.cli import main
from tests.collector.province import RUN, Piece, Province

MONDAY = date(2025, 11, 17)
HOUR = 3600
DAYS = ["--from", "2025-11-17", "--until", "2025-11-18"]


@pytest.fixture
def origin(dsn: str, province: Province, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("JISHI_DATABASE_DSN", dsn)
    province.add_instrument("A001")
    origin = province.add_agent("em-01", "A001")
    province.observe(origin, Piece(MONDAY, 0, 10 * HOUR, RUN))
    return origin


def test_a_year_is_frozen_listed_compared_and_verified(
    province: Province, origin: str, capsys: pytest.CaptureFixture[str]
) -> None:
    province.derive(date(2025, 11, 24))
    assert main(["freeze", "2025-w47", *DAYS, "--by", "Wang"]) == 0
    first, sha256 = capsys.readouterr().out.splitlines()
    assert first == "frozen 2025-w47: 1 records of 1 instruments under their owners"
    assert main(["frozen"]) == 0
    assert capsys.readouterr().out.split()[:4] == ["2025-w47", "2025-11-17", "2025-11-18", "every"]
    assert province.rows("SELECT action, target, actor, new ->> 'sha256' FROM audit") == [
        ("period.freeze", "2025-w47", "Wang", sha256)
    ]
    province.observe(origin, Piece(MONDAY, 10 * HOUR, 12 * HOUR, RUN))
    province.derive(date(2025, 11, 24))
    assert main(["frozen", "2025-w47", "--differences"]) == 0
    out = capsys.readouterr().out
    assert "amended A001 2025-11-17 revision 2 (readings): run_s 36000 -> 43200, " in out
    assert out.endswith("amended=1\n")
    assert main(["account", "--verify", "--frozen", "2025-w47"]) == 0
    assert capsys.readouterr().out == "verified=1 pending=0 differences=0\n"
    assert main(["account", "--verify", "--asset", "A001", "--until", "2025-11-17"]) == 0
    assert capsys.readouterr().out == "verified=1 pending=0 differences=0\n"


def test_what_cannot_be_frozen_is_said_and_leaves_no_line(
    province: Province, origin: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["freeze", "2025-w47", *DAYS]) == 1
    assert "A001 2025-11-17: waits to be derived (readings)" in capsys.readouterr().err
    assert main(["frozen", "2025-w47"]) == 1
    assert "nothing is frozen under the name '2025-w47'; there are: none" in capsys.readouterr().err
    assert province.rows("SELECT * FROM audit WHERE action = 'period.freeze'") == []
