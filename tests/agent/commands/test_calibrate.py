"""`jishi-agent calibrate`: what it prints and writes, and its exit codes; once through a real meter on a real port."""

import builtins
import json
import threading

import pytest

from agent import cli
from agent.calibration import guided, picture
from agent.reading import Sample
from protocol.audit import cli as audit
from tests.agent.calibration.loads import HOUR, csv_of, quantised, samples
from tests.agent.enrolled import CONFIGURATION
from tests.agent.watchers.bench import POWER_MW, Bench

SERVES = [(HOUR, quantised(2, 4)), (2 * HOUR, 880), (HOUR, 2)]
NOTHING = [(HOUR, quantised(9, 11))]
UNSETTLED = [(HOUR, 3), *[part for n in range(40) for part in ((60, 300), (40 + 7 * n, 3))], (HOUR, 3)]


@pytest.fixture
def calibrate(tmp_path, capsys):
    """Calibrates a load; returns exit code, standard output and standard error."""

    def run(load, *words):
        path = tmp_path / "oven.csv"
        path.write_text(csv_of(samples(*load, poll_s=2)), "utf-8")
        code = cli.main(["calibrate", "--from", str(path), *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_a_proposal_that_serves_is_shown_drawn_and_written(tmp_path, calibrate, capsys):
    policy, drawing = tmp_path / "policy.json", tmp_path / "policy.svg"
    code, out, err = calibrate(SERVES, "--output", policy)
    assert code == 0
    assert "┤" in out, "the trace in the terminal"
    assert "verdict   this pair of thresholds serves" in out
    assert f"{policy} was written, for the collector to approve" in err
    assert drawing.exists()
    assert audit.main(["timeline", "--policy", str(policy), str(tmp_path / "oven.csv"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["seconds"]["run"] == 7200


def test_the_picture_is_drawn_where_it_is_wanted_also_of_what_does_not_serve(tmp_path, calibrate):
    assert calibrate(NOTHING, "--picture", tmp_path / "x.png")[0] == 3
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


def test_the_policy_is_named_after_the_file_or_as_asked(tmp_path, calibrate):
    for words, name in (((), "oven"), (("--name", "柱温箱"), "柱温箱")):
        calibrate(SERVES, "--output", tmp_path / "policy.json", *words)
        assert json.loads((tmp_path / "policy.json").read_text("utf-8"))["name"] == name


@pytest.mark.parametrize("load, why", [(NOTHING, "no run was seen"), (UNSETTLED, "how long a pause may be")])
def test_where_nothing_serves_it_says_why_writes_nothing_and_ends_with_3(tmp_path, calibrate, load, why):
    policy = tmp_path / "policy.json"
    code, out, err = calibrate(load, "--output", policy)
    assert code == 3
    assert why in out
    assert f"{policy} was not written; --anyway writes it all the same" in err
    assert not policy.exists()


def test_anyway_writes_what_does_not_serve_and_still_ends_with_3(tmp_path, calibrate):
    policy = tmp_path / "policy.json"
    assert calibrate(UNSETTLED, "--output", policy, "--anyway")[0] == 3
    assert policy.exists()


def test_what_never_rests_leaves_nothing_to_write_even_anyway(tmp_path, calibrate):
    code, _, err = calibrate([(HOUR, lambda second: 500 * (second // 5 % 7))], "--output", tmp_path / "p", "--anyway")
    assert code == 3
    assert err.endswith("p was not written\n")


def test_programs_get_one_line_on_standard_output(calibrate):
    code, out, _ = calibrate(SERVES, "--json")
    assert code == 0
    assert json.loads(out)["serves"] is True


def test_without_the_extra_everything_but_the_picture_is_done(tmp_path, calibrate, monkeypatch):
    def missing(result, path):
        raise picture.NoPicture(picture.REMEDY)

    monkeypatch.setattr(picture, "draw", missing)
    code, _, err = calibrate(SERVES, "--output", tmp_path / "p.json", "--picture", tmp_path / "x.svg")
    assert code == 0
    assert "was not drawn: the picture needs the extra `calibrate`" in err
    assert (tmp_path / "p.json").exists()


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "no samples found in 0 bytes"),
        ("time,power_w\n0,1\n1000,x\n", "line 3: found 'x'"),
        ("0,1\n9000000,1\n", "a sample each 9000 s tells no run"),
    ],
)
def test_a_file_that_tells_nothing_is_refused_with_its_name(tmp_path, capsys, text, words):
    path = tmp_path / "bad.csv"
    path.write_text(text, "utf-8")
    assert cli.main(["calibrate", "--from", str(path)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert words in said.err
    assert "bad.csv" in said.err


def test_a_file_that_is_not_there_is_named(tmp_path, capsys):
    assert cli.main(["calibrate", "--from", str(tmp_path / "none.csv")]) == 1
    assert "none.csv" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words, why",
    [
        (["-c", "agent.toml"], "-c needs --watcher NAME"),
        (["--from", "x.csv", "--watcher", "meter1"], "--watcher and --recording go with -c"),
        (["--from", "x.csv", "--picture", "x.gif"], "expected a name that ends in .svg or .png"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_done(capsys, words, why):
    assert cli.main(["calibrate", *words]) == 2
    assert why in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["--from", "x.csv", "-c", "agent.toml"]])
def test_one_source_is_needed(words):
    with pytest.raises(SystemExit) as ended:
        cli.main(["calibrate", *words])
    assert ended.value.code == 2


def configuration(tmp_path, port):
    path = tmp_path / "agent.toml"
    text = CONFIGURATION.format(port=port, block_s=300).replace("poll_s = 1", "poll_s = 0.1\ntimeout_s = 0.1")
    path.write_text(text, "utf-8")
    return path


def test_a_watcher_that_is_not_configured_is_named_with_those_that_are(tmp_path, capsys):
    path = configuration(tmp_path, tmp_path / "tty")
    assert cli.main(["calibrate", "-c", str(path), "--watcher", "meter2"]) == 1
    assert "no watcher 'meter2'; it has: meter1" in capsys.readouterr().err


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path / "tty")
    bench.plug()
    yield bench
    bench.unplug()


@pytest.fixture
def patient_operator(monkeypatch):
    """Presses Enter each time that five more samples have come."""
    came = threading.Semaphore(0)

    class Heard(guided.PowerLog):
        def emit(self, said):
            super().emit(said)
            if isinstance(said, Sample):
                came.release()

    def press_enter():
        assert all(came.acquire(timeout=20) for _ in range(5)), "the meter says nothing"
        return ""

    monkeypatch.setattr(guided, "PowerLog", Heard)
    monkeypatch.setattr(guided, "LEAST_SAMPLES", 3)
    monkeypatch.setattr(builtins, "input", press_enter)


def test_a_recording_through_a_real_meter(tmp_path, bench, patient_operator, capsys):
    recorded = tmp_path / "r.csv"
    path = configuration(tmp_path, bench.link)
    code = cli.main(["calibrate", "-c", str(path), "--watcher", "meter1", "--recording", str(recorded)])
    assert code == 3, "a meter that always shows the same has no run"
    assert len(recorded.read_text("utf-8").splitlines()) > 30
    assert f",{POWER_MW / 1000:.3f}," in recorded.read_text("utf-8").splitlines()[1]
    said = capsys.readouterr()
    assert "no run was seen" in said.out
    assert "3/3 Begin one run" in said.err
    assert "Begin one run" not in said.out, "standard output is the result's alone"


def test_ctrl_c_ends_a_recording_and_says_where_it_is(tmp_path, bench, monkeypatch, capsys):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(builtins, "input", interrupted)
    path = configuration(tmp_path, bench.link)
    words = ["calibrate", "-c", str(path), "--watcher", "meter1", "--recording", str(tmp_path / "r.csv")]
    assert cli.main(words) == 1
    assert "what was recorded is kept: jishi-agent calibrate --from" in capsys.readouterr().err
