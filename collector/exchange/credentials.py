"""What we show a platform: headers out of a file that nobody else may read.

    # /etc/jishi/exchange.secret, chmod 600
    [headers]
    Authorization = "Bearer …"

They never stand in a configuration, in the environment, in a log or in a message of ours.
"""

import re
import tomllib
from pathlib import Path

from collector.errors import ConfigError
from collector.private_file import read_private

MAX_HEADERS = 20
MAX_HEADER_CHARS = 4096
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_OURS = ("content-type", "content-length", "host", "idempotency-key", "connection", "transfer-encoding")


class Credentials:
    """The headers; their values are in no repr."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.headers = headers

    def __repr__(self) -> str:
        return f"Credentials({', '.join(self.headers)})"


NONE = Credentials({})


def read_credentials(path: Path) -> Credentials:
    """The headers in a file. ConfigError with what is wrong with it, and no word of what it holds."""
    raw = read_private(path, what="file of headers for the platform", remedy="write it; docs/exchange.md shows one")
    try:
        said = tomllib.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is no TOML file: [headers] with a line a header is expected") from error
    headers = said.get("headers")
    if set(said) != {"headers"} or not isinstance(headers, dict) or not 1 <= len(headers) <= MAX_HEADERS:
        raise ConfigError(f"{path}: one table [headers] with 1 to {MAX_HEADERS} lines is expected")
    if faults := [fault for name, value in headers.items() if (fault := _fault(name, value))]:
        raise ConfigError(f"{path} cannot be used: " + "; ".join(faults))
    return Credentials(headers)


def _fault(name: str, value: object) -> str:
    if not _NAME.fullmatch(name) or name.lower() in _OURS:
        return f"{name[:64]!a} is no header that can be given"
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or not value.strip():
        return f"the value of {name} is no text of printable ASCII characters"
    return f"the value of {name} is longer than {MAX_HEADER_CHARS} characters" if len(value) > MAX_HEADER_CHARS else ""
