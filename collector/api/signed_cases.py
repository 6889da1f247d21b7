"""Decisions about units that an approver signs with a key of his own: proved fraud, and transfers of instruments.

The text is drawn up here, signed elsewhere, and brought back; nothing else opens a case of fraud.
"""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from collector.api.access import Given, HoldsRounds, Lent, ReadsHours, ReadsScores
from collector.api.case_models import (
    AskedFraud,
    AskedSigned,
    AskedTransfer,
    Brought,
    Candidate,
    FraudCase,
    TextToSign,
    Transfer,
    TwicePoor,
    TwicePoorUnits,
)
from collector.api.models import Page
from collector.api.paging import Cursor, Limit, after, page
from collector.api.problem import responses
from collector.api.round_asked import by_of, do, seen_scope, translated
from collector.cases import fraud, transfers
from collector.cases.fraud import Accused
from collector.cases.signing import open_signed
from collector.cases.transfers import HeldTransfer, Moved, Wanted
from collector.evaluation.rounds import By
from collector.store.database import Connection
from protocol.signed_case import Fraud

router = APIRouter(prefix="/cases", tags=["cases"])
Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="Number of a fraud case")]
MAX_CANDIDATES = 100


@router.get("/frauds", responses=responses(400))
def list_fraud_cases(
    request: Request, caller: ReadsHours, connection: Lent, limit: Limit = 100, cursor: Cursor = None
) -> Page[FraudCase]:
    """Proved fraud by number: of one's own unit or division, or all for those who may see scores."""
    [place] = after(request, cursor, start=[0])
    found = fraud.list_frauds(connection, scope=seen_scope(caller), after=int(place), limit=limit + 1)
    return page(request, found, limit=limit, item=_fraud, key=lambda each: [each.fraud])


@router.get(
    "/frauds/{number}/credit-record",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "The text"}, **responses(404)},
)
def show_credit_record(caller: ReadsHours, connection: Lent, number: Number) -> Response:
    """The text for the record of research integrity, which somebody hands on."""
    with translated():
        case = fraud.find_fraud(connection, number, scope=seen_scope(caller))
    return Response(fraud.credit_record(case), media_type="text/plain; charset=utf-8")


@router.post("/frauds/text", responses=responses(400, 403, 404))
def draw_fraud_text(
    request: Request, given: Given, caller: HoldsRounds, connection: Lent, asked: AskedFraud
) -> TextToSign:
    """The text that an approver signs where fraud is proved; nothing is kept."""
    by = by_of(request, caller, given, asked.why)
    accused = Accused(asked.uscc, asked.round, asked.first_year, asked.last_year, tuple(asked.evidence), asked.approver)
    return TextToSign(text=do(connection, lambda: fraud.draw_fraud(connection, accused, by=by)))


@router.get("/twice-poor")
def list_twice_poor(
    _caller: ReadsScores,
    connection: Lent,
    below_hours: Annotated[int, Query(ge=1, le=8784, description="Counted hours in the year")] = 1400,
    class_begins: Annotated[str | None, Query(max_length=40, description="Of classes of general use")] = None,
) -> TwicePoorUnits:
    """Units that were poor in their two latest published results, with their little used instruments."""
    wanted = Wanted(below_hours, class_begins)
    return TwicePoorUnits(
        items=[
            TwicePoor(
                uscc=unit.uscc,
                name_zh=unit.name_zh,
                name_en=unit.name_en,
                rounds=[unit.first.round, unit.second.round],
                candidates=[
                    Candidate(**each._asdict())
                    for each in transfers.list_candidates(connection, unit, wanted, limit=MAX_CANDIDATES)
                ],
            )
            for unit in transfers.list_twice_poor(connection)
        ]
    )


@router.get("/transfers", responses=responses(400))
def list_transfers(
    request: Request, _caller: ReadsScores, connection: Lent, limit: Limit = 100, cursor: Cursor = None
) -> Page[Transfer]:
    """Transfers that were decided, by number."""
    [place] = after(request, cursor, start=[0])
    found = transfers.list_transfers(connection, after=int(place), limit=limit + 1)
    return page(request, found, limit=limit, item=_transfer, key=lambda each: [each.transfer])


@router.post("/transfers/text", responses=responses(400, 403, 404))
def draw_transfer_text(
    request: Request, given: Given, caller: HoldsRounds, connection: Lent, asked: AskedTransfer
) -> TextToSign:
    """The text that an approver signs of a transfer; nothing is kept."""
    by = by_of(request, caller, given, asked.why)
    moved = Moved(asked.uscc, asked.asset_no, asked.way, asked.to, asked.approver)
    return TextToSign(text=do(connection, lambda: transfers.draw_transfer(connection, moved, by=by)))


@router.post("/signed", status_code=HTTPStatus.CREATED, responses=responses(400, 403, 404))
def bring_signed_case(
    request: Request, given: Given, caller: HoldsRounds, connection: Lent, asked: AskedSigned
) -> Brought:
    """Keeps what an approver signed, and does what follows."""
    note, by = asked.note.encode("utf-8", "surrogatepass"), by_of(request, caller, given, asked.why)
    return do(connection, lambda: _bring(connection, note, by=by))


def _bring(connection: Connection, note: bytes, *, by: By) -> Brought:
    signed = open_signed(connection, note, now=by.now)
    is_fraud = isinstance(signed.decision, Fraud)
    bring = fraud.bring_fraud if is_fraud else transfers.bring_transfer
    number = bring(connection, signed, by=by)
    return Brought(kind=signed.decision.kind, number=number, sha256=str(signed.values["sha256"]))


def _fraud(case: fraud.FraudCase) -> FraudCase:
    decision = case.decision
    return FraudCase(
        fraud=case.fraud_id,
        round=case.round,
        uscc=case.uscc,
        name_zh=case.name_zh,
        name_en=case.name_en,
        first_year=decision.first_year,
        last_year=decision.last_year,
        why=decision.why,
        evidence=list(decision.evidence),
        by=decision.by,
        approver=decision.approver,
        signed_by=case.key_name,
        sha256=case.sha256,
        note=case.note.decode(),
        brought_by=case.brought_by,
        brought_at=case.brought_at,
    )


def _transfer(held: HeldTransfer) -> Transfer:
    decision = held.decision
    return Transfer(
        transfer=held.transfer_id,
        round=held.round,
        uscc=held.uscc,
        asset_no=held.asset_no,
        way=decision.way,
        to=decision.to,
        why=decision.why,
        by=decision.by,
        approver=decision.approver,
        signed_by=held.key_name,
        sha256=held.sha256,
        note=held.note.decode(),
        brought_by=held.brought_by,
        brought_at=held.brought_at,
    )
