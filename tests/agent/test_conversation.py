"""Hello, welcome, batches, receipts: told as conversations, with the time moved by hand."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from agent.conversation import (
    ANSWER_WITHIN_MS,
    HINT_EVERY_MS,
    MOST_ENTRIES,
    RECEIPT_WITHIN_MS,
    SHUN_MS,
    STEADY_MS,
    Conversation,
)
from agent.exchange import (
    Action,
    Appended,
    BeaconDue,
    Brought,
    Closing,
    Connect,
    Connected,
    Damaged,
    Disconnect,
    Due,
    EndEpoch,
    Event,
    KeepBeacon,
    KeepReceipt,
    Lost,
    Phase,
    Received,
    SendBatch,
    SendHello,
    SendHint,
    SendLeaves,
    Tell,
    UseHints,
)
from protocol.entry import Storage, encode, make
from protocol.epoch import Taken, pack_taken
from protocol.keys import COSIGNATURE, ED25519, SigningKey
from protocol.leaves import ask_tops, pack_ask
from protocol.merkle import leaf_hash, root
from protocol.message import Level, Refusal, RefusalCode, Welcome, pack
from protocol.note import Checkpoint, cosign, sign_checkpoint

ORIGIN = "jishi.example/a/em-01/1"
AGENT_KEY = SigningKey(ORIGIN, ED25519, bytes(32))
RECEIPT_KEY = SigningKey("jishi.example/receipt/1", COSIGNATURE, bytes([1]) * 32)
ROGUE_KEY = SigningKey("jishi.example/receipt/1", COSIGNATURE, bytes([2]) * 32)
LEVELS = (Level("meter1", "power", (30_000, 120_000)),)


class Log:
    """A journal as the conversation sees it, in memory: entry n says `text n`."""

    origin = ORIGIN
    readable_from = 0

    def __init__(self, size: int, *, receipted_size: int = 0, text: str = "entry") -> None:
        self.receipted_size = receipted_size
        self.leaves: list[bytes] = []
        self._text = text
        self.grow(size)

    @property
    def size(self) -> int:
        return len(self.leaves)

    def grow(self, count: int) -> None:
        for number in range(self.size, self.size + count):
            body = Storage(f"{self._text} {number}")
            self.leaves.append(leaf_hash(encode(make(body, index=number, wall_ms=0, mono_ms=0, boot="00000000"))))

    def root_at(self, size: int) -> bytes:
        assert 0 <= size <= self.size
        return root(self.leaves[:size])

    def batch_end(self, first: int, *, most_entries: int, most_bytes: int) -> int:
        return min(first + most_entries, self.size)

    def receipt(self, size: int, *, key: SigningKey = RECEIPT_KEY, time_s: int = 1_764_554_500) -> bytes:
        note = sign_checkpoint(Checkpoint(ORIGIN, size, self.root_at(size)), AGENT_KEY)
        return cosign(note, key, time_s=time_s)


class Scene:
    """A conversation, its journal, and the time."""

    def __init__(self, log: Log, *, seed: int = 7, request: bytes | None = None) -> None:
        self.log = log
        self.now_ms = 1_000_000
        self._nonces = (f"{number:032x}" for number in range(1, 1000))
        self.talk = Conversation(
            log,
            RECEIPT_KEY.verifier,
            request=request,
            nonce=lambda: next(self._nonces),
            chance=Random(seed),
            now_ms=self.now_ms,
        )
        self.nonce = ""

    def tell(self, event: Event, *, after_ms: int = 0) -> list[Action]:
        self.now_ms += after_ms
        actions = self.talk.handle(event, self.now_ms)
        for action in actions:
            if isinstance(action, SendHello):
                self.nonce = action.nonce
        return actions

    def wait(self) -> list[Action]:
        """Let time pass until the conversation wants to be called."""
        assert self.talk.due_ms is not None
        self.now_ms = max(self.now_ms, self.talk.due_ms)
        return self.tell(Due())

    def hear(self, message: Welcome | Refusal | bytes, *, after_ms: int = 0) -> list[Action]:
        raw = message if isinstance(message, bytes) else pack(message)
        return self.tell(Received(raw), after_ms=after_ms)

    def welcome(self, held: int = 0, *, receipt: bytes | None = None, spread_s: int = 0, window: int = 4) -> Welcome:
        return Welcome(self.nonce, 1_764_554_400_000, held, window, spread_s, LEVELS, receipt)

    def connect(self) -> list[Action]:
        assert self.wait() == [Connect()]
        return self.tell(Connected())

    def meet(self, held: int = 0, *, receipt: bytes | None = None, spread_s: int = 0, window: int = 4) -> list[Action]:
        """From nothing to welcomed."""
        self.connect()
        return self.hear(self.welcome(held, receipt=receipt, spread_s=spread_s, window=window))


def batches(actions: list[Action]) -> list[tuple[int, int]]:
    return [(action.old, action.size) for action in actions if isinstance(action, SendBatch)]


def refusal(code: RefusalCode, held: int = 0, *, receipt: bytes | None = None) -> Refusal:
    return Refusal(code, held, "because", receipt)


def kept(actions: list[Action]) -> list[int]:
    return [action.receipt.checkpoint.size for action in actions if isinstance(action, KeepReceipt)]


# The plain case


def test_a_run_from_connecting_to_the_last_receipt() -> None:
    scene = Scene(Log(3))
    assert scene.wait() == [Connect()]
    assert scene.tell(Connected()) == [SendHello(f"{1:032x}", 3, scene.log.root_at(3))]
    assert scene.hear(scene.welcome()) == [UseHints(LEVELS, ()), SendBatch(0, 3, scene.log.root_at(3))]
    assert kept(scene.hear(scene.log.receipt(3))) == [3]
    assert scene.talk.phase is Phase.WELCOMED
    assert scene.talk.is_caught_up


def test_a_beacon_in_a_welcome_is_handed_on_with_the_time_of_the_first_hello() -> None:
    scene = Scene(Log(3))
    scene.connect()
    asked_ms = scene.now_ms
    assert scene.wait() == [SendHello(f"{1:032x}", 3, scene.log.root_at(3))], "said again, as the same hello"
    actions = scene.hear(replace(scene.welcome(), beacon=b"beacon"), after_ms=100)
    assert actions[0] == KeepBeacon(b"beacon", asked_ms), "before anything that is sent"
    assert scene.now_ms > asked_ms + 100


def test_a_hello_asks_for_a_beacon_where_nothing_is_under_way() -> None:
    scene = Scene(Log(3))
    scene.meet()
    assert not scene.talk.is_idle
    scene.hear(scene.log.receipt(3))
    assert scene.talk.is_idle
    assert scene.tell(BeaconDue()) == [SendHello(f"{2:032x}", 3, scene.log.root_at(3))]
    assert scene.hear(scene.welcome(3)) == [UseHints(LEVELS, ())]
    assert scene.talk.is_idle


def test_an_appended_entry_travels_at_once() -> None:
    scene = Scene(Log(3))
    scene.meet(3, receipt=scene.log.receipt(3))
    scene.log.grow(1)
    assert batches(scene.tell(Appended())) == [(3, 4)]
    assert not scene.talk.is_caught_up


def test_at_most_four_batches_are_under_way_and_a_receipt_lets_the_next_go() -> None:
    scene = Scene(Log(6 * MOST_ENTRIES))
    assert batches(scene.meet()) == [(n * 256, n * 256 + 256) for n in range(4)]
    scene.log.grow(1)
    assert batches(scene.tell(Appended())) == []
    assert batches(scene.hear(scene.log.receipt(512))) == [(1024, 1280), (1280, 1536)]
    assert batches(scene.hear(scene.log.receipt(1536))) == [(1536, 1537)]


@pytest.mark.parametrize(("window", "expected"), [(0, 1), (1, 1), (2, 2), (4, 4), (1024, 4)])
def test_the_window_is_clamped(window: int, expected: int) -> None:
    scene = Scene(Log(6 * MOST_ENTRIES))
    assert len(batches(scene.meet(window=window))) == expected


def test_what_is_held_already_is_not_sent_again() -> None:
    log = Log(10)
    scene = Scene(log)
    actions = scene.meet(8, receipt=log.receipt(8))
    assert kept(actions) == [8], "a receipt that was lost on the way comes with the welcome"
    assert batches(actions) == [(8, 10)]


def test_a_welcome_without_its_receipt_is_not_believed_about_what_is_held() -> None:
    assert batches(Scene(Log(10)).meet(8)) == [(0, 10)]
    assert batches(Scene(Log(10)).meet(10_000)) == [(0, 10)]


def test_a_collector_that_lost_entries_gets_them_again() -> None:
    log = Log(600, receipted_size=600)
    scene = Scene(log)
    assert batches(scene.meet(100)) == [(100, 356), (356, 600)]
    assert batches(scene.hear(log.receipt(356, time_s=1_764_560_000))) == []
    log.grow(1)
    assert batches(scene.tell(Appended())) == [(600, 601)]
    assert scene.hear(log.receipt(600, time_s=1_764_560_001)) == []
    assert kept(scene.hear(log.receipt(601))) == [601]
    assert scene.talk.due_ms is None or scene.talk.due_ms > scene.now_ms + RECEIPT_WITHIN_MS


# What is lost


def test_thirty_seconds_without_a_receipt_ask_what_is_held_and_go_on_from_there() -> None:
    log = Log(3)
    scene = Scene(log)
    scene.meet()
    assert scene.tell(Due(), after_ms=RECEIPT_WITHIN_MS - 1) == []
    assert scene.tell(Due(), after_ms=1) == [SendHello(f"{2:032x}", 3, log.root_at(3))]
    assert scene.talk.detail == "no receipt for 30 s"
    assert batches(scene.hear(scene.welcome(2, receipt=log.receipt(2)))) == [(2, 3)]


def test_progress_starts_the_thirty_seconds_anew() -> None:
    log = Log(4 * MOST_ENTRIES)
    scene = Scene(log)
    scene.meet()
    for size in (256, 512, 768):
        scene.hear(log.receipt(size), after_ms=RECEIPT_WITHIN_MS - 1)
    assert scene.tell(Due(), after_ms=RECEIPT_WITHIN_MS - 1) == []
    assert kept(scene.hear(log.receipt(1024))) == [1024]


def test_a_silent_collector_is_asked_again_ever_less_often_and_a_late_answer_counts() -> None:
    scene = Scene(Log(3))
    scene.connect()
    first, waits = scene.nonce, []
    for _ in range(12):
        before = scene.now_ms
        assert scene.wait() == [SendHello(first, 3, scene.log.root_at(3))]
        waits.append(scene.now_ms - before)
    assert min(waits) >= ANSWER_WITHIN_MS
    assert max(waits) <= ANSWER_WITHIN_MS + 300_000
    assert sum(waits[6:]) > 4 * sum(waits[:6])
    assert scene.talk.detail == "the collector does not answer"
    assert batches(scene.hear(scene.welcome())) == [(0, 3)]


def test_at_the_end_what_is_not_receipted_within_seconds_is_asked_for() -> None:
    scene = Scene(Log(3))
    scene.meet()
    assert scene.tell(Closing(), after_ms=ANSWER_WITHIN_MS - 1) == []
    assert [type(action) for action in scene.tell(Closing(), after_ms=1)] == [SendHello]
    assert scene.tell(Closing()) == []


def test_who_came_too_early_is_spread_again() -> None:
    """After a minute without a broker, 16 000 agents with short waits would be five times too many a second."""
    waits_ms = []
    for seed in range(40):
        scene = Scene(Log(3), seed=seed)
        scene.meet(spread_s=60)
        scene.tell(Lost("the broker restarts"))
        scene.wait()
        scene.tell(Lost("it is not there yet"))
        assert scene.talk.due_ms is not None
        waits_ms.append(scene.talk.due_ms - scene.now_ms)
    assert 25_000 < sum(waits_ms) / len(waits_ms) < 35_000
    assert max(waits_ms) <= 60_000


def test_at_the_end_a_lost_connection_is_tried_again_each_second_whatever_the_spread() -> None:
    scene = Scene(Log(3))
    scene.meet(spread_s=300)
    scene.tell(Lost("gone"), after_ms=STEADY_MS)
    for _ in range(5):
        scene.tell(Closing())
        before = scene.now_ms
        assert scene.wait() == [Connect()]
        assert scene.now_ms - before <= 1000
        scene.tell(Lost("still gone"))


# Connections


def test_attempts_back_off_up_to_five_minutes_with_full_jitter() -> None:
    scene, waits = Scene(Log(3)), []
    for _ in range(30):
        before = scene.now_ms
        assert scene.wait() == [Connect()]
        waits.append(scene.now_ms - before)
        scene.tell(Lost("refused"))
    assert waits[0] == 0
    assert waits[1] <= 1000
    assert waits[2] <= 2000
    assert max(waits) <= 300_000
    assert len({wait // 1000 for wait in waits}) > 15
    assert scene.talk.detail == "refused"


def test_the_back_off_is_forgotten_only_after_a_minute_of_being_welcomed() -> None:
    def longest_wait(*, welcomed_ms: int) -> int:
        waits = []
        for seed in range(40):
            scene = Scene(Log(3), seed=seed)
            for _ in range(8):
                scene.wait()
                scene.tell(Lost("refused"))
            scene.meet(3, receipt=scene.log.receipt(3))
            scene.tell(Lost("gone"), after_ms=welcomed_ms)
            assert scene.talk.due_ms is not None
            waits.append(scene.talk.due_ms - scene.now_ms)
        return max(waits)

    assert longest_wait(welcomed_ms=STEADY_MS - 1) > 100_000
    assert longest_wait(welcomed_ms=STEADY_MS) <= 1000


def test_after_a_lost_connection_the_first_attempt_is_spread_as_the_welcome_said() -> None:
    waits = []
    for seed in range(200):
        scene = Scene(Log(3), seed=seed)
        scene.meet(3, receipt=scene.log.receipt(3), spread_s=60)
        scene.tell(Lost("gone"), after_ms=STEADY_MS)
        assert scene.talk.due_ms is not None
        waits.append(scene.talk.due_ms - scene.now_ms)
    assert max(waits) <= 60_000
    assert 25_000 < sum(waits) / len(waits) < 35_000
    scene = Scene(Log(3))
    scene.meet(3, receipt=scene.log.receipt(3), spread_s=86_400)
    scene.tell(Lost("gone"), after_ms=STEADY_MS)
    assert scene.talk.due_ms is not None
    assert scene.talk.due_ms - scene.now_ms <= 300_000, "a welcome is not signed: its spread is clamped"


# What is forged, repeated or meant for others


FORGERIES: dict[str, Callable[[Scene], bytes]] = {
    "a receipt by another key": lambda scene: scene.log.receipt(3, key=ROGUE_KEY),
    "a receipt with a flipped bit": lambda scene: scene.log.receipt(3)[:-10] + b"AAAAAAAAA\n",
    "noise": lambda scene: b"\xff\x00",
    "nothing": lambda scene: b"",
    "a batch": lambda scene: b"jishi-batch/v1\n",
    "a welcome to another hello": lambda scene: pack(Welcome("f" * 32, 0, 0, 4, 0, (), None)),
}


@pytest.mark.parametrize("what", FORGERIES)
def test_what_the_collector_did_not_sign_changes_nothing(what: str) -> None:
    scene = Scene(Log(3))
    scene.meet()
    due_ms = scene.talk.due_ms
    actions = scene.hear(FORGERIES[what](scene))
    assert [type(action) for action in actions] == [Tell]
    assert (scene.talk.phase, scene.talk.due_ms, scene.talk.is_caught_up) == (Phase.WELCOMED, due_ms, False)
    assert kept(scene.hear(scene.log.receipt(3))) == [3]


def test_only_the_answer_to_the_present_hello_is_a_welcome() -> None:
    scene = Scene(Log(3))
    scene.meet()
    earlier = scene.welcome()
    scene.tell(Lost("gone"))
    scene.connect()
    assert [type(action) for action in scene.hear(earlier)] == [Tell]
    assert scene.talk.phase is Phase.GREETING
    scene.hear(scene.welcome())
    assert scene.talk.phase is Phase.WELCOMED


def test_a_receipt_inside_a_forged_welcome_is_verified_too() -> None:
    scene = Scene(Log(3))
    scene.connect()
    actions = scene.hear(scene.welcome(3, receipt=scene.log.receipt(3, key=ROGUE_KEY)))
    assert [type(action) for action in actions] == [Tell]
    assert scene.talk.phase is Phase.GREETING


def test_a_receipt_of_another_log_is_ignored() -> None:
    scene = Scene(Log(3))
    scene.meet()
    other = SigningKey("jishi.example/a/em-02/1", ED25519, bytes(32))
    note = sign_checkpoint(Checkpoint(other.name, 3, scene.log.root_at(3)), other)
    assert kept(scene.hear(cosign(note, RECEIPT_KEY, time_s=1))) == []


def test_an_older_receipt_after_a_newer_one_changes_nothing() -> None:
    scene = Scene(Log(3))
    scene.meet()
    scene.hear(scene.log.receipt(3))
    assert scene.hear(scene.log.receipt(2)) == []


@pytest.mark.parametrize(
    ("foreign", "reason"),
    [(Log(5).receipt(5), "behind"), (Log(3, text="other").receipt(3), "fork")],
    ids=["longer than ours", "another history"],
)
def test_a_true_receipt_over_another_history_ends_the_epoch(foreign: bytes, reason: str) -> None:
    for welcomed in (False, True):
        scene = Scene(Log(3))
        if welcomed:
            scene.meet()
            actions = scene.hear(foreign)
        else:
            scene.connect()
            actions = scene.hear(scene.welcome(5, receipt=foreign))
        assert [type(action) for action in actions] == [Disconnect, Tell, EndEpoch]
        assert actions[-1] == EndEpoch(reason, scene.talk.detail)  # type: ignore[arg-type]
        assert scene.talk.phase is Phase.DIVERGED
        assert scene.talk.due_ms is None
        assert scene.tell(Appended()) == []


def test_a_forged_receipt_over_another_history_ends_nothing() -> None:
    scene = Scene(Log(3))
    scene.meet()
    for forged in (Log(5).receipt(5, key=ROGUE_KEY), Log(3, text="other").receipt(3, key=ROGUE_KEY)):
        assert [type(action) for action in scene.hear(forged)] == [Tell]
    assert scene.talk.phase is Phase.WELCOMED


def test_a_fork_that_nothing_proves_costs_time_and_no_epoch() -> None:
    scene = Scene(Log(3))
    scene.meet()
    assert [type(action) for action in scene.hear(refusal("fork", 3))] == [Disconnect, Tell]
    assert scene.talk.phase is Phase.SHUNNED


def test_an_unreceipted_entry_that_cannot_be_read_ends_the_epoch_and_a_receipted_one_does_not() -> None:
    scene = Scene(Log(3))
    scene.meet()
    assert scene.tell(Damaged("entry 1 cannot be read"))[-1] == EndEpoch("damaged", "entry 1 cannot be read")
    log = Log(2 * MOST_ENTRIES, receipted_size=MOST_ENTRIES)
    scene = Scene(log)
    scene.meet(0)
    scene.talk._next = 0
    assert [type(action) for action in scene.tell(Damaged("entry 1 cannot be read"))] == [Disconnect, Tell]
    assert scene.talk.phase is Phase.SHUNNED


# An epoch that the agent began by itself


def asking(log: Log) -> Scene:
    scene = Scene(log, request=b"signed by both keys")
    scene.connect()
    return scene


def test_an_epoch_is_asked_for_in_place_of_each_hello_until_there_is_a_receipt_over_it() -> None:
    scene = Scene(Log(3), request=b"signed by both keys")
    assert scene.wait() == [Connect()]
    hello = SendHello(f"{1:032x}", 3, scene.log.root_at(3), b"signed by both keys")
    assert scene.tell(Connected()) == [hello]
    assert scene.wait() == [hello], "the same again: the answer may be lost"
    assert batches(scene.hear(scene.welcome())) == [(0, 3)]
    scene.tell(Lost("cut"))
    scene.wait()
    assert scene.tell(Connected())[0] == SendHello(scene.nonce, 3, scene.log.root_at(3), b"signed by both keys")
    scene.hear(scene.welcome(3, receipt=scene.log.receipt(3)))
    scene.tell(Lost("cut"))
    scene.wait()
    assert scene.tell(Connected()) == [SendHello(scene.nonce, 3, scene.log.root_at(3))]


def test_a_number_that_is_gone_ends_what_was_recorded_under_it() -> None:
    scene = asking(Log(3))
    actions = scene.hear(pack_taken(Taken(ORIGIN, 7)))
    assert actions[-1] == EndEpoch("fork", scene.talk.detail, 7)
    assert scene.talk.phase is Phase.DIVERGED


@pytest.mark.parametrize("taken", [Taken("jishi.example/a/em-01/9", 10), Taken("jishi.example/a/em-02/1", 2)])
def test_a_number_that_another_asked_for_ends_nothing_here(taken: Taken) -> None:
    scene = asking(Log(3))
    assert [type(action) for action in scene.hear(pack_taken(taken))] == [Tell]
    assert scene.talk.phase is Phase.GREETING


def test_a_number_is_never_gone_once_a_receipt_says_that_it_is_ours() -> None:
    scene = Scene(Log(3, receipted_size=2), request=b"signed by both keys")
    scene.connect()
    assert [type(action) for action in scene.hear(pack_taken(Taken(ORIGIN, 7)))] == [Tell]
    assert scene.talk.phase is Phase.GREETING


def test_a_collector_that_forgot_the_epoch_is_asked_for_it_again_once_before_the_slow_lane() -> None:
    """It was restored from a backup of before."""
    scene = Scene(Log(3, receipted_size=3), request=b"signed by both keys")
    scene.connect()
    assert scene.hear(refusal("unknown-key", 0)) == [
        SendHello(scene.nonce, 3, scene.log.root_at(3), b"signed by both keys")
    ]
    assert batches(scene.hear(scene.welcome(0))) == [(0, 3)]
    scene.hear(refusal("unknown-key", 0))
    assert [type(action) for action in scene.hear(refusal("unknown-key", 0))] == [Disconnect, Tell]
    assert scene.talk.phase is Phase.SHUNNED


# Hints


def test_a_long_backlog_is_announced_at_once_and_then_every_half_minute() -> None:
    log = Log(10 * MOST_ENTRIES)
    scene = Scene(log)
    assert scene.meet()[1] == SendHint(10 * MOST_ENTRIES)
    assert not hints(scene.hear(log.receipt(MOST_ENTRIES), after_ms=HINT_EVERY_MS - 1))
    assert hints(scene.hear(log.receipt(2 * MOST_ENTRIES), after_ms=1)) == [SendHint(8 * MOST_ENTRIES)]
    assert not hints(scene.hear(log.receipt(9 * MOST_ENTRIES), after_ms=HINT_EVERY_MS)), "one batch is no backlog"


def test_what_is_there_in_a_moment_needs_no_hint() -> None:
    scene = Scene(Log(MOST_ENTRIES))
    assert not hints(scene.meet())


def hints(actions: list[Action]) -> list[Action]:
    return [action for action in actions if isinstance(action, SendHint)]


# Refusals


def test_a_gap_goes_back_to_what_is_held_once() -> None:
    log = Log(4 * MOST_ENTRIES)
    scene = Scene(log)
    scene.meet()
    scene.hear(log.receipt(256))
    assert batches(scene.hear(refusal("gap", 256))) == [(256, 512), (512, 768), (768, 1024)]
    assert batches(scene.hear(refusal("gap", 256))) == [], "those behind the lost one were refused too"
    assert len(batches(scene.hear(refusal("gap", 256), after_ms=ANSWER_WITHIN_MS))) == 3, "it was lost once more"
    log = Log(4 * MOST_ENTRIES, receipted_size=512)
    scene = Scene(log)
    scene.meet(512)
    assert batches(scene.hear(refusal("gap", 256))) == [(256, 512), (512, 768), (768, 1024)], "below our receipt"


@pytest.mark.parametrize("code", ["fork", "revoked", "unknown-key", "gap", "suspect", "busy"])
def test_a_refusal_of_another_log_is_none_of_ours(code: RefusalCode) -> None:
    """Two machines with copies of one directory hear the answers to both."""
    scene = Scene(Log(3))
    scene.meet()
    other = Refusal(code, 0, "", None, "jishi.example/a/em-01/2")
    assert [type(action) for action in scene.hear(other)] == [Tell]
    assert scene.talk.phase is Phase.WELCOMED
    ours = Refusal("revoked", 0, "", None, ORIGIN)
    assert [type(action) for action in scene.hear(ours)] == [Disconnect, Tell]


def test_a_gap_that_answers_nothing_is_ignored() -> None:
    scene = Scene(Log(3))
    scene.meet(3, receipt=scene.log.receipt(3))
    assert scene.hear(refusal("gap", 0)) == []


def test_the_receipt_in_a_refusal_counts() -> None:
    scene = Scene(Log(10))
    scene.meet()
    actions = scene.hear(refusal("busy", 4, receipt=scene.log.receipt(4)))
    assert kept(actions) == [4]


@pytest.mark.parametrize("code", ["busy", "suspect", "malformed", "too-large"])
def test_some_refusals_pause_and_ask_again(code: RefusalCode) -> None:
    scene = Scene(Log(300))
    scene.meet()
    scene.hear(refusal(code))
    assert scene.talk.phase is Phase.PAUSED
    assert f"{code}, because" in scene.talk.detail
    scene.log.grow(1)
    assert scene.tell(Appended()) == []
    assert scene.hear(refusal(code)) == [], "the answers to the other batches"
    before = scene.now_ms
    assert [type(action) for action in scene.wait()] == [SendHello]
    assert scene.now_ms - before >= ANSWER_WITHIN_MS
    expected = [(0, 128), (128, 256), (256, 301)] if code == "too-large" else [(0, 256), (256, 301)]
    assert batches(scene.hear(scene.welcome())) == expected


@pytest.mark.parametrize("code", ["suspect", "malformed"])
def test_three_strikes_without_a_receipt_shun(code: RefusalCode) -> None:
    scene = Scene(Log(3))
    scene.meet()
    for _ in range(2):
        scene.hear(refusal(code))
        scene.wait()
        scene.hear(scene.welcome())
    assert scene.hear(refusal(code))[0] == Disconnect()
    assert scene.talk.phase is Phase.SHUNNED


def test_an_entry_that_is_too_large_alone_shuns() -> None:
    scene = Scene(Log(3))
    scene.meet()
    for _ in range(8):
        scene.hear(refusal("too-large"))
        assert scene.talk.phase is Phase.PAUSED
        scene.wait()
        scene.hear(scene.welcome())
    scene.hear(refusal("too-large"))
    assert scene.talk.phase is Phase.SHUNNED


@pytest.mark.parametrize("code", ["revoked", "unknown-key", "fork"])
def test_refused_for_good_means_the_slow_lane_and_the_remedy(code: RefusalCode) -> None:
    for greeting in (True, False):
        scene = Scene(Log(3))
        if greeting:
            scene.connect()
        else:
            scene.meet()
        actions = scene.hear(refusal(code))
        assert actions[0] == Disconnect()
        assert scene.talk.phase is Phase.SHUNNED
        assert "enroll --again" in scene.talk.detail
        assert scene.talk.due_ms is not None
        assert SHUN_MS[0] <= scene.talk.due_ms - scene.now_ms <= SHUN_MS[1]
        assert scene.tell(Appended()) == []
        assert scene.wait() == [Connect()]


def test_entries_that_cannot_be_read_any_more_are_not_promised() -> None:
    log = Log(10, receipted_size=8)
    log.readable_from = 5
    scene = Scene(log)
    actions = scene.meet(3)
    assert Disconnect() in actions
    assert "entries 3 to 4, which cannot be read here" in scene.talk.detail


def test_what_cannot_happen_raises() -> None:
    scene = Scene(Log(3))
    with pytest.raises(ValueError, match="Received in phase OFFLINE"):
        scene.hear(b"")
    scene.connect()
    with pytest.raises(ValueError, match="Connected in phase GREETING"):
        scene.tell(Connected())


# Receipts that came on a medium


@pytest.mark.parametrize("reach", ["offline", "connecting", "greeting", "welcomed"])
def test_a_receipt_from_a_medium_counts_in_every_phase(reach: str) -> None:
    scene = Scene(Log(600))
    steps: dict[str, Callable[[], object]] = {
        "offline": lambda: None,
        "connecting": scene.wait,
        "greeting": scene.connect,
        "welcomed": scene.meet,
    }
    steps[reach]()
    assert kept(scene.tell(Brought(scene.log.receipt(500)))) == [500]
    assert scene.talk.phase.name.lower() == reach


def test_what_a_medium_covered_is_not_sent_again() -> None:
    scene = Scene(Log(600))
    scene.tell(Brought(scene.log.receipt(500)))
    assert batches(scene.meet(500)) == [(500, 600)]


def test_a_receipt_from_a_medium_that_does_not_hold_is_ignored() -> None:
    scene = Scene(Log(600))
    (told,) = scene.tell(Brought(scene.log.receipt(500, key=ROGUE_KEY)))
    assert isinstance(told, Tell)
    assert "from a medium" in told.text
    assert scene.talk.phase is Phase.OFFLINE


def test_a_receipt_from_a_medium_over_another_history_ends_the_delivery() -> None:
    scene = Scene(Log(600))
    scene.tell(Brought(Log(600, text="another").receipt(500)))
    assert scene.talk.phase is Phase.DIVERGED
    assert scene.tell(Brought(scene.log.receipt(500))) == []


# Questions for hashes


@pytest.mark.parametrize("phase", [Phase.GREETING, Phase.WELCOMED, Phase.PAUSED])
def test_a_question_for_hashes_is_answered_whatever_else_goes_on(phase: Phase) -> None:
    scene = Scene(Log(9))
    ask = ask_tops(ORIGIN, 9)
    scene.tell(Due())
    scene.tell(Connected())
    if phase is not Phase.GREETING:
        scene.hear(Welcome(scene.nonce, 0, 0, 4, 60, (), None))
    if phase is Phase.PAUSED:
        scene.hear(Refusal("busy", 0, "", None))
    assert scene.talk.phase is phase
    due_ms = scene.talk.due_ms
    assert scene.hear(pack_ask(ask)) == [SendLeaves(ask)]
    assert (scene.talk.phase, scene.talk.due_ms) == (phase, due_ms), "and nothing else changes"


def test_a_question_about_another_log_is_ignored() -> None:
    scene = Scene(Log(9))
    scene.tell(Due())
    scene.tell(Connected())
    [told] = scene.hear(pack_ask(ask_tops("jishi.example/a/em-01/2", 9)))
    assert isinstance(told, Tell)
