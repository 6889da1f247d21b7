"""mosquitto as a province runs it: sessions and queues on disk, and limits that can be made small.

`kill` and `start` keep what is on its disk; `wipe` starts it without any history. As root it runs as an ordinary user.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from collector.embedded.broker import find_mosquitto
from collector.embedded.children import server_user, start_child, stop_child

LOOPBACK = "127.0.0.1"
START_S = 20.0
_SETTINGS = """\
listener {port} {host}
allow_anonymous true
persistence true
persistence_location {directory}/
autosave_interval 1
autosave_on_changes true
max_inflight_messages 2000
max_queued_messages {queue}
max_packet_size 1200000
log_dest stderr
log_type error
log_type warning
"""


class Broker:
    """One broker on one port; `queue` is how many messages it keeps for a client that is away."""

    def __init__(self, directory: Path, port: int, *, queue: int = 200_000) -> None:
        self.port = port
        self._directory = directory
        self._queue = queue
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def is_installed() -> bool:
        return find_mosquitto() is not None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Returns when it takes connections."""
        if self.is_running:
            return
        program = find_mosquitto()
        assert program is not None, "mosquitto is not installed"
        user = server_user()
        self._directory.mkdir(exist_ok=True)
        settings = self._directory / "mosquitto.conf"
        settings.write_text(
            _SETTINGS.format(port=self.port, host=LOOPBACK, directory=self._directory, queue=self._queue), "utf-8"
        )
        if user is not None:
            os.chown(self._directory, user.uid, user.gid)
        with (self._directory / "log").open("ab") as log:
            self._process = start_child([program, "-c", str(settings)], user=user, output=log)
        deadline_s = time.monotonic() + START_S
        while not answers(self.port):
            assert self.is_running, f"mosquitto ended; see {self._directory}/log"
            assert time.monotonic() < deadline_s, f"mosquitto does not answer on port {self.port}"
            time.sleep(0.02)

    def limit_queue(self, messages: int) -> None:
        """From its next start on it keeps so many messages for a client that is away, and drops the rest silently."""
        self._queue = messages

    def stop(self) -> None:
        """Ask it to end: it writes its disk."""
        process, self._process = self._process, None
        if process is not None:
            stop_child(process, with_signal=signal.SIGTERM, timeout_s=5.0)

    def kill(self) -> None:
        """kill -9: what it acknowledged since the last save is gone."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def wipe(self) -> None:
        """Kill it and start it without sessions, queues and retained messages."""
        self.kill()
        shutil.rmtree(self._directory, ignore_errors=True)
        self.start()


def answers(port: int) -> bool:
    """Whether somebody takes connections there."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=1.0).close()
    except OSError:
        return False
    return True
