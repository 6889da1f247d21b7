"""Every route of the API and every page, asked with every role and in every scope."""

import hashlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from collector.accounts.freezing import Period, freeze, one_snapshot
from collector.approvals.proposed import ProposedDecision
from collector.config import Config
from collector.evaluation.rounds import By, create_round
from collector.evaluation.schemes import enter_scheme
from collector.evidence.findings import import_findings
from collector.facts.documents import DocumentFiles, add_file
from collector.facts.store import record_fact
from collector.monitoring import notice_form
from collector.monitoring.notice_form import Form, Named
from collector.monitoring.notice_text import write_text
from collector.monitoring.settings import load_settings
from collector.registry import instruments, people, units
from collector.registry.access import ROLES, Access, Right, Scope
from collector.registry.audit import Actor, list_changes, record_change
from collector.registry.described import Unit
from collector.registry.descriptions import describe
from collector.self_evaluation import reports
from collector.self_evaluation.reports import Doer
from collector.web.visitor import SESSION_COOKIE
from protocol import facts
from protocol.facts import Decision, Use
from protocol.interval import day_bounds_ms
from protocol.signed_case import Fraud, case_text, sign_case
from protocol.signed_case import identity as case_identity
from tests.collector.api.test_findings import make_note
from tests.collector.conftest import make_key
from tests.collector.deciding import decide
from tests.collector.person_keys import WANG, register_key
from tests.collector.province import POLICY, RUN, USCC, MovableClock, Piece, Province

V1 = "/api/v1"
OTHER_USCC = "12100000400000624D"
MONDAY = date(2026, 11, 16)
TUESDAY = MONDAY + timedelta(days=1)
HOUR = 3600
DAYS = "first_day=2026-11-16&last_day=2026-11-17"
AT = day_bounds_ms(MONDAY)[1]

PDF = b"%PDF-1.7\n%%EOF\n"
USES = {
    asset: Use(v=1, at=AT, by="lims", asset=asset, start=AT - 7_200_000, end=AT - 3_600_000, purpose="teaching")
    for asset in ("A001", "B001")
}
USE_OF = {asset: facts.identity(facts.encode(use)) for asset, use in USES.items()}

NOTE = make_note(WANG)
SCHEME = (Path(__file__).parents[3] / "deploy" / "evaluation" / "scheme-example.toml").read_bytes()

FRAUD = Fraud(
    v=1, at=AT, by="Li", unit=USCC, round="2025", first_year=2026, last_year=2027, why="test",
    evidence=(f"finding:{hashlib.sha256(NOTE).hexdigest()}",), approver="Wang",
)  # fmt: skip
DECISION = ProposedDecision(asset="A001", start=AT - 7_200_000, end=AT - 3_600_000, verdict="exclude")
DECIDED_AT = datetime(2026, 11, 20, tzinfo=UTC)
DECIDED_MS = round(DECIDED_AT.timestamp() * 1000)
DECIDED = facts.identity(
    facts.encode(
        Decision(
            v=1,
            at=DECIDED_MS,
            by="Li",
            asset="A001",
            start=DECISION.start,
            end=DECISION.end,
            verdict="exclude",
            why="seen on site",
            approver="Wang",
            approved_at=DECIDED_MS,
        )
    )
)

