"""TOML as people write it: the text of a file -> its tables, or what is wrong with it in words that help.

The parser names a place and a rule of the grammar. Nearly always it is one of a few slips of an editor or of Windows,
which can be told from the line, so the remedy stands beside it.
"""

import re
import tomllib
from pathlib import Path
from typing import Any

_LINE = re.compile(r"\(at line (\d+), column \d+\)")
_SHOWN = 60
MAX_BYTES = 1024 * 1024

_SLIPS = (
    (re.compile("[“”„‘’«»]"), "quotes must be straight: \" or '"),
    (re.compile(r'=\s*"[^"]*\\[^"]*"'), "write a path of Windows in single quotes, or with / instead of \\"),
    (re.compile(r"=\s*(True|False|yes|no|on|off)\s*(#|$)"), "write true or false"),
    (re.compile(r"^\s*[\w-]+\s*:"), "a value stands behind =, not behind a colon"),
    (re.compile(r"=\s*[^\W\d][\w/:.*-]*\s*(#|$)"), 'put a text into quotes: "…"'),
    (re.compile("[，：＝　【】]"), "a full-width character stands there; write it in half width"),
)


class NotToml(Exception):
    """Its text says what is wrong, where, and the remedy."""


def read(path: Path) -> tuple[bytes, dict[str, Any]]:
    """Return a file's bytes and its tables; OSError, NotToml. No more is read than a configuration can have."""
    with path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    return raw, parse(raw)


def parse(raw: bytes) -> dict[str, Any]:
    """Return the tables in a file's bytes; NotToml. A byte-order mark is passed over: Windows' editor writes one."""
    if len(raw) > MAX_BYTES:
        raise NotToml(f"has more than {MAX_BYTES} bytes: a configuration is a few kilobytes of text")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotToml(f"is no text in UTF-8 ({_encoding(raw)}): save it as UTF-8") from error
    try:
        return tomllib.loads(f"{text}\n")  # a last line without an end would have no place in the message
    except tomllib.TOMLDecodeError as error:
        raise NotToml(f"is no TOML: {explain(str(error), text)}") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits; brackets within brackets
        raise NotToml("is no TOML that can be used: a number is too long, or values are nested too deeply") from error


def explain(message: str, text: str) -> str:
    """Return the parser's message with the line that it names, and the remedy where the slip is a known one."""
    place = _LINE.search(message)
    lines = text.splitlines()
    if place is None or not 1 <= int(place[1]) <= len(lines):
        return f"{message}; is a quote or a bracket not closed?" if "end of document" in message else message
    number = int(place[1])
    line = lines[number - 1].strip()
    shown = line if len(line) <= _SHOWN else f"{line[:_SHOWN]} …"
    remedy = _remedy(message, line)
    return f"line {number} ({shown}): {message.partition(' (at')[0]}" + (f"; {remedy}" if remedy else "")


def _remedy(message: str, line: str) -> str:
    if "overwrite" in message:
        return "this key, or this table, stands there twice"
    if "Illegal character '\\n'" in message:
        return "a quote is not closed"
    return next((remedy for slip, remedy in _SLIPS if slip.search(line)), "")


def _encoding(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "it is UTF-16"
    return "it may be GBK" if any(octet >= 0x80 for octet in raw) else "some bytes are not"
