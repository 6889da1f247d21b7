"""`jishi-collector exchange` as an operator types it, against a platform that is a real server."""

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from collector.config import load_config
from collector.errors import ConfigError
from collector.exchange.credentials import read_credentials
from collector.exchange.platform import parse_address
from collector.exchange.set_up import make_road, read_mapping
from collector.exchange.worker import Worker
from collector.registry import units
from tests.collector.commands import said
from tests.collector.exchange.mock_platform import MockPlatform
from tests.collector.exchange.served_days import BENEFICIARY, EXAMPLE, MONDAY, NOW, ServedDays
from tests.collector.province import USCC

DAYS = ("--from", "2026-11-16", "--to", "2026-11-22")


@pytest.fixture
def told_platform(
    served_days: ServedDays, platform: MockPlatform, dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> MockPlatform:
    """A collector whose configuration names the platform."""
    (tmp_path / "national.toml").write_bytes(EXAMPLE)
    secret = tmp_path / "exchange.secret"
    secret.write_text('[headers]\nAuthorization = "Bearer s3cret"\n')
    secret.chmod(0o600)
    monkeypatch.setenv("JISHI_DATABASE_DSN", dsn)
    monkeypatch.setenv("JISHI_COLLECTOR_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("JISHI_EXCHANGE_URL", platform.url)
    monkeypatch.setenv("JISHI_EXCHANGE_MAPPING", str(tmp_path / "national.toml"))
    monkeypatch.setenv("JISHI_EXCHANGE_CREDENTIALS", str(secret))
    served_days.served()
    return platform


def test_checked_sent_listed_shown(told_platform: MockPlatform, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "exchange", "check", *DAYS).startswith("records=1 invalid=0 mapping=national field set")
    assert said(capsys, "exchange", "list") == "no messages\n"
    told_platform.script = ["refuse"]
    assert said(capsys, "exchange", "send", *DAYS, "--by", "li") == "made=1 unchanged=0 invalid=0\nrefused=1\n"
    listed = said(capsys, "exchange", "list", "--state", "refused")
    assert listed.startswith("refused=1\n1  record  20261116-")
    assert "SO-1  refused  code 101: 数据填写有误" in listed
    assert "HTTP 200  code 101" in said(capsys, "exchange", "show", "1")
    assert said(capsys, "exchange", "send") == "nothing was due\n"
    assert "exchange.make" in said(capsys, "audit")
    assert told_platform.headers[0]["Authorization"] == "Bearer s3cret"


def test_only_whoever_may_sends_again_and_says_why(
    told_platform: MockPlatform,
    served_days: ServedDays,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    units.register_unit(served_days.connection, BENEFICIARY, name_zh="清华大学")
    told_platform.script = ["refuse"]
    said(capsys, "exchange", "send", *DAYS)
    refused = said(capsys, "exchange", "retry", "1", "--why", "again", "--by", "approver", status=1)
    assert "no right to facts" in refused
    monkeypatch.setenv("JISHI_PASSWORD", "correct horse battery")
    for name, scope in (("zhao", "everything"), ("qian", f"unit:{USCC}"), ("sun", f"unit:{BENEFICIARY}")):
        said(capsys, "person", name)
        said(capsys, "role", name, "officer", "--scope", scope)
    stranger = said(capsys, "exchange", "retry", "1", "--why", "corrected there", "--by", "sun", status=1)
    assert "there is no message 1" in stranger, "another unit's looks like none"
    assert "1  record" in said(capsys, "exchange", "retry", "1", "--why", "corrected there", "--by", "qian")
    assert "it is pending: only what is refused or given-up" in said(
        capsys, "exchange", "retry", "1", "--why", "x", "--by", "zhao", status=1
    )
    assert "there is no message 9" in said(capsys, "exchange", "retry", "9", "--why", "x", "--by", "zhao", status=1)
    assert said(capsys, "exchange", "send") == "accepted=1\n"


def test_a_platform_that_is_away_ends_in_status_1_and_nothing_is_lost(
    told_platform: MockPlatform, served_days: ServedDays, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(1, 3):
        served_days.served(f"SO-1{number}", day=MONDAY - timedelta(days=number))
    told_platform.otherwise = "500"
    told = said(capsys, "exchange", "send", "--from", "2026-11-01", "--to", "2026-11-22", status=1)
    assert "the platform gives no answer" in told
    assert [state for _, _, state in served_days.states()] == ["pending"] * 3


def test_the_annual_message_holds_the_years_figures(
    told_platform: MockPlatform, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, "exchange", "send", *DAYS)
    checked = said(capsys, "exchange", "check", "--year", "2026", status=1)
    assert "2 faults" in checked
    (tmp_path / "effects.csv").write_text("资产编号,年度,论文数,专利数,备注\nA001,2026,3,1,无\n", "utf-8")
    said(capsys, "exchange", "take", "effects", str(tmp_path / "effects.csv"), "--source", "office")
    assert said(capsys, "exchange", "send", "--year", "2026").startswith("made=1 unchanged=0 invalid=0\naccepted=1")
    [effect] = [body for key, body in told_platform.taken.items() if key.startswith("2026-")]
    assert (effect["workHours"], effect["serviceHours"], effect["shareRate"]) == (2.0, 2.0, 100.0)
    assert (effect["users"], effect["projects"], effect["papers"], effect["patents"]) == (1, 0, 3, 1)
    assert effect["income"] == 1200.5


def test_the_worker_makes_once_a_day_and_sends_what_is_due(
    told_platform: MockPlatform, served_days: ServedDays, dsn: str
) -> None:
    config = load_config(None)
    now = [NOW]
    worker = Worker(dsn, read_mapping(config), make_road(config), unit=None, now=lambda: now[0])
    worker.round(served_days.connection)
    assert [state for _, _, state in served_days.states()] == ["accepted"]
    served_days.order("SO-2")
    served_days.use("SO-2", start_h=9, end_h=10)
    served_days.close()
    worker.round(served_days.connection)
    assert len(served_days.states()) == 1, "the day was looked at"
    now[0] += timedelta(days=1)
    worker.round(served_days.connection)
    assert [state for _, _, state in served_days.states()] == ["accepted"] * 3
    stop = threading.Event()
    stop.set()
    worker.run(stop)


def test_work_ends_when_it_is_told_to(
    told_platform: MockPlatform, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("collector.commands.exchange.call_on_signals", lambda stop: stop())
    assert said(capsys, "exchange", "work") == ""
    assert not told_platform.came, "it was told to stop before its first round"


def test_a_mapping_is_used_from_its_day_on(
    told_platform: MockPlatform, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "national.toml").write_bytes(EXAMPLE.replace(b"from_day = 2026-01-01", b"from_day = 2190-01-01"))
    assert "in force from 2190-01-01 on" in said(capsys, "exchange", "send", *DAYS, status=1)
    assert said(capsys, "exchange", "list") == "no messages\n"


@pytest.mark.parametrize(
    ("words", "status", "why"),
    [
        (("check",), 1, "give --from and --to, or --year"),
        (("check", "--from", "2026-11-22", "--to", "2026-11-16"), 1, "ends before it begins"),
        (("check", "--year", "99999"), 1, "2000 to 2199 is expected"),
        (("check", *DAYS, "--unit", "x"), 1, "is no unified social credit code"),
        (("compare", "--from", "2026-01-01", "--to", "2026-12-31"), 1, "1 to 31 days in order"),
        (("list", "--scope", "x"), 1, "is no scope"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    told_platform: MockPlatform, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], status: int, why: str
) -> None:
    assert why in said(capsys, "exchange", *words, status=status)


def test_nothing_is_sent_where_nobody_said_where(
    told_platform: MockPlatform, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("JISHI_EXCHANGE_URL")
    assert "exchange.url: where the platform is, is missing" in said(capsys, "exchange", "send", status=2)
    monkeypatch.delenv("JISHI_EXCHANGE_MAPPING")
    assert "exchange.mapping" in said(capsys, "exchange", "check", *DAYS, status=2)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://platform.example/api", "by plain http"),
        ("https://user:word@platform.example/", "credentials belong into"),
        ("https://platform.example/?key=x", "credentials belong into"),
        ("ftp://platform.example", "is no address"),
        ("https://platform.example:99999/", "is no address"),
        ("https://", "is no address"),
        ("platform.example", "is no address"),
        (f"https://{'a' * 64}.example/", "is no address"),
        ("https://platform.example/a b", "is no address"),
    ],
)
def test_an_address_that_would_show_secrets_is_refused(url: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        parse_address(url)


@pytest.mark.parametrize(
    ("text", "mode", "why"),
    [
        ('[headers]\nX-Key = "s3cret"\n', 0o644, "may be read by others"),
        ("s3cret", 0o600, "is no TOML file"),
        ("[headers]\n", 0o600, "one table"),
        ('[headers]\nX-Key = "s3cret"\n[more]\n', 0o600, "one table"),
        ('[headers]\nHost = "s3cret"\n', 0o600, "is no header that can be given"),
        ('[headers]\n"X\\nKey" = "s3cret"\n', 0o600, "is no header that can be given"),
        ('[headers]\nX-Key = "s3cret\\nY: z"\n', 0o600, "no text of printable ASCII"),
        ("[headers]\nX-Key = 3\n", 0o600, "no text of printable ASCII"),
    ],
)
def test_a_file_of_credentials_that_cannot_be_used_is_told_without_what_it_holds(
    tmp_path: Path, text: str, mode: int, why: str
) -> None:
    (tmp_path / "secret").write_text(text)
    (tmp_path / "secret").chmod(mode)
    with pytest.raises(ConfigError, match=why) as caught:
        read_credentials(tmp_path / "secret")
    assert "s3cret" not in str(caught.value)