ROUTES: dict[str, tuple[str, Right]] = {
    "list_units": ("/units", Right.INSTRUMENTS),
    "show_unit": (f"/units/{USCC}", Right.INSTRUMENTS),
    "list_instruments": ("/instruments", Right.INSTRUMENTS),
    "show_instrument": ("/instruments/A001", Right.INSTRUMENTS),
    "download_bundle": ("/instruments/A001/bundle?from=2026-11-16&to=2026-11-17", Right.READINGS),
    "list_figures": ("/figures?year=2026&by=instrument", Right.HOURS),
    "rank_units": ("/figures/ranking?year=2026", Right.HOURS),
    "list_records": (f"/hours?{DAYS}&asset_no=A001", Right.HOURS),
    "show_record": ("/hours/A001/2026-11-16", Right.HOURS),
    "show_record_bytes": ("/hours/A001/2026-11-16/record", Right.HOURS),
    "explain_hours": ("/hours/A001/2026-11-16/explain?at=00:30:00", Right.READINGS),
    "show_grade_bytes": ("/hours/A001/2026-11-16/grades", Right.HOURS),
    "list_record_revisions": ("/hours/A001/2026-11-16/revisions", Right.HOURS),
    "show_revision_bytes": ("/hours/A001/2026-11-16/revisions/1", Right.HOURS),
    "list_frozen_periods": ("/frozen", Right.HOURS),
    "show_frozen_manifest": ("/frozen/2026-w47/manifest", Right.HOURS),
    "list_sessions": (f"/sessions?asset_no=A001&{DAYS}", Right.HOURS),
    "list_readings": (
        "/readings?asset_no=A001&start=2026-11-16T00:00:00Z&end=2026-11-17T00:00:00Z",
        Right.READINGS,
    ),
    "show_entry": ("/entries/jishi.example/a/em-01/1/0", Right.READINGS),
    "list_contradictions": (f"/contradictions?{DAYS}", Right.HOURS),
    "list_decisions": ("/decisions", Right.HOURS),
    "show_decision_note": (f"/decisions/{DECIDED}/note", Right.HOURS),
    "list_flags": (f"/flags?{DAYS}", Right.READINGS),
    "list_flag_checks": (f"/flags/checks?{DAYS}", Right.READINGS),
    "list_flag_rules": ("/flags/rules", Right.READINGS),
    "export_hours": (f"/exports/hours.csv?{DAYS}", Right.HOURS),
    "list_network": ("/network", Right.INSTRUMENTS),
    "list_held_bookings": (f"/bookings?{DAYS}", Right.READINGS),
    "compare_held_bookings": (f"/bookings/comparison?{DAYS}", Right.READINGS),
    "list_exchange_messages": ("/exchange/messages", Right.READINGS),
    "show_exchange_message": ("/exchange/messages/1", Right.READINGS),
    "list_rollups": ("/rollups?year=2026", Right.HOURS),
    "list_served": ("/rollups/served?year=2026", Right.HOURS),
    "export_rollups": ("/exports/rollups.csv?year=2026", Right.HOURS),
    "list_vouchers": ("/vouchers", Right.READINGS),
    "list_voucher_issuers": ("/vouchers/issuers", Right.HOURS),
    "export_vouchers": ("/exports/vouchers.csv?year=2026", Right.READINGS),
    "list_agents": ("/agents", Right.AGENTS),
    "show_agent": ("/agents/em-01", Right.AGENTS),
    "show_receipt": ("/agents/em-01/receipt", Right.AGENTS),
    "list_epochs": ("/agents/em-01/epochs", Right.AGENTS),
    "list_forks": ("/agents/em-01/forks", Right.AGENTS),
    "show_fork_proof": ("/agents/em-01/forks/1/proof", Right.AGENTS),
    "show_policy": ("/policies/" + hashlib.sha256(POLICY).hexdigest(), Right.POLICIES),
    "list_changes": ("/audit", Right.AUDIT),
    "list_proposals": ("/proposals", Right.HOURS),
    "show_proposal": ("/proposals/1", Right.HOURS),
    "show_text_to_sign": ("/proposals/3/text", Right.RULINGS),
    "show_dry_run": ("/proposals/1/dry-run", Right.HOURS),
    "list_reported_hours": (f"/reported-hours?{DAYS}", Right.HOURS),
    "list_uses": ("/uses", Right.READINGS),
    "list_orders": ("/orders", Right.READINGS),
    "show_fact_bytes": (f"/facts/{USE_OF['A001']}/bytes", Right.READINGS),
    "list_site_findings": ("/findings", Right.READINGS),
    "show_finding": (f"/findings/{hashlib.sha256(NOTE).hexdigest()}", Right.READINGS),
    "show_finding_note": (f"/findings/{hashlib.sha256(NOTE).hexdigest()}/note", Right.READINGS),
    "list_rounds": ("/rounds", Right.HOURS),
    "show_round": ("/rounds/2026", Right.HOURS),
    "list_round_members": ("/rounds/2026/population", Right.HOURS),
    "list_round_indicators": ("/rounds/2026/indicators", Right.HOURS),
    "list_schemes": ("/rounds/schemes", Right.HOURS),
    "show_scheme_bytes": (f"/rounds/schemes/{hashlib.sha256(SCHEME).hexdigest()}", Right.HOURS),
    "list_round_points": ("/rounds/2026/points", Right.SCORES),
    "show_round_ranking": ("/rounds/2026/ranking", Right.SCORES),
    "list_monitoring_settings": ("/monitoring/settings", Right.HOURS),
    "list_idle_counters": ("/idle", Right.HOURS),
    "list_idle_cases": ("/idle/cases", Right.READINGS),
    "show_idle_case": ("/idle/cases/1", Right.READINGS),
    "list_alarms": ("/alarms", Right.AGENTS),
    "list_fleet": ("/fleet", Right.AGENTS),
    "count_fleet": ("/fleet/summary", Right.AGENTS),
    "list_latest_changes": ("/changes", Right.HOURS),
    "list_notices": ("/notices", Right.HOURS),
    "show_notice": ("/notices/1", Right.HOURS),
    "show_notice_text": ("/notices/1/text", Right.HOURS),
    "show_notice_figures": ("/notices/1/figures", Right.HOURS),
    "show_notice_page": ("/notices/1/page", Right.HOURS),
    "download_notice_annex": ("/notices/1/annex", Right.HOURS),
    "list_self_evaluations": ("/self-evaluations", Right.HOURS),
    "list_report_timeliness": ("/self-evaluations/timeliness?year=2025", Right.HOURS),
    "show_self_evaluation": (f"/self-evaluations/{USCC}/2025", Right.HOURS),
    "show_report": (f"/self-evaluations/{USCC}/2025/report.json", Right.SCORES),
    "list_report_differences": (f"/self-evaluations/{USCC}/2025/differences", Right.SCORES),
    "show_worklist": (f"/worklist?uscc={USCC}", Right.READINGS),
    "export_census": ("/exports/census.csv?as_of=2026-11-16", Right.HOURS),
    "list_round_evidence": ("/rounds/2026/evidence", Right.HOURS),
    "show_evidence_document": ("/rounds/2026/evidence/1/document", Right.HOURS),
    "list_round_visits": ("/rounds/2026/visits", Right.SCORES),
    "list_round_objections": ("/rounds/2025/objections", Right.HOURS),
    "show_objection_document": (
        f"/rounds/2025/objections/1/documents/{hashlib.sha256(PDF).hexdigest()}", Right.HOURS,
    ),
    "show_round_result": ("/rounds/2026/result", Right.HOURS),
    "show_publication_bytes": ("/rounds/2026/publication", Right.HOURS),
    "list_poor_cases": ("/cases", Right.HOURS),
    "show_poor_case": ("/cases/1", Right.HOURS),
    "show_case_document": (f"/cases/1/documents/{hashlib.sha256(PDF).hexdigest()}", Right.HOURS),
    "list_fraud_cases": ("/cases/frauds", Right.HOURS),
    "show_credit_record": ("/cases/frauds/1/credit-record", Right.HOURS),
    "list_twice_poor": ("/cases/twice-poor", Right.SCORES),
    "list_transfers": ("/cases/transfers", Right.SCORES),
    "show_document": (f"/documents/{hashlib.sha256(PDF).hexdigest()}", Right.READINGS),
}  # fmt: skip
TOLD = {"show_evidence_document", "show_objection_document", "show_poor_case", "show_case_document",
        "show_credit_record"}  # fmt: skip
