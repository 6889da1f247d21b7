"""`jishi-audit timeline`: what it prints, where, and the exit code."""

import json
from hashlib import sha256

import pytest

from protocol.audit import cli

POLICY = {
    "v": 1,
    "name": "oven",
    "valid_mw": [0, 3_000_000],
    "standby": {"on_mw": 40_000, "off_mw": 20_000, "on_ms": 5_000, "off_ms": 10_000},
    "run": {"on_mw": 400_000, "off_mw": 200_000, "on_ms": 5_000, "off_ms": 10_000},
    "gap_ms": 60_000,
}
LOAD = [(100, 3), (100, 100), (300, 900), (100, 100), (100, 3)]  # s, W


@pytest.fixture
def policy(tmp_path):
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(POLICY), "utf-8")
    return path


def csv_of(load, *, time=str):
    """A sample a second; watts of None are a hole."""
    lines, at_s = ["time,power_w"], 0
    for seconds, watts in load:
        lines += [f"{time(1000 * (at_s + s))},{watts}" for s in range(1, seconds + 1) if watts is not None]
        at_s += seconds
    return "\n".join(lines) + "\n"


def run(capsys, *words):
    code = cli.main([str(word) for word in words])
    said = capsys.readouterr()
    return code, said.out, said.err


def told(capsys, tmp_path, policy, text, *words):
    path = tmp_path / "samples.csv"
    path.write_text(text, "utf-8")
    code, out, err = run(capsys, "timeline", "--policy", policy, path, "--json", *words)
    assert code == 0, err
    return json.loads(out)


def test_seconds_sessions_and_the_policys_hash(capsys, tmp_path, policy):
    found = told(capsys, tmp_path, policy, csv_of(LOAD))
    assert found == {
        "seconds": {"off": 199, "standby": 200, "run": 300, "unobserved": 0},
        "sessions": [[200_000, 500_000]],
        "policy": sha256(policy.read_bytes()).hexdigest(),
    }


def test_what_a_meter_behind_transformers_shows_is_multiplied_first(capsys, tmp_path, policy):
    policy.write_text(json.dumps(POLICY | {"ratio": [200, 5], "prepare_ms": 1_800_000}), "utf-8")
    found = told(capsys, tmp_path, policy, csv_of([(seconds, watts / 40) for seconds, watts in LOAD]))
    assert found["seconds"] == {"off": 199, "standby": 200, "run": 300, "unobserved": 0}


def test_session_times_are_written_as_the_recording_writes_them_with_a_zone(capsys, tmp_path, policy):
    def iso(at_ms):
        return f"2026-03-02T08:{at_ms // 60_000:02}:{at_ms // 1000 % 60:02}"

    expected = [["2026-03-02T08:03:20+08:00", "2026-03-02T08:08:20+08:00"]]
    assert told(capsys, tmp_path, policy, csv_of(LOAD, time=iso))["sessions"] == expected
    assert told(capsys, tmp_path, policy, csv_of(LOAD, time=lambda ms: iso(ms) + "+08:00"))["sessions"] == expected


def test_a_hole_is_unobserved_and_a_run_ends_at_its_last_sample(capsys, tmp_path, policy):
    found = told(capsys, tmp_path, policy, csv_of([(100, 3), (100, 900), (3600, None), (100, 900), (100, 3)]))
    assert found["seconds"] == {"off": 99 + 100, "standby": 0, "run": 100 + 99, "unobserved": 3601}
    assert found["sessions"] == [[100_000, 200_000], [3_801_000, 3_900_000]]


def test_a_slower_poll_that_is_named_is_no_hole(capsys, tmp_path, policy):
    text = "time,power_w\n" + "".join(f"{at * 1000},900\n" for at in (*range(100), *range(160, 1000, 90)))
    assert told(capsys, tmp_path, policy, text)["seconds"]["unobserved"] > 0
    assert told(capsys, tmp_path, policy, text, "--poll-s", "30")["seconds"]["unobserved"] == 0


