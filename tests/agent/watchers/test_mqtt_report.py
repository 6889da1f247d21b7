"""Payloads are foreign bytes: a value or Nonsense, and nothing else."""

import contextlib
import json
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.watchers.mqtt_report import (
    MAX_PAYLOAD_BYTES,
    MOST,
    NOTHING,
    EnergyUnit,
    Message,
    Nonsense,
    Reachable,
    energy_mwh,
    find,
    is_pointer,
    number,
    power_mw,
    reachable,
    read_json,
    read_object,
    read_text,
    word,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def message(payload: bytes) -> Message:
    return Message("site/plug", payload)


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b"", "is no JSON"),
        (b"{", "is no JSON"),
        (b'{"power": NaN}', "is no JSON"),
        (b'{"power": Infinity}', "is no JSON"),
        (b'{"power": 1e999}', "is no JSON (Number out of range"),
        (b'"\xff\xfe"', "is no JSON"),
        (b"[" * 60_000, "is no JSON"),
        (b'{"a":' * 10_000, "is no JSON"),
        (b"9" * 5000, "is no JSON"),
        (b"x" * (MAX_PAYLOAD_BYTES + 1), "a message of 65537 bytes on site/plug; at most 65536 are read"),
        (b"[1]", "is no JSON object, which is expected"),
        (b"905", "is no JSON object"),
    ],
)
def test_what_is_no_object_is_named(payload: bytes, says: str) -> None:
    with pytest.raises(Nonsense) as caught:
        read_object(message(payload))
    assert caught.value.word == "garbage"
    assert says in str(caught.value)
    assert "site/plug" in str(caught.value)
    assert len(str(caught.value)) < 400


@given(st.binary() | st.text().map(str.encode) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_payload_raises_anything_but_nonsense(payload: bytes) -> None:
    for read in (read_json, read_object, read_text):
        with contextlib.suppress(Nonsense):
            assert read(message(payload)) is not payload


@given(JSON)
def test_no_value_gives_anything_but_a_finite_number_nothing_or_nonsense(value: object) -> None:
    try:
        found = number(value, where="power")
    except Nonsense:
        return
    assert found is None or (math.isfinite(found) and abs(found) <= MOST)


@pytest.mark.parametrize(
    "value", [True, False, "", "nan", "inf", "1_000", "0x10", "12 W", [1], {"w": 1}, 10**400, 1e13]
)
def test_what_is_no_number_is_not_made_one(value: object) -> None:
    with pytest.raises(Nonsense, match=r"power is .*, and a number is expected"):
        number(value, where="power")


@pytest.mark.parametrize(
    ("text", "value"), [("905", 905.0), ("-0.5", -0.5), (".5", 0.5), ("9.05e2", 905.0), ("5.", 5.0)]
)
def test_numbers_may_come_as_text(text: str, value: float) -> None:
    assert number(text, where="power") == value


def test_what_is_absent_is_nothing_and_never_zero() -> None:
    assert power_mw(None, "W", max_w=100, where="power") is None
    assert energy_mwh(None, "kWh", where="energy") is None
    assert word(None, where="state") is None


@pytest.mark.parametrize(
    ("value", "unit", "mwh"),
    [
        (1.646, "kWh", 1_646_000),
        (1646.032, "Wh", 1_646_032),
        (98_760, "Wmin", 1_646_000),
        (1, "Wmin", 17),
        (0, "Wh", 0),
    ],
)
def test_energy_comes_in_four_units(value: float, unit: EnergyUnit, mwh: int) -> None:
    assert energy_mwh(value, unit, where="energy") == mwh


def test_power_beyond_what_the_plug_can_carry_is_no_power() -> None:
    assert power_mw(4000, "W", max_w=4000, where="power") == 4_000_000
    assert power_mw(-1, "W", max_w=4000, where="power") == -1000
    for value, unit in ((4001, "W"), (-4001, "W"), (905, "kW")):
        with pytest.raises(Nonsense, match="more than max_w = 4000: correct the unit or max_w") as caught:
            power_mw(value, unit, max_w=4000, where="power")  # type: ignore[arg-type]
        assert caught.value.word == "absurd"


@pytest.mark.parametrize(("value", "unit"), [(-1, "Wh"), (1.1e9, "kWh")])
def test_energy_that_no_counter_shows_is_no_energy(value: float, unit: EnergyUnit) -> None:
    with pytest.raises(Nonsense, match="no energy counter"):
        energy_mwh(value, unit, where="energy")


@given(st.floats(0, 1e8), st.sampled_from(["Wh", "kWh", "Wmin"]))
def test_energy_keeps_its_order(value: float, unit: EnergyUnit) -> None:
    lower, upper = energy_mwh(value, unit, where="e"), energy_mwh(value + 1, unit, where="e")
    assert lower is not None
    assert upper is not None
    assert lower < upper


# RFC 6901, section 5
DOCUMENT = {
    "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6, " ": 7, "m~n": 8,
}  # fmt: skip


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", DOCUMENT), ("/foo", ["bar", "baz"]), ("/foo/0", "bar"), ("/", 0), ("/a~1b", 1), ("/c%d", 2), ("/e^f", 3),
        ("/g|h", 4), ("/i\\j", 5), ('/k"l', 6), ("/ ", 7), ("/m~0n", 8),
    ],
)  # fmt: skip
def test_pointers_lead_where_rfc_6901_says(pointer: str, value: object) -> None:
    assert is_pointer(pointer)
    assert find(DOCUMENT, pointer) == value


@pytest.mark.parametrize(
    "pointer", ["/nothing", "/foo/2", "/foo/-", "/foo/01", "/foo/x", "/foo/0/0", "/foo/-1", "/foo/²"]
)
def test_pointers_may_lead_nowhere(pointer: str) -> None:
    assert find(DOCUMENT, pointer) is None


@pytest.mark.parametrize("text", ["foo", "#/foo", "/a~b", "/~", "/~2"])
def test_what_is_no_pointer(text: str) -> None:
    assert not is_pointer(text)


@given(JSON, st.lists(st.text()).map(lambda tokens: "".join("/" + token for token in tokens)))
def test_a_pointer_never_raises(document: object, pointer: str) -> None:
    assert find(document, pointer) is None or msgspec.json.encode(document)


@pytest.mark.parametrize(
    ("value", "found"), [(" run ", "run"), (1, "1"), (True, "true"), (2.5, "2.5"), ("运行", "运行")]
)
def test_a_word_is_a_text_or_a_bare_value(value: object, found: str) -> None:
    assert word(value, where="state") == found


@pytest.mark.parametrize("value", ["", "  ", "x" * 65, "a\nb", ["run"], {"state": "run"}])
def test_what_is_no_word(value: object) -> None:
    with pytest.raises(Nonsense, match="a word of 1 to 64 characters is expected"):
        word(value, where="state")


def test_a_last_will_says_yes_no_or_nothing() -> None:
    def said(text: str) -> object:
        return reachable(text, yes="Online", no="Offline", source="the will", where="LWT")

    assert said("Online").reachable == Reachable("the will", True)  # type: ignore[attr-defined]
    assert said("Offline").reachable == Reachable("the will", False)  # type: ignore[attr-defined]
    assert said("") == NOTHING
    with pytest.raises(Nonsense, match="LWT is 'perhaps', and Online or Offline is expected"):
        said("perhaps")
