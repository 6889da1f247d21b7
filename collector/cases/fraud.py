"""Proved fraud 弄虚作假 (指引八): what an approver signed, on evidence that is kept, and what follows from it.

Only a signed decision opens a case; there is no way from a flag to one. It rests on one thing at least that is no
opinion of whoever draws it up: a signed decision that excluded the unit's time, findings of an on-site check that are
not in order, or the proof of a fork of an agent that measured its instruments; documents stand beside. What follows:

    the rating of that round is poor, set by this case; of a published one the snapshot stays, and the rating beside it
    a case to rectify, where the round is published (before, publishing opens it)
    no part in rounds of the years that the decision names (the reason `excluded`)
    a text for the record of research integrity (科研诚信失信记录), which somebody hands on
"""

from datetime import datetime
from typing import NamedTuple

from collector.cases.signing import Signed, draw_up
from collector.errors import CaseError, UnknownDocument, UnknownName
from collector.evaluation.evidence import check_document
from collector.evaluation.publication import open_cases
from collector.evaluation.results import list_results, rate
from collector.evaluation.rounds import By, Round, hold_round
from collector.evaluation.states import check_deed
from collector.evidence.findings import find_findings
from collector.registry.access import EVERYTHING, Scope
from collector.registry.audit import record_change
from collector.store.database import Connection
from collector.store.queries import load
from protocol.keys import parse_vkey
from protocol.signed_case import Fraud, open_case

_SQL = load("cases")
COLUMNS = ("decision", "finding", "fork", "document")


class FraudCase(NamedTuple):
    """A case of proved fraud, with the note that it rests on and the key that signed it."""

    fraud_id: int
    round: str
    uscc: str
    name_zh: str
    name_en: str
    sha256: str
    note: bytes
    key_name: str
    vkey: str
    brought_by: str
    brought_at: datetime

    @property
    def decision(self) -> Fraud:
        found = open_case(self.note, parse_vkey(self.vkey))
        assert isinstance(found, Fraud), "that is what it was kept as"
        return found


class Accused(NamedTuple):
    """What somebody draws up: against whom, in which round, and out of rounds of which years (both included)."""

    uscc: str
    round: str
    first_year: int
    last_year: int
    evidence: tuple[str, ...]
    approver: str


def draw_fraud(connection: Connection, accused: Accused, *, by: By) -> str:
    """The text that the approver signs; nothing is kept. Raises CaseError, RoundError, UnknownName, NotAllowed."""
    try:
        decision = Fraud(
            v=1,
            at=round(by.now.timestamp() * 1000),
            by=by.actor.name,
            unit=accused.uscc,
            round=accused.round,
            first_year=accused.first_year,
            last_year=accused.last_year,
            why=by.why,
            evidence=accused.evidence,
            approver=accused.approver,
        )
    except ValueError as error:
        raise CaseError(f"this cannot be decided so: {error}") from error
    text = draw_up(connection, decision)
    _check(connection, decision)
    return text


def bring_fraud(connection: Connection, signed: Signed, *, by: By) -> int:
    """Keeps what was signed, and does what follows; again with the same note is refused. Raises as `draw_fraud`."""
    decision = signed.decision
    assert isinstance(decision, Fraud), "the caller looked"
    held, evidence = _check(connection, decision)
    years = {"first_year": decision.first_year, "last_year": decision.last_year}
    values = {"round_id": held.round_id, "uscc": decision.unit, **years, **signed.values, **by.values}
    row = connection.execute(_SQL.insert_fraud, values).fetchone()
    if row is None:
        raise CaseError("this very decision was brought before")
    for each in evidence:
        connection.execute(_SQL.insert_evidence, {"fraud_id": row[0], **dict.fromkeys(COLUMNS), **each})
    new = {"case": row[0], "round": held.name, **years, "evidence": list(decision.evidence), "signed": signed.key.name}
    record_change(connection, by.actor, "case.fraud", target=decision.unit, new=new, reason=decision.why)
    because = by._replace(why=f"fraud case {row[0]}")
    if held.state == "published":
        open_cases(connection, held, [decision.unit], by=because)
    else:
        rate(connection, held, uscc=decision.unit, rating="poor", by=because)
    return int(row[0])


