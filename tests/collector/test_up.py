"""`up`: everything starts, one at a time per directory, and nothing outlives it."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest

from collector.embedded.broker import LOOPBACK
from tests.conftest import find_free_port

READY_S = 90.0


class Up:
    """A running `jishi-collector up`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.api_port, self.broker_port = find_free_port(), find_free_port()
        self.log = directory.with_suffix(".log")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.argv(), stdout=subprocess.PIPE, stderr=log, text=True)

    def argv(self) -> list[str]:
        ports = ["--api-port", str(self.api_port), "--broker-port", str(self.broker_port)]
        return [sys.executable, "-m", "collector.cli", "up", "--directory", str(self.directory), *ports]

    def await_ready(self) -> None:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("jishi-collector: API"), self.log.read_text()
        _until(lambda: len(self.children()) >= 6 and _answers(self.api_port), self.log)

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def dsn(self) -> str:
        return (self.directory / "dsn").read_text()

    def child(self, part: str) -> psutil.Process:
        return next(child for child in self.children() if part in child.cmdline())

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def running(directory: Path) -> Iterator[Up]:
    up = Up(directory)
    try:
        up.await_ready()
        yield up
    finally:
        up.close()


def test_everything_starts_and_a_signal_stops_all_of_it(open_directory: Path) -> None:
    with running(open_directory / "data") as up:
        children = up.children()
        up.process.send_signal(signal.SIGINT)
        assert up.process.wait(60) == 0
        assert [child for child in children if child.is_running()] == []
        assert not (up.directory / "dsn").exists()
        assert not _answers(up.api_port)


def test_a_second_one_on_the_same_directory_is_told(open_directory: Path) -> None:
    with running(open_directory / "data") as up:
        second = subprocess.run(up.argv(), capture_output=True, text=True, timeout=60, check=False)
        assert second.returncode == 1
        assert f"another `jishi-collector up` (process {up.process.pid}) runs in" in second.stderr


def test_kill_9_takes_all_children_and_the_next_one_continues_with_the_same_data(open_directory: Path) -> None:
    with running(open_directory / "data") as up:
        _execute(up.dsn(), "INSERT INTO person (name) VALUES ('kept')")
        key = (up.directory / "keys" / "receipt.key").read_bytes()
        children = up.children()
        up.process.kill()
        up.process.wait()
        _until(lambda: not any(map(_is_alive, children)), up.log)
    with running(open_directory / "data") as up:
        assert _execute(up.dsn(), "SELECT name FROM person") == [("kept",)]
        assert (up.directory / "keys" / "receipt.key").read_bytes() == key


def test_what_is_killed_is_started_again(open_directory: Path) -> None:
    with running(open_directory / "data") as up:
        for part in ("serve", "ingest", "account", "log"):
            _kill_and_await(up, up.child(part))
        _kill_and_await(up, next(child for child in up.children() if _is_broker(child)))
        _kill_and_await(up, next(child for child in up.children() if child.name() == "postgres"))
        assert up.process.poll() is None


def test_a_busy_port_is_named_and_nothing_is_started(open_directory: Path) -> None:
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        port = other.getsockname()[1]
        argv = [sys.executable, "-m", "collector.cli", "up", "--directory", str(open_directory / "data")]
        argv += ["--api-port", str(find_free_port()), "--broker-port", str(port)]
        result = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert f"port {port} on 127.0.0.1 for the broker is not free" in result.stderr
    assert not (open_directory / "data" / "postgres").exists()


def _kill_and_await(up: Up, victim: psutil.Process) -> None:
    victim.kill()
    _until(lambda: not _is_alive(victim) and _works(up), up.log)


def _works(up: Up) -> bool:
    """All five are there and the API and the database answer."""
    try:
        names = [" ".join(child.cmdline()) for child in up.children() if _is_alive(child)]
        parts = all(any(f" {part}" in name for name in names) for part in ("serve", "ingest", "account"))
        return parts and _answers(up.api_port) and _answers(up.broker_port) and _execute(up.dsn(), "SELECT 1") == [(1,)]
    except (psycopg.Error, psutil.Error, OSError):
        return False


def _is_broker(process: psutil.Process) -> bool:
    return any("mosquitto" in word or "broker_amqtt" in word for word in process.cmdline())


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _answers(port: int) -> bool:
    try:
        socket.create_connection((LOOPBACK, port), timeout=1.0).close()
    except OSError:
        return False
    return True


def _execute(dsn: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def _until(reached: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while not reached():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


def test_messages_go_out_where_a_platform_is_named(
    open_directory: Path, monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    example = Path(__file__).parents[2] / "deploy" / "exchange" / "national-example.toml"
    monkeypatch.setenv("JISHI_EXCHANGE_URL", f"http://127.0.0.1:{free_port}/")
    monkeypatch.setenv("JISHI_EXCHANGE_MAPPING", str(example))
    with running(open_directory / "data") as up:
        assert up.child("exchange").cmdline()[-2:] == ["exchange", "work"]
