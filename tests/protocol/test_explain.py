"""Why a second counted or did not, in sentences that name the rule and what lies behind it."""

from collections.abc import Sequence
from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.derivation import Neighbours, contributing, derive_day, reaches
from protocol.entry import Entry, Reading
from protocol.explain import Explanation, Ground, encode, explain, render
from protocol.facts import Fact, Order, Use
from protocol.hours import HourRecord
from protocol.interval import DAY_MS, day_bounds_ms
from protocol.policy import Policy, parse_policy
from protocol.said import NOTHING_SAID, Said
from protocol.witness import Block, gather

DAY = date(2026, 3, 2)
MIDNIGHT_MS, END_MS = day_bounds_ms(DAY)
OWNER, GUEST = "91610131MA6TYUUC74", "12100000400000624D"
OFF, IDLE, BAND, RUN = 5_000, 200_000, 700_000, 1_000_000
POLICY = (
    b'{"v":1,"name":"SEM","valid_mw":[0,15000000],'
    b'"standby":{"on_mw":40000,"off_mw":25000,"on_ms":10000,"off_ms":20000},'
    b'"run":{"on_mw":900000,"off_mw":600000,"on_ms":10000,"off_ms":60000},"gap_ms":60000%s}'
)
HOUR = 3600
ORIGIN = "jishi.example/a/em-01/1"


def policy(more: bytes = b"") -> Policy:
    return parse_policy(POLICY % more)


def block(index: int, start_s: float, end_s: float, **shape: object) -> Block:
    """One interval of a watcher, with the values that `shape` gives."""
    start_ms, end_ms = round(start_s * 1000), round(end_s * 1000)
    reading = Reading(
        start_mono_ms=DAY_MS + start_ms,
        durations_ms=(end_ms - start_ms,),
        **shape,  # type: ignore[arg-type]
    )
    return ORIGIN, Entry(index, MIDNIGHT_MS + end_ms + 500, DAY_MS + end_ms + 500, "0000abcd", reading), reading


def power(index: int, start_s: float, end_s: float, power_mw: int, *, counter: int = 10**9, delta: int = 0) -> Block:
    """One interval of a meter."""
    shape = {"means": (power_mw,), "lows": (power_mw,), "highs": (power_mw,), "deltas": (delta,), "counter": counter}
    return block(index, start_s, end_s, watcher="meter1", channel="power", **shape)


def metered(*pieces: tuple[float, float, int]) -> list[Block]:
    """A meter's readings, one entry for each hour or part of one, the counter running on in the holes as well."""
    blocks: list[Block] = []
    for start_s, end_s, power_mw in pieces:
        at_s, counter = start_s, 10**9 + round(RUN * start_s / 3600)
        while at_s < end_s:
            until_s = min(end_s, at_s + HOUR)
            delta = round(power_mw * (until_s - at_s) / 3600)
            counter += delta
            blocks.append(power(len(blocks), at_s, until_s, power_mw, counter=counter, delta=delta))
            at_s = until_s
    return blocks


def told(index: int, channel: str, word: str, start_s: float, end_s: float) -> Block:
    return block(index, start_s, end_s, watcher="w", channel=channel, states=(word,))


def of(blocks: Sequence[Block], rules: Policy, said: Said = NOTHING_SAID) -> tuple[HourRecord, Ground]:
    evidence = gather(blocks, rules)
    record = derive_day(
        "A001",
        DAY,
        evidence=evidence,
        policy=rules,
        lead_in="unobserved",
        journals=contributing(blocks, MIDNIGHT_MS, end_ms=END_MS),
        reached=reaches(blocks, MIDNIGHT_MS, end_ms=END_MS),
        observed_until_ms=END_MS,
        said=said,
        neighbours=Neighbours("new", ""),
    )
    return record, Ground(evidence, blocks, rules, said)


def ask(at_s: int, blocks: Sequence[Block], rules: Policy | None = None, said: Said = NOTHING_SAID) -> Explanation:
    record, ground = of(blocks, rules or policy(), said)
    return explain(record, ground, second=at_s)


