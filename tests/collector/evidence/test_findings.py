"""Findings in the collector: only by a key that counts, kept byte for byte, and held against what agents sent."""

from base64 import b64encode
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from collector.errors import FindingRefused, UnknownName
from collector.evidence.confirming import Confirmation, compare_live_test, confirm
from collector.evidence.findings import find_findings, import_findings, list_findings
from collector.evidence.pending import list_pending
from collector.evidence.registered import list_registered
from collector.ingest.rebuild import Period, rebuild
from collector.ingest.writer import Writer
from collector.registry import people, person_keys
from collector.registry.access import Scope
from collector.store.database import Connection
from protocol import log_leaf
from protocol.entry import Inspect
from protocol.findings import Findings, Nonced, Step, sign_findings
from protocol.interval import day_bounds_ms
from protocol.keys import ED25519, SigningKey
from protocol.note import Checkpoint, sign_checkpoint
from tests.collector.ingest.conftest import Enrol, offer
from tests.collector.province import IDLE, OFF, RUN, USCC, Piece, Province
from tests.light_agent import RECEIPT_KEY, START_MS, LightAgent

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
NONCE = "0f1e2d3c" * 4


def found(nonce: Nonced | None = None, **changes: Any) -> Findings:
    members: dict[str, Any] = {
        "v": 1, "asset": "A001", "place": "B-204", "plate": "SU8010", "inspectors": ("Wang",), "hosts": ("Li",),
        "begun": START_MS, "ended": START_MS + 3_600_000, "nonce": nonce, "verdict": "in-order",
    }  # fmt: skip
    return Findings(**members | changes)


def take(connection: Connection, raw: bytes) -> tuple[str, bool]:
    with connection.transaction():
        return import_findings(connection, raw, imported_by="Wang", now=NOW)


def agent_with(enrol: Enrol, agent_id: str = "em-01", *, nonce: str = NONCE, before: int = 2) -> LightAgent:
    """An agent whose entry 2 (or another) is the nonce."""
    agent = enrol(agent_id) if agent_id == "em-01" else enrol_second(enrol, agent_id)
    agent.append_readings(before)
    agent.append(Inspect(nonce))
    agent.append_readings(2)
    return agent


def enrol_second(enrol: Enrol, agent_id: str) -> LightAgent:
    return enrol(agent_id)


def nonced(agent: LightAgent, index: int = 2, *, with_slip: bool = True, **changes: Any) -> Nonced:
    note = b64encode(agent.checkpoint(index + 1)).decode() if with_slip else None
    members: dict[str, Any] = {"nonce": NONCE, "log": agent.origin, "index": index, "note": note} | changes
    return Nonced(**members)


def said(connection: Connection, nonce: Nonced | None) -> tuple[str, str]:
    confirmed = confirm(connection, found(nonce))
    assert confirmed.sentence
    return confirmed.verdict, confirmed.code


# Import


def test_the_exact_bytes_are_kept_once(enrol: Enrol, connection: Connection, wang: SigningKey) -> None:
    enrol()
    raw = sign_findings(found(), wang)
    sha256, is_new = take(connection, raw)
    assert (is_new, take(connection, raw)) == (True, (sha256, False))
    [stored] = list_findings(connection, asset_no="A001")
    assert (stored.body, stored.signer, stored.imported_by) == (raw, "Wang", "Wang")
    assert stored.findings == found()


def test_a_key_that_nobody_registered_is_refused(enrol: Enrol, connection: Connection, wang: SigningKey) -> None:
    enrol()
    for key in (SigningKey("jishi.example/person/eve", ED25519, b"e" * 32), SigningKey(wang.name, ED25519, b"e" * 32)):
        with pytest.raises(FindingRefused):
            take(connection, sign_findings(found(), key))
    assert list_findings(connection) == []


@pytest.mark.parametrize("raw", [b"", b"hello", b"a\n\nb\n"])
def test_what_is_no_note_is_refused(connection: Connection, raw: bytes) -> None:
    with pytest.raises(FindingRefused):
        take(connection, raw)


def test_an_unknown_instrument_is_refused(connection: Connection, wang: SigningKey) -> None:
    with pytest.raises(UnknownName):
        take(connection, sign_findings(found(asset="A404"), wang))