"""What a unit and those who judge it say to each other: over everything, only those who may see scores find it."""
WRITES: dict[str, tuple[str, str, Right]] = {
    "hand_in_findings": ("POST", "/findings", Right.FINDINGS),
    "freeze_period": ("POST", "/frozen", Right.FREEZE),
    "create_round": ("POST", "/rounds", Right.ROUNDS),
    "enter_scheme": ("POST", "/rounds/schemes", Right.ROUNDS),
    "choose_round_member": ("POST", "/rounds/2026/choices", Right.ROUNDS),
    "fix_round_population": ("POST", "/rounds/2026/population", Right.ROUNDS),
    "fix_round_data": ("POST", "/rounds/2026/data", Right.ROUNDS),
    "appoint_round_expert": ("POST", "/rounds/2026/experts", Right.ROUNDS),
    "open_round_entry": ("POST", "/rounds/2026/opening", Right.ROUNDS),
    "give_round_points": ("POST", "/rounds/2026/points", Right.POINTS),
    "close_round": ("POST", "/rounds/2026/closing", Right.ROUNDS),
    "set_round_rating": ("POST", "/rounds/2026/ratings", Right.ROUNDS),
    "set_report_due": ("POST", "/self-evaluations/due", Right.ROUNDS),
    "draft_self_evaluation": ("POST", f"/self-evaluations/{USCC}/2025/drafts", Right.FACTS),
    "confirm_self_evaluation": ("POST", f"/self-evaluations/{USCC}/2025/confirmation", Right.FACTS),
    "submit_self_evaluation": ("POST", f"/self-evaluations/{USCC}/2025/submission", Right.FACTS),
    "return_self_evaluation": ("POST", f"/self-evaluations/{USCC}/2025/return", Right.ROUNDS),
    "accept_self_evaluation": ("POST", f"/self-evaluations/{USCC}/2025/acceptance", Right.ROUNDS),
    "enter_round_evidence": ("POST", "/rounds/2026/evidence", Right.FACTS),
    "withdraw_round_evidence": ("POST", "/rounds/2026/evidence/1/withdrawal", Right.FACTS),
    "set_evidence_term": ("POST", "/rounds/2026/evidence-term", Right.ROUNDS),
    "draw_round_visits": ("POST", "/rounds/2026/visits", Right.ROUNDS),
    "announce_round": ("POST", "/rounds/2026/announcement", Right.ROUNDS),
    "object_to_result": ("POST", "/rounds/2025/objections", Right.FACTS),
    "answer_round_objection": ("POST", "/rounds/2025/objections/1/answer", Right.ROUNDS),
    "publish_round": ("POST", "/rounds/2026/publication", Right.ROUNDS),
    "enter_in_case": ("POST", "/cases/1/entries", Right.FACTS),
    "rule_on_case": ("POST", "/cases/1/ruling", Right.ROUNDS),
    "draw_fraud_text": ("POST", "/cases/frauds/text", Right.ROUNDS),
    "draw_transfer_text": ("POST", "/cases/transfers/text", Right.ROUNDS),
    "bring_signed_case": ("POST", "/cases/signed", Right.ROUNDS),
    "import_registry": ("POST", "/registry/units", Right.REGISTRY),
    "enter_network_step": ("POST", "/network", Right.REGISTRY),
    "decide_monitoring_setting": ("POST", "/monitoring/settings", Right.MONITORING),
    "send_idle_reminders": ("POST", "/idle/reminders", Right.MONITORING),
    "answer_idle_case": ("POST", "/idle/cases/1/answer", Right.FACTS),
    "take_idle_step": ("POST", "/idle/cases/1/steps", Right.MONITORING),
    "acknowledge_alarm": ("POST", "/alarms/1/acknowledgement", Right.AGENTS),
    "draft_notice": ("POST", "/notices/draft", Right.MONITORING),
    "issue_notice": ("POST", "/notices", Right.MONITORING),
    "reply_to_notice": ("POST", "/notices/1/replies", Right.FACTS),
    "make_proposal": ("POST", "/proposals", Right.FACTS),
    "rule_on_proposal": ("POST", "/proposals/1/ruling", Right.RULINGS),
    "run_proposal_dry": ("POST", "/proposals/1/dry-run", Right.FACTS),
    "report_hours": ("POST", "/reported-hours", Right.FACTS),
    "record_use": ("POST", "/uses", Right.FACTS),
    "record_order": ("POST", "/orders", Right.FACTS),
    "record_order_document": ("POST", "/order-documents", Right.FACTS),
    "record_uses": ("POST", "/uses/batch", Right.FACTS),
    "record_orders": ("POST", "/orders/batch", Right.FACTS),
    "record_order_documents": ("POST", "/order-documents/batch", Right.FACTS),
    "store_document": ("POST", "/documents", Right.FACTS),
    "retry_exchange_message": ("POST", "/exchange/messages/1/retry", Right.FACTS),
    "bring_bookings": ("POST", "/bookings/batch", Right.BOOKINGS),
    "bring_users": ("POST", "/users/batch", Right.BOOKINGS),
    "bring_charges": ("POST", "/charges/batch", Right.BOOKINGS),
    "bring_order_details": ("POST", "/order-details/batch", Right.BOOKINGS),
    "bring_effects": ("POST", "/effects/batch", Right.BOOKINGS),
}
"""Routes that change something, by method and path; they are asked with an empty body, so that nothing is changed."""
PAGES = ("/", "/instruments/A001/2026-11-16", "/instruments/A001/2026-11-16/record",
         "/policies/" + hashlib.sha256(POLICY).hexdigest(), "/open?asset_no=A001&day=2026-11-16",
         "/worklist")  # fmt: skip
