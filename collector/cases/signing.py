"""A decision about a unit counts by the signature of an approver over everything, with a key of his own.

The text is drawn up here by somebody who holds rounds, signed on the approver's own machine (`jishi-audit key sign`),
and brought back byte for byte. As with decisions about time (collector/approvals/signing.py) the key was registered by
two others, a revoked one signs nothing more, and a signature is not kept up somebody's sleeve.
"""

from datetime import datetime
from typing import NamedTuple

from collector.approvals.signing import LONGEST_AGE, check_not_revoked, is_recent
from collector.errors import CaseError, NotAllowed, UnknownName
from collector.registry.access import EVERYTHING, Right
from collector.registry.people import find_access, find_person
from collector.registry.person_keys import PersonKey, find_key
from collector.store.database import Connection
from protocol.errors import ForeignBytesError
from protocol.person_key import read_signers
from protocol.signed_case import CaseDecision, case_text, identity, open_case


class Signed(NamedTuple):
    """A decision with its note and the key that signed it."""

    decision: CaseDecision
    note: bytes
    key: PersonKey

    @property
    def values(self) -> dict[str, object]:
        """What the queries ask for."""
        return {"sha256": identity(self.decision), "note": self.note, "key_id": self.key.key_id}


def draw_up(connection: Connection, decision: CaseDecision) -> str:
    """The text to be signed. Raises CaseError, UnknownName, NotAllowed where its approver may not sign it."""
    _check_approver(connection, decision.approver)
    try:
        return case_text(decision)
    except ForeignBytesError as error:
        raise CaseError(f"this cannot be decided so: {error}") from error


def open_signed(connection: Connection, note: bytes, *, now: datetime) -> Signed:
    """What a note decides. CaseError, NotAllowed where it is malformed, too old, or nobody's who may decide it."""
    try:
        key = find_key(connection, read_signers(note)[0])
        decision = open_case(note, key.verifier)
    except (ForeignBytesError, UnknownName) as error:
        raise CaseError(f"this note decides nothing: {error}") from error
    check_not_revoked(key)
    if key.person != decision.approver:
        raise NotAllowed(f"{key.name} is the key of {key.person}, and {decision.approver} is to sign with his own")
    _check_approver(connection, decision.approver)
    _check_drawer(connection, decision.by)
    if not is_recent(decision.at, now):
        raise CaseError(
            f"the text was drawn up at another time than within the last {LONGEST_AGE.days} days: make it again"
        )
    return Signed(decision, note, key)


def _check_approver(connection: Connection, name: str) -> None:
    """Who rules over everything, as with time in doubt: nobody of the unit settles its own case."""
    access = find_access(connection, find_person(connection, name))
    if access.scope != EVERYTHING or not access.allows(Right.RULINGS):
        raise NotAllowed(f"{name} is {access}: an approver over everything signs decisions about units")


def _check_drawer(connection: Connection, name: str) -> None:
    access = find_access(connection, find_person(connection, name))
    if not access.allows(Right.ROUNDS):
        raise NotAllowed(f"{name} is {access}: an evaluator over everything draws decisions about units up")
