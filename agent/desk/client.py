"""How commands talk to the running agent's desk: its local address, with the token of `state_dir`/desk.token.

The token shows that whoever asks may read the agent's state directory: the agent's own user, and its group.
"""

from __future__ import annotations

import http.client
from pathlib import Path
from typing import Any

import msgspec

from agent.config import Configuration, DeskSettings
from agent.errors import DeskError

TOKEN = "desk.token"  # noqa: S105 (a file's name)
PATIENCE_S = 20.0
MAX_ANSWER = 1 << 20


def address_of(settings: DeskSettings) -> str:
    """The page's address."""
    host = f"[{settings.address}]" if ":" in settings.address else settings.address
    return f"http://{host}:{settings.port}/"


def ask(configuration: Configuration, method: str, path: str, **members: str) -> dict[str, Any]:
    """Ask the desk and return its answer; DeskError with what it says, or with why it cannot be asked."""
    settings = configuration.desk
    if settings is None:
        raise DeskError("this agent has no desk: add a [desk] table to its configuration, and start it again")
    headers = {"Authorization": f"Bearer {_read_token(configuration.state_dir / TOKEN)}"}
    # What a terminal of another encoding sent may be no text; it is refused or shown by the desk, not here.
    readable = {name: text.encode("utf-8", "replace").decode() for name, text in members.items()}
    body = msgspec.json.encode(readable) if method == "POST" else None
    connection = http.client.HTTPConnection(settings.address, settings.port, timeout=PATIENCE_S)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return _read(answer.read(MAX_ANSWER), is_good=answer.status == http.client.OK)
    except (OSError, http.client.HTTPException) as problem:
        raise DeskError(
            f"the agent's desk does not answer at {address_of(settings)} ({problem}): is the agent running? "
            "(jishi-agent status)"
        ) from problem
    finally:
        connection.close()


def _read(raw: bytes, *, is_good: bool) -> dict[str, Any]:
    try:
        answer = msgspec.json.decode(raw, type=dict[str, Any])
    except msgspec.MsgspecError as problem:
        raise DeskError("what answers at the desk's address is not this agent's desk; see [desk] port") from problem
    if not is_good:
        raise DeskError(str(answer.get("error", "the desk refused without a reason")))
    return answer


def _read_token(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except FileNotFoundError as problem:
        raise DeskError(f"there is no {path}: the agent's desk has not run yet (jishi-agent status)") from problem
    except (OSError, UnicodeDecodeError) as problem:
        raise DeskError(
            f"{path} cannot be read ({problem}): ask as the agent's user, or as one of its group"
        ) from problem
