"""Leaves of the collector's log and statements of the registry: one byte string each, and nothing else is read."""

from datetime import date

import pytest

from protocol import log_leaf, registered
from protocol.errors import MalformedLeaf, TooLarge

HASH = "ab" * 32
USCC = "12100000400000624D"

LEAVES: dict[str, tuple[log_leaf.Leaf, bytes]] = {
    "opened": (
        log_leaf.Opened(log="2026-1", key="k", receipt="r", predecessor="", why="first log"),
        b'{"v":1,"k":"opened","log":"2026-1","key":"k","receipt":"r","predecessor":"","why":"first log"}',
    ),
    "minute": (
        log_leaf.Minute(t=1764554716, random=HASH, receipts=128, root=HASH),
        f'{{"v":1,"k":"minute","t":1764554716,"random":"{HASH}","receipts":128,"root":"{HASH}"}}'.encode(),
    ),
    "fact": (log_leaf.Fact(sha256=HASH), f'{{"v":1,"k":"fact","sha256":"{HASH}"}}'.encode()),
    "registered": (log_leaf.Registered(sha256=HASH), f'{{"v":1,"k":"registered","sha256":"{HASH}"}}'.encode()),
    "finding": (log_leaf.Finding(sha256=HASH), f'{{"v":1,"k":"finding","sha256":"{HASH}"}}'.encode()),
    "closed": (
        log_leaf.Closed(day="2026-03-02", unit=USCC, records=3, root=HASH),
        f'{{"v":1,"k":"closed","day":"2026-03-02","unit":"{USCC}","records":3,"root":"{HASH}"}}'.encode(),
    ),
}

STATEMENTS: dict[str, tuple[registered.Statement, str]] = {
    "unit": (registered.Unit(USCC, "某大学"), f'["unit","{USCC}","某大学"]'),
    "instrument": (registered.Instrument("A001", "SU8010"), '["instrument","A001","SU8010"]'),
    "ownership": (
        registered.Ownership("A001", USCC, "2026-01-01", 17),
        f'["ownership","A001","{USCC}","2026-01-01",17]',
    ),
    "model": (registered.Model("A001", "SU8020", "2026-06-01", 3), '["model","A001","SU8020","2026-06-01",3]'),
    "measurement": (
        registered.Measurement("em-01", "meter1", "power", "A001", "2026-01-01", 5),
        '["measurement","em-01","meter1","power","A001","2026-01-01",5]',
    ),
    "policy": (
        registered.PolicyInForce("A001", "", "2026-03-01", HASH, 12),
        f'["policy","A001","","2026-03-01","{HASH}",12]',
    ),
    "enrolment": (registered.Enrolment("j.example/a/em-01/1", "k", 7), '["enrolment","j.example/a/em-01/1","k",7]'),
    "revocation": (
        registered.Revocation("j.example/a/em-01/1", 7, "the PC was sold"),
        '["revocation","j.example/a/em-01/1",7,"the PC was sold"]',
    ),
    "epoch": (
        registered.Epoch("j.example/a/em-01/2", "j.example/a/em-01/1", "fork", 1200, 1199, 7),
        '["epoch","j.example/a/em-01/2","j.example/a/em-01/1","fork",1200,1199,7]',
    ),
    "person-key": (registered.PersonKey("k", "Wang", 7), '["person-key","k","Wang",7]'),
}


@pytest.mark.parametrize("kind", log_leaf.KINDS)
def test_a_leaf_has_one_byte_string(kind: str) -> None:
    leaf, raw = LEAVES[kind]
    assert log_leaf.encode(leaf) == raw
    assert log_leaf.decode(raw) == leaf


@pytest.mark.parametrize("kind", registered.KINDS)
def test_a_statement_has_one_byte_string(kind: str) -> None:
    statement, text = STATEMENTS[kind]
    assert registered.encode(statement) == text.encode()
    assert registered.decode(text.encode()) == statement


