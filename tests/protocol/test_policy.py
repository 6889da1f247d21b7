"""A policy file has one meaning or none, and says which member is wrong."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import MalformedPolicy
from protocol.policy import MAX_POLICY_BYTES, Counter, EvidenceRule, Trigger, parse_policy

SEM = {
    "v": 1,
    "name": "SEM 电子显微镜",
    "valid_mw": [0, 15_000_000],
    "standby": {"on_mw": 40_000, "off_mw": 25_000, "on_ms": 20_000, "off_ms": 60_000},
    "run": {"on_mw": 900_000, "off_mw": 600_000, "on_ms": 20_000, "off_ms": 180_000},
    "gap_ms": 60_000,
}


CONTACT = {"class": "contact", "channel": "beam", "words": {"closed": "run", "open": "standby"}}
FILES = {"class": "files", "channel": "growth", "at_least": 1, "hold_ms": 120_000}


def written(policy):
    return json.dumps(policy, ensure_ascii=False).encode()


def changed(path, value):
    """The example with one member changed; a value of None takes it away."""
    policy = json.loads(json.dumps(SEM))
    *outer, last = path.split(".")
    place = policy
    for name in outer:
        place = place[name]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return policy


def test_a_policy_is_read():
    policy = parse_policy(written(SEM))
    assert policy.name == "SEM 电子显微镜"
    assert policy.valid_mw == (0, 15_000_000)
    assert policy.standby == Trigger(on_mw=40_000, off_mw=25_000, on_ms=20_000, off_ms=60_000)
    assert policy.run == Trigger(on_mw=900_000, off_mw=600_000, on_ms=20_000, off_ms=180_000)
    assert policy.gap_ms == 60_000
    assert policy.frozen_ms is None


def test_a_policy_may_name_the_counter_and_other_evidence():
    full = changed("evidence", [CONTACT, FILES]) | {"counter": {"step_mwh": 1000, "window_ms": 60_000}}
    policy = parse_policy(written(full))
    assert policy.counter == Counter(step_mwh=1000, window_ms=60_000)
    assert policy.evidence == (
        EvidenceRule("contact", "beam", words={"closed": "run", "open": "standby"}),
        EvidenceRule("files", "growth", at_least=1, hold_ms=120_000),
    )
    assert policy.channels() == ("beam", "growth", "power")
    assert policy.levels("growth") == (1,)
    assert policy.levels("beam") == policy.levels("other") == ()


def test_the_memory_is_a_gap_and_a_window_or_the_longest_hold():
    assert parse_policy(written(SEM)).memory_ms() == 60_000
    held = changed("evidence", [FILES])
    assert parse_policy(written(held)).memory_ms() == 120_000
    counted = changed("counter", {"step_mwh": 1000, "window_ms": 300_000})
    assert parse_policy(written(counted)).memory_ms() == 360_000
    assert parse_policy(written(counted)).horizon_ms() == 180_000 + 60_000 + 300_000


def test_its_identity_is_the_hash_of_the_bytes_whatever_their_form():
    compact, spread = written(SEM), json.dumps(SEM, indent=2).encode() + b"\n"
    assert parse_policy(compact).sha256 == hashlib.sha256(compact).hexdigest()
    assert parse_policy(spread).sha256 == hashlib.sha256(spread).hexdigest()
    assert parse_policy(spread).sha256 != parse_policy(compact).sha256


def test_levels_are_the_thresholds_ascending_each_once():
    assert parse_policy(written(SEM)).levels() == (25_000, 40_000, 600_000, 900_000)
    shared = changed("run.off_mw", 40_000)
    assert parse_policy(written(shared)).levels() == (25_000, 40_000, 900_000)


def test_the_horizon_is_the_longest_dwell_and_one_gap():
    assert parse_policy(written(SEM)).horizon_ms() == 180_000 + 60_000
    assert parse_policy(written(changed("standby.on_ms", 200_000))).horizon_ms() == 200_000 + 60_000


@pytest.mark.parametrize(
    "path, value, said",
    [
        ("v", 2, "v is 2; this program knows version 1 only"),
        ("v", None, "`v`; add the member"),
        ("gap_ms", None, "`gap_ms`; add the member"),
        ("standby.on_ms", None, "`on_ms` - at `$.standby`; add the member"),
        ("gapms", 60_000, "`gapms`; remove the member or correct its spelling"),
        ("run.on_w", 900, "`on_w` - at `$.run`; remove the member or correct its spelling"),
        ("gap_ms", "60000", "at `$.gap_ms`; correct the value's type"),
        ("gap_ms", True, "at `$.gap_ms`; correct the value's type"),
        ("valid_mw", [0], "at `$.valid_mw`; correct the value's type"),
        ("valid_mw", [0, 1, 2], "at `$.valid_mw`; correct the value's type"),
        ("run", [1, 2, 3, 4], "at `$.run`; correct the value's type"),
        ("gap_ms", 60_000.0, "'60000.0' is not an integer; write whole"),
        ("run.on_mw", 9e5, "is not an integer; write whole"),
        ("gap_ms", float("nan"), "'NaN' is not an integer"),
        ("name", "", "name must be 1 to 120 printable characters"),
        ("name", "  ", "name must be 1 to 120 printable characters"),
        ("name", "two\nlines", "name must be 1 to 120 printable characters"),
        ("name", "x" * 121, "name must be 1 to 120 printable characters"),
        ("valid_mw", [5, 5], "valid_mw is [5, 5]; write [lowest, highest]"),
        ("valid_mw", [0, 10**13], "write [lowest, highest] believable power"),
        ("valid_mw", [0, 800_000], "run.off_mw and run.on_mw must lie inside valid_mw"),
        ("valid_mw", [30_000, 10**7], "standby.off_mw and standby.on_mw must lie inside valid_mw"),
        ("standby.off_mw", 40_000, "standby.off_mw 40000 is not below standby.on_mw 40000; lower it"),
        ("run.off_mw", 900_000, "run.off_mw 900000 is not below run.on_mw 900000; lower it"),
        ("standby.on_mw", 900_001, "standby.on_mw 900001 is above run.on_mw 900000"),
        ("run.off_mw", 24_999, "standby.off_mw 25000 is above run.off_mw 24999"),
        ("standby.on_ms", -1, "standby.on_ms is -1; write 0 to 3600000 ms"),
        ("run.off_ms", 3_600_001, "run.off_ms is 3600001; write 0 to 3600000 ms"),
        ("gap_ms", 999, "gap_ms is 999; write 1000 to 3600000 ms"),
        ("gap_ms", 3_600_001, "gap_ms is 3600001; write 1000 to 3600000 ms"),
        ("frozen_ms", 59_999, "frozen_ms is 59999; write gap_ms 60000 to"),
        ("counter", {"step_mwh": 0, "window_ms": 60_000}, "counter.step_mwh is 0; write by how many mWh"),
        ("counter", {"step_mwh": 1000}, "`window_ms` - at `$.counter`; add the member"),
        ("counter", {"step_mwh": 1000, "window_ms": 70_000}, "counter.window_ms is 70000; write a part of an hour"),
        (
            "counter",
            {"step_mwh": 1000, "window_ms": 1_800_000},
            "counter.window_ms is 1800000; write a part of",
        ),
        ("counter", {"step_mwh": 10_000, "window_ms": 60_000}, "is coarser than half of either trigger's band"),
        (
            "evidence",
            [{"class": "meter", "channel": "x", "at_least": 1}],
            "Invalid enum value 'meter' - at `$.ev",
        ),
        ("evidence", [{"class": "files", "channel": "a b", "at_least": 1}], "evidence[0].channel is 'a b'; name"),
        ("evidence", [{"class": "files", "channel": "power", "at_least": 1}], "evidence[0].channel is 'power'; name"),
        ("evidence", [{"class": "files", "channel": "growth"}], "evidence[0] must have exactly one of words and"),
        ("evidence", [CONTACT, CONTACT], "evidence[1].channel 'beam' has a rule already; keep one"),
        ("evidence", [{**CONTACT, "at_least": 1}], "evidence[0] must have exactly one of words and at_least"),
        ("evidence", [{**CONTACT, "words": {}}], "evidence[0].words is empty or has a hold_ms"),
        ("evidence", [{**CONTACT, "hold_ms": 5}], "evidence[0].words is empty or has a hold_ms"),
        ("evidence", [{**CONTACT, "words": {"closed": "busy"}}], "Invalid enum value 'busy'"),
        ("evidence", [{**FILES, "hold_ms": 3_600_001}], "evidence[0].hold_ms is 3600001; write 0 to 3600000 ms"),
        ("evidence", [{**FILES, "channel": f"growth{n}"} for n in range(17)], "evidence has 17 rules; at most 16"),
    ],
)
def test_what_is_wrong_is_named_with_its_remedy(path, value, said):
    with pytest.raises(MalformedPolicy) as refusal:
        parse_policy(written(changed(path, value)))
    assert said in str(refusal.value)


def test_all_faults_are_said_at_once():
    policy = changed("gap_ms", 1)
    policy["name"] = ""
    with pytest.raises(MalformedPolicy, match=r"name must be .*; gap_ms is 1"):
        parse_policy(written(policy))


@pytest.mark.parametrize("member", ['"gap_ms":60000,', '"run":{"on_mw":1,"off_mw":0,"on_ms":0,"off_ms":0},'])
def test_a_member_given_twice_is_refused_because_readers_differ_in_which_they_take(member):
    with pytest.raises(MalformedPolicy, match="is given twice; keep one"):
        parse_policy(b"{" + member.encode() + written(SEM)[1:])


def test_a_member_given_twice_inside_a_trigger_is_refused_too():
    with pytest.raises(MalformedPolicy, match="'on_ms' is given twice"):
        parse_policy(written(SEM).replace(b'"on_ms": 20000,', b'"on_ms": 20000, "on_ms": 1,', 1))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe",
        b"\xef\xbb\xbf" + written(SEM),
        written(SEM).decode().encode("utf-16"),
        written(SEM) + b"x",
        b"[" * 60_000,
        b'{"v":' + b"9" * 60_000 + b"}",
        b'{"v":' + b"9" * 4_000 + b"}",
        written(SEM) + b" " * MAX_POLICY_BYTES,
    ],
    ids=lambda raw: f"{raw[:12]!r}-{len(raw)}",
)
def test_other_bytes_raise_the_one_error(raw):
    with pytest.raises(MalformedPolicy):
        parse_policy(raw)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_raise_nothing_else(raw):
    with pytest.raises(MalformedPolicy):
        parse_policy(raw)


@given(st.integers(0, len(written(SEM)) - 1), st.binary(min_size=0, max_size=3))
def test_a_damaged_policy_is_refused_or_another_one(place, patch):
    raw = written(SEM)
    damaged = raw[:place] + patch + raw[place + len(patch) + 1 :]
    try:
        policy = parse_policy(damaged)
    except MalformedPolicy:
        return
    assert policy.standby.off_mw < policy.standby.on_mw <= policy.run.on_mw
    assert policy.standby.off_mw <= policy.run.off_mw < policy.run.on_mw
