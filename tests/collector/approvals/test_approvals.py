"""Two people for every correction, hand entry and policy: what is proposed, who rules, and what becomes of it."""

import json
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from msgspec.structs import replace

from collector.accounts.verification import Verification, verify
from collector.approvals import dry_runs, proposed, reported
from collector.approvals.proposals import Asker, find_proposal, list_proposals, propose
from collector.approvals.proposed import Proposed, ProposedCorrection, ProposedHand, ProposedPolicy
from collector.approvals.rulings import Ruling, rule
from collector.errors import NotAllowed, ProposalError, RegistryError, UnknownName
from collector.facts.store import record_fact
from collector.registry import people, policies
from collector.registry.access import Access, Scope
from collector.registry.audit import Actor, list_changes
from collector.registry.described import Instrument
from collector.registry.descriptions import describe
from protocol import facts, hours
from protocol.facts import Order, Reported, Use
from protocol.interval import day_bounds_ms
from tests.collector.province import IDLE, OFF, POLICY, RUN, USCC, Piece, Province

MONDAY = date(2026, 11, 16)
TUESDAY, WEDNESDAY = (MONDAY + timedelta(days=n) for n in (1, 2))
NOW = datetime(2026, 11, 18, 4, tzinfo=UTC)
HOUR = 3600
OTHER = "91440300708461136T"
OURS = Scope("unit", USCC)


@pytest.fixture
def sem(province: Province) -> str:
    """An instrument that ran on Monday from 9 to 12; the origin of its journal."""
    province.add_instrument("A001", model="JEM-2100")
    origin = province.add_agent("em-01", "A001")
    province.observe(
        origin, Piece(MONDAY, 0, 8 * HOUR, OFF), Piece(MONDAY, 8 * HOUR, 9 * HOUR, IDLE),
        Piece(MONDAY, 9 * HOUR, 12 * HOUR, RUN), Piece(MONDAY, 12 * HOUR, 13 * HOUR, OFF),
    )  # fmt: skip
    province.derive(WEDNESDAY)
    return origin


def asker(province: Province, name: str, role: str = "officer", scope: Scope = OURS) -> Asker:
    person = people.register_person(province.connection, name)
    return Asker(person, Access(role, scope), Actor(name, "api", "test"))


def make(province: Province, what: Proposed, *, by: str = "li", reason: str = "wrong", days: int | None = None) -> int:
    with province.connection.transaction():
        return propose(province.connection, asker(province, by), what, reason=reason, now=NOW, deadline_days=days)


def decide(
    province: Province, proposal_id: int, verdict: str = "approved", *, by: str = "wang", why: str = ""
) -> Ruling:
    ruler = asker(province, by, "approver")
    with province.connection.transaction():
        return rule(province.connection, proposal_id, ruler, verdict=verdict, why=why, now=NOW)  # type: ignore[arg-type]


def use(number: str | None = "SO-1", start_h: float = 9, end_h: float = 12, asset: str = "A001") -> Use:
    midnight_ms = day_bounds_ms(MONDAY)[0]
    bounds = midnight_ms + round(start_h * 3_600_000), midnight_ms + round(end_h * 3_600_000)
    return Use(v=1, at=1, by="lims", asset=asset, start=bounds[0], end=bounds[1], purpose="service-order", order=number)


def order(number: str = "SO-1") -> Order:
    return Order(v=1, at=1, by="li", unit=USCC, order=number, beneficiary=OTHER)


def said(province: Province, fact: facts.Fact) -> str:
    with province.connection.transaction():
        return "fact:" + record_fact(province.connection, fact).sha256


def correction(target: str | None = None, **put: object) -> ProposedCorrection:
    return ProposedCorrection(subject="instrument:A001", target=target, **put)  # type: ignore[arg-type]


def hand(seconds: int = HOUR, day: date = MONDAY) -> ProposedHand:
    return ProposedHand(asset="A001", day=day, seconds=seconds, source="log, page 3")


def record_of(province: Province) -> hours.HourRecord:
    province.derive(WEDNESDAY)
    [(body,)] = province.rows("SELECT body FROM hour_record WHERE asset_no = 'A001' AND day = %s", MONDAY)
    return hours.decode(bytes(body))  # type: ignore[call-overload]


