"""What becomes of what people do at the desk: a table. Pure.

    who is there   does                 then
    nobody         sign in              is there
    nobody         sign out             refused: nothing to end
    nobody         present the card     is there
    somebody       sign in              the same as before: nothing; another purpose or order: is there for that
    somebody       sign out             is gone
    somebody       present the card     is gone
    somebody       be idle too long     is gone, forgotten, since the last evidence

Who is there is asked for one person at one instrument: others there do not matter, for their time may overlap.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from protocol.entry import Declaration, How, Purpose
from protocol.presence import Presence, Present

Deed = Literal["in", "out", "card", "idle"]
Outcome = Literal["begin", "renew", "end", "forget", "refuse"]

TABLE: dict[tuple[bool, Deed], Outcome] = {
    (False, "in"): "begin",
    (False, "out"): "refuse",
    (False, "card"): "begin",
    (True, "in"): "renew",
    (True, "out"): "end",
    (True, "card"): "end",
    (True, "idle"): "forget",
}
"""What is absent cannot happen, and raises KeyError: nobody is idle who is not there."""


class Claim(NamedTuple):
    """What a person is there for."""

    purpose: Purpose
    order: str | None = None


def decide(deed: Deed, key: tuple[str, str], present: Present) -> Outcome:
    """What becomes of a deed at (instrument, operator)."""
    return TABLE[key in present, deed]


def is_the_same(presence: Presence, claim: Claim) -> bool:
    """Whether a person who signs in again is there for that already: a form that was sent twice."""
    return (presence.purpose, presence.order) == claim


def sign_in(key: tuple[str, str], claim: Claim, how: How) -> Declaration:
    """What is journalled where a presence begins."""
    asset, operator = key
    return Declaration(asset=asset, operator=operator, action="in", how=how, purpose=claim.purpose, order=claim.order)


def sign_out(key: tuple[str, str], how: How) -> Declaration:
    """What is journalled where a presence ends by a deed."""
    asset, operator = key
    return Declaration(asset=asset, operator=operator, action="out", how=how)


def forget(presence: Presence, until_ms: int) -> Declaration:
    """What is journalled where nobody signed out; the presence ends where the evidence does, never before it began."""
    asset, operator = presence.key
    ended_ms = max(until_ms, presence.since_ms)
    return Declaration(asset=asset, operator=operator, action="out", how="forgotten", until_ms=ended_ms)
