"""What a platform answered, read as the mapping says. Pure.

    {"code": "100", "id": "R-1", "message": "…"}        code = "code", receipt = "id", reason = "message"

Whatever is wrong with foreign bytes is no answer: it is kept, and the message is tried again. Only a code that the
platform itself gave decides; the status of HTTP decides nothing but whether somebody in between answered in its place.
"""

import json

from collector.exchange.mapping import Platform
from collector.exchange.states import Answer, Heard
from protocol.errors import excerpt

MAX_TOLD_CHARS = 300
BUSY = (429, 500, 502, 503, 504)
"""The platform, or what stands before it, is in trouble: whatever such an answer holds, it comes to no decision."""


def read_answer(raw: bytes, http_status: int, platform: Platform) -> Answer:
    """The outcome that an answer says."""
    if http_status in BUSY:
        return _nothing(raw, http_status, f"the platform answered {http_status}")
    try:
        said = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        return _nothing(raw, http_status, f"the answer ({http_status}) is no JSON: {_shown(raw)}")
    code = _text(said.get(platform.code)) if isinstance(said, dict) else ""
    if not code:
        return _nothing(raw, http_status, f"the answer ({http_status}) has no {platform.code}: {_shown(raw)}")
    told = f"code {code}" + (f": {reason}" if (reason := _text(said.get(platform.reason))) else "")
    heard = _heard(code, platform)
    receipt = _text(said.get(platform.receipt)) if heard == "accepted" else ""
    return Answer(heard, told[:MAX_TOLD_CHARS], receipt, http_status, raw)


def _heard(code: str, platform: Platform) -> Heard:
    if code in platform.accepted:
        return "accepted"
    if code in platform.again:
        return "again"
    return "unknown" if code in platform.unknown else "refused"


def _nothing(raw: bytes, http_status: int, told: str) -> Answer:
    return Answer("nothing", told[:MAX_TOLD_CHARS], "", http_status, raw)


def _text(value: object) -> str:
    """A member as a text on one line; what is no scalar says nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    text = str(value) if isinstance(value, str) or abs(value) < 10**18 else ""
    return "".join(each for each in text if each.isprintable() and not "\ud800" <= each <= "\udfff")[:MAX_TOLD_CHARS]


def _shown(raw: bytes) -> str:
    return excerpt(raw) if raw else "nothing"