def rules_of(found: Explanation) -> list[str]:
    return [step.rule for step in found.steps]


def text_of(found: Explanation) -> str:
    return "\n".join(step.text for step in found.steps)


def test_a_run_in_full() -> None:
    found = ask(10 * HOUR, metered((0, 9 * HOUR, OFF), (9 * HOUR, 12 * HOUR, RUN), (12 * HOUR, 24 * HOUR, OFF)))
    assert (found.state, found.operating_state, found.is_effective) == ("run", "run", True)
    assert found.standings == ("unresolved",)
    assert found.at == "2026-03-02 10:00:00"
    assert rules_of(found) == [
        "timeline 1", "timeline 5", "timeline 5", "timeline 8", "derivation", "attribution 2", "policy",
    ]  # fmt: skip
    assert found.steps[0].refs == (f"entry:{ORIGIN}#10",)
    assert "the meter showed 1000 W (lowest 1000 W, highest 1000 W)" in text_of(found)
    assert "For run (on at 900 W, off at 600 W) that is up." in text_of(found)
    assert "The policy of this day is SEM, " in text_of(found)


BEGINS = metered((0, 9 * HOUR, IDLE), (9 * HOUR, 9 * HOUR + 30, RUN), (9 * HOUR + 30, 24 * HOUR, RUN))
SPIKE = metered((0, 9 * HOUR, IDLE), (9 * HOUR, 9 * HOUR + 6, RUN), (9 * HOUR + 6, 24 * HOUR, IDLE))
DIP = metered((0, 9 * HOUR, RUN), (9 * HOUR, 9 * HOUR + 30, IDLE), (9 * HOUR + 30, 24 * HOUR, RUN))


@pytest.mark.parametrize(
    ("blocks", "at_s", "state", "sentences"),
    [
        pytest.param(
            BEGINS, 9 * HOUR + 4, "run",
            ["The trigger of run has been up since 2026-03-02 09:00:00, for 4.999 s; "
             "it counts once that has lasted 10 s.",
             "Up to here standby was confirmed; what followed confirmed run, dated back to before here."],
            id="the dwell of a run that begins",
        ),
        pytest.param(
            SPIKE, 9 * HOUR + 3, "standby",
            ["The trigger of run has been up since 2026-03-02 09:00:00, for 3.999 s; "
             "it counts once that has lasted 10 s.",
             "So the meter's state is standby, which was confirmed before this instant."],
            id="a spike",
        ),
        pytest.param(
            DIP, 9 * HOUR + 20, "run",
            ["For run (on at 900 W, off at 600 W) that is down.",
             "The trigger of run has been down since 2026-03-02 09:00:00, for 20.999 s; "
             "it counts once that has lasted 60 s.",
             "So the meter's state is run, which was confirmed before this instant."],
            id="a dip that is bridged",
        ),
        pytest.param(
            metered((0, 9 * HOUR, RUN), (9 * HOUR, 24 * HOUR, BAND)), 12 * HOUR, "run",
            ["For run (on at 900 W, off at 600 W) that is inside the band: it stays as it was."],
            id="inside the band",
        ),
        pytest.param(
            metered((0, 9 * HOUR, RUN), (10 * HOUR, 24 * HOUR, RUN)), 9 * HOUR + 600, "unobserved",
            ["No reading of a meter is believed here: none since 2026-03-02 09:00:00, and the next begins at "
             "2026-03-02 10:00:00. That is longer than gap_ms 60 s: the meter says nothing."],
            id="a long hole",
        ),
        pytest.param(
            metered((0, 9 * HOUR, RUN), (9 * HOUR + 30, 24 * HOUR, RUN)), 9 * HOUR + 10, "run",
            ["30 s is not longer than gap_ms 60 s: the reading that ends it speaks."],
            id="a short hole",
        ),
        pytest.param(
            metered((0, 9 * HOUR, RUN), (9 * HOUR, 10 * HOUR, 99_000_000), (10 * HOUR, 24 * HOUR, RUN)),
            9 * HOUR + 600, "unobserved",
            ["A reading lies there whose power is outside valid_mw: it is not believed."],
            id="a reading that is not believed",
        ),
        pytest.param(
            metered((9 * HOUR, 24 * HOUR, RUN)), 8 * HOUR, "unobserved",
            ["none ever before in reach, and the next begins at 2026-03-02 09:00:00."],
            id="before the first reading",
        ),
    ],
)  # fmt: skip
def test_what_the_meter_told(blocks: list[Block], at_s: int, state: str, sentences: list[str]) -> None:
    found = ask(at_s, blocks)
    assert found.state == state
    for sentence in sentences:
        assert sentence in text_of(found)


