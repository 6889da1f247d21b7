"""Decisions about time in doubt are signed by whoever approves them, with a key of his own: the text, and the note.

The text is the fact that the approval makes, byte for byte, so that anybody can hold the signature against what counts.
It is signed on the approver's own machine (`jishi-audit key sign`); the key was registered by two others (person_keys).
What is brought back must be that very text: the same proposal, the same people, a time of approval since it was made.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from collector.approvals.proposals import Asker, Proposal
from collector.errors import NotAllowed, ProposalError, UnknownName
from collector.registry.person_keys import PersonKey, find_key
from collector.store.database import Connection
from collector.store.queries import load
from protocol.errors import ForeignBytesError
from protocol.facts import Decision
from protocol.person_key import read_signers
from protocol.signed_decision import open_decision

LONGEST_AGE = timedelta(days=30)
"""How old a signature may be when it is brought: a decision is not kept up somebody's sleeve."""
_SQL = load("proposals")


class Signed(NamedTuple):
    """A decision with the signature of its approver."""

    decision: Decision
    note: bytes
    key: PersonKey


def open_note(
    connection: Connection, proposal: Proposal, asker: Asker, note: bytes | None, *, wanted: Decision, now: datetime
) -> Signed:
    """What the approver signed: `wanted`, but for the time of its approval.

    ProposalError, NotAllowed where it is not this, not his, or not signed at all.
    """
    number = proposal.proposal_id
    if note is None:
        raise ProposalError(
            f"proposal {number} is a decision, which its approver signs with a key of his own: have the text of "
            f"`jishi-collector decision-text {number}` signed (jishi-audit key sign), and bring the note (--note)"
        )
    try:
        key = find_key(connection, read_signers(note)[0])
        decision = open_decision(note, key.verifier)
    except (ForeignBytesError, UnknownName) as error:
        raise ProposalError(f"the note does not decide proposal {number}: {error}") from error
    check_not_revoked(key)
    if key.person != asker.person.name:
        raise NotAllowed(f"{key.name} is the key of {key.person}: {asker.person.name} signs with his own")
    _check_text(proposal, decision, wanted=wanted, now=now)
    return Signed(decision, note, key)


def check_not_revoked(key: PersonKey) -> None:
    """Raises NotAllowed, with why, where the key signs nothing more."""
    if key.revoked_at is not None:
        raise NotAllowed(f"{key.name} was revoked at {key.revoked_at:%Y-%m-%d %H:%M} UTC ({key.why})")


def is_recent(at_ms: int, now: datetime) -> bool:
    """Whether what was drawn up or signed at an instant (UTC ms) is of the last LONGEST_AGE."""
    now_ms = round(now.timestamp() * 1000)
    return now_ms - LONGEST_AGE // timedelta(milliseconds=1) <= at_ms <= now_ms


def keep_note(connection: Connection, sha256: str, signed: Signed) -> None:
    """Keep the note beside its fact, in the caller's transaction."""
    connection.execute(_SQL.insert_signed, {"fact": sha256, "note": signed.note, "key_id": signed.key.key_id})


def _check_text(proposal: Proposal, decision: Decision, *, wanted: Decision, now: datetime) -> None:
    number, approved_ms = proposal.proposal_id, decision.approved_at
    if decision != msgspec.structs.replace(wanted, approved_at=approved_ms):
        raise ProposalError(
            f"the note decides something else than proposal {number} asks for: take its text from "
            f"`jishi-collector decision-text {number}`"
        )
    if not is_recent(approved_ms, now):
        raise ProposalError(
            f"the note over proposal {number} was made at another time than within the last {LONGEST_AGE.days} days: "
            "have it signed again"
        )
