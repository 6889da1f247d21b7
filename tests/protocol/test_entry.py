"""Entries: one byte string per value, every rule of every kind, nothing else accepted."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import entry
from protocol.entry import Entry, Reading
from protocol.errors import MalformedEntry
from protocol.merkle import leaf_hash

Golden = Callable[[str], Any]

# What each golden entry must decode to, written by hand: bytes alone would not show a member read into another.
EXAMPLE = Entry(
    1241,
    1764554716036,
    72893813,
    "5f3a9c01",
    Reading(
        watcher="meter1",
        channel="power",
        start_mono_ms=72737790,
        durations_ms=(140013, 2001, 1990, 2017, 10002),
        means=(21959, 904900, 821200, 905800, 924211),
        lows=(21200, 904900, 821200, 905800, 909300),
        highs=(22900, 904900, 821200, 905800, 936200),
        deltas=(1000, 0, 1000, 0, 3000),
        counter=1646000,
    ),
)

SHA = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

integers = st.integers(-entry.MAX_INT, entry.MAX_INT)
naturals = st.integers(0, entry.MAX_INT)
monos = st.integers(0, entry.MAX_MONO_MS)
boots = st.text("0123456789abcdef", min_size=8, max_size=8)
names = st.from_regex(entry.NAME_PATTERN, fullmatch=True).filter(str.isascii)
texts = st.text(st.characters(exclude_categories=["Cs"], min_codepoint=32), min_size=1, max_size=80)
words = st.text(st.characters(exclude_categories=["Cs"], min_codepoint=32), min_size=1, max_size=20)


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    count = draw(st.integers(1, 12))

    def column(values: st.SearchStrategy[Any]) -> tuple[Any, ...]:
        return tuple(draw(st.lists(values, min_size=count, max_size=count)))

    shape = draw(st.sampled_from(["gauge", "meter", "state", "count", "event"]))
    common: dict[str, Any] = {"watcher": draw(names), "channel": draw(names), "start_mono_ms": draw(monos)}
    common["durations_ms"] = column(st.integers(0 if shape == "event" else 1, 300_000))
    if shape == "state":
        return Reading(**common, states=column(words))
    if shape == "count":
        return Reading(**common, counts=column(integers))
    if shape == "event":
        return Reading(**common, events=column(words))
    lows, means, highs = zip(*(sorted(three) for three in column(st.tuples(integers, integers, integers))), strict=True)
    if shape == "gauge":
        return Reading(**common, lows=lows, means=means, highs=highs)
    return Reading(**common, lows=lows, means=means, highs=highs, deltas=column(naturals), counter=draw(naturals))


hashes = st.text("0123456789abcdef", min_size=64, max_size=64)
ways = st.sampled_from(["command", "card", "page"])
ends = st.integers(entry.MIN_WALL_MS, entry.MAX_WALL_MS)
declared = {"asset": words, "operator": hashes}
declarations = st.one_of(
    st.builds(
        entry.Declaration,
        **declared,
        action=st.just("in"),
        how=ways,
        purpose=st.sampled_from(entry.PURPOSES),
        order=st.none() | words,
    ),
    st.builds(entry.Declaration, **declared, action=st.just("out"), how=ways),
    st.builds(entry.Declaration, **declared, action=st.just("out"), how=st.just("forgotten"), until_ms=ends),
)
bodies = st.one_of(
    readings(),
    st.builds(entry.Start, texts, st.lists(st.tuples(boots, naturals), max_size=3).map(tuple), naturals),
    st.builds(entry.Stop, texts),
    st.builds(entry.WatcherChange, names, st.sampled_from(["up", "down"]), texts, st.none() | monos),
    declarations,
    st.builds(entry.ClockJump, integers, st.sampled_from(["step", "suspend"])),
    st.builds(entry.Storage, texts),
    st.builds(entry.Inspect, words),
)
entries = st.builds(
    Entry, naturals, st.integers(entry.MIN_WALL_MS, entry.MAX_WALL_MS), monos, boots, bodies
)  # fmt: skip


def test_the_example_of_the_specification_decodes_to_its_figures(golden: Golden) -> None:
    raw = golden("entries")["accepted"][0]["raw"].encode()
    assert entry.decode(raw) == EXAMPLE
    assert entry.encode(EXAMPLE) == raw
    assert EXAMPLE.kind == "reading"
    assert 300 <= len(raw) <= 320


def test_every_golden_entry_decodes_and_encodes_to_the_same_bytes(golden: Golden) -> None:
    kinds = set()
    for one in golden("entries")["accepted"]:
        raw = one["raw"].encode()
        value = entry.decode(raw)
        assert entry.encode(value) == raw, one["name"]
        assert leaf_hash(raw).hex() == one["leaf"], one["name"]
        kinds.add(value.kind)
    assert kinds == set(entry.KINDS)


def test_every_golden_refusal_is_refused(golden: Golden) -> None:
    accepted = []
    for one in golden("entries")["refused"]:
        try:
            entry.decode(bytes.fromhex(one["raw_hex"]))
        except MalformedEntry:
            continue
        accepted.append(one["why"])
    assert accepted == []


def test_the_members_of_each_kind_are_read_into_their_fields(golden: Golden) -> None:
    raw = {one["name"]: one["raw"].encode() for one in golden("entries")["accepted"]}
    body = {name: entry.decode(text).body for name, text in raw.items()}
    assert body["start after a crash"] == entry.Start("0.1.0", (("5f3a9c01", 6), ("00000000", 2**53 - 1)), 17)
    assert body["start"] == entry.Start("0.1.0")
    assert body["state"] == Reading("software", "state", 5, (2000, 2000), states=("up", "采集"))
    assert body["count"] == Reading("files", "bytes", 5, (300000,), counts=(-(2**53) + 1,))
    assert body["watcher down"] == entry.WatcherChange("meter1", "down", 'no answer "3" times \\ 8 s')
    assert body["watcher up"] == entry.WatcherChange("meter1", "up", "answers", 72890000)
    assert body["clock step"] == entry.ClockJump(-31536000000, "step")
    assert body["storage"] == entry.Storage("fdatasync failed: EIO")
    assert body["declaration"] == entry.Declaration(
        asset="仪器-7", operator=SHA, action="in", how="page", purpose="service-order", order="SO-2026-17"
    )
    assert body["declaration without an order"] == entry.Declaration(
        asset="A001", operator=SHA, action="in", how="card", purpose="own-research"
    )
    assert body["declaration of an end"] == entry.Declaration(asset="A001", operator=SHA, action="out", how="command")
    assert body["declaration that was forgotten"] == entry.Declaration(
        asset="A001", operator=SHA, action="out", how="forgotten", until_ms=1_764_550_800_000
    )
    assert isinstance(body["genesis after another epoch"], entry.Genesis)
    assert body["genesis after another epoch"].why == "restored from an image"


@given(entries)
def test_encoding_and_decoding_gives_the_same_value_and_bytes(value: Entry) -> None:
    raw = entry.encode(value)
    assert entry.decode(raw) == value
    assert entry.encode(entry.decode(raw)) == raw
    assert b"\n" not in raw


@given(entries, st.data())
def test_no_second_byte_string_means_the_same_entry(value: Entry, data: st.DataObject) -> None:
    raw = entry.encode(value)
    at = data.draw(st.integers(0, len(raw)))
    other = data.draw(
        st.sampled_from([b" ", b"\n", b"0", b"-", b".0", b"e0", b"\\u0041", b"\\/", b",", b"{}", b"\x00", b"+"])
    )
    cut = data.draw(st.integers(0, 2))
    changed = raw[:at] + other + raw[at + cut :]
    try:
        found = entry.decode(changed)
    except MalformedEntry:
        return
    assert changed == raw or found != value


def test_make_places_a_body_in_the_log() -> None:
    made = entry.make(EXAMPLE.body, index=1241, wall_ms=1764554716036, mono_ms=72893813, boot="5f3a9c01")
    assert made == EXAMPLE


@pytest.mark.parametrize(
    "wrong",
    [
        Entry(-1, 0, 0, "00000000", entry.Stop("x")),
        Entry(0, entry.MAX_WALL_MS + 1, 0, "00000000", entry.Stop("x")),
        Entry(0, 0, -1, "00000000", entry.Stop("x")),
        Entry(0, 0, 0, "0000000", entry.Stop("x")),
        Entry(0, 0, 0, "00000000", entry.Stop("")),
        Entry(0, 0, 0, "00000000", entry.Stop("two\nlines")),
        Entry(0, 0, 0, "00000000", entry.Stop("\udc80")),
        Entry(0, 0, 0, "00000000", entry.Stop("x" * 501)),
        Entry(0, 1.5, 0, "00000000", entry.Stop("x")),  # type: ignore[arg-type]
        Entry(0, 0, 0, "00000000", entry.Storage(b"x")),  # type: ignore[arg-type]
        Entry(0, 0, 0, "00000000", Reading("m", "power", 0, (1,), counts=(2**53,))),
        Entry(0, 0, 0, "00000000", Reading("m", "power", 0, (1,), counts=(1.0,))),  # type: ignore[arg-type]
    ],
)
def test_a_value_of_ours_that_nobody_could_read_is_never_written(wrong: Entry) -> None:
    with pytest.raises(ValueError) as caught:
        entry.encode(wrong)
    assert not isinstance(caught.value, MalformedEntry)


def test_a_reading_that_breaks_a_rule_cannot_even_be_made() -> None:
    with pytest.raises(ValueError, match="exactly one"):
        Reading("m", "power", 0, (1,))
    with pytest.raises(ValueError, match="lo <= w <= hi"):
        Reading("m", "power", 0, (1,), means=(1,), lows=(2,), highs=(3,))
    with pytest.raises(ValueError, match="names a purpose"):
        entry.Declaration(asset="A001", operator=SHA, action="in", how="page")
    with pytest.raises(ValueError, match="at most 3600000 ms"):
        Reading("m", "power", 0, (3_600_000, 1), counts=(0, 0))


@given(readings(), st.integers(entry.MIN_WALL_MS, entry.MAX_WALL_MS), monos)
def test_every_instant_that_an_entry_can_name_is_a_date(body: Reading, wall_ms: int, mono_ms: int) -> None:
    value = entry.make(body, index=0, wall_ms=wall_ms, mono_ms=mono_ms, boot="00000000")
    end_ms = value.wall_ms - (value.mono_ms - body.start_mono_ms) + sum(body.durations_ms)
    for instant_ms in (end_ms - sum(body.durations_ms), end_ms):
        date = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=instant_ms, hours=8)
        assert 1500 < date.year < 9000


@given(st.text(st.characters(), max_size=600))
def test_cleaned_text_always_fits_an_entry(text: str) -> None:
    cleaned = entry.clean_text(text)
    assert entry.decode(entry.encode(Entry(0, 0, 0, "00000000", entry.Stop(cleaned)))).body == entry.Stop(cleaned)


def test_cleaning_keeps_what_people_wrote() -> None:
    assert entry.clean_text("设备 A001: no answer\r\n") == "设备 A001: no answer"
    assert entry.clean_text("\x00") == "-"
    assert entry.clean_text("x" * 600, 10) == "x" * 10


def test_a_message_quotes_foreign_bytes_on_one_line_of_ascii() -> None:
    foreign = b'{"v":1,"i":0,"t":0,"m":0,"b":"00000000","k":"stop","d":{"a\xc3\xa9\\n\\u0007' + b"x" * 900 + b'":1}}'
    with pytest.raises(MalformedEntry) as caught:
        entry.decode(foreign)
    message = str(caught.value)
    assert message.replace("…", "").isascii()
    assert message.isprintable()
    assert len(message) < 500


def _one_by_one(raws: Sequence[bytes]) -> list[Entry | None]:
    def decoded(raw: bytes) -> Entry | None:
        try:
            return entry.decode(raw)
        except MalformedEntry:
            return None

    return [decoded(raw) for raw in raws]


@given(st.lists(entries, max_size=6), st.data())
def test_decoding_all_is_decoding_each_whatever_was_altered(values: list[Entry], data: st.DataObject) -> None:
    """Altered by a byte put in, taken out or exchanged, and by cutting the row of entries at other places."""
    text = bytearray(b"".join(map(entry.encode, values)))
    lengths = [len(entry.encode(value)) for value in values]
    for _ in range(data.draw(st.integers(0, 2)) if text else 0):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 2))] = data.draw(st.sampled_from([b"", b"\n", b"}", b",", b"9", b"\\"]))
    shift = data.draw(st.integers(-2, 2))
    cuts = list(accumulate(length + shift for length in lengths))
    raws = [bytes(text[start:end]) for start, end in pairwise([0, *cuts])]
    assert entry.decode_all(raws) == _one_by_one(raws)


TWO = [Entry(index, EXAMPLE.wall_ms, EXAMPLE.mono_ms, EXAMPLE.boot, EXAMPLE.body) for index in (0, 1)]
FIRST, SECOND = map(entry.encode, TWO)
HEAD = FIRST[: FIRST.index(b'"s":')]


@pytest.mark.parametrize(
    "raws",
    [
        [],
        [FIRST, SECOND],
        [FIRST, entry.encode(entry.make(entry.Stop("x"), index=1, wall_ms=1, mono_ms=1, boot="0000abcd")), SECOND],
        [FIRST + b"\n" + SECOND],
        [FIRST + b"\n", SECOND],
        [FIRST + b"\n" + SECOND[:40], SECOND[40:]],
        [FIRST[:40], FIRST[40:] + b"\n" + SECOND],
        [FIRST + b"\n" + SECOND[:9], SECOND[9:] + b"\n" + FIRST, SECOND],
        [FIRST, b"", SECOND],
        [FIRST, b"\n", SECOND],
        [FIRST, FIRST.replace(b'"5f3a9c01"', b'"5F3A9C01"')],
        [FIRST, FIRST.replace(b'"i":0', b'"i":00'), SECOND],
        [FIRST, FIRST.replace(b'"i":0', b'"i":0 '), SECOND],
        [FIRST, FIRST.replace(b'"s":"meter1"', b'"s":"met\\u0065r1"'), SECOND],
        [FIRST, FIRST.replace(b"[140013,", b"[" + b"1," * 2100), SECOND],
        [FIRST, HEAD + b'"s":"m","ch":"c","a":0,"d":[5],"st":["a\\u0001b"]}}'],
        [
            FIRST,
            HEAD + b'"s":"m","ch":"c","a":0,"d":[%b],"n":[%b]}}' % (b"5" + b",5" * 599, b"7777" + b",7777" * 599),
        ],
        [FIRST, b'{"k":"x","x":"' + b"k" * 9 + b',"k":"reading","d":{"}', SECOND],
    ],
)
def test_decoding_all_is_decoding_each_where_entries_pretend_to_be_several(raws: list[bytes]) -> None:
    assert entry.decode_all(raws) == _one_by_one(raws)


def test_readings_together_are_not_read_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "decode", pytest.fail)
    assert entry.decode_all([FIRST, SECOND] * 50) == TWO * 50