def test_an_approved_correction_is_a_fact_of_two_people_and_the_original_is_kept(
    dsn: str, province: Province, sem: str
) -> None:
    said(province, order())
    wrong = said(province, use("SO-9"))
    number = make(province, correction(wrong, use=use()), reason="number misread")
    assert record_of(province).unresolved_s == 3 * HOUR
    ruling = decide(province, number)
    [(body,)] = province.rows("SELECT body FROM fact WHERE sha256 = %s", ruling.made)
    fact = facts.decode(bytes(body))  # type: ignore[call-overload]
    assert isinstance(fact, facts.Correction)
    assert (fact.by, fact.approver, fact.reason, fact.target) == ("li", "wang", "number misread", wrong)
    record = record_of(province)
    assert (record.claimed_s, record.unresolved_s) == (3 * HOUR, 0)
    assert {wrong, f"fact:{ruling.made}"} < set(record.facts)
    assert province.rows("SELECT count(*) FROM fact WHERE 'fact:' || sha256 = %s", wrong) == [(1,)]
    assert verify(dsn) == Verification(1, [], [])


def test_nobody_rules_on_his_own_proposal_and_the_database_sees_to_it_as_well(province: Province, sem: str) -> None:
    number = make(province, hand())
    with pytest.raises(NotAllowed, match="li's own: a second person"):
        decide(province, number, by="li")
    with pytest.raises(psycopg.errors.RestrictViolation, match="cannot be ruled on by the person who made it"):
        province.connection.execute(
            "INSERT INTO ruling SELECT proposal_id, 'approved', '', proposed_by, now(), NULL FROM proposal"
        )
    assert find_proposal(province.connection, number).verdict is None


def test_a_refusal_says_why_and_is_kept(province: Province, sem: str) -> None:
    number = make(province, hand())
    with pytest.raises(ProposalError, match="says why"):
        decide(province, number, "refused")
    decide(province, number, "refused", why="no page 3 in that log")
    kept = find_proposal(province.connection, number)
    assert (kept.verdict, kept.why, kept.ruled_by, kept.fact) == ("refused", "no page 3 in that log", "wang", None)
    with pytest.raises(ProposalError, match="was refused by wang already"):
        decide(province, number)
    assert record_of(province).hand_s == 0


def test_hours_by_hand_stand_beside_and_only_where_nobody_saw(dsn: str, province: Province, sem: str) -> None:
    decide(province, make(province, hand(HOUR)))
    record = record_of(province)
    assert (record.hand_s, record.effective_s, record.run_s) == (HOUR, 3 * HOUR, 3 * HOUR)
    with pytest.raises(ProposalError, match="39600 s were seen by no watcher and 3600 s are entered by hand already"):
        make(province, hand(11 * HOUR))
    with pytest.raises(ProposalError, match="has not begun"):
        make(province, hand(day=date(2027, 1, 1)))
    assert verify(dsn) == Verification(1, [], [])


def test_what_two_approvals_would_enter_twice_is_refused_at_the_second(province: Province, sem: str) -> None:
    first, second = make(province, hand(6 * HOUR)), make(province, hand(6 * HOUR))
    decide(province, first)
    record_of(province)
    with pytest.raises(ProposalError, match=f"proposal {second} cannot be approved any more: seconds is 21600"):
        decide(province, second)


def test_two_open_corrections_of_one_target_do_not_stand_beside_each_other(province: Province, sem: str) -> None:
    target = said(province, use())
    first = make(province, correction(target))
    with pytest.raises(ProposalError, match=f"proposal {first} wants to correct .* already"):
        make(province, correction(target, use=use("SO-2")))
    decide(province, first, "refused", why="it was right")
    assert make(province, correction(target)) > first


def test_a_correction_can_be_corrected(province: Province, sem: str) -> None:
    said(province, order())
    target = said(province, use())
    taken_out = decide(province, make(province, correction(target)))
    assert record_of(province).unresolved_s == 3 * HOUR
    decide(province, make(province, correction(f"fact:{taken_out.made}")))
    assert record_of(province).claimed_s == 3 * HOUR


def test_a_sign_in_is_corrected_by_its_place(province: Province, sem: str) -> None:
    declared = facts.target_of_declaration(sem, 0)
    with pytest.raises(ProposalError, match="no sign-in that is known"):
        make(province, correction(declared))


@pytest.mark.parametrize(
    ("what", "complaint"),
    [
        (correction(), "takes something out"),
        (correction("fact:" + "0" * 64), "nothing that can be corrected"),
        (correction("A001"), "nothing that can be corrected"),
        (correction(use=use(asset="B001")), "corrected as instrument:B001"),
        (correction(use=use(start_h=24 * 9, end_h=24 * 9 + 1)), "has not come yet"),
        (correction(order=order()), f"corrected as unit:{USCC}"),
        (correction(use=use(), document="0" * 64), "store the file first"),
        (ProposedHand(asset="B001", day=MONDAY, seconds=1, source="x"), "no instrument 'B001'"),
        (ProposedPolicy(subject="instrument:A001", from_day=MONDAY, policy="{}"), "missing required field"),
    ],
)
def test_what_cannot_be_so_is_refused_at_once(province: Province, sem: str, what: Proposed, complaint: str) -> None:
    with pytest.raises(RegistryError, match=complaint):
        propose(
            province.connection, asker(province, "li", scope=Scope()), what, reason="x", now=NOW, deadline_days=None
        )
    assert province.rows("SELECT count(*) FROM proposal") == [(0,)]