def test_a_revoked_key_signs_nothing_more_and_what_it_signed_is_marked(
    enrol: Enrol, connection: Connection, wang: SigningKey
) -> None:
    enrol()
    before = sign_findings(found(), wang)
    sha256, _ = take(connection, before)
    li = people.find_person(connection, "Li")
    person_keys.revoke(connection, wang.name, by=li, why="stolen", now=NOW)
    with pytest.raises(FindingRefused, match="stolen"):
        take(connection, sign_findings(found(remarks="back-dated"), wang))
    assert take(connection, before) == (sha256, False)
    [stored] = list_findings(connection)
    assert stored.revoked_at == NOW


def test_findings_are_facts(enrol: Enrol, connection: Connection, wang: SigningKey) -> None:
    enrol()
    take(connection, sign_findings(found(), wang))
    for change in (b"DELETE FROM finding", b"UPDATE finding SET body = 'x'"):
        with pytest.raises(psycopg.errors.RestrictViolation):
            connection.execute(change)


def test_they_are_seen_in_their_scope_alone(enrol: Enrol, connection: Connection, wang: SigningKey) -> None:
    enrol()
    sha256, _ = take(connection, sign_findings(found(), wang))
    assert find_findings(connection, sha256, scope=Scope("instrument", "A001")) is not None
    for scope in (Scope("instrument", "A002"), Scope("unit", USCC)):
        assert find_findings(connection, sha256, scope=scope) is None


def test_they_come_into_the_collectors_log_once(enrol: Enrol, connection: Connection, wang: SigningKey) -> None:
    enrol()
    sha256, _ = take(connection, sign_findings(found(), wang))
    leaves = [each.leaf for each in list_pending(connection, now=NOW).leaves]
    assert [leaf for leaf in leaves if isinstance(leaf, log_leaf.Finding)] == [log_leaf.Finding(sha256=sha256)]


def test_keys_and_their_revocations_are_statements(enrol: Enrol, connection: Connection, wang: SigningKey) -> None:
    enrol()
    person_keys.revoke(connection, wang.name, by=people.find_person(connection, "Li"), why="stolen", now=NOW)
    told = [each.raw for each in list_registered(connection, None) if b"/person/" in each.raw]
    assert [raw.split(b",")[0] for raw in told] == [b'["person-key"', b'["revocation"']
    assert [each.raw for each in list_registered(connection, "A001") if b"/person/" in each.raw] == []


# The nonce


def test_a_nonce_under_its_checkpoint_is_confirmed(enrol: Enrol, writer: Writer, connection: Connection) -> None:
    agent = agent_with(enrol)
    writer.write([offer(agent)])
    assert said(connection, nonced(agent)) == ("confirmed", "confirmed")
    assert said(connection, nonced(agent, with_slip=False)) == ("confirmed", "confirmed_by_hand")
    assert confirm(connection, found(nonced(agent))).received_at is not None


def test_a_log_that_has_not_come_so_far_is_waited_for(enrol: Enrol, writer: Writer, connection: Connection) -> None:
    agent = agent_with(enrol)
    assert said(connection, nonced(agent)) == ("waiting", "waiting")
    writer.write([offer(agent, 0, 2)])
    assert said(connection, nonced(agent)) == ("waiting", "waiting")
    writer.write([offer(agent, 2)])
    assert said(connection, nonced(agent)) == ("confirmed", "confirmed")


def test_a_log_that_nobody_enrolled_contradicts(enrol: Enrol, writer: Writer, connection: Connection) -> None:
    agent = agent_with(enrol)
    writer.write([offer(agent)])
    other = LightAgent("em-02")
    assert said(connection, Nonced(nonce=NONCE, log=other.origin, index=2)) == ("contradicted", "unknown_log")


def test_a_nonce_that_went_to_another_log_is_found_there(enrol: Enrol, writer: Writer, connection: Connection) -> None:
    agent = agent_with(enrol, nonce="ee" * 16)
    writer.write([offer(agent)])
    connection.execute("UPDATE landmark SET body = replace(convert_from(body, 'UTF8'), %s, %s)::bytea WHERE kind = %s",
                       ["ee" * 16, NONCE, "inspect"])  # fmt: skip
    connection.execute("INSERT INTO agent (agent_id, last_epoch) VALUES ('em-09', 1)")
    second = LightAgent("em-09")
    connection.execute("INSERT INTO journal (origin, agent_id, epoch, vkey) VALUES (%s, 'em-09', 1, %s)",
                       [second.origin, second.vkey])  # fmt: skip
    connection.execute("INSERT INTO measurement (agent_id, watcher, channel, asset_no, from_day)"
                       " VALUES ('em-09', 'meter1', 'power', 'A001', '2020-01-01')")  # fmt: skip
    assert said(connection, Nonced(nonce=NONCE, log=second.origin, index=2)) == ("contradicted", "other_log")