@pytest.mark.parametrize("raw", [
    b"{}", b"[]", b'{"k":"fact","v":1,"sha256":"' + HASH.encode() + b'"}',
    b'{"v":2,"k":"fact","sha256":"' + HASH.encode() + b'"}',
    b'{"v":1,"k":"fact","sha256":"' + HASH.encode() + b'","x":1}',
    b'{"v":1, "k":"fact","sha256":"' + HASH.encode() + b'"}',
    b'{"v":1,"k":"closed","day":"2026-3-02","unit":"","records":3,"root":"' + HASH.encode() + b'"}',
    b'{"v":1,"k":"guess","sha256":"' + HASH.encode() + b'"}',
])  # fmt: skip
def test_anything_else_is_no_leaf(raw: bytes) -> None:
    with pytest.raises(MalformedLeaf):
        log_leaf.decode(raw)
    with pytest.raises(TooLarge):
        log_leaf.decode(raw.ljust(9000))


@pytest.mark.parametrize("text", [
    "[]", '["unit"]', '["guess",1]', '["model","A001","X","2026-02-30",3]', '["model","A001","X","2026-02-03",3.0]',
    '["instrument", "A001","SU8010"]', '["enrolment","j.example/a/em-01/1","k",7,8]',
])  # fmt: skip
def test_anything_else_is_no_statement(text: str) -> None:
    with pytest.raises(MalformedLeaf):
        registered.decode(text.encode())
    with pytest.raises(TooLarge):
        registered.decode(text.encode().ljust(9000))


def test_what_is_not_readable_is_not_written() -> None:
    with pytest.raises(ValueError, match="not a leaf"):
        log_leaf.encode(log_leaf.Fact(sha256="short"))
    with pytest.raises(ValueError, match="not a statement"):
        registered.encode(registered.Unit("short", "x"))


def test_a_closed_leaf_names_record_and_grades() -> None:
    record = log_leaf.ClosedRecord("A001", "2026-03-02", 2, HASH, "")
    assert log_leaf.closed_leaf(record) == f'["record","A001","2026-03-02",2,"{HASH}",""]'.encode()


def test_statements_say_what_holds_for_an_instrument() -> None:
    policy = (
        b'{"v":1,"name":"p","valid_mw":[0,9000000],"standby":{"on_mw":2,"off_mw":1,"on_ms":0,"off_ms":0},'
        b'"run":{"on_mw":4,"off_mw":3,"on_ms":0,"off_ms":0},"gap_ms":60000}'
    )
    identity = registered.identity(policy)
    history = registered.history_of(
        [
            registered.Instrument("A001", "SU8010"),
            registered.Instrument("B001", "other"),
            registered.Model("A001", "SU8020", "2026-06-01", 3),
            registered.Ownership("A001", USCC, "2026-01-01", 1),
            registered.Ownership("A001", "", "2026-07-01", 2),
            registered.Ownership("B001", USCC, "2026-01-01", 3),
            registered.PolicyInForce("", "SU8020", "2026-01-01", identity, 1),
            registered.PolicyInForce("B001", "", "2026-01-01", identity, 2),
            registered.Measurement("em-01", "meter1", "power", "A001", "2026-01-01", 5),
            registered.Measurement("em-01", "meter1", "power", "", "2026-08-01", 6),
        ],
        {identity: policy},
        "A001",
    )
    assert history.model_on(date(2026, 5, 31)) == "SU8010"
    assert history.model_on(date(2026, 6, 1)) == "SU8020"
    assert (history.owner_on(date(2026, 6, 30)), history.owner_on(date(2026, 7, 1))) == (USCC, "")
    assert history.policy_on(date(2026, 5, 31)) is None
    held = history.policy_on(date(2026, 6, 1))
    assert held is not None
    assert held.sha256 == identity
    assert [fact.asset_no for fact in history.measurements] == ["A001", None]


def test_a_policy_that_was_not_given_is_missed() -> None:
    with pytest.raises(KeyError):
        registered.history_of([registered.PolicyInForce("A001", "", "2026-01-01", HASH, 2)], {}, "A001")