def test_a_policy_whose_thresholds_cross_is_refused_by_member_value_and_remedy(province: Province, sem: str) -> None:
    crossed = POLICY.replace(b'"off_mw":600000', b'"off_mw":950000').decode()
    with pytest.raises(ProposalError, match=r"run\.off_mw 950000 is not below run\.on_mw 900000; lower it"):
        make(province, ProposedPolicy(subject="instrument:A001", from_day=MONDAY, policy=crossed))


def test_a_proposal_needs_a_right_a_scope_and_a_reason(province: Province, sem: str) -> None:
    stranger = asker(province, "stranger", scope=Scope("unit", OTHER))
    reader = asker(province, "reader", "reader")
    with province.connection.transaction():
        for who, complaint in ((stranger, "instrument:A001 is outside"), (reader, "has no right to facts")):
            with pytest.raises(NotAllowed, match=complaint):
                propose(province.connection, who, hand(), reason="x", now=NOW)
        policy = ProposedPolicy(subject="everything", from_day=MONDAY, policy=POLICY.decode())
        with pytest.raises(NotAllowed, match="everything is outside"):
            propose(province.connection, asker(province, "li"), policy, reason="x", now=NOW)
    with pytest.raises(ProposalError, match="needs its reason"):
        make(province, hand(), reason=" ")
    number = make(province, hand())
    with pytest.raises(NotAllowed, match="no right to rulings"), province.connection.transaction():
        rule(province.connection, number, asker(province, "chen"), verdict="approved", why="", now=NOW)
    with pytest.raises(UnknownName, match="no proposal 99"):
        decide(province, 99)


def test_what_is_said_too_late_is_refused_by_the_setting(province: Province, sem: str) -> None:
    with pytest.raises(ProposalError, match="2026-11-16 is more than 1 days ago"):
        make(province, hand(), days=1)
    assert make(province, hand(), days=2)


def test_proposals_are_listed_in_scope_and_overdue_ones_say_so(province: Province, sem: str) -> None:
    number = make(province, hand())
    listed = {}
    for scope in (OURS, Scope("unit", OTHER), Scope("instrument", "A001"), Scope()):
        access = Access("officer", scope)
        found = list_proposals(province.connection, access, today=WEDNESDAY, is_open=True)
        listed[str(scope)] = [each.proposal_id for each in found]
    assert listed == {
        f"unit:{USCC}": [number],
        f"unit:{OTHER}": [],
        "instrument:A001": [number],
        "everything": [number],
    }
    proposal = find_proposal(province.connection, number)
    assert (proposal.state(WEDNESDAY), proposal.state(WEDNESDAY + timedelta(days=31))) == ("open", "overdue")
    decide(province, number)
    assert list_proposals(province.connection, Access("officer"), today=WEDNESDAY, is_open=True) == []
    assert [change.action for change in list_changes(province.connection)][-2:] == ["proposal.make", "proposal.rule"]


WARM = json.dumps({**json.loads(POLICY), "name": "with warm-up", "prepare_ms": 1_800_000}).encode()


def propose_policy(province: Province, subject: str, body: bytes = WARM) -> int:
    wide = asker(province, "li", scope=Scope())
    with province.connection.transaction():
        policy = ProposedPolicy(subject=subject, from_day=MONDAY, policy=body.decode())
        return propose(province.connection, wide, policy, reason="measured", now=NOW)


def approve_policy(province: Province, number: int) -> Ruling:
    with province.connection.transaction():
        ruler = asker(province, "wang", "approver", Scope())
        return rule(province.connection, number, ruler, verdict="approved", why="", now=NOW)


def test_a_dry_run_tells_the_difference_and_changes_nothing(dsn: str, province: Province, sem: str) -> None:
    before = record_of(province)
    number = propose_policy(province, "instrument:A001")
    heard: list[tuple[int, int]] = []
    with province.connection.transaction():
        dry_runs.run_dry(
            province.connection, number, first_day=MONDAY, last_day=TUESDAY, now=NOW,
            tell=lambda done, total: heard.append((done, total)),
        )  # fmt: skip
    made = dry_runs.find_dry_run(province.connection, number)
    assert made is not None
    [line] = made.changed
    assert (line.asset_no, line.days, line.days_changed, heard) == ("A001", 1, 1, [(1, 1)])
    assert (line.before.effective_s, line.after.effective_s) == (3 * HOUR, 3 * HOUR + 1800)
    assert record_of(province) == before
    approve_policy(province, number)
    assert record_of(province).effective_s == line.after.effective_s
    assert verify(dsn) == Verification(1, [], [])


