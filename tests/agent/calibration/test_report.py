"""What calibration says, for people and for programs."""

import json

from agent.calibration.examine import examine
from agent.calibration.report import as_json, as_text
from protocol.sample_file import Notation, Recording
from tests.agent.calibration.loads import HOUR, START_MS, bursts, counted, quantised, recording

SERVES = [(HOUR, quantised(2, 4)), (HOUR, 340), (2 * HOUR, 880), (HOUR, 340), (HOUR, 2)]
NOTHING = [(HOUR, quantised(9, 11))]


def test_people_read_the_levels_the_thresholds_and_their_reasons():
    text = as_text(examine(recording(*SERVES), "SEM"))
    for line in (
        "levels    2 W for 1.93 h; 340 W for 1.93 h; 880 W for 1.97 h",
        "idle      floor 340 W (10th percentile), MAD 0 W, 95th percentile 340 W: a step is 102 W",
        "standby   begins at 12 W, ends at 7 W",
        "run       begins at 442 W, ends at 391 W",
        "dwells    a rise counts after 15 s, a fall after 60 s",
        "hours     off 2.00 h, standby 2.00 h, run 2.00 h, unobserved 0.00 h",
        "each 10 s or faster is enough",
        "verdict   this pair of thresholds serves",
    ):
        assert line in text


def test_people_read_what_speaks_against_it():
    text = as_text(examine(recording(*NOTHING), "router"))
    assert "against   no run was seen" in text
    assert text.endswith("verdict   NO pair of thresholds and dwells serves")


def test_programs_get_one_line_with_the_policy():
    result = examine(recording(*SERVES), "SEM")
    told = json.loads(as_json(result))
    assert told["serves"] is True
    assert told["policy"] == json.loads(result.raw_policy)
    assert told["sha256"] == result.policy.sha256
    assert told["seconds"]["run"] == 7200
    [[start, end]] = told["sessions"]
    assert end - start == 7_200_000
    assert start == START_MS + 2 * HOUR * 1000 - 1000, "a sample speaks for the time since the one before it"
    assert told["poll_ms"] == 10_000


def test_programs_get_the_objections():
    told = json.loads(as_json(examine(recording((HOUR, lambda second: 500 * (second // 5 % 7))), "x")))
    assert (told["serves"], "policy" in told) == (False, False)
    assert "never rests" in told["objections"][0]


def test_where_the_counter_decides_it_is_told_and_only_there():
    warm, work = bursts(0, 1000, low_s=20, high_s=5), bursts(0, 1000, low_s=5, high_s=20)
    load = counted((HOUR, warm), (HOUR, work), (HOUR, warm))
    result = examine(Recording(tuple(load), Notation("epoch")), "heater")
    text, told = as_text(result), json.loads(as_json(result))
    assert "counter   the run by the energy counter, in windows of 120 s: its step of 1 Wh makes 30 W" in text
    assert told["policy"]["counter"] == {"step_mwh": 1000, "window_ms": 120_000}
    assert told["idle"]["grain_mw"] == 30_000
    plain = json.loads(as_json(examine(recording(*SERVES), "SEM")))
    assert "counter" not in plain["policy"]
    assert set(plain["idle"]) == {"floor_mw", "mad_mw", "reach_mw"}