OPEN = {"ask_challenge", "enrol", "certify", "deliver"}
"""What needs no key: the enrolment's token, or what the agent signed with its key, is the right to ask."""


@pytest.fixture
def two_units(province: Province, config: Config, tmp_path: Path) -> Province:
    """A001 of one unit, B001 of another; C001 went from the first to the other on Tuesday."""
    units.register_unit(province.connection, OTHER_USCC, name_zh="清华大学")
    for asset_no, agent_id in (("A001", "em-01"), ("B001", "em-02"), ("C001", "em-03")):
        province.add_instrument(asset_no)
        origin = province.add_agent(agent_id, asset_no)
        for day in (MONDAY, TUESDAY):
            province.observe(origin, Piece(day, 0, HOUR, RUN))
    for asset_no, from_day in (("B001", date(2020, 1, 1)), ("C001", TUESDAY)):
        instruments.register_owner(province.connection, asset_no, uscc=OTHER_USCC, from_day=from_day)
    lies_in(province, USCC, "610131")
    lies_in(province, OTHER_USCC, "110108")
    with province.connection.transaction():
        for use in USES.values():
            record_fact(province.connection, use)
    (tmp_path / "a.pdf").write_bytes(PDF)
    files = DocumentFiles(config.documents.directory_in(config.data_dir), max_bytes=1000)
    add_file(province.connection, files, tmp_path / "a.pdf", actor=Actor("li", "command", "li@host"))
    register_key(province.connection)
    assert decide(province.connection, DECISION, now=DECIDED_AT) == DECIDED
    province.derive(TUESDAY + timedelta(days=3))
    with one_snapshot(province.connection):
        freeze(
            province.connection, Period("2026-w47", MONDAY, TUESDAY), by="li", now=datetime(2026, 11, 20, tzinfo=UTC)
        )
    by = By(Actor("li", "command", "li@host"), "test", datetime(2026, 11, 20, tzinfo=UTC))
    with province.connection.transaction():
        create_round(province.connection, "2026", year=2026, by=by)
        enter_scheme(province.connection, SCHEME, by=by)
    doer = Doer(by, Access("officer", Scope("unit", USCC)))
    with province.connection.transaction():
        reports.draft(province.connection, USCC, 2025, given={}, doer=doer)
        reports.confirm(province.connection, USCC, 2025, doer=doer)
        reports.go_on(province.connection, USCC, 2025, "submitted", doer=doer)
    province.connection.execute(
        "INSERT INTO proposal (kind, subject, body, reason, proposed_by, proposed_at, due_on)"
        " SELECT 'policy', 'instrument:A001', %s, 'test', person_id, now(), '2026-12-31' FROM person LIMIT 1",
        [b'{"kind":"policy","subject":"instrument:A001","from_day":"2026-11-16","policy":"{}"}'],
    )
    province.connection.execute(
        "INSERT INTO proposal (kind, subject, body, reason, proposed_by, proposed_at, due_on)"
        " SELECT kind, subject, body, reason, proposed_by, proposed_at, due_on FROM proposal WHERE kind = 'decision'"
    )
    with province.connection.transaction():
        import_findings(province.connection, NOTE, imported_by="Li", now=datetime(2026, 11, 20, tzinfo=UTC))
    follow_a_ranking(province)
    province.connection.execute(
        "INSERT INTO exchange_mapping (sha256, body, name) VALUES (encode(sha256('x'), 'hex'), 'x', 'test')"
    )
    province.connection.execute(
        "INSERT INTO exchange_message (kind, inner_id, revision, body, sha256, content, mapping, unit, asset_no,"
        " first_day, last_day, made_by, made_at) SELECT 'effect', '2026-1', 1, '{}', encode(sha256('{}'), 'hex'), 'c',"
        " sha256, %s, 'A001', '2026-01-01', '2026-12-31', 'li', now() FROM exchange_mapping",
        [USCC],
    )
    province.connection.execute(
        "INSERT INTO exchange_step (message_id, state, at, due_at, made_by) VALUES (1, 'pending', now(), now(), 'li')"
    )
    province.connection.execute(
        "INSERT INTO fork_proof (journal_id, proof, made_at) SELECT journal_id, 'a proof', now() FROM journal"
    )
    _begin_case_and_notice(province)
    province.connection.execute(
        "INSERT INTO dry_run (proposal_id, first_day, last_day, run_at) VALUES (1, '2026-11-16', '2026-11-17', now())"
    )
    return province


