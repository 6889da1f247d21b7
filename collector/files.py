"""Files that people hand us, read up to a limit before anything looks into them.

What is wrong with one is an OSError (it cannot be read) or a ValueError (it is too large, no UTF-8, no TOML, nested
beyond all sense): two families for the caller to turn into its own, with the file's name.
"""

import tomllib
from pathlib import Path
from typing import Any

MAX_TOML_BYTES = 16 * 1024 * 1024
"""A province of 16 000 instruments takes some 4 MB."""


def read_limited(path: Path, limit: int) -> bytes:
    """All bytes of the file; ValueError where there are more than `limit`, which are then not read."""
    with path.open("rb") as file:
        raw = file.read(limit + 1)
    if len(raw) > limit:
        raise ValueError(f"it has more than {limit} bytes, the most that is read")
    return raw


def read_toml(path: Path, *, limit: int = MAX_TOML_BYTES) -> dict[str, Any]:
    """The document in the file; ValueError where it is too large, not UTF-8 or no TOML."""
    text = read_limited(path, limit).decode("utf-8")
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("its values are nested too deeply") from error
