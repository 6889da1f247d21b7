"""The collector's operator in a round of evaluation: quiet changes of points, chosen visits, an accusation of nothing.

He has every command and the database's owner's rights. A year of units is generated (tests/collector/evaluation), its
round is closed by an evaluator; each attack has a copy of that database, and commands of the product look at it.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from collector.evidence.findings import import_findings
from collector.registry import units
from protocol import note
from protocol.findings import Findings, sign_findings
from protocol.keys import ED25519, SigningKey
from tests.collector.evaluation.following import closed, officer
from tests.collector.evaluation.test_rounds import TAMPERED
from tests.collector.evaluation.world import LAST, XIAN, World, generate, owner_on
from tests.collector.person_keys import register_key
from tests.collector.province import USCC
from tests.threats.office import Office, Settings
from tests.threats.place import Place

SEED = "4 2 6 1 5"
WHY = ("--why", "test", "--by", "Wang")
ZHAO = SigningKey("jishi.example/person/zhaomin", ED25519, b"z" * 32)
INSPECTOR = SigningKey("jishi.example/person/sun", ED25519, b"s" * 32)
WANG = SigningKey("jishi.example/person/wang-2", ED25519, b"2" * 32)
FLAG = """
INSERT INTO flag (sha256, body, asset_no, rule, version, first_day, last_day, weight)
SELECT encode(sha256('x'), 'hex'), 'x', name, 'two-places', 1, '2025-03-02', '2025-03-02', 40
FROM round_member WHERE is_in AND kind = 'instrument' ORDER BY name DESC LIMIT 1
"""


class Court:
    """A closed round of 2025; `findings` by verdict are those of an instrument of XIAN, `base` is never altered."""

    def __init__(self, office: Office) -> None:
        units.register_unit(office.connection, USCC, name_zh="西安测试大学")
        world = generate(office.province, 7)
        world.freeze()
        closed(world)
        world.person("Wang", "evaluator")
        world.person("zhaomin", "approver")
        officer(world, XIAN)
        register_key(office.connection, ZHAO, person="zhaomin")
        register_key(office.connection, INSPECTOR, person="sun")
        register_key(office.connection, WANG, person="Wang")
        own = [each.name for each in world.held if each.kind == "instrument" and owner_on(each, LAST) == XIAN]
        self.findings = {verdict: _found(world, own[0], verdict) for verdict in ("not-in-order", "in-order")}
        world.connection.execute(FLAG)
        world.connection.close()
        self.base = office

    def copy(self, to: Path) -> Place:
        """The whole collector, for one attack."""
        to.mkdir()
        return self.base.place.moved(to, self.base.database.server.copy(self.base.database))


@pytest.fixture(scope="module")
def court(open_office: Callable[[Settings], Office]) -> Court:
    return Court(open_office({}))


@pytest.fixture
def place(court: Court, tmp_path: Path) -> Iterator[Place]:
    """A copy for one attack. Shadows that of the evening: here nobody delivered anything."""
    made = court.copy(tmp_path / "copy")
    yield made
    made.database.drop()


def test_quiet_changes_are_refused_by_the_tables_and_found_by_whoever_computes_again(place: Place) -> None:
    """Points, ranks, ratings, whose figures count; and what an upheld objection left of what was."""
    assert _done(place, "evaluate", "announce", "2025", "--days", "10", *WHY)
    _done(place, "evaluate", "object", "2025", XIAN, "5", "--why", "it ran until June", "--by", "li.na")
    corrected = ("--measure", "average_effective", "--figure", "7200000/3")
    _done(place, "evaluate", "answer", "2025", "1", "upheld", *corrected, *WHY)
    shown = _done(place, "evaluate", "--round", "2025")
    assert re.search(rf"amended by objection 1: {XIAN} indicator 5 \S+ was \S+, became 1000 ", shown)
    assert "differences=0" in _done(place, "evaluate", "--round", "2025", "--verify")
    changes = {
        **TAMPERED,
        "round_amendment": ("SET became = '1'", "amendment of "),
    }
    for table, (change, _) in changes.items():
        with psycopg.connect(place.database.dsn) as plain, pytest.raises(psycopg.errors.RestrictViolation):
            plain.execute(f"UPDATE {table} {change}".encode())
        assert place.sql(f"UPDATE {table} {change}") > 0
    told = place.collector("evaluate", "--round", "2025", "--verify")
    assert told.code == 1
    for table, (_, says) in changes.items():
        assert f"differs {says}" in told.said, f"{table}: {told.said}"
    assert "are not what is computed for them" in told.complained


def test_points_that_were_lowered_behind_the_program_are_found_by_the_rank(place: Place) -> None:
    assert "differences=0" in _done(place, "evaluate", "--round", "2025", "--verify")
    change = "UPDATE round_points SET hundredths = hundredths - 100 WHERE indicator = 3"
    with psycopg.connect(place.database.dsn) as plain, pytest.raises(psycopg.errors.RestrictViolation):
        plain.execute(change.encode())
    assert place.sql(change) > 0
    told = place.collector("evaluate", "--round", "2025", "--verify")
    assert told.code == 1
    assert "differs score of " in told.said


def test_whom_a_draw_visits_is_drawn_again_by_anybody_and_another_choice_is_found(place: Place) -> None:
    drawn = _done(place, "evaluate", "draw", "2025", "--seed", SEED, "--by-flags", "1", "--by-seed", "1", *WHY)
    ranked = [uscc for (uscc,) in place.rows("SELECT uscc FROM round_score")]
    first = min(ranked, key=lambda uscc: hashlib.sha256(f"jishi-visits/v1\n2025\n{SEED}\n{uscc}\n".encode()).digest())
    assert re.search(rf"{first} by (seed|both)", drawn), "the draw is a rule that needs none of our code"
    [(flagged,)] = place.rows("SELECT uscc FROM round_visit WHERE reason IN ('flags', 'both')")
    assert f"{flagged} by " in drawn
    _done(place, "evaluate", "draw", "2025", "--seed", "one that suits", "--by-seed", "1", *WHY)
    shown = _done(place, "evaluate", "--round", "2025")
    assert [seed in shown for seed in (SEED, "one that suits")] == [True, True], "a draw that did not suit stays"
    assert "differences=0" in _done(place, "evaluate", "--round", "2025", "--verify")
    spared = "DELETE FROM round_draw WHERE draw_id = 1"
    chosen = f"UPDATE round_draw SET seed = 'another' WHERE seed = '{SEED}'"
    swapped = (
        "UPDATE round_visit v SET uscc = (SELECT min(uscc) FROM round_score s WHERE NOT EXISTS"
        " (SELECT FROM round_visit o WHERE o.draw_id = v.draw_id AND o.uscc = s.uscc)) WHERE draw_id = 2"
    )
    for change in (spared, chosen, swapped):
        with psycopg.connect(place.database.dsn) as plain, pytest.raises(psycopg.errors.RestrictViolation):
            plain.execute(change.encode())
    assert place.sql(swapped) == 1
    told = place.collector("evaluate", "--round", "2025", "--verify")
    assert told.code == 1
    assert "of a draw of visits" in told.said


def test_no_suspicion_opens_a_case_of_fraud_whoever_signs_it(court: Court, place: Place) -> None:
    """Nor a proof that the wrong person signed; what a second person signed on findings does."""
    finding = f"finding:{court.findings['not-in-order']}"
    [(flag,)] = place.rows("SELECT sha256 FROM flag")
    place.sql(
        f"INSERT INTO document (sha256, bytes, media_type, stored_by) VALUES ('{'d' * 64}', 1, 'application/pdf', 'x')"
    )
    for suspicion in (f"flag:{flag}", "suspicion", f"document:{'d' * 64}", f"finding:{court.findings['in-order']}",
                      f"finding:{'0' * 64}", f"decision:{'1' * 64}", f"fork:{'2' * 64}"):  # fmt: skip
        refused = place.collector(*_accuse(suspicion, "zhaomin"))
        assert (refused.code, refused.said) == (1, ""), suspicion
    assert "these are two people" in place.collector(*_accuse(finding, "Wang")).complained
    text = _done(place, *_accuse(finding, "zhaomin"))
    nobody = SigningKey("jishi.example/person/nobody", ED25519, b"n" * 32)
    altered = text.replace(finding, f"flag:{flag}")
    assert altered != text
    for said, key in ((text, WANG), (text, nobody), (altered, ZHAO)):
        assert _bring(place, said, key) == 1
    insert = (
        "INSERT INTO fraud_case (round_id, uscc, sha256, note, key_id, first_year, last_year, brought_by, brought_at)"
        " SELECT s.round_id, s.uscc, 'x', 'x', k.key_id, 2026, 2026, 'x', now() FROM round_score s, person_key k"
        f" WHERE s.uscc = '{XIAN}' LIMIT 1"
    )
    unproved = pytest.raises(psycopg.errors.IntegrityError, match="rests on no decision, no finding and no fork")
    with psycopg.connect(place.database.dsn, autocommit=True) as plain, unproved:
        plain.execute(insert.encode())
    assert place.rows("SELECT FROM fraud_case") == []
    assert _bring(place, text, ZHAO) == 0
    assert XIAN in _done(place, "case", "frauds")


def _accuse(evidence: str, approver: str) -> tuple[str, ...]:
    return ("case", "fraud", XIAN, "2025", "--evidence", evidence, "--years", "2027", "--approver", approver, *WHY)


def _bring(place: Place, text: str, key: SigningKey) -> int:
    (place.directory / "fraud.note").write_bytes(note.sign(text, key))
    return place.collector("case", "bring", "fraud.note", *WHY).code


def _done(place: Place, *words: str) -> str:
    done = place.collector(*words)
    assert done.code == 0, done.complained
    return done.said


def _found(world: World, asset: str, verdict: str) -> str:
    """The SHA-256 of findings at an instrument on the last day of the year."""
    begun = round(datetime(2025, 12, 31, 2, tzinfo=UTC).timestamp() * 1000)
    said = Findings(
        v=1, asset=asset, place="B-204", plate="no. 1", inspectors=("sun",), hosts=("li",), begun=begun,
        ended=begun + 3_600_000, verdict=verdict,  # type: ignore[arg-type]
    )  # fmt: skip
    with world.connection.transaction():
        sha256, _ = import_findings(
            world.connection, sign_findings(said, INSPECTOR), imported_by="Li", now=datetime.now(UTC)
        )
    return sha256
