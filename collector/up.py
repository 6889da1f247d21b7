"""`jishi-collector up`: everything on one machine, one directory, one command.

Starts, in this order, an embedded PostgreSQL, the migrations, a broker, and `serve`, `ingest`, `account` and `log`, and
`exchange work` where a platform is named, as processes of their own; starts again what dies; stops everything in the
reverse order on Ctrl-C or SIGTERM. One lock on the directory lets one `up` in. The lock is the kernel's and every child
dies with its parent, so even kill -9 leaves nothing behind, and the next `up` continues with the same data.

    <data_dir>/up.lock     held while it runs
    <data_dir>/dsn         how to reach the database while it runs, for `token`, `key`, `register` …
    <data_dir>/postgres/   the database
    <data_dir>/broker/     the broker's settings and log
    <data_dir>/keys/       see keys.py
"""

import fcntl
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from collector.config import Config
from collector.embedded.broker import LOOPBACK, EmbeddedBroker, check_port_free
from collector.embedded.children import Restart, start_child, stop_child
from collector.embedded.postgres import EmbeddedPostgres
from collector.errors import AlreadyRunning, ConfigError, EmbeddedError
from collector.keys import ensure_receipt_key
from collector.private_file import replace
from collector.store.database import connect
from collector.store.migrate import migrate

log = logging.getLogger(__name__)

PARTS = ("serve", "ingest", "account", "log")
EXCHANGE = "exchange work"
_LOOK_EVERY_S = 0.2
_PORT_PATIENCE_S = 3.0


class _Asked(BaseException):
    """Somebody asked us to stop; not an Exception, so that nobody takes it for a fault."""


@dataclass(slots=True)
class _Child:
    """One thing that is kept running."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    stop: Callable[[], object]
    restart: Restart = field(default_factory=Restart)
    process: subprocess.Popen[bytes] | None = None
    start_again_s: float = 0.0

    def look(self, now_s: float) -> None:
        """Starts it when it is due, and notices when it died."""
        if self.process is not None and self.process.poll() is not None:
            self.start_again_s = self.restart.died(now_s)
            log.error("child ended name=%s status=%s", self.name, self.process.returncode)
            self.process = None
        if self.process is None and now_s >= self.start_again_s:
            self.restart.started(now_s)
            try:
                self.process = self.start()
            except (EmbeddedError, OSError) as error:
                self.start_again_s = self.restart.died(now_s)
                log.error("child did not start name=%s: %s", self.name, error)
            else:
                log.info("child started name=%s pid=%d", self.name, self.process.pid)


def run(config: Config, *, report: Callable[[str], None]) -> None:
    """Runs until SIGINT or SIGTERM. `report` gets one line once everything was started.

    Raises AlreadyRunning, EmbeddedError, ConfigError before anything was started.
    """
    if config.broker.host != LOOPBACK:
        raise ConfigError(f"broker.host: `up` runs its own broker on {LOOPBACK} and can use no other")
    if config.given_dsn is not None:
        raise ConfigError("database.dsn: `up` runs its own database; with another, run `serve`, `ingest` and `account`")
    with _stop_on_signals(), _claimed(config.data_dir), ExitStack() as stack:
        check_port_free(config.api.port, host=config.api.host, what="API", patience_s=_PORT_PATIENCE_S)
        check_port_free(config.broker.port, what="broker", patience_s=_PORT_PATIENCE_S)
        try:
            children = _start_all(config, stack)
            report(
                f"jishi-collector: API {config.api.url}, "
                f"broker {LOOPBACK}:{config.broker.port}, data in {config.data_dir}"
            )
            while True:
                for child in children:
                    child.look(time.monotonic())
                time.sleep(_LOOK_EVERY_S)
        except _Asked:
            log.info("stopping")
            # A second signal must not stop the stopping.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)


def _start_all(config: Config, stack: ExitStack) -> list[_Child]:
    """Brings everything up; the stack then holds how to take it down, in reverse order."""
    server = EmbeddedPostgres(config.data_dir / "postgres")
    stack.callback(server.stop)
    server.start()
    with connect(server.dsn, application="up") as connection:
        for migration in migrate(connection):
            log.info("migrated version=%d name=%s", migration.version, migration.name)
    ensure_receipt_key(config.data_dir, config.domain)
    stack.callback(config.embedded_dsn_file.unlink, missing_ok=True)
    replace(config.embedded_dsn_file, server.dsn.encode())
    broker = EmbeddedBroker(config.broker.port, directory=config.data_dir / "broker")
    stack.callback(broker.stop)
    broker.start()
    children = [
        _Child("postgres", lambda: _restarted(server), server.stop, process=server.process),
        _Child("broker", lambda: _restarted(broker), broker.stop, process=broker.process),
        *(_part(name, config, dsn=server.dsn) for name in parts_of(config)),
    ]
    for child in children:
        stack.callback(child.stop)
    return children


def parts_of(config: Config) -> tuple[str, ...]:
    """The commands that run; messages go to another platform only where the configuration names one."""
    return (*PARTS, EXCHANGE) if config.exchange.url else PARTS


def _part(name: str, config: Config, *, dsn: str) -> _Child:
    """One of parts_of() as a process; its settings travel in the environment, never in argv."""
    child = _Child(name, lambda: start_child(_command(name), env=environment), lambda: _stop(child))
    environment = {**os.environ, **config.environment(dsn)}
    return child


def _command(name: str) -> list[str]:
    """The command that the installation put beside the interpreter, so that process lists read well."""
    program = Path(sys.executable).with_name("jishi-collector")
    if program.exists():
        return [sys.executable, str(program), *name.split()]
    return [sys.executable, "-m", "collector.cli", *name.split()]


def _stop(child: _Child) -> None:
    if child.process is not None:
        stop_child(child.process)


def _restarted(server: EmbeddedPostgres | EmbeddedBroker) -> subprocess.Popen[bytes]:
    server.restart()
    return server.process


@contextmanager
def _claimed(data_dir: Path) -> Iterator[None]:
    """Holds the directory's lock. The lock ends with us, however we end; its file stays, for the next one."""
    if not data_dir.exists():
        data_dir.mkdir(parents=True)
        # The server's user must be able to pass, whatever the umask; what is private inside is closed itself.
        data_dir.chmod(0o755)
    with (data_dir / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise AlreadyRunning(
                f"another `jishi-collector up` (process {lock.read().strip() or 'unknown'}) runs in {data_dir}: "
                "stop it, or choose another --directory"
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


@contextmanager
def _stop_on_signals() -> Iterator[None]:
    """SIGINT and SIGTERM interrupt whatever is being waited for."""

    def ask(_number: int, _frame: object) -> None:
        raise _Asked

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except _Asked:
        pass  # between two steps: everything that was started is stopped already
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