def test_the_counter_decides_where_it_is_fine_enough() -> None:
    rules = policy(b',"counter":{"step_mwh":10,"window_ms":60000}')
    found = ask(10 * HOUR, metered((0, 12 * HOUR, RUN), (12 * HOUR, 24 * HOUR, OFF)), rules)
    assert "timeline 12" in rules_of(found)
    assert "by its counter" in text_of(found)


def test_a_frozen_meter_is_named() -> None:
    still = [power(n, n * HOUR, (n + 1) * HOUR, RUN) for n in range(10)]
    found = ask(6 * HOUR, still, policy(b',"frozen_ms":3600000'))
    assert found.state == "unobserved"
    assert "the meter counts as frozen" in text_of(found)


WITNESSES = b',"evidence":[{"class":"contact","channel":"beam","words":{"closed":"run","open":"standby"}}]'


def test_a_weightier_watcher_decides_and_is_named() -> None:
    blocks = [*metered((0, 24 * HOUR, IDLE)), told(99, "beam", "closed", 9 * HOUR, 10 * HOUR)]
    found = ask(9 * HOUR + 60, blocks, policy(WITNESSES))
    assert (found.state, found.is_effective) == ("run", True)
    assert "contact:beam told run." in text_of(found)
    assert "The weightiest of those that told anything is contact:beam: run." in text_of(found)
    [step] = [step for step in found.steps if step.text.startswith("contact:beam")]
    assert step.refs == (f"entry:{ORIGIN}#99",)


def test_the_veto_of_the_meter_is_named() -> None:
    blocks = [*metered((0, 24 * HOUR, OFF)), told(99, "beam", "closed", 9 * HOUR, 10 * HOUR)]
    found = ask(9 * HOUR + 60, blocks, policy(WITNESSES))
    assert (found.state, found.is_effective) == ("off", False)
    assert "fusion 14" in rules_of(found)


def test_where_no_watcher_told_anything_that_is_said() -> None:
    blocks = [told(0, "beam", "closed", 9 * HOUR, 10 * HOUR)]
    found = ask(11 * HOUR, blocks, policy(WITNESSES))
    assert found.state == "unobserved"
    assert "fusion 15" in rules_of(found)


@pytest.mark.parametrize(
    ("at_s", "operating", "rule"), [(9 * HOUR - 60, "prepare", "phases 2"), (10 * HOUR + 60, "post", "phases 3")]
)
def test_preparation_and_post_processing(at_s: int, operating: str, rule: str) -> None:
    blocks = metered(
        (0, 8 * HOUR, OFF), (8 * HOUR, 9 * HOUR, IDLE), (9 * HOUR, 10 * HOUR, RUN), (10 * HOUR, 11 * HOUR, IDLE),
        (11 * HOUR, 24 * HOUR, OFF),
    )  # fmt: skip
    found = ask(at_s, blocks, policy(b',"prepare_ms":600000,"post_ms":600000'))
    assert (found.state, found.operating_state, found.is_effective) == ("standby", operating, True)
    assert rule in rules_of(found)


def test_a_bridged_gap_is_named() -> None:
    blocks = metered((0, 9 * HOUR, RUN), (9 * HOUR + 90, 24 * HOUR, RUN))
    found = ask(9 * HOUR + 30, blocks, policy(b',"bridge_ms":120000'))
    assert (found.state, found.is_effective) == ("run", True)
    assert "shorter than bridge_ms 120 s: it is bridged." in text_of(found)