def _begin_case_and_notice(province: Province) -> None:
    """A reminder about A001, and a notice over the whole of 2026 (of which two days are frozen)."""
    person_id = people.find_person(province.connection, "approver").person_id
    province.connection.execute(
        "INSERT INTO idle_case (asset_no, uscc, kind, begins, last_day, observed_days, unobserved_days, threshold_days,"
        " answer_by, why, made_by_id, made_by, made_at) VALUES ('A001', %s, 'idle', '2026-09-01', '2026-10-31', 61, 0,"
        " 30, '2026-12-01', 'test', %s, 'approver', now())",
        [USCC, person_id],
    )
    form = Form(v=1, number="1", kind="regular", subject="everything", period="2026", first_day="2026-01-01",
                last_day="2026-12-31", frozen="2026-w47", frozen_sha256="", at=DECIDED_MS,
                settings=load_settings(province.connection, MONDAY).named, policies=(),
                units=(Named(USCC, "西安测试大学", ""),), lines=())  # fmt: skip
    body, text = notice_form.encode(form), write_text(form)
    province.connection.execute(
        "INSERT INTO notice (number, kind, subject, first_day, last_day, frozen_id, body, sha256, text, text_sha256,"
        " why, issued_by, issued_at) SELECT '1', 'regular', 'everything', '2026-01-01', '2026-12-31', frozen_id, %s,"
        " %s, %s, %s, 'test', 'li', now() FROM frozen",
        [body, notice_form.identity(body), text, notice_form.identity(text)],
    )
    province.connection.execute("INSERT INTO notice_unit VALUES (1, %s, '')", [USCC])


