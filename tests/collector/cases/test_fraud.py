"""Proved fraud: only by what an approver signed on evidence that is no suspicion, and what follows from it."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import psycopg
import pytest

from collector.cases import fraud
from collector.cases.fraud import Accused, credit_record, find_fraud, list_frauds
from collector.cases.poor import list_cases
from collector.cases.signing import Signed, open_signed
from collector.errors import CaseError, NotAllowed, RoundError
from collector.evaluation.members import fix_population, list_members
from collector.evaluation.publication import find_publication, list_published
from collector.evaluation.results import list_results
from collector.evaluation.rounds import create_round, find_round
from collector.evaluation.verification import verify_round
from collector.evidence.findings import import_findings
from collector.registry import people, person_keys
from collector.registry.access import Access, Scope
from protocol import facts
from protocol.facts import Decision
from protocol.findings import Findings, sign_findings
from protocol.interval import day_bounds_ms
from protocol.keys import ED25519, SigningKey
from protocol.signed_case import sign_case
from protocol.signed_decision import decision_text, sign_decision
from tests.collector.evaluation.following import announced, closed, published, store_document
from tests.collector.evaluation.world import LAST, NOW, XIAN, World, by, owner_on
from tests.collector.person_keys import register_key

ZHAO = SigningKey("jishi.example/person/zhaomin", ED25519, b"z" * 32)
INSPECTOR = SigningKey("jishi.example/person/sun", ED25519, b"s" * 32)


@dataclass
class Court:
    """A world with a round, an approver over everything with a key, and findings that are not in order."""

    world: World
    finding: str
    in_order: str

    def accused(self, *evidence: str, years: tuple[int, int] = (2026, 2028), approver: str = "zhaomin") -> Accused:
        return Accused(XIAN, "2025", *years, evidence or (f"finding:{self.finding}",), approver)

    def draw(self, accused: Accused | None = None, *, now: datetime = NOW) -> str:
        with self.world.connection.transaction():
            by_wang = by("invented service hours", now=now)
            return fraud.draw_fraud(self.world.connection, accused or self.accused(), by=by_wang)

    def bring(self, text: str, key: SigningKey = ZHAO, *, now: datetime = NOW) -> int:
        with self.world.connection.transaction():
            signed: Signed = open_signed(self.world.connection, sign_case(text, key), now=now)
            return fraud.bring_fraud(self.world.connection, signed, by=by("decided", now=now))

    @property
    def rating(self) -> str:
        held = find_round(self.world.connection, "2025")
        return next(each.rating for each in list_results(self.world.connection, held) if each.score.uscc == XIAN)


@pytest.fixture
def court(judged: World) -> Court:
    judged.person("zhaomin", "approver")
    judged.person("Wang", "evaluator")
    register_key(judged.connection, ZHAO, person="zhaomin")
    register_key(judged.connection, INSPECTOR, person="sun")
    asset = next(each.name for each in judged.held if each.kind == "instrument" and owner_on(each, LAST) == XIAN)
    return Court(judged, found(judged, asset, "not-in-order"), found(judged, asset, "in-order"))


def found(world: World, asset: str, verdict: str) -> str:
    """The SHA-256 of findings at an instrument on the last day of the year."""
    begun = round(datetime(2025, 12, 31, 2, tzinfo=NOW.tzinfo).timestamp() * 1000)
    said = Findings(
        v=1, asset=asset, place="B-204", plate="no. 1", inspectors=("sun",), hosts=("li",), begun=begun,
        ended=begun + 3_600_000, verdict=verdict,  # type: ignore[arg-type]
    )  # fmt: skip
    raw = sign_findings(said, INSPECTOR)
    with world.connection.transaction():
        sha256, _ = import_findings(world.connection, raw, imported_by="Li", now=NOW)
    return sha256


def test_a_signed_decision_makes_the_unit_poor_and_keeps_it_out(court: Court, dsn: str) -> None:
    announced(court.world)
    document = store_document(court.world, "ab")
    number = court.bring(court.draw(court.accused(f"finding:{court.finding}", f"document:{document}")))
    assert court.rating == "poor"
    case = find_fraud(court.world.connection, number)
    assert (case.uscc, case.round, case.decision.approver, case.brought_by) == (XIAN, "2025", "zhaomin", "Wang")
    assert case.decision.evidence == (f"finding:{court.finding}", f"document:{document}")
    assert verify_round(dsn, "2025").differences == []
    for year, reason in ((2026, "excluded"), (2028, "excluded"), (2029, None)):
        with court.world.connection.transaction():
            create_round(court.world.connection, f"{year}", year=year, by=by())
            fix_population(court.world.connection, f"{year}", by=by(now=NOW.replace(year=year + 1)))
        members = list_members(court.world.connection, find_round(court.world.connection, f"{year}"))
        reasons = {member.reason for member in members if member.uscc == XIAN and member.value_fen is not None}
        assert reasons == {reason} if reason else "excluded" not in reasons
        assert verify_round(dsn, f"{year}").differences == []


def test_after_the_publication_the_snapshot_stays_and_the_rating_beside_it_is_poor(court: Court, dsn: str) -> None:
    before = published(court.world, **{f"u{XIAN}": "good"})
    held = find_round(court.world.connection, "2025")
    assert list_cases(court.world.connection, scope=Scope("unit", XIAN)) == []
    court.bring(court.draw())
    assert find_publication(court.world.connection, held) == before
    [line] = [each for each in list_published(court.world.connection, held) if each.uscc == XIAN]
    assert (line.rating, line.published_rating) == ("poor", "good")
    [case] = list_cases(court.world.connection, scope=Scope("unit", XIAN))
    assert case.notice_on == NOW.date()
    assert verify_round(dsn, "2025").differences == []


def test_the_text_for_the_credit_record_says_who_decided_what_on_which_evidence(court: Court) -> None:
    closed(court.world)
    case = find_fraud(court.world.connection, court.bring(court.draw()))
    text = credit_record(case)
    for said in (XIAN, "2026–2028", "invented service hours", f"finding:{court.finding}", "zhaomin", case.sha256):
        assert said in text


def test_a_decision_is_brought_once(court: Court) -> None:
    closed(court.world)
    text = court.draw()
    court.bring(text)
    with pytest.raises(CaseError, match="was brought before"):
        court.bring(text)
    assert len(list_frauds(court.world.connection)) == 1


def test_what_is_no_proof_opens_no_case_and_all_of_it_is_told(court: Court) -> None:
    closed(court.world)
    wrong = (f"finding:{court.in_order}", "finding:" + "0" * 64, "decision:" + "1" * 64, "fork:" + "2" * 64,
             "document:" + "3" * 64)  # fmt: skip
    with pytest.raises(CaseError) as caught:
        court.draw(court.accused(*wrong))
    told = str(caught.value)
    assert told.count("\n  ") == 5
    assert "these findings do not say not-in-order" in told
    assert "no signed decision that holds" in told
    assert "no proof of a fork" in told


@pytest.mark.parametrize("evidence", ["flag:" + "ab" * 32, "suspicion", "document:" + "ab" * 32])
def test_a_flag_or_a_paper_alone_can_never_open_a_case(court: Court, evidence: str) -> None:
    closed(court.world)
    with pytest.raises(CaseError, match="this cannot be decided so"):
        court.draw(court.accused(evidence))


def test_the_database_refuses_a_case_that_nothing_proves(court: Court) -> None:
    closed(court.world)
    document = store_document(court.world, "ab")
    insert = (
        "INSERT INTO fraud_case (round_id, uscc, sha256, note, key_id, first_year, last_year, brought_by, brought_at)"
        " SELECT s.round_id, s.uscc, 'x', 'x', k.key_id, 2026, 2026, 'x', now() FROM round_score s, person_key k"
        " WHERE s.uscc = %s LIMIT 1"
    )
    with pytest.raises(psycopg.errors.IntegrityError, match="rests on no decision, no finding and no fork"):
        court.world.connection.execute(insert, [XIAN])
    with pytest.raises(psycopg.errors.IntegrityError, match="rests on no decision"):
        court.world.connection.execute(
            f"WITH made AS ({insert} RETURNING fraud_id)"
            " INSERT INTO fraud_evidence (fraud_id, document) SELECT fraud_id, %s FROM made",
            [XIAN, document],
        )


def test_findings_at_an_instrument_of_another_unit_prove_nothing(court: Court) -> None:
    closed(court.world)
    asset = next(
        each.name for each in court.world.held if each.kind == "instrument" and owner_on(each, LAST) not in (XIAN, None)
    )
    other = found(court.world, asset, "not-in-order")
    with pytest.raises(CaseError, match="no findings of an instrument that the unit owned then"):
        court.draw(court.accused(f"finding:{other}"))


def test_a_fork_of_an_agent_that_measured_the_units_instruments_is_evidence(court: Court) -> None:
    closed(court.world)
    asset = next(each.name for each in court.world.held if each.kind == "instrument" and owner_on(each, LAST) == XIAN)
    court.world.province.add_agent("em-01", asset)
    court.world.connection.execute(
        "INSERT INTO fork_proof (journal_id, proof, made_at) SELECT journal_id, 'a proof', %s FROM journal",
        [datetime(2025, 12, 31, tzinfo=NOW.tzinfo)],
    )
    fork = hashlib.sha256(b"a proof").hexdigest()
    assert court.bring(court.draw(court.accused(f"fork:{fork}"))) == 1


def test_who_signs_is_an_approver_over_everything_and_not_whoever_drew_it_up(court: Court) -> None:
    closed(court.world)
    with pytest.raises(CaseError, match="these are two people"):
        court.draw(court.accused(approver="Wang"))
    with pytest.raises(NotAllowed, match="sun is no role over everything: an approver over everything signs"):
        court.draw(court.accused(approver="sun"))
    text = court.draw()
    with pytest.raises(NotAllowed, match="is the key of sun, and zhaomin is to sign"):
        court.bring(text, INSPECTOR)
    with pytest.raises(CaseError, match="this note decides nothing"):
        court.bring(text, SigningKey("jishi.example/person/nobody", ED25519, b"n" * 32))
    with court.world.connection.transaction():
        zhao = people.find_person(court.world.connection, "zhaomin")
        people.appoint(court.world.connection, zhao, Access("approver", Scope("unit", XIAN)), now=NOW)
    with pytest.raises(NotAllowed, match="an approver over everything signs"):
        court.bring(text)


def test_a_revoked_key_and_an_old_text_decide_nothing(court: Court) -> None:
    closed(court.world)
    text = court.draw()
    for now in (NOW + timedelta(days=31), NOW - timedelta(seconds=1)):
        with pytest.raises(CaseError, match="at another time than within the last 30 days"):
            court.bring(text, now=now)
    with court.world.connection.transaction():
        li = people.find_person(court.world.connection, "Li")
        person_keys.revoke(court.world.connection, ZHAO.name, by=li, why="stolen", now=NOW)
    with pytest.raises(NotAllowed, match="was revoked"):
        court.bring(text)


def test_an_evaluator_draws_it_up(court: Court) -> None:
    closed(court.world)
    text = court.draw()
    with court.world.connection.transaction():
        people.appoint(
            court.world.connection, people.find_person(court.world.connection, "Wang"), Access("reader"), now=NOW
        )
    with pytest.raises(NotAllowed, match="an evaluator over everything draws"):
        court.bring(text)


def test_no_fraud_is_proved_in_a_round_without_a_ranking(court: Court) -> None:
    with court.world.connection.transaction():
        create_round(court.world.connection, "2025", year=2025, by=by())
    with pytest.raises(RoundError, match="is in state draft: to prove fraud belongs to closed"):
        court.draw()


def test_years_and_units_that_do_not_fit_are_refused(court: Court) -> None:
    closed(court.world)
    with pytest.raises(CaseError, match="begin later"):
        court.draw(court.accused(years=(2025, 2026)))
    with pytest.raises(CaseError, match="after 99 years at most"):
        court.draw(court.accused(years=(2027, 2026)))
    with pytest.raises(CaseError, match="is not ranked in round 2025"):
        court.draw(court.accused()._replace(uscc="126100000000000772"))


def exclude(court: Court, *, day: str = "2025-03-03", verdict: str = "exclude", kind: str = "decision") -> str:
    """The evidence of a signed decision about XIAN's instrument on a day, stored as a ruling stores it."""
    asset = next(each.name for each in court.world.held if each.kind == "instrument" and len(each.owners) == 1)
    [(owner,)] = court.world.province.rows(f"SELECT owner_on('{asset}', '{day}')")
    start, end = day_bounds_ms(date.fromisoformat(day))
    made = Decision(
        v=1, at=end, by="li", asset=asset, start=start, end=start + 3_600_000, verdict=verdict,  # type: ignore[arg-type]
        why="a heater hung on it", approver="zhaomin", approved_at=end,
    )  # fmt: skip
    raw = facts.encode(made)
    with court.world.connection.transaction():
        court.world.connection.execute(
            "INSERT INTO fact (sha256, body, kind, asset_no, first_day, last_day)"
            " VALUES (%s, %s, 'decision', %s, %s, %s)",
            [facts.identity(raw), raw, asset, day, day],
        )
        court.world.connection.execute(
            "INSERT INTO signed_decision SELECT %s, %s, key_id FROM person_key WHERE name = %s",
            [facts.identity(raw), sign_decision(decision_text(made), ZHAO), ZHAO.name],
        )
    assert owner is not None
    return f"{kind}:{facts.identity(raw)}"


def owned_throughout(world: World) -> str:
    """The unit that owned the instrument of `exclude` all the year."""
    return next(str(each.owners[0][1]) for each in world.held if each.kind == "instrument" and len(each.owners) == 1)


def test_a_signed_decision_that_excluded_time_of_the_year_is_evidence(court: Court) -> None:
    closed(court.world)
    unit = owned_throughout(court.world)
    good = exclude(court)
    for wrong in (exclude(court, day="2024-12-31"), exclude(court, verdict="accept")):
        with pytest.raises(CaseError, match="no signed decision that holds, excludes time of that year"):
            court.draw(court.accused(wrong)._replace(uscc=unit))
    assert court.bring(court.draw(court.accused(good)._replace(uscc=unit))) == 1
    court.world.connection.execute(
        "INSERT INTO fact (sha256, body, kind, target) SELECT encode(sha256('x'), 'hex'), 'x', 'correction',"
        " 'fact:' || sha256 FROM fact WHERE 'decision:' || sha256 = %s",
        [good],
    )
    with pytest.raises(CaseError, match="no signed decision that holds"):
        court.draw(court.accused(good)._replace(uscc=unit))
