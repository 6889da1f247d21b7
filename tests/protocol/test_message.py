"""Hello, welcome, refusal: round trips, golden bytes, and everything else refused."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import entry, message
from protocol.batch import Batch, pack_batch
from protocol.errors import MalformedBatch, MalformedMessage, TooLarge
from protocol.message import Hello, Level, Refusal, SentPolicy, Welcome, pack, parse_down, parse_up

Golden = Callable[[str], Any]
NONCE = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
numbers = st.integers(0, 2**53 - 1)
nonces = st.text("0123456789abcdef", min_size=32, max_size=32)
names = st.from_regex(entry.NAME_PATTERN, fullmatch=True)
levels = st.builds(
    Level, names, names, st.lists(st.integers(-(2**53) + 1, 2**53 - 1), min_size=1, max_size=16).map(tuple)
)
receipts = st.none() | st.binary(min_size=1, max_size=400)
welcomes = st.builds(
    Welcome,
    nonces,
    numbers,
    numbers,
    st.integers(0, message.MAX_WINDOW),
    st.integers(0, message.MAX_SPREAD_S),
    st.lists(levels, max_size=4).map(tuple),
    receipts,
    st.lists(st.builds(SentPolicy, names, st.binary(min_size=1, max_size=90)), max_size=3).map(tuple),
    st.none() | st.binary(min_size=1, max_size=90),
)
details = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200)
logs = st.sampled_from(["", "jishi.example/a/em-01/1", "jishi.example/a/em-02/17"])
refusals = st.builds(Refusal, st.sampled_from(message.REFUSAL_CODES), numbers, details, receipts, logs)


def test_golden_messages_are_made_and_read(golden: Golden) -> None:
    made = golden("wire")
    hello = Hello(made["hello"]["nonce"], made["hello"]["note"].encode())
    assert pack(hello).decode() == made["hello"]["raw"]
    assert parse_up(made["hello"]["raw"].encode()) == hello
    for one in made["welcomes"]:
        welcome = Welcome(
            NONCE,
            1764554716036,
            1242,
            4,
            60,
            tuple(Level(watcher, channel, tuple(values)) for watcher, channel, values in one["levels"]),
            one["receipt"] and one["receipt"].encode(),
            tuple(SentPolicy(watcher, body.encode()) for watcher, body in one.get("policies", ())),
            one["beacon"].encode() if "beacon" in one else None,
        )
        assert pack(welcome).decode() == one["raw"]
        assert parse_down(one["raw"].encode()) == welcome
    for one in made["refusals"]:
        refusal = Refusal(one["code"], one["held"], one["detail"], one["receipt"].encode(), one["log"])
        assert pack(refusal).decode() == one["raw"]
        assert parse_down(one["raw"].encode()) == refusal


@given(welcomes | refusals)
def test_an_answer_comes_back_as_it_was_packed(answer: Welcome | Refusal) -> None:
    assert parse_down(pack(answer)) == answer


@given(nonces, st.binary(min_size=1, max_size=400))
def test_a_hello_comes_back_as_it_was_packed(nonce: str, note: bytes) -> None:
    assert parse_up(pack(Hello(nonce, note))) == Hello(nonce, note)


def test_a_batch_comes_up_beside_hellos() -> None:
    batch = Batch(3, b"note", (b"{}",))
    assert parse_up(pack_batch(batch)) == batch
    with pytest.raises(MalformedBatch):
        parse_up(pack_batch(batch) + b"x")


def test_whatever_begins_like_none_of_ours_comes_down_as_bytes() -> None:
    for receipt in (b"", b"lab.example/a/em-01/1\n7\n", b"jishi-welcome/v2\n", b"\xff" * 100):
        assert parse_down(receipt) == receipt
    with pytest.raises(TooLarge):
        parse_down(bytes(message.MAX_DOWN_BYTES + 1))


def test_the_detail_of_a_refusal_becomes_one_line_of_ascii() -> None:
    read = parse_down(pack(Refusal("malformed", 0, "one\ntwo\x00 仪器 \udc80" + "x" * 500, None)))
    assert isinstance(read, Refusal)
    assert read.detail.startswith("one?two? ?? ?xxx")
    assert len(read.detail) == message.MAX_DETAIL


HELLO = pack(Hello(NONCE, b"note"))
WELCOME = pack(Welcome(NONCE, 5, 6, 4, 60, (Level("meter1", "power", (30000, 120000)),), b"receipt"))
REFUSAL = pack(Refusal("gap", 6, "a detail", b"receipt"))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"hello",
        b"jishi-hello/v1",
        b"jishi-hello/v1\n\n",
        HELLO[:-1],
        HELLO + b"x",
        HELLO.replace(b"/v1", b"/v2"),
        HELLO.replace(b"note 4\n\nnote", b"note 0\n\n"),
        HELLO.replace(b"note 4", b"note 04"),
        HELLO.replace(NONCE.encode(), NONCE.upper().encode()),
        HELLO.replace(NONCE.encode(), NONCE[:-1].encode()),
        HELLO.replace(b"nonce", b"Nonce"),
        HELLO.replace(b"\nnote 4\n", b"\nnote 4\nmore 1\n"),
        HELLO.replace(b"\nnonce", b"\n\xc3\xa9 1\nnonce"),
        WELCOME,
        REFUSAL,
    ],
)
def test_what_is_neither_hello_nor_batch_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedMessage):
        parse_up(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"jishi-welcome/v1",
        b"jishi-welcome/v1\n\n",
        HELLO,
        pack_batch(Batch(0, b"note", ())),
        WELCOME[:-1],
        WELCOME + b"x",
        WELCOME.replace(b"time 5", b"time -5"),
        WELCOME.replace(b"time 5", b"time 9007199254740992"),
        WELCOME.replace(b"held 6", b"held 6.0"),
        WELCOME.replace(b"held 6\n", b""),
        WELCOME.replace(b"held 6\nwindow 4\n", b"window 4\nheld 6\n"),
        WELCOME.replace(b"window 4", b"window 1025"),
        WELCOME.replace(b"spread 60", b"spread 86401"),
        WELCOME.replace(b"30000,120000", b""),
        WELCOME.replace(b"30000,120000", b"30000,"),
        WELCOME.replace(b"30000,120000", b"30000;120000"),
        WELCOME.replace(b"30000,120000", b"030000"),
        WELCOME.replace(b"30000,120000", b"9007199254740992"),
        WELCOME.replace(b"30000,120000", b",".join([b"1"] * 17)),
        WELCOME.replace(b"meter1", b"meter/1"),
        WELCOME.replace(b" power", b""),
        WELCOME.replace(b"receipt 7", b"receipt 8"),
        WELCOME.replace(b"receipt 7\n", b""),
        REFUSAL.replace(b"gap", b"party"),
        REFUSAL.replace(b"gap", b"Gap"),
        REFUSAL.replace(b"a detail", b"x" * 201),
        REFUSAL.replace(b"a detail", b"a\ttab"),
        REFUSAL.replace(b"a detail", b"caf\xc3\xa9"),
        REFUSAL.replace(b"detail a detail\n", b""),
        REFUSAL.replace(b"detail a detail\n", b"detail\n"),
        REFUSAL.replace(b"receipt 7", b"receipt 6"),
    ],
)
def test_what_is_no_answer_of_a_collector_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedMessage):
        parse_down(raw)


def test_a_welcome_has_a_limited_number_of_levels() -> None:
    most = (Level("meter1", "power", (1,)),) * message.MAX_LEVELS
    assert parse_down(pack(Welcome(NONCE, 0, 0, 4, 60, most, None))) == Welcome(NONCE, 0, 0, 4, 60, most, None)
    head, _, tail = WELCOME.partition(b"level meter1 power 30000,120000\n")
    with pytest.raises(TooLarge):
        parse_down(head + b"level meter1 power 1\n" * (message.MAX_LEVELS + 1) + tail)


def test_policies_follow_the_receipt_and_their_lengths_must_be_right() -> None:
    sent = (SentPolicy("meter1", b'{"v":1}\n'), SentPolicy("plug", b"{}"))
    welcome = Welcome(NONCE, 5, 6, 4, 60, (), b"receipt", sent)
    raw = pack(welcome)
    assert raw.endswith(b'policy meter1 8\npolicy plug 2\nreceipt 7\n\nreceipt{"v":1}\n{}')
    assert parse_down(raw) == welcome
    for wrong in (raw + b"x", raw[:-1], raw.replace(b"plug 2", b"plug 02"), raw.replace(b"plug 2", b"plug")):
        with pytest.raises(MalformedMessage):
            parse_down(wrong)


def test_a_beacon_follows_everything_and_its_length_must_be_right() -> None:
    welcome = Welcome(NONCE, 5, 6, 4, 60, (), b"receipt", (SentPolicy("meter1", b"{}"),), b"beacon\n")
    raw = pack(welcome)
    assert raw.endswith(b"policy meter1 2\nbeacon 7\nreceipt 7\n\nreceipt{}beacon\n")
    assert parse_down(raw) == welcome
    longest = replace(welcome, beacon=bytes(message.MAX_BEACON_BYTES))
    assert parse_down(pack(longest)) == longest
    for wrong in (
        raw + b"x",
        raw[:-1],
        raw.replace(b"beacon 7", b"beacon 0"),
        raw.replace(b"beacon 7", b"beacon 07"),
        raw.replace(b"beacon 7", b"beacon 3\nbeacon 4"),
        raw.replace(b"beacon 7", b"beacon 14"),
        pack(longest).replace(b"beacon 2048", b"beacon 2049") + b"x",
    ):
        with pytest.raises(MalformedMessage):
            parse_down(wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        Hello("short", b"note"),
        Hello(NONCE, b""),
        Hello(NONCE, bytes(200_000)),
        Hello(NONCE + "\n", b"note"),
        Welcome(NONCE, -1, 0, 4, 60, (), None),
        Welcome(NONCE, 0, 0, 4, 60, (Level("meter 1", "power", (1,)),), None),
        Welcome(NONCE, 0, 0, 4, 60, (Level("meter1", "power", ()),), None),
        Welcome(NONCE, 0, 0, 4, 60, (Level("meter1", "power 1\nlevel meter1 x", (1,)),), None),
        Welcome(NONCE, 0, 0, 4, 60, (Level("meter1", "功率", (1,)),), None),
        Welcome(NONCE, 0, 0, 4, 60, (Level("meter1", "power", (1,)),) * 257, None),
        Welcome(NONCE, 0, 0, 4, 60, (), None, (SentPolicy("meter1", b""),)),
        Welcome(NONCE, 0, 0, 4, 60, (), None, (SentPolicy("meter 1", b"{}"),)),
        Welcome(NONCE, 0, 0, 4, 60, (), None, (SentPolicy("meter1", bytes(8193)),)),
        Welcome(NONCE, 0, 0, 4, 60, (), None, (SentPolicy("meter1", b"{}"),) * 65),
        Welcome(NONCE, 0, 0, 4, 60, (), None, (), bytes(2049)),
        Refusal("party", 0, "", None),  # type: ignore[arg-type]
        Refusal("gap", -1, "", None),
    ],
)
def test_a_message_of_ours_that_nobody_could_read_is_never_sent(wrong: Hello | Welcome | Refusal) -> None:
    with pytest.raises(ValueError) as caught:
        pack(wrong)
    assert not isinstance(caught.value, MalformedMessage | TooLarge)