def follow_a_ranking(province: Province) -> None:
    """Evidence in the round of 2026; in that of 2025 an objection, a case and proved fraud, as they would be stored."""
    by = By(Actor("li", "command", "li@host"), "test", datetime(2026, 11, 20, tzinfo=UTC))
    with province.connection.transaction():
        create_round(province.connection, "2025", year=2025, by=by)
    for state in ("population", "data", "experts", "closed", "announced"):
        province.connection.execute(
            "INSERT INTO round_step (round_id, state, why, made_by, made_at)"
            " SELECT round_id, %s, 'x', 'x', now() FROM round WHERE name = '2025'",
            [state],
        )
    values = {"unit": USCC, "pdf": hashlib.sha256(PDF).hexdigest(), "finding": hashlib.sha256(NOTE).hexdigest(),
              "text": case_identity(FRAUD), "note": sign_case(case_text(FRAUD), WANG)}  # fmt: skip
    for line in (
        "round_evidence (round_id, uscc, indicator, kind, title, note, document, made_by, made_at)"
        " SELECT round_id, %(unit)s, 6, 'paper', 'x', '', %(pdf)s, 'x', now() FROM round WHERE name = '2026'",
        "round_publication (round_id, sha256, body, published_on)"
        " SELECT round_id, encode(sha256('{}'), 'hex'), '{}', '2026-11-20' FROM round WHERE name = '2026'",
        "round_score (round_id, uscc, body) SELECT round_id, %(unit)s, 'x' FROM round WHERE name = '2025'",
        "round_objection (round_id, uscc, indicator, why, made_by, made_at)"
        " SELECT round_id, %(unit)s, 5, 'x', 'x', now() FROM round WHERE name = '2025'",
        "round_objection_document SELECT objection_id, %(pdf)s FROM round_objection",
        "poor_case (round_id, uscc, notice_on, due_on, opened_by, opened_at)"
        " SELECT round_id, %(unit)s, '2026-11-20', '2027-11-20', 'x', now() FROM round WHERE name = '2025'",
        "case_entry (case_id, kind, told, document, made_by, made_at)"
        " SELECT case_id, 'evidence', 'x', %(pdf)s, 'x', now() FROM poor_case",
    ):
        province.connection.execute("INSERT INTO " + line, values)
    with province.connection.transaction():
        province.connection.execute(
            "INSERT INTO fraud_case (round_id, uscc, sha256, note, key_id, first_year, last_year, brought_by,"
            " brought_at)"
            " SELECT round_id, %(unit)s, %(text)s, %(note)s, key_id, 2026, 2027, 'x', now() FROM round, person_key"
            " WHERE round.name = '2025'",
            values,
        )
        province.connection.execute(
            "INSERT INTO fraud_evidence (fraud_id, finding) SELECT fraud_id, %(finding)s FROM fraud_case", values
        )


def test_every_route_is_in_the_table(app: FastAPI) -> None:
    """So that a route added tomorrow is asked with every role as well."""
    named = {name for name, operation in _operations(app).items() if operation}
    assert named == ROUTES.keys() | WRITES.keys()
    assert _operations(app).keys() - named == OPEN


def _operations(app: FastAPI) -> dict[str, bool]:
    """Each operation under /api/v1, and whether it asks for a key."""
    return {
        operation["operationId"]: "security" in operation
        for path, methods in app.openapi()["paths"].items()
        for operation in methods.values()
        if path.startswith(V1)
    }


def lies_in(province: Province, uscc: str, division: str, from_day: date = date(2020, 1, 1)) -> None:
    with province.connection.transaction():
        unit = Unit(uscc=uscc, name_zh="测试大学", division=division)
        describe(province.connection, [(unit, from_day)], recorded_by="test")


@pytest.mark.parametrize("role", ROLES)
def test_every_route_answers_exactly_the_roles_that_have_its_right(
    client: httpx.Client, two_units: Province, clock: MovableClock, role: str
) -> None:
    key = make_key(two_units, clock, access=Access(role))
    for name, (path, right) in ROUTES.items():
        answer = client.get(V1 + path, headers={"X-API-Key": key})
        assert answer.status_code == _expected(name, right, role=role), f"{name} as {role}: {answer.text}"
        if answer.status_code == 403:
            assert answer.json()["type"] == "urn:jishi:problem:not-allowed"
            assert f"this key is {role} over everything, which has no right to {right}" in answer.json()["detail"]
    for name, (method, path, right) in WRITES.items():
        answer = client.request(method, V1 + path, headers={"X-API-Key": key})
        assert (answer.status_code == 403) == (right not in ROLES[role]), f"{name} as {role}: {answer.text}"
        assert answer.status_code not in (200, 201, 401, 500), f"{name} as {role}: {answer.text}"


def _expected(name: str, right: Right, *, role: str) -> int:
    if right not in ROLES[role]:
        return 403
    is_appointed = name != "show_evidence_document" or role != "expert"
    return 200 if name not in TOLD or (Right.SCORES in ROLES[role] and is_appointed) else 404


