"""What the desk answers to programs: `jishi-agent sign` and `card`, and whatever a laboratory writes itself. JSON.

    GET  /api/desk            {"assets":["A001"],"present":[{"asset":"A001","operator":"张三",…}],"hint":""}
    POST /api/sign-in         {"asset":"A001","operator":"张三","purpose":"service-order","order":"SO-2026-17"}
    POST /api/sign-out        {"asset":"A001","operator":"张三"}; without an operator, whoever alone is there
    GET  /api/cards           {"cards":[{"card":"<16 hex>","operator":"张三","purpose":"teaching"}]}
    POST /api/cards/assign    {"operator":"张三","purpose":"teaching"}: the next card is theirs
    GET  /api/cards/assign    {"waiting":false,"card":"<16 hex>",…}
    POST /api/cards/remove    {"card":"<first digits>"}

`asset` may be left out where there is one instrument only. What is refused has another status and {"error":"…"}.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import msgspec

from agent.desk.cards import Holder, short
from agent.desk.desk import Desk, Person, claim
from agent.desk.exchange import Rejection, Request, Response, json
from agent.desk.readers import Readers
from agent.desk.salt import tidy


class Asked(msgspec.Struct, frozen=True):
    """What programs send; each address reads what it needs."""

    asset: str = ""
    operator: str = ""
    purpose: str = ""
    order: str = ""
    card: str = ""


class Api:
    """The addresses for programs; `routes` by method and path."""

    def __init__(self, desk: Desk, readers: Readers) -> None:
        self._desk = desk
        self._readers = readers
        self.routes: dict[tuple[str, str], Callable[[Request], Response]] = {
            ("GET", "/api/desk"): self._show,
            ("POST", "/api/sign-in"): self._sign_in,
            ("POST", "/api/sign-out"): self._sign_out,
            ("GET", "/api/cards"): self._cards,
            ("POST", "/api/cards/remove"): self._remove,
            ("GET", "/api/cards/assign"): self._assigning,
            ("POST", "/api/cards/assign"): self._assign,
        }

    def _show(self, _request: Request) -> Response:
        people = [describe(person) for person in self._desk.people()]
        return json({"assets": self._desk.assets, "present": people, "hint": self._readers.hint})

    def _sign_in(self, request: Request) -> Response:
        asked = _read(request)
        purpose = claim(asked.purpose, asked.order)
        return json(describe(self._desk.sign_in(self._only(asked.asset), asked.operator, purpose, how="command")))

    def _sign_out(self, request: Request) -> Response:
        asked = _read(request)
        operator = self._desk.hash_of(asked.operator) if asked.operator else None
        ended = self._desk.sign_out(self._only(asked.asset), operator, how="command")
        presence = ended.presence
        return json({"asset": presence.asset, "since_ms": presence.since_ms, "end_ms": ended.end_ms})

    def _cards(self, _request: Request) -> Response:
        holders = self._readers.holders()
        return json({"cards": [_describe_card(card, holder) for card, holder in holders.items()]})

    def _remove(self, request: Request) -> Response:
        asked = _read(request)
        return json(_describe_card(asked.card, self._readers.remove(asked.card)))

    def _assign(self, request: Request) -> Response:
        asked = _read(request)
        self._readers.assign_next(Holder(tidy(asked.operator), claim(asked.purpose, "").purpose))
        return self._assigning(request)

    def _assigning(self, _request: Request) -> Response:
        asked = self._readers.assigning()
        if asked is None:
            return json({"waiting": False, "card": "", "hint": self._readers.hint})
        return json({"waiting": not asked.card, **_describe_card(asked.card, asked.holder)})

    def _only(self, asset: str) -> str:
        """The asset that was named; where none was, the only one."""
        return asset or (self._desk.assets[0] if len(self._desk.assets) == 1 else "")


def _read(request: Request) -> Asked:
    """What a program sent; Rejection."""
    try:
        return msgspec.json.decode(request.body, type=Asked)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as problem:
        raise Rejection(HTTPStatus.BAD_REQUEST, "bad_form") from problem


def describe(person: Person) -> dict[str, Any]:
    """Somebody who is there, for programs and the status."""
    presence = person.presence
    return {
        "asset": presence.asset,
        "operator": person.name,
        "purpose": presence.purpose,
        "order": presence.order,
        "how": presence.how,
        "since_ms": presence.since_ms,
        "entry": presence.index,
    }


def _describe_card(card: str, holder: Holder) -> dict[str, str]:
    return {"card": short(card), "operator": holder.operator, "purpose": holder.purpose}
