"""Findings of on-site checks: stored as the bytes that an inspector signed, and listed. They never change an hour."""

import hashlib
from datetime import date, datetime
from typing import NamedTuple

from collector.errors import FindingRefused, UnknownName
from collector.registry.access import EVERYTHING, Scope
from collector.registry.instruments import check_instrument
from collector.registry.person_keys import find_key
from collector.store.database import Connection
from collector.store.queries import load
from protocol.errors import ForeignBytesError
from protocol.findings import Findings, open_findings
from protocol.interval import local_day
from protocol.keys import parse_vkey
from protocol.person_key import read_signers

MAX_FINDING_BYTES = 128 * 1024
_SQL = load("onsite")


class StoredFinding(NamedTuple):
    """Findings that were imported: who signed them, who brought them, when; `revoked_at` of the key, if it was."""

    seq: int
    sha256: str
    body: bytes
    imported_by: str
    recorded_at: datetime
    vkey: str
    signer: str
    revoked_at: datetime | None

    @property
    def findings(self) -> Findings:
        return open_findings(self.body, parse_vkey(self.vkey))


def import_findings(connection: Connection, raw: bytes, *, imported_by: str, now: datetime) -> tuple[str, bool]:
    """Keep a note's exact bytes; its SHA-256, and whether it is new.

    FindingRefused: not signed by a key that counts now. UnknownName: the instrument. A key that was revoked is not
    believed for whatever comes afterwards, whatever time stands in it: who stole it may write any.
    """
    try:
        key = find_key(connection, read_signers(raw)[0])
        found = open_findings(raw, key.verifier)
    except ForeignBytesError as error:
        raise FindingRefused(f"this is no note of findings: {error}") from error
    except UnknownName as error:
        raise FindingRefused(f"the findings are signed by a key that counts for nobody: {error}") from error
    sha256 = hashlib.sha256(raw).hexdigest()
    if key.revoked_at is not None and find_findings(connection, sha256) is None:
        raise FindingRefused(
            f"{key.name} was revoked at {key.revoked_at:%Y-%m-%d %H:%M} UTC ({key.why}): have the findings signed "
            "again with a key that counts"
        )
    check_instrument(connection, found.asset)
    values = {
        "sha256": sha256,
        "body": raw,
        "asset_no": found.asset,
        "day": local_day(found.begun),
        "key_id": key.key_id,
        "imported_by": imported_by,
        "now": now,
    }
    return sha256, bool(connection.execute(_SQL.insert_finding, values).rowcount)


def find_findings(connection: Connection, sha256: str, *, scope: Scope = EVERYTHING) -> StoredFinding | None:
    """One note; None where there is none in the scope."""
    found = list_findings(connection, sha256=sha256, scope=scope, limit=1)
    return found[0] if found else None


def list_findings(
    connection: Connection,
    *,
    asset_no: str | None = None,
    sha256: str | None = None,
    scope: Scope = EVERYTHING,
    before: int = 2**62,
    limit: int = 100,
) -> list[StoredFinding]:
    """Findings in a scope, the newest first."""
    values = {**scope.values, "asset_no": asset_no, "sha256": sha256, "before": before, "limit": limit}
    return [StoredFinding(*row) for row in connection.execute(_SQL.list_findings, values, binary=True)]


def days_of(found: Findings) -> tuple[date, date]:
    """First and last local day of a check."""
    return local_day(found.begun), local_day(found.ended)