def test_what_a_unit_does_not_own_looks_like_what_is_not_there(
    client: httpx.Client, two_units: Province, clock: MovableClock
) -> None:
    client.headers["X-API-Key"] = make_key(two_units, clock, access=Access("inspector", Scope("unit", OTHER_USCC)))
    for name, (path, right) in ROUTES.items():
        if "A001" not in path and "em-01" not in path:
            continue
        absent = client.get(V1 + path.replace("A001", "ZZZZ").replace("em-01", "zz-01"))
        answer = client.get(V1 + path)
        assert answer.status_code == absent.status_code == 404, f"{name} {right}: {answer.text}"
        assert answer.text.replace("A001", "ZZZZ").replace("em-01", "zz-01") == absent.text, name
        ours = client.get(V1 + path.replace("A001", "B001").replace("em-01", "em-02"))
        assert ours.status_code == 200, f"{name}: {ours.text}"
    assert client.get(f"{V1}/audit").status_code == 403, "the trail belongs to no unit"


def test_lists_hold_what_is_in_the_scope_and_nothing_else(
    client: httpx.Client, two_units: Province, clock: MovableClock
) -> None:
    scopes = {
        "everything": (Scope(), ["A001", "B001", "C001"], ["em-01", "em-02", "em-03"]),
        "a unit": (Scope("unit", USCC), ["A001"], ["em-01"]),
        "the other unit": (Scope("unit", OTHER_USCC), ["B001", "C001"], ["em-02", "em-03"]),
        "an instrument": (Scope("instrument", "C001"), ["C001"], ["em-03"]),
        "a province": (Scope("division", "61"), ["A001"], ["em-01"]),
        "its county": (Scope("division", "610131"), ["A001"], ["em-01"]),
        "another county of its city": (Scope("division", "610102"), [], []),
        "another province": (Scope("division", "11"), ["B001", "C001"], ["em-02", "em-03"]),
    }
    for name, (scope, assets, agents) in scopes.items():
        headers = {"X-API-Key": make_key(two_units, clock, access=Access("operator", scope))}
        listed = client.get(f"{V1}/instruments", headers=headers).json()["items"]
        assert [item["asset_no"] for item in listed] == assets, name
        heard = client.get(f"{V1}/agents", headers=headers).json()["items"]
        assert [item["agent_id"] for item in heard] == agents, name


def test_facts_and_documents_outside_of_the_scope_look_like_what_is_not_there(
    client: httpx.Client, two_units: Province, clock: MovableClock
) -> None:
    for uscc, seen, hidden in ((USCC, "A001", "B001"), (OTHER_USCC, "B001", "A001")):
        headers = {"X-API-Key": make_key(two_units, clock, access=Access("reader", Scope("unit", uscc)))}
        listed = client.get(f"{V1}/uses", headers=headers).json()["items"]
        assert [use["asset"] for use in listed] == [seen]
        assert client.get(f"{V1}/facts/{USE_OF[seen]}/bytes", headers=headers).status_code == 200
        absent = client.get(f"{V1}/facts/{'0' * 64}/bytes", headers=headers)
        answer = client.get(f"{V1}/facts/{USE_OF[hidden]}/bytes", headers=headers)
        assert (answer.status_code, answer.text) == (404, absent.text.replace("0" * 64, USE_OF[hidden]))
        assert client.get(V1 + ROUTES["show_document"][0], headers=headers).status_code == 404, "no fact names it"


def test_an_instrument_that_changed_hands_leaves_each_owner_his_own_days(
    client: httpx.Client, two_units: Province, clock: MovableClock
) -> None:
    owned = {Scope("unit", USCC): ["2026-11-16"], Scope("unit", OTHER_USCC): ["2026-11-17"],
             Scope("division", "6101"): ["2026-11-16"], Scope("division", "11"): ["2026-11-17"]}  # fmt: skip
    for scope, days in owned.items():
        headers = {"X-API-Key": make_key(two_units, clock, access=Access("reader", scope))}
        records = client.get(f"{V1}/hours?{DAYS}&asset_no=C001", headers=headers).json()["items"]
        assert [record["day"] for record in records] == days
        for day in ("2026-11-16", "2026-11-17"):
            status = 200 if day in days else 404
            assert client.get(f"{V1}/hours/C001/{day}", headers=headers).status_code == status
            session = f"{V1}/sessions?asset_no=C001&first_day={day}&last_day={day}"
            assert client.get(session, headers=headers).status_code == status
        assert client.get(f"{V1}/sessions?asset_no=C001&{DAYS}", headers=headers).status_code == 404