def test_a_policy_for_a_model_goes_before_the_default_and_behind_the_instruments_own(
    province: Province, sem: str
) -> None:
    province.add_instrument("B001", model="other")
    approve_policy(province, propose_policy(province, "model:JEM-2100"))

    def name_on(asset_no: str, day: date = MONDAY) -> str:
        policy = policies.find_policy(province.connection, asset_no, day=day)
        assert policy is not None
        return policy.name

    assert [name_on("A001"), name_on("B001"), name_on("A001", MONDAY - timedelta(days=1))] == [
        "with warm-up", "test policy", "test policy",
    ]  # fmt: skip
    assert record_of(province).prepare_s == 1800
    own = WARM.replace(b"with warm-up", b"its own")
    approve_policy(province, propose_policy(province, "instrument:A001", own))
    assert name_on("A001") == "its own"


def test_an_instrument_that_turns_out_to_be_another_model_gets_that_models_policy(
    dsn: str, province: Province, sem: str
) -> None:
    approve_policy(province, propose_policy(province, "model:JEM-2100"))
    assert record_of(province).prepare_s == 1800
    for model, prepare_s in (("JEM-1400", 0), ("JEM-2100", 1800)):
        with province.connection.transaction():
            described = Instrument(asset_no="A001", name_zh="电子显微镜", model=model)
            describe(province.connection, [(described, MONDAY)], recorded_by="li")
        assert record_of(province).prepare_s == prepare_s
    assert verify(dsn) == Verification(1, [], [])


def test_a_dry_run_for_a_model_or_all_leaves_out_who_has_a_policy_of_its_own(province: Province, sem: str) -> None:
    province.add_instrument("B001", model="JEM-2100")
    province.add_instrument("C001")
    province.put_policy(asset_no="B001")
    affected = {}
    for subject in ("model:JEM-2100", "everything", "instrument:B001"):
        number = propose_policy(province, subject)
        with province.connection.transaction():
            made = dry_runs.run_dry(province.connection, number, first_day=MONDAY, last_day=MONDAY, now=NOW)
        affected[subject] = [line.asset_no for line in made.lines]
    assert affected == {"model:JEM-2100": ["A001"], "everything": ["A001", "C001"], "instrument:B001": ["B001"]}


def report(asset: str = "A009", **changes: object) -> Reported:
    made = Reported(
        v=1, at=1, by="li", unit=USCC, asset=asset, first_day="2026-10-01", last_day="2026-10-31",
        effective_s=100 * HOUR, external_s=10 * HOUR,
    )  # fmt: skip
    return replace(made, **changes)


def test_reported_hours_are_a_column_of_their_own(province: Province, sem: str) -> None:
    province.add_instrument("A009")
    with province.connection.transaction():
        for _ in range(2):
            reported.report_hours(province.connection, asker(province, "li"), report(), key="2026-10", now=NOW)
    listed = reported.list_reported(
        province.connection, OURS, first_day=date(2026, 10, 31), last_day=date(2026, 11, 30)
    )
    assert [fact.effective_s for _, fact in listed] == [100 * HOUR]
    province.derive(WEDNESDAY)
    assert province.rows("SELECT count(*) FROM hour_record WHERE asset_no = 'A009'") == [(0,)]


@pytest.mark.parametrize(
    ("made", "complaint"),
    [
        (report("A001"), "is measured by an agent"),
        (report(last_day="2026-11-18"), "is not over"),
        (report(unit=OTHER), "did not own"),
    ],
)
def test_what_is_measured_or_not_over_or_not_owned_is_not_reported(
    province: Province, sem: str, made: Reported, complaint: str
) -> None:
    province.add_instrument("A009")
    with pytest.raises(ProposalError, match=complaint), province.connection.transaction():
        reported.report_hours(province.connection, asker(province, "li"), made, key="k", now=NOW)


def test_a_body_that_is_no_proposal_is_refused_by_its_member() -> None:
    for raw in (b"", b"{}", b'{"kind":"hand"}', b'{"kind":"policy","subject":"x","from_day":"2026-01-01","policy":""}'):
        with pytest.raises(ProposalError, match="not a proposal"):
            proposed.decode(raw)
    assert proposed.decode(proposed.encode(hand())) == hand()
    with pytest.raises(ProposalError, match="at most"):
        proposed.decode(b" " * 300_000)
