"""Findings of on-site checks: handed in as signed notes, shown beside what agents sent. They never change an hour."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, Field

from collector.api.access import Given, HandsInFindings, Lent, ReadsReadings, actor_of
from collector.api.models import HEX64, Page
from collector.api.paging import AssetNo, Cursor, Limit, after, page
from collector.api.problem import Problem, not_found, responses
from collector.errors import NotAllowed, RegistryError
from collector.evidence.confirming import Confirmation, compare_live_test, confirm
from collector.evidence.findings import MAX_FINDING_BYTES, StoredFinding, find_findings, import_findings, list_findings
from collector.registry.audit import record_change
from collector.registry.people import Caller
from collector.store.database import Connection

router = APIRouter(prefix="/findings", tags=["findings"])

MAX_BODY_BYTES = 2 * MAX_FINDING_BYTES
Sha256 = Annotated[str, Path(pattern=HEX64, description="SHA-256 of the note's bytes, in hex")]


class AskedFindings(BaseModel):
    """A signed note."""

    note: str = Field(description="The note's exact text, as `jishi-audit` wrote it; at most 128 KiB")


class Nonced(BaseModel):
    """What the stored logs say of the nonce that the host was given."""

    verdict: Literal["none", "confirmed", "waiting", "contradicted"]
    code: str = Field(examples=["confirmed"])
    sentence: str
    received_at: datetime | None


class ComparedStep(BaseModel):
    """A step of the live test beside what was measured then; times in UTC ms, the ends left out by the tolerance."""

    do: str
    start_ms: int
    end_ms: int
    judged_ms: int
    agreed_ms: int
    differed_ms: int
    unseen_ms: int


class Finding(BaseModel):
    """One note of findings."""

    sha256: str
    asset_no: str
    begun_ms: int
    ended_ms: int
    verdict: str
    signer: str
    key: str
    is_key_revoked: bool
    imported_by: str
    imported_at: datetime
    nonce: Nonced
    steps: list[ComparedStep]
    days: dict[str, int] = Field(description="Days of the sample by what the paper log said")
    findings: dict[str, object] = Field(description="All that was signed, as docs/onsite.md describes it")


class HandedIn(BaseModel):
    """What became of a note that was handed in."""

    sha256: str
    is_new: bool
    nonce: Nonced


@router.get("", responses=responses(400))
def list_site_findings(
    request: Request,
    caller: ReadsReadings,
    connection: Lent,
    asset_no: AssetNo | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Finding]:
    """Findings of one instrument, or of all, the newest first."""
    [before] = after(request, cursor, start=[2**62])
    found = list_findings(connection, asset_no=asset_no, scope=caller.access.scope, before=int(before), limit=limit + 1)
    seqs = {each.sha256: each.seq for each in found}
    return page(
        request, found, limit=limit, item=lambda each: _item(connection, each), key=lambda each: [seqs[each.sha256]]
    )


@router.get("/{sha256}", responses=responses(404))
def show_finding(caller: ReadsReadings, connection: Lent, sha256: Sha256) -> Finding:
    """One note, held against what agents sent until now."""
    return _item(connection, _find(connection, caller, sha256))


@router.get(
    "/{sha256}/note",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "The note"}, **responses(404)},
)
def show_finding_note(caller: ReadsReadings, connection: Lent, sha256: Sha256) -> Response:
    """The exact bytes that were signed, with the signature."""
    return Response(_find(connection, caller, sha256).body, media_type="text/plain; charset=utf-8")


@router.post("", status_code=HTTPStatus.CREATED, responses=responses(400, 403, 413))
def hand_in_findings(
    request: Request, given: Given, caller: HandsInFindings, connection: Lent, asked: AskedFindings
) -> HandedIn:
    """Takes in what an inspector signed. Again with the same note is harmless."""
    raw = asked.note.encode("utf-8", "surrogatepass")
    try:
        with connection.transaction():
            sha256, is_new = import_findings(connection, raw, imported_by=caller.person.name, now=given.now())
            stored = _find(connection, caller, sha256)
            if is_new:
                record_change(connection, actor_of(request, caller), "finding.import", target=sha256)
    except NotAllowed as error:
        raise Problem("not-allowed", str(error), status=HTTPStatus.FORBIDDEN) from error
    except RegistryError as error:
        raise Problem("findings-refused", str(error), status=HTTPStatus.BAD_REQUEST) from error
    return HandedIn(sha256=sha256, is_new=is_new, nonce=_nonced(confirm(connection, stored.findings)))


def _find(connection: Connection, caller: Caller, sha256: str) -> StoredFinding:
    """What lies outside of the caller's scope looks like what is not there; nothing is kept of it either."""
    found = find_findings(connection, sha256, scope=caller.access.scope)
    if found is None:
        raise not_found("finding", sha256, remedy="GET /api/v1/findings lists those that there are")
    return found


def _item(connection: Connection, stored: StoredFinding) -> Finding:
    found = stored.findings
    days: dict[str, int] = {}
    for row in found.sample.rows if found.sample else ():
        days[row.found] = days.get(row.found, 0) + 1
    return Finding(
        sha256=stored.sha256,
        asset_no=found.asset,
        begun_ms=found.begun,
        ended_ms=found.ended,
        verdict=found.verdict,
        signer=stored.signer,
        key=stored.vkey,
        is_key_revoked=stored.revoked_at is not None,
        imported_by=stored.imported_by,
        imported_at=stored.recorded_at,
        nonce=_nonced(confirm(connection, found)),
        steps=[
            ComparedStep(**each._asdict(), unseen_ms=each.unseen_ms) for each in compare_live_test(connection, found)
        ],
        days=days,
        findings=msgspec.to_builtins(found),
    )


def _nonced(said: Confirmation) -> Nonced:
    return Nonced(verdict=said.verdict, code=said.code, sentence=said.sentence, received_at=said.received_at)
