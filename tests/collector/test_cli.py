"""The command line: what it prints, what it refuses, and that secrets stay out of argv."""

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from collector import cli
from collector.commands import up
from collector.ingest.shards import Seat
from collector.store.database import Connection
from tests.collector.commands import POLICY, PROVINCE


def test_register_is_idempotent_and_token_and_key_are_printed_once(
    settings: Path, connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert cli.main(["register", str(settings / "province.toml")]) == 0
    for table in ("unit", "instrument", "ownership", "policy", "policy_in_force", "person"):
        assert connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() == (1,), table
    capsys.readouterr()
    assert cli.main(["token", "--agent", "em-01", "--watch", "meter1=A001", "--valid-hours", "2"]) == 0
    token = capsys.readouterr().out.split()[-1]
    assert cli.main(["key", "--person", "li.ming", "--label", "test"]) == 0
    key = capsys.readouterr().out.split()[-1]
    assert cli.main(["entry-link", "--person", "li.ming"]) == 0
    link = capsys.readouterr().out.split()[-1]
    assert (token[:3], key[:3]) == ("jt_", "jk_")
    assert link.startswith("http://127.0.0.1:8321/enter?token=")
    kept = connection.execute("SELECT (SELECT count(*) FROM token), (SELECT count(*) FROM api_key)").fetchone()
    assert kept == (1, 1)


def test_all_faults_of_a_province_come_in_one_message_and_nothing_is_registered(
    settings: Path, connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    (settings / "policy.json").write_text(json.dumps({**POLICY, "gap_ms": 1, "extra": 2}))
    (settings / "province.toml").write_text(
        PROVINCE.replace("624D", "624E").replace("[[person]]", "[[persons]]") + '[[instrument]]\nname_zh = "x"\n'
    )
    assert cli.main(["register", str(settings / "province.toml")]) == 1
    said = capsys.readouterr().err
    for fault in (
        "persons: unknown; tables are unit, instrument, person, policy",
        "unit[0]: 12100000400000624E is no unified social credit code: its check character should be D",
        "instrument[0]: no unit 12100000400000624E is registered",
        "instrument[1]: Object missing required field `asset_no`",
        "policy[0]: policy:",
    ):
        assert fault in said
    assert connection.execute("SELECT count(*) FROM instrument").fetchone() == (0,)


def test_a_token_for_what_nobody_registered_is_refused(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["token", "--agent", "em-01", "--watch", "meter1=A009"]) == 1
    assert "no instrument 'A009' is registered" in capsys.readouterr().err
    assert cli.main(["token", "--agent", "em-01", "--watch", "meter1"]) == 2
    assert "WATCHER=ASSET for its power" in capsys.readouterr().err
    for hours in ("0", "-1", "nan", "1e9"):
        assert cli.main(["token", "--agent", "em-01", "--watch", "meter1=A001", f"--valid-hours={hours}"]) == 2
    assert cli.main(["key", "--person", "nobody", "--label", "x"]) == 1
    assert "no person 'nobody' is registered" in capsys.readouterr().err


def test_a_password_comes_from_the_environment_and_must_be_long(
    settings: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JISHI_PASSWORD", "short")
    assert cli.main(["person", "li.ming"]) == 1
    assert "at least 10 characters" in capsys.readouterr().err
    monkeypatch.setenv("JISHI_PASSWORD", "correct horse battery")
    assert cli.main(["person", "li.ming"]) == 0
    row = connection.execute("SELECT password_hash FROM person").fetchone()
    assert row is not None
    assert row[0].startswith("$argon2id$")


def test_a_database_that_is_not_migrated_or_not_there_is_told_plainly(
    empty_dsn: str, settings: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JISHI_DATABASE_DSN", empty_dsn)
    assert cli.main(["key", "--person", "x", "--label", "y"]) == 1
    assert "run `jishi-collector migrate`" in capsys.readouterr().err
    assert cli.main(["migrate"]) == 0
    told = capsys.readouterr().out
    assert "applied 0001 registry" in told
    assert told.splitlines()[-1].startswith(("layout plain: readings are kept", "layout timescale (TimescaleDB 2."))
    assert (settings / "data" / "keys" / "receipt.key").exists()
    monkeypatch.setenv("JISHI_DATABASE_DSN", "host=/nowhere dbname=x")
    assert cli.main(["key", "--person", "x", "--label", "y"]) == 1
    assert "the database refused" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("migrate --keep-readings 10", "'10' is no number of days from 400 (agents keep as long) to 36500"),
        ("migrate --keep-readings long", "'long' is no number of days"),
        ("rebuild-readings --from 2026-13-01 --to 2026-12-31", "'2026-13-01' is no day of the calendar: write it as"),
        ("account --verify --from monday", "'monday' is no day of the calendar"),
    ],
)
def test_a_day_that_is_none_is_told_with_how_one_is_written(
    words: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(words.split())
    assert caught.value.code == 2
    assert told in capsys.readouterr().err


def test_wrong_usage_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["up", "--api-port", "many"])
    assert caught.value.code == 2
    assert cli.main(["serve", "-c", "/nowhere/collector.toml"]) == 2
    assert "cannot read /nowhere/collector.toml" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("words", [["findings", "list"], ["person-key", "list"], ["ca", "init"], ["keys", "list"]])
def test_a_configuration_may_be_named_before_and_behind_the_words_of_a_command(
    tmp_path: Path, words: list[str], place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = tmp_path / "absent.toml"
    given = ["-c", str(absent)]
    assert cli.main([words[0], *given, *words[1:]] if place == "before" else [*words, *given]) == 2
    assert str(absent) in capsys.readouterr().err


def test_workers_lists_who_owns_which_shards_and_what_nobody_owns(
    settings: Path, connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["workers"]) == 0
    assert capsys.readouterr().out == "nobody  64 shards: 0-63\n"
    seat = Seat(connection)
    connection.execute("SELECT pg_advisory_lock(hashtext('jishi shard'), n) FROM unnest('{0,1,2,7}'::integer[]) n")
    assert cli.main(["workers"]) == 0
    said = capsys.readouterr().out
    assert said == (
        f"worker {seat.number}  is not connected to the broker  4 shards: 0-2 7\nnobody  60 shards: 3-6 8-63\n"
    )
    connection.execute("SELECT pg_advisory_unlock_all()")
    seat = Seat(connection)
    seat.look(serves=True)
    assert cli.main(["workers"]) == 0
    assert capsys.readouterr().out == "worker 0  serves  64 shards: 0-63\n"


def test_only_what_up_is_told_wins_over_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command may call an argument `directory` or `domain` without moving the collector there."""
    monkeypatch.setenv("JISHI_COLLECTOR_DATA_DIR", str(tmp_path))
    other = ModuleType("other")
    other.configure = lambda parser: parser.add_argument("--directory")  # type: ignore[attr-defined]
    other.run = lambda config, _: print(config.data_dir)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "other", other)
    monkeypatch.setitem(cli.COMMANDS, "other", cli.Command("other", "another command"))
    assert cli.main(["other", "--directory", "/elsewhere"]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path)
    monkeypatch.setattr(up, "run", other.run)  # type: ignore[attr-defined]
    assert cli.main(["up", "--directory", "/elsewhere"]) == 0
    assert capsys.readouterr().out.strip() == "/elsewhere"
