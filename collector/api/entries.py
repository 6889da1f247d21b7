"""Entries as they were received: the exact bytes, the receipt that covers them, and the proof that it does.

    GET /api/v1/entries/{origin}/{index}

Whoever holds the answer and the collector's receipt key (GET /api/v1/receipt-key) needs nobody else: the leaf is
SHA-256(0x00 and the bytes), `proof` leads from it to the root in the receipt (RFC 6962), and the receipt bears the
agent's and the collector's signatures.
"""

import base64
from typing import Annotated

from fastapi import APIRouter, Path

from collector.api.access import Given, Lent, ReadsReadings
from collector.api.models import ReceiptedEntry
from collector.api.problem import not_found, responses
from collector.clock import day_of
from collector.evidence import entries
from collector.registry.access import Scope
from collector.store.database import Connection
from collector.store.queries import load

router = APIRouter(prefix="/entries", tags=["evidence"])
_SQL = load("evidence")

Origin = Annotated[str, Path(max_length=300, description="Name of the journal, as records and readings give it")]
Index = Annotated[int, Path(ge=0, le=2**53 - 1, description="Place in the journal")]


@router.get("/{origin:path}/{index}", responses=responses(404))
def show_entry(_given: Given, caller: ReadsReadings, connection: Lent, origin: Origin, index: Index) -> ReceiptedEntry:
    """One entry of a journal, with what proves that it was received as it is."""
    found = load_entry(connection, origin, index, scope=caller.access.scope)
    if found is None:
        raise not_found(
            "entry", f"{origin} {index}", remedy="hour records and readings name the entries that there are"
        )
    return ReceiptedEntry(
        origin=origin,
        index=index,
        entry_base64=_base64(found.raw),
        entry=found.raw.decode("utf-8", "replace"),
        receipt=found.receipt.decode(),
        receipt_size=found.size,
        proof=[_base64(each) for each in found.proof],
        received_at=found.received_at,
    )


def load_entry(connection: Connection, origin: str, index: int, *, scope: Scope) -> entries.Receipted | None:
    """An entry in a scope; None where there is none, or none that whoever asks may see."""
    if "\0" in origin or not 0 <= index < 2**53:
        return None
    with connection.transaction():
        found = entries.find_entry(connection, origin, index)
    return found if found is not None and _is_in_scope(connection, found, scope) else None


def _is_in_scope(connection: Connection, found: entries.Receipted, scope: Scope) -> bool:
    day = day_of(found.received_at)
    row = connection.execute(
        _SQL.is_agent_in_scope, {"agent_id": found.agent_id, "day": day, **scope.values}
    ).fetchone()
    return row is not None and bool(row[0])


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