def said(*known: Fact) -> Said:
    return Said(OWNER, {f"fact:{number:064x}": fact for number, fact in enumerate(known)})


def use(purpose: str, start_h: int, end_h: int, **more: object) -> Use:
    return Use(
        v=1, at=MIDNIGHT_MS, by="lims", asset="A001", purpose=purpose,  # type: ignore[arg-type]
        start=MIDNIGHT_MS + start_h * 3_600_000, end=MIDNIGHT_MS + end_h * 3_600_000, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def test_declared_maintenance_is_a_class_and_named_by_its_fact() -> None:
    found = ask(10 * HOUR, metered((0, 24 * HOUR, RUN)), said=said(use("maintenance", 9, 12)))
    assert (found.state, found.operating_state, found.is_effective) == ("run", "maintain", False)
    [step] = [step for step in found.steps if step.rule == "said 5"]
    assert step.refs == (f"fact:{0:064x}",)
    assert "maintain is not effective time" in text_of(found)


def test_whom_a_shared_second_served() -> None:
    order = Order(v=1, at=MIDNIGHT_MS, by="lims", unit=OWNER, order="SO-1", beneficiary=GUEST)
    claims = said(use("own-research", 9, 12), use("service-order", 10, 12, order="SO-1"), order)
    found = ask(11 * HOUR, metered((0, 24 * HOUR, RUN)), said=claims)
    assert found.standings == ("claimed", "internal")
    assert f"Claimed for {GUEST} by order SO-1, 0 documents: claimed." in text_of(found)
    assert f"Claimed for {OWNER} by no order, 0 documents: internal." in text_of(found)
    assert "They share this second, by share where all state it, else equally." in text_of(found)


def test_calibration_and_standby_that_count_say_why() -> None:
    rules = policy(b',"calibration":"counts","standby_counts":"the magnet is held at 4 K"')
    blocks = metered((0, 12 * HOUR, RUN), (12 * HOUR, 24 * HOUR, IDLE))
    calibrated = ask(10 * HOUR, blocks, rules, said(use("calibration", 9, 12)))
    assert "calibrate is effective time: the policy says of calibration that it counts." in text_of(calibrated)
    held = ask(13 * HOUR, blocks, rules)
    assert "the policy counts standby, because: the magnet is held at 4 K." in text_of(held)


def test_it_is_text_and_json() -> None:
    found = ask(10 * HOUR, metered((0, 24 * HOUR, RUN)))
    lines = render(found).splitlines()
    assert lines[0] == "A001 at 2026-03-02 10:00:00 (UTC+8): run, effective, unresolved"
    assert f"      entry:{ORIGIN}#10" in lines
    assert msgspec.json.decode(encode(found))["steps"][0][0] == "timeline 1"


def test_a_second_that_the_record_does_not_reach_is_refused() -> None:
    record, ground = of(metered((0, 24 * HOUR, RUN)), policy())
    for second in (-1, 86_400):
        with pytest.raises(ValueError, match="reaches from second 0 to 86400"):
            explain(record, ground, second=second)


@given(
    pieces=st.lists(
        st.tuples(st.integers(1, 90_000), st.integers(0, 90_000), st.sampled_from([OFF, IDLE, BAND, RUN])), max_size=40
    ),
    at_s=st.integers(0, 86_399),
)
def test_what_the_meter_is_said_to_have_told_is_what_the_record_holds(
    pieces: list[tuple[int, int, int]], at_s: int
) -> None:
    """Random lengths and holes in ms around the second that is asked for; nobody else told anything."""
    blocks, at_ms = [], max(0, at_s * 1000 - 200_000)
    for index, (length_ms, hole_ms, power_mw) in enumerate(pieces):
        if at_ms + length_ms < DAY_MS:
            blocks.append(power(index, at_ms / 1000, (at_ms + length_ms) / 1000, power_mw))
        at_ms += length_ms + hole_ms
    found = ask(at_s, blocks)
    concluding = [step.text for step in found.steps if step.rule in ("timeline 4", "timeline 6", "timeline 8")][-1]
    assert f"state is {found.state}" in concluding or f"confirmed {found.state}, dated back" in concluding