def test_seconds_add_up_to_the_covered_span_when_instants_lie_between_seconds(capsys, tmp_path, policy):
    text = "time,power_w\n" + "".join(f"{at * 700 + 333},{900 if 100 < at < 300 else 3}\n" for at in range(500))
    found = told(capsys, tmp_path, policy, text)
    assert sum(found["seconds"].values()) == (499 * 700 + 333) // 1000
    assert sum((end - start) // 1000 for start, end in found["sessions"]) == found["seconds"]["run"]


def test_for_people_it_prints_a_table(capsys, tmp_path, policy):
    path = tmp_path / "samples.csv"
    path.write_text(csv_of(LOAD), "utf-8")
    code, out, _ = run(capsys, "timeline", "--policy", policy, path)
    assert code == 0
    assert "run 运行" in out
    assert "0.08 h" in out
    assert "200000 to 500000" in out


def test_a_tracebase_file_is_read_with_its_format_and_its_notes_go_to_standard_error(capsys, tmp_path, policy):
    path = tmp_path / "trace.csv"
    path.write_text("".join(f"08/08/2011 04:00:{s:02};900;900\n" for s in range(60)), "utf-8")
    code, out, err = run(capsys, "timeline", "--policy", policy, path, "--format", "tracebase", "--json")
    assert code == 0
    assert json.loads(out)["seconds"]["run"] == 59
    assert "taken as UTC+8" in err


@pytest.mark.parametrize(
    "break_it, words",
    [
        (lambda policy, samples: samples.write_text("0,1\nx,1\n", "utf-8"), "samples.csv: line 2: found the time 'x'"),
        (lambda policy, samples: samples.unlink(), "No such file"),
        (lambda policy, samples: policy.write_text("{}", "utf-8"), "policy.json: policy: "),
        (lambda policy, samples: policy.write_text(json.dumps({**POLICY, "gap": 3}), "utf-8"), "remove the member"),
    ],
)
def test_a_file_that_cannot_be_used_ends_in_one_sentence_and_1(capsys, tmp_path, policy, break_it, words):
    samples = tmp_path / "samples.csv"
    samples.write_text(csv_of(LOAD), "utf-8")
    break_it(policy, samples)
    code, out, err = run(capsys, "timeline", "--policy", policy, samples)
    assert (code, out) == (1, "")
    assert words in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("poll", ["0", "-1", "nan", "often", "1e9"])
def test_a_poll_period_that_is_none_is_wrong_usage(capsys, tmp_path, policy, poll):
    with pytest.raises(SystemExit) as ended:
        run(capsys, "timeline", "--policy", policy, tmp_path / "x.csv", "--poll-s", poll)
    assert ended.value.code == 64


def test_the_counter_decides_where_the_policy_says_how_fine_it_is(capsys, tmp_path, policy):
    """A heater that is on for 5 of 25 s, then 20 of 25 s, seen once each 50 s, always in a pause."""
    energy_j, lines = 0, ["time,power_w,energy_wh"]
    for at_s in range(7200):
        energy_j += 1000 if at_s % 25 < (5 if at_s < 3600 else 20) else 0
        if at_s % 50 == 49:
            lines.append(f"{(at_s + 1) * 1000},0,{energy_j // 3600}")
    text = "\n".join(lines)
    assert told(capsys, tmp_path, policy, text)["seconds"]["run"] == 0
    counter = {"counter": {"step_mwh": 1000, "window_ms": 60_000}}
    policy.write_text(json.dumps({**POLICY, **counter}), "utf-8")
    assert told(capsys, tmp_path, policy, text)["sessions"] == [[3_600_000, 7_200_000]]


@pytest.mark.parametrize("words", [["verify"], ["verify", "x", "--frust", "y"], ["inspect", "nothing"], ["no-command"]])
def test_wrong_usage_has_the_exit_code_of_no_verdict(capsys, words):
    with pytest.raises(SystemExit) as ended:
        run(capsys, *words)
    assert ended.value.code == 64
    assert "usage: jishi-audit" in capsys.readouterr().err
