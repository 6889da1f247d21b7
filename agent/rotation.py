"""A new key for an agent whose old one is still in its hands: the next epoch, for the reason `rotated`.

The request is signed by the old key and the new one (protocol/epoch.py); the registry's word is the review of the
epoch (`jishi-collector review`), until which it is flagged and its hours earn no better than D. Where the old key may
have been stolen this is not enough: whoever has it can ask as well. Then it is revoked, and the agent enrols again.
"""

from __future__ import annotations

from pathlib import Path

from agent import identity, succession
from agent.clock import Clock
from agent.disk import WriterLock
from agent.errors import AgentError, JournalLocked
from agent.exchange import EndEpoch
from agent.hatch import ask_to_rotate
from agent.identity import Identity

MAX_WHY = 300


def rotate(
    state_dir: Path, who: Identity, why: str, *, clock: Clock, patience_s: float | None = None
) -> Identity | None:
    """Begin the next epoch with a new key; None where the running agent was asked to, and does so within seconds.

    AgentError for no reason, or where the agent does not answer.
    """
    if not why.strip() or not why.isprintable() or len(why) > MAX_WHY:
        raise AgentError(f"a reason is needed, one line of at most {MAX_WHY} characters: others will read it")
    try:
        lock = WriterLock(who.journal)
    except JournalLocked:
        ask_to_rotate(who.journal, why, patience_s=patience_s)
        return None
    try:
        now = identity.load(state_dir, agent_id=who.enrolment.agent_id)
        if now.enrolment.origin != who.enrolment.origin:
            return now  # another process was quicker
        return succession.begin_next(state_dir, who, EndEpoch("rotated", why), clock=clock)
    finally:
        lock.release()