def list_frauds(
    connection: Connection, *, scope: Scope = EVERYTHING, number: int | None = None, after: int = 0,
    limit: int | None = None,
) -> list[FraudCase]:  # fmt: skip
    """Cases of the units in a scope, by number."""
    values = {**scope.values, "number": number, "after": after, "limit": limit}
    return [FraudCase(*row) for row in connection.execute(_SQL.list_frauds, values, binary=True)]


def find_fraud(connection: Connection, number: int, *, scope: Scope = EVERYTHING) -> FraudCase:
    """One case; UnknownName where there is none of that number in the scope."""
    found = list_frauds(connection, scope=scope, number=number)
    if not found:
        raise UnknownName(f"there is no fraud case {number}: `jishi-collector case frauds` lists those that there are")
    return found[0]


def credit_record(case: FraudCase) -> str:
    """The text for the record of research integrity: what was decided, on which evidence, and how to check it."""
    decision = case.decision
    signed_at = datetime.fromtimestamp(decision.at / 1000, tz=case.brought_at.tzinfo)
    lines = (
        "科研诚信失信记录 · record of research integrity",
        f"单位 unit: {case.name_zh} {case.uscc}",
        f"考核年度 round: {case.round}",
        "认定 decided: 弄虚作假 fraud; 当年评为较差 rated poor",
        f"取消参评资格 out of rounds of: {decision.first_year}–{decision.last_year}",
        f"理由 why: {decision.why}",
        *(f"证据 evidence: {each}" for each in decision.evidence),
        f"提出 drawn up by: {decision.by}, {signed_at:%Y-%m-%d %H:%M} UTC",
        f"认定人 signed by: {decision.approver}, {case.key_name}",
        f"签名文本 signed text: SHA-256 {case.sha256}",
    )
    return "\n".join(lines) + "\n"


def _check(connection: Connection, decision: Fraud) -> tuple[Round, list[dict[str, object]]]:
    """The round, and the evidence by columns; all that is wrong with it at once."""
    held = hold_round(connection, decision.round)
    check_deed(held.name, held=held.state, deed="prove fraud")
    if decision.unit not in {result.score.uscc for result in list_results(connection, held)}:
        raise CaseError(f"unit {decision.unit} is not ranked in round {held.name}: no rating of it can be poor")
    if decision.first_year <= held.year:
        raise CaseError(
            f"the exclusion begins in {decision.first_year}: round {held.name} counted the unit; begin later"
        )
    found, faults = _find_all(connection, held, decision)
    if faults:
        raise CaseError("this proves no fraud:" + "".join(f"\n  {fault}" for fault in faults))
    return held, found


def _find_all(connection: Connection, held: Round, decision: Fraud) -> tuple[list[dict[str, object]], list[str]]:
    found: list[dict[str, object]] = []
    faults = []
    for named in decision.evidence:
        kind, _, sha256 = named.partition(":")
        try:
            found.append({kind: _find(connection, held, kind, uscc=decision.unit, sha256=sha256)})
        except (CaseError, UnknownDocument) as error:
            faults.append(f"{named}: {error}")
    return found, faults


def _find(connection: Connection, held: Round, kind: str, *, uscc: str, sha256: str) -> object:
    """What the column of this kind holds; CaseError where it proves nothing of this unit."""
    if kind == "document":
        check_document(connection, sha256)
        return sha256
    values = {"uscc": uscc, "sha256": sha256, "first": held.first_day, "last": held.last_day}
    row = connection.execute(getattr(_SQL, f"find_{kind}"), values).fetchone()
    if row is None:
        raise CaseError(_LACKING[kind])
    if kind == "finding":
        stored = find_findings(connection, sha256)
        if stored is None or stored.findings.verdict != "not-in-order":
            raise CaseError("these findings do not say not-in-order 不属实")
    return row[0]


_LACKING = {
    "decision": "no signed decision that holds, excludes time of that year, of an instrument that the unit owned then",
    "finding": "no findings of an instrument that the unit owned then, by a key that counts",
    "fork": "no proof of a fork of an agent that measured an instrument of the unit",
}
