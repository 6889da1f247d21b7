"""`jishi-collector ca`: what it says, and what it refuses."""

import stat
from pathlib import Path

import pytest
from cryptography.x509 import load_pem_x509_certificate

from collector import cli
from collector.registry.audit import list_changes
from collector.store.database import Connection


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of a collector that has no database: the authorities need none."""
    monkeypatch.setenv("JISHI_COLLECTOR_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "out").mkdir()
    return tmp_path / "data"


def test_the_authorities_are_made_once(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["ca", "init"]) == 0
    assert "made the services authority 1, good until" in capsys.readouterr().out
    before = {path.name: path.read_bytes() for path in (data_dir / "tls").iterdir()}
    assert cli.main(["ca", "init"]) == 0
    assert "the agents authority exists" in capsys.readouterr().out
    assert {path.name: path.read_bytes() for path in (data_dir / "tls").iterdir()} == before
    assert sorted(before) == ["agents-1.key", "agents-1.pem", "services-1.key", "services-1.pem"]


def test_a_servers_key_may_be_read_by_the_group_of_its_directory_and_nobody_else(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main(["ca", "init"])
    out = tmp_path / "out"
    assert cli.main(["ca", "server-cert", "--host", "b.example", "--host", "::1", "--to", str(out)]) == 0
    assert "for b.example, ::1" in capsys.readouterr().out
    key = (out / "server.key").stat()
    assert (stat.S_IMODE(key.st_mode), key.st_gid) == (0o640, out.stat().st_gid)


@pytest.mark.parametrize(
    "host", ["", "two words", "https://b.example", "B.example", "-x.example", "*.example", "a" * 64]
)
def test_what_is_no_host_is_refused(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], host: str
) -> None:
    cli.main(["ca", "init"])
    assert cli.main(["ca", "server-cert", f"--host={host}", "--to", str(tmp_path / "out")]) == 2
    assert "a lower-case host name or an IP address is expected" in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (["ca", "worker-cert"], "`jishi-collector ca init` makes it"),
        (["ca", "next", "agents"], "`jishi-collector ca init` makes the first"),
        (["ca", "server-cert", "--host", "b.example", "--to", "."], "`jishi-collector ca init` makes it"),
    ],
)
def test_without_authorities_the_remedy_is_named(
    data_dir: Path, capsys: pytest.CaptureFixture[str], words: list[str], remedy: str
) -> None:
    assert cli.main(words) == 2
    assert remedy in capsys.readouterr().err


def test_a_directory_that_is_not_there_is_not_made(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main(["ca", "init"])
    assert cli.main(["ca", "server-cert", "--host", "b.example", "--to", str(tmp_path / "nowhere")]) == 2
    assert "make it, with the group that the broker runs under" in capsys.readouterr().err


def test_the_configuration_may_be_named_before_or_after_the_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "collector.toml"
    settings.write_text(f'[collector]\ndata_dir = "{tmp_path / "there"}"\n')
    assert cli.main(["ca", "-c", str(settings), "init"]) == 0
    assert cli.main(["ca", "next", "services", "-c", str(settings)]) == 0
    assert len(list((tmp_path / "there" / "tls").iterdir())) == 6


def test_who_is_trusted_from_now_on_stands_in_the_trail(
    data_dir: Path,
    tmp_path: Path,
    dsn: str,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("JISHI_DATABASE_DSN", dsn)
    out = str(tmp_path / "out")
    for words in (
        ["init"],
        ["init"],
        ["server-cert", "--host", "b.example", "--host", "::1", "--to", out],
        ["worker-cert"],
        ["next", "agents"],
    ):
        assert cli.main(["ca", *words, "--by", "wang"]) == 0
    assert capsys.readouterr().err == ""
    lines = list_changes(connection)
    assert [(line.action, line.target, line.actor) for line in lines] == [
        ("authority.make", "services authority 1", "wang"),
        ("authority.make", "agents authority 1", "wang"),
        ("certificate.issue", "b.example, ::1 by services authority 1", "wang"),
        ("certificate.issue", "jishi.ingest by services authority 1", "wang"),
        ("authority.make", "agents authority 2", "wang"),
    ]
    made = load_pem_x509_certificate((tmp_path / "out" / "server.pem").read_bytes())
    assert lines[2].new == {"serial": f"{made.serial_number:x}", "expires_at": made.not_valid_after_utc.isoformat()}


def test_a_machine_without_the_database_signs_all_the_same_and_says_that_there_is_no_line(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The services' authority may be kept where no network reaches."""
    assert cli.main(["ca", "init"]) == 0
    told = capsys.readouterr()
    assert "made the agents authority 1" in told.out
    assert "not in the audit trail (no database: give [database] dsn" in told.err
    assert "note by hand: authority.make of agents authority 1, serial number " in told.err
