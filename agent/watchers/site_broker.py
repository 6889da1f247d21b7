"""A broker on site: where it is, and how to enter. Passwords and certificates are files, read at each attempt.

They are read late so that the operator can correct them while the agent runs, and no secret stands in a configuration.
"""

import ssl
from pathlib import Path
from typing import NamedTuple

from agent.errors import WatcherError

NO_CHECK_TIME = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which Python does not name."""


class LinkLost(WatcherError):
    """There is no connection, or no longer; the text says why and what to do."""


class SiteBroker(NamedTuple):
    """One broker, as the configuration describes it. `password_file` and `ca_file` are paths."""

    host: str
    port: int
    user: str | None
    password_file: str | None
    tls: bool
    ca_file: str | None
    client_id: str

    def password(self) -> str | None:
        """Return the password without the end of its line; LinkLost where the file cannot be used."""
        if self.password_file is None:
            return None
        return _read_file("password_file", self.password_file).strip("\r\n")

    def tls_context(self) -> ssl.SSLContext:
        """Return what to believe the broker by: one's own CA where there is one, else the system's; LinkLost."""
        ca_file = self.ca_file
        try:
            context = ssl.create_default_context(cadata=_read_file("ca_file", ca_file) if ca_file is not None else None)
        except (ssl.SSLError, ValueError) as error:
            reason = f"ca_file {ca_file} holds no certificate ({error}): give the broker's CA in PEM form"
            raise LinkLost(reason) from error
        context.sslsocket_class = _TlsSocket
        if ca_file is not None:
            # One's own CA is trusted by name, so dates add little; and the PC of an old instrument may live in 1970.
            context.verify_flags |= NO_CHECK_TIME
        return context


class _TlsSocket(ssl.SSLSocket):
    """Closes itself when the handshake fails; paho leaves it open, once for each attempt."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except (OSError, ValueError):
            self.close()
            raise


def _read_file(key: str, path: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except OSError as error:
        raise LinkLost(f"{key} {path} cannot be read ({error.strerror}): correct the path, or its rights") from error
    except UnicodeDecodeError as error:
        raise LinkLost(f"{key} {path} is no text ({error.reason}): is it the right file?") from error
