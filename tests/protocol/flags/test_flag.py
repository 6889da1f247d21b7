"""Flags, shapes and their statistics: one byte string each, figures that any machine computes again."""

import msgspec
import pytest

from protocol.errors import MalformedFlag, TooLarge
from protocol.flags import flag as flags
from protocol.flags import shape as shapes
from protocol.flags.catalogue import RULES, flag_of, spell, tell
from protocol.flags.flag import Figure, Finding, Flag
from protocol.flags.robust import PPB, is_rare, likeness_ppb, median, quantile, spread
from protocol.flags.shape import Counted, Shape, shape_of
from protocol.observation import Observation

MINUTE = 60_000
FLAG = Flag(1, "A001", "feeder-idle", 1, "2026-03-02", "2026-03-02", (Figure("idle", 1800, "s"), Figure("compared", 3600, "s")))  # fmt: skip # noqa: E501


def test_a_flag_has_these_bytes_and_is_read_again() -> None:
    raw = flags.encode(FLAG)
    assert raw == (b'[1,"A001","feeder-idle",1,"2026-03-02","2026-03-02",[["idle",1800,"s"],["compared",3600,"s"]],[]]')
    assert flags.decode(raw) == FLAG
    assert len(flags.identity(raw)) == 64


@pytest.mark.parametrize(
    "changes",
    [{"first_day": "2026-03-03"}, {"last_day": "2026-3-2"}, {"figures": FLAG.figures[:1] * 2}, {"rule": ""}],
)
def test_a_flag_that_contradicts_itself_is_refused(changes: dict[str, object]) -> None:
    members = [changes.get(name, getattr(FLAG, name)) for name in Flag.__struct_fields__]
    with pytest.raises(MalformedFlag):
        flags.decode(msgspec.json.encode(members))


def test_other_bytes_and_too_many_are_refused() -> None:
    with pytest.raises(MalformedFlag, match="canonical"):
        flags.decode(flags.encode(FLAG).replace(b"[1,", b"[1, "))
    with pytest.raises(TooLarge):
        flags.decode(b" " * (flags.MAX_FLAG_BYTES + 1))
    with pytest.raises(TooLarge):
        shapes.decode(b" " * (shapes.MAX_SHAPE_BYTES + 1))
    with pytest.raises(MalformedFlag, match="canonical"):
        shapes.decode(shapes.encode(Shape()) + b"\n")


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)
def test_every_rule_has_words_in_both_languages_and_a_weight(rule: object) -> None:
    name, version, weight, *words = rule  # type: ignore[misc]
    assert name in RULES
    assert version >= 1
    assert 1 <= weight <= 100
    assert all(words)


def test_a_sentence_has_its_figures_in_units_that_people_read() -> None:
    assert tell(FLAG, "en") == (
        "the instrument's meter shows a run, and of 1 h 0 min compared its feeder shows no such load for 0 h 30 min"
    )
    assert "1 小时 0 分" in tell(FLAG, "zh")
    ratio = flag_of(Finding("ratio-changed", (Figure("ratio_before", 1_000_000, "ppm"), Figure("ratio", 2_000_000, "ppm"))), "A001", first_day="2026-03-02", last_day="2026-03-02")  # fmt: skip # noqa: E501
    assert tell(ratio, "en") == "the policy's ratio went from 100.000 % to 200.000 %"
    assert [spell(Figure("x", value, unit), "en") for value, unit in ((2_500_000, "mWh"), (3, "days"), (7, ""))] == [
        "2.500 kWh", "3 days", "7",
    ]  # fmt: skip


def test_a_flag_of_a_rule_that_is_gone_or_newer_tells_its_figures() -> None:
    for changed in (msgspec.structs.replace(FLAG, rule="gone"), msgspec.structs.replace(FLAG, version=9)):
        assert tell(changed, "en") == "idle 0 h 30 min, compared 1 h 0 min"


def test_medians_and_what_hangs_on_them() -> None:
    assert (median([3, 1, 2]), median([4, 1, 2, 3]), quantile(list(range(1, 11)), 10), quantile([5], 10)) == (
        2,
        2,
        1,
        5,
    )
    assert spread([10, 12, 14, 16, 900]) == 2 * 14_826 // 10_000
    assert likeness_ppb([1, 2, 3], [10, 20, 30]) == PPB
    assert likeness_ppb([1, 2, 3], [3, 2, 1]) == -PPB
    assert likeness_ppb([1, 1, 1], [1, 2, 3]) is None
    with pytest.raises(ValueError, match="nothing"):
        median([])
    assert is_rare(10, 10, chance=(1, 2), one_in=1000)
    assert not is_rare(9, 10, chance=(1, 2), one_in=1000)


def observed(levels: list[int], *, start_ms: int = 0, ripple: int = 0) -> list[Observation]:
    return [
        Observation(start_ms + n * MINUTE, start_ms + (n + 1) * MINUTE, level, level - ripple, level + ripple, None)
        for n, level in enumerate(levels)
    ]


def test_a_shape_holds_levels_ripple_energy_product_and_the_longest_runs() -> None:
    levels = [200_000] * 30 + [900_000] * 60 + [200_000] * 30
    runs, standby = [(30 * MINUTE, 90 * MINUTE)], [(0, 30 * MINUTE), (90 * MINUTE, 120 * MINUTE)]
    counted = [Counted(0, 60 * MINUTE, 5), Counted(60 * MINUTE, 80 * MINUTE, 7)]
    shape = shape_of(observed(levels, ripple=9_000), runs=runs, standby=standby, counted=counted)
    assert shape == Shape(
        run_s=3600, run_mwh=900_000, ripple_ppm=20_000, run_mw=900_000, standby_mw=200_000, product=12, product_s=3000,
        runs=((900_000,) * 60,),
    )  # fmt: skip
    assert shapes.decode(shapes.encode(shape)) == shape


def test_a_feeder_that_carries_the_run_is_not_idle_and_one_that_carries_nothing_is() -> None:
    power, runs = observed([900_000] * 60), [(0, 60 * MINUTE)]
    busy = shape_of(power, runs=runs, standby=[], feeder=observed([1_200_000] * 60))
    idle = shape_of(power, runs=runs, standby=[], feeder=observed([1_200_000] * 20 + [300_000] * 40))
    assert (busy.feeder_s, busy.feeder_idle_s, idle.feeder_s, idle.feeder_idle_s) == (3600, 0, 3600, 2400)


def test_what_was_not_observed_is_no_level_and_short_runs_are_not_compared() -> None:
    gappy = [each for n, each in enumerate(observed([900_000] * 60)) if n % 10]
    shape = shape_of(gappy, runs=[(0, 60 * MINUTE)], standby=[])
    assert len(shape.runs[0]) == 54
    assert shape_of(gappy, runs=[(0, 39 * MINUTE)], standby=[]).runs == ()
    assert shape_of([], runs=[(0, 60 * MINUTE)], standby=[]) == Shape(run_s=3600, runs=((),))
