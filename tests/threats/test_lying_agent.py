"""The host's administrator runs a program of his own in the agent's place, with the agent's key."""

import csv
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from protocol.beacon import beacon_note, open_beacon
from protocol.entry import Body, Genesis, Reading, encode, make
from protocol.interval import day_bounds_ms, local_day
from protocol.keys import COSIGNATURE, SigningKey
from protocol.leaves import Ask, pack_leaves, parse_leaves
from protocol.message import Refusal
from protocol.note import Checkpoint
from tests.faults.world import World
from tests.light_agent import BLOCK_MS, BOOT, LightAgent, reading
from tests.threats.evening import grow, place_of
from tests.threats.liar import Liar
from tests.threats.place import Place

BLOCKS = 4
RUN_S = str(BLOCKS * BLOCK_MS // 1000)


@pytest.fixture(scope="module")
def place(shared_world: World) -> Place:
    """The collector of the world, which keeps a log."""
    shared_world.keep_log()
    made = place_of(shared_world)
    made.note_trust()
    return made


def test_gaps_repeats_and_another_order_change_nothing(shared_world: World) -> None:
    liar = Liar(shared_world, "out-of-order")
    liar.agent.append_readings(9)
    for payload, held in ((liar.agent.payload(3, 6), 0), (liar.agent.payload(6), 0)):
        refused = liar.say(payload)
        assert isinstance(refused, Refusal)
        assert (refused.code, refused.held) == ("gap", held)
    first = liar.say(liar.agent.payload(0, 3))
    assert isinstance(first, bytes)
    assert liar.say(liar.agent.payload(0, 3)) == first, "a repeat is given the same receipt"
    last = liar.say(liar.agent.payload(2))
    assert liar.say(liar.agent.payload(0, 6)) == last, "what comes late changes nothing"
    [stored] = [each for each in shared_world.stored() if each.origin == liar.agent.origin]
    assert stored.entries == liar.agent.entries
    assert stored.readings == tuple(range(9))


def test_wrong_hashes_keep_a_liar_suspect_and_his_two_signatures_prove_it(shared_world: World, place: Place) -> None:
    liar, other = Liar(shared_world, "two-histories"), LightAgent("two-histories")
    liar.agent.append_readings(20)
    other.append_all_of(liar.agent)
    liar.agent.append_readings(10)
    other.append_readings(20, power_mw=40_000)
    assert isinstance(liar.say(liar.agent.payload()), bytes)
    answer, questions = liar.say(other.payload(25)), 0
    while isinstance(answer, Ask):
        questions += 1
        true = parse_leaves(other.leaves(answer))
        answer = liar.say(pack_leaves(replace(true, hashes=tuple(bytes(32) for _ in true.hashes))))
    assert questions
    assert isinstance(answer, Refusal)
    assert answer.code == "suspect"
    listed = place.collector("forks", "--agent", "two-histories").said
    assert f"{other.origin}  suspect, 30 entries held" in listed
    assert "no answer leads to what was signed" in listed
    assert place.collector("forks", "--proof", other.origin).code == 1

    liar.say(other.payload(20, 30))
    proof = place.collector("forks", "--proof", other.origin)
    (place.directory / "proof").write_text(proof.said, "utf-8")
    told = place.audit("fork", "proof", "--key", other.vkey)
    assert told.code == 0
    assert f"FORK PROVED: the key of {other.origin} signed two histories" in told.said


def test_hours_of_yesterday_that_are_written_above_a_beacon_of_today_do_not_count(
    shared_world: World, place: Place
) -> None:
    """One claims them in entries of today, the other dates his entries back and says that the PC was started anew."""
    late, dated_back = Liar(shared_world, "late"), Liar(shared_world, "dated-back")
    clock = Clock()
    for liar in (late, dated_back):
        clock.begin(liar)
        liar.say(liar.agent.payload())
        clock.append_now(liar, liar.ask_for_beacon())
    for number in range(BLOCKS):
        clock.append_now(late, clock.claim(number))
        clock.append_as_of_yesterday(dated_back, number, boot="0badf00d")
    _deliver(shared_world, place, late, dated_back)
    for liar, why in ((late, "reading rule"), (dated_back, "clock impossible")):
        seconds, reason = _graded(place, liar)
        assert (seconds["d_s"], seconds["counted_s"]) == (RUN_S, "0"), seconds
        assert why in reason


def test_hours_without_a_true_beacon_are_never_better_than_c(shared_world: World, place: Place) -> None:
    """One journals none, the other one that he signed himself, dated to the day before."""
    none, made_up = Liar(shared_world, "no-beacon"), Liar(shared_world, "made-up-beacon")
    clock = Clock()
    rogue = SigningKey(shared_world.receipt_key.name, COSIGNATURE, bytes(32))
    checkpoint = Checkpoint("jishi.example/log/2026-1", 3, bytes(32))
    forged = beacon_note(checkpoint, rogue, time_s=clock.began_ms // 1000)
    for liar in (none, made_up):
        clock.begin(liar)
    clock.append(made_up, open_beacon(forged, rogue.verifier).body, clock.began_ms)
    for liar in (none, made_up):
        for number in range(BLOCKS):
            clock.append_as_of_yesterday(liar, number)
    _deliver(shared_world, place, none, made_up)
    for liar in (none, made_up):
        seconds, reason = _graded(place, liar)
        assert (seconds["a_s"], seconds["b_s"], seconds["c_s"]) == ("0", "0", RUN_S), seconds
        assert "no beacon" in reason


class Clock:
    """A boot that began yesterday at ten, from when on work is claimed."""

    def __init__(self) -> None:
        self.began_ms = day_bounds_ms(local_day(_now_ms()) - timedelta(days=1))[0] + 10 * 3_600_000

    def begin(self, liar: Liar) -> None:
        """As an honest journal begins."""
        self.append(liar, Genesis((liar.asset,), liar.agent.vkey, "a program of my own"), self.began_ms)

    def append(self, liar: Liar, body: Body, at_ms: int, *, boot: str = BOOT) -> None:
        """An entry that bears this time, by both clocks."""
        index, mono_ms = len(liar.agent.entries), at_ms - self.began_ms
        liar.agent.append_raw(encode(make(body, index=index, wall_ms=at_ms, mono_ms=mono_ms, boot=boot)))

    def append_now(self, liar: Liar, body: Body) -> None:
        """An entry that says truly when it was written."""
        self.append(liar, body, _now_ms())

    def claim(self, number: int) -> Reading:
        """A run, so many blocks after ten."""
        return reading(BLOCK_MS * number)

    def append_as_of_yesterday(self, liar: Liar, number: int, *, boot: str = BOOT) -> None:
        """The claim, in an entry that bears the time at which an honest one would have been written."""
        self.append(liar, self.claim(number), self.began_ms + BLOCK_MS * (number + 1), boot=boot)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _deliver(world: World, place: Place, *liars: Liar) -> None:
    """All that they have is stored, derived, and their enrolments are proved."""
    for liar in liars:
        assert isinstance(liar.say(liar.agent.payload()), bytes), "a receipt was expected"
    place.derive()
    world.log.stop()
    grow(world)


def _graded(place: Place, liar: Liar) -> tuple[dict[str, str], str]:
    """The day of his instrument as an auditor computes it out of a bundle, and the grade record in it."""
    bundle = place.bundle(liar.asset)
    told = place.audit("hours", str(bundle), "--trust", str(place.trust), "--format", "csv")
    [day] = csv.DictReader(told.said.splitlines())
    return day, (bundle / "hours" / "grades.jsonl").read_text("utf-8")