def test_another_index_contradicts(enrol: Enrol, writer: Writer, connection: Connection) -> None:
    agent = agent_with(enrol)
    writer.write([offer(agent)])
    assert said(connection, nonced(agent, 3, with_slip=False)) == ("contradicted", "other_index")
    assert said(connection, nonced(agent, 3)) == ("contradicted", "other_index")


def test_another_entry_at_the_index_contradicts(enrol: Enrol, writer: Writer, connection: Connection) -> None:
    agent = agent_with(enrol, nonce="ee" * 16)
    writer.write([offer(agent)])
    assert said(connection, nonced(agent)) == ("contradicted", "other_entry")


def test_a_slip_over_another_tree_is_a_fork(enrol: Enrol, writer: Writer, connection: Connection) -> None:
    """The host showed the inspector one history and sent another; it signed both."""
    agent = agent_with(enrol)
    twin = LightAgent()
    twin.append_readings(2, power_mw=5_000)
    twin.append(Inspect(NONCE))
    writer.write([offer(agent)])
    assert said(connection, nonced(twin)) == ("contradicted", "fork")


def test_a_slip_that_the_agent_did_not_sign_contradicts(enrol: Enrol, writer: Writer, connection: Connection) -> None:
    agent = agent_with(enrol)
    writer.write([offer(agent)])
    eve = SigningKey(agent.origin, ED25519, b"e" * 32)
    forged = sign_checkpoint(Checkpoint(agent.origin, 3, agent.root(3)), eve)
    assert said(connection, nonced(agent, note=b64encode(forged).decode())) == ("contradicted", "not_signed")
    longer = b64encode(agent.checkpoint(5)).decode()
    assert said(connection, nonced(agent, note=longer)) == ("contradicted", "other_entry")


def test_an_agent_of_another_instrument_contradicts(enrol: Enrol, writer: Writer, connection: Connection) -> None:
    agent = agent_with(enrol)
    writer.write([offer(agent)])
    connection.execute("INSERT INTO instrument (asset_no, name_zh, model) VALUES ('A002', '烘箱', '')")
    confirmed = confirm(connection, found(nonced(agent), asset="A002"))
    assert confirmed.code == "not_this_instrument"


def test_no_nonce_is_neither(connection: Connection) -> None:
    assert said(connection, None) == ("none", "none")


def test_what_is_made_again_confirms_as_before(enrol: Enrol, writer: Writer, connection: Connection) -> None:
    agent = agent_with(enrol)
    writer.write([offer(agent)])
    connection.execute("DELETE FROM landmark")
    list(rebuild(connection, Period(0, 2**42), receipt_key=RECEIPT_KEY.verifier))
    assert said(connection, nonced(agent))[1] == "confirmed"


# The live test


def steps(*told: tuple[Any, int]) -> tuple[Step, ...]:
    midnight_ms, _ = day_bounds_ms(MONDAY)
    return tuple(Step(do=do, at=midnight_ms + at_s * 1000) for do, at_s in told)


MONDAY = date(2026, 11, 16)
TEST = (("off", 36_000), ("run", 36_600), ("end", 37_200))


def observed(province: Province, pieces: Iterable[tuple[int, int, int]]) -> list[bool]:
    province.add_instrument("A001")
    origin = province.add_agent("em-01", "A001")
    province.observe(origin, *(Piece(MONDAY, start_s, end_s, power) for start_s, end_s, power in pieces))
    province.derive(MONDAY + timedelta(days=1))
    midnight_ms, end_ms = day_bounds_ms(MONDAY)
    checked = found(begun=midnight_ms, ended=end_ms, steps=steps(*TEST))
    return [each.agrees for each in compare_live_test(province.connection, checked)]


def test_what_the_watcher_saw_agrees_with_the_steps(province: Province) -> None:
    assert observed(province, [(35_000, 36_600, OFF), (36_600, 38_000, RUN)]) == [True, True]


def test_a_meter_on_another_load_differs(province: Province) -> None:
    assert observed(province, [(35_000, 38_000, IDLE)]) == [False, False]


def test_no_steps_are_no_comparison(connection: Connection) -> None:
    assert compare_live_test(connection, found()) == []


def test_confirmation_has_words_for_each_code() -> None:
    from typing import get_args

    from collector.evidence.confirming import SAID, Code

    assert set(SAID) == set(get_args(Code))
    assert Confirmation("none", {}).verdict == "none"