def test_a_unit_that_moved_to_another_city_leaves_each_its_own_days(
    client: httpx.Client, two_units: Province, clock: MovableClock
) -> None:
    lies_in(two_units, USCC, "610302", from_day=TUESDAY)
    for code, days, units_now in (("6101", ["2026-11-16"], []), ("6103", ["2026-11-17"], [USCC]),
                                  ("61", ["2026-11-16", "2026-11-17"], [USCC])):  # fmt: skip
        headers = {"X-API-Key": make_key(two_units, clock, access=Access("reader", Scope("division", code)))}
        records = client.get(f"{V1}/hours?{DAYS}&asset_no=A001", headers=headers).json()["items"]
        assert [record["day"] for record in records] == days, code
        listed = client.get(f"{V1}/units", headers=headers).json()["items"]
        assert [unit["uscc"] for unit in listed] == units_now, code
        both_days = client.get(f"{V1}/sessions?asset_no=A001&{DAYS}", headers=headers)
        assert both_days.status_code == (200 if code == "61" else 404)
        uses = client.get(f"{V1}/uses", headers=headers).json()["items"]
        assert [use["asset"] for use in uses] == (["A001"] if "2026-11-16" in days else []), code


def test_figures_and_proposals_of_a_division_are_those_of_its_units(
    client: httpx.Client, two_units: Province, clock: MovableClock
) -> None:
    for code, units_there, assets, proposals in (("61", [USCC], ["A001", "C001"], {"instrument:A001"}),
                                                 ("11", [OTHER_USCC], ["B001", "C001"], set())):  # fmt: skip
        headers = {"X-API-Key": make_key(two_units, clock, access=Access("approver", Scope("division", code)))}
        figures = client.get(f"{V1}/figures?year=2026&by=unit", headers=headers).json()["items"]
        assert [line["uscc"] for line in figures] == units_there
        instruments_there = client.get(f"{V1}/figures?year=2026&by=instrument", headers=headers).json()["items"]
        assert [line["asset_no"] for line in instruments_there] == assets
        listed = client.get(f"{V1}/proposals", headers=headers).json()["items"]
        assert {each["subject"] for each in listed if each["subject"] != "everything"} == proposals
        assert client.post(f"{V1}/proposals", headers=headers, json={}).status_code in (403, 422)


@pytest.mark.parametrize("role", [None, *ROLES])
def test_every_page_opens_for_exactly_the_roles_that_have_a_right_to_pages(
    client: httpx.Client, two_units: Province, clock: MovableClock, role: str | None
) -> None:
    _sign_in(client, two_units, clock, Access(role))
    is_allowed = role is not None and Right.PAGES in ROLES[role]
    for path in PAGES:
        assert client.get(path).status_code in ((200, 303) if is_allowed else (403,)), path
    if not is_allowed:
        page = client.get("/?lang=en").text
        assert "no right to these pages" in page
        assert 'action="/sign-out"' in page


def test_pages_show_the_scope_and_nothing_else(client: httpx.Client, two_units: Province, clock: MovableClock) -> None:
    _sign_in(client, two_units, clock, Access("reader", Scope("unit", OTHER_USCC)))
    overview = client.get("/").text
    assert [asset for asset in ("A001", "B001", "C001") if asset in overview] == ["B001", "C001"]
    for path, status in (("/instruments/A001/2026-11-16", 404), ("/instruments/A001/2026-11-16/record", 404),
                         ("/instruments/B001/2026-11-16", 200), ("/instruments/B001/2026-11-16/record", 200),
                         ("/instruments/C001/2026-11-16", 404), ("/instruments/C001/2026-11-17", 200)):  # fmt: skip
        assert client.get(path).status_code == status, path


def _sign_in(client: httpx.Client, province: Province, clock: MovableClock, access: Access) -> None:
    person = people.register_person(province.connection, "visitor")
    with province.connection.transaction():
        people.appoint(province.connection, person, access, now=datetime.now(UTC))
    token = people.open_web_session(province.connection, person, now=clock.at, lasts=timedelta(hours=1))
    client.cookies.set(SESSION_COOKIE, token)


def test_what_was_refused_is_in_the_trail_a_bounded_number_of_times(
    client: httpx.Client, province: Province, clock: MovableClock
) -> None:
    key = make_key(province, clock, access=Access("platform"))
    for _ in range(25):
        assert client.get(f"{V1}/audit", headers={"X-API-Key": key}).status_code == 403
    changes = list_changes(province.connection)
    assert len(changes) == 20
    assert {change[2:8] for change in changes} == {
        ("approver", "api", "127.0.0.1", "audit.read", f"{V1}/audit", "refused")
    }


def test_the_trail_comes_in_pages_from_an_instant_on(api: httpx.Client, province: Province) -> None:
    for target in "abc":
        with province.connection.transaction():
            record_change(province.connection, Actor("li", "command", "li@host"), "key.revoke", target=target)
    first = api.get(f"{V1}/audit", params={"limit": 2}).json()
    assert [item["target"] for item in first["items"]] == ["a", "b"]
    rest = api.get(f"{V1}/audit", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [item["target"] for item in rest["items"]] == ["c"]
    late = api.get(f"{V1}/audit", params={"since": rest["items"][0]["at"]}).json()
    assert [item["target"] for item in late["items"]] == ["c"]
