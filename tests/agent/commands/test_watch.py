"""`jishi-agent watch` as a process: beside an agent, in place of one, at a terminal, into a pipe, and Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import cli
from agent.live import news_line, screen
from agent.trial import Row
from collector.embedded.broker import EmbeddedBroker
from tests.agent.enrolled import enrol_in
from tests.agent.test_run import Host
from tests.agent.test_status import NOW_MS, a_status
from tests.agent.test_uplink_broker import eventually
from tests.agent.watchers.bench import Bench

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the simulator needs pseudo-terminals")

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "port")
    made.plug()
    yield made
    made.unplug()


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    return enrol_in(tmp_path / "pc", broker_port=9, port=tmp_path / "port")


def watch(configuration: Path, *words: str, stdout: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    program = [sys.executable, "-c", "import sys; from agent.cli import main; sys.exit(main())"]
    return subprocess.Popen(
        [*program, "watch", "-c", str(configuration), *words], stdout=stdout, stderr=subprocess.PIPE
    )


def first_lines(process: subprocess.Popen[bytes], count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().decode() for _ in range(count)]


def end(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    """Press Ctrl-C; return the exit code and what was said on standard error."""
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    return process.returncode, errors.decode()


def test_without_an_agent_the_watchers_run_here_and_nothing_is_recorded(bench: Bench, configuration: Path) -> None:
    before = sorted(path for path in configuration.parent.rglob("*"))
    process = watch(configuration)
    lines = [line for line in first_lines(process, 4) if " W, " in line]
    assert lines[0].split(" ", 1)[1].startswith("meter1 885.5 W, ")
    code, errors = end(process)
    assert (code, errors) == (
        0,
        "# no agent runs: the watchers run in this command, and nothing is recorded; Ctrl-C ends\n",
    )
    assert sorted(path for path in configuration.parent.rglob("*")) == before


def test_for_programs_there_is_a_json_line_for_each_change(bench: Bench, configuration: Path) -> None:
    process = watch(configuration, "--json")
    rows = [json.loads(line) for line in first_lines(process, 3)]
    assert {row["name"] for row in rows} == {"meter1"}
    assert rows[-1]["last"]["power_mw"] == 885_500
    assert end(process)[0] == 0


def test_a_reader_that_has_enough_is_no_error(bench: Bench, configuration: Path) -> None:
    process = watch(configuration)
    first_lines(process, 1)
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(20) == 0
    assert process.stderr is not None
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()


def test_once_shows_all_watchers_and_tells_whether_they_see(
    bench: Bench, configuration: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.main(["watch", "--once", "-c", str(configuration)]) == 0
    assert "meter1 885.5 W, " in capsys.readouterr().out
    bench.unplug()
    monkeypatch.setattr("agent.trial.FAULT_PATIENCE_S", 0.2)
    assert cli.main(["watch", "--once", "-c", str(configuration)]) == 1
    assert "meter1 down unobserved because there is no port" in capsys.readouterr().out


def test_a_watcher_of_another_name_is_refused_with_those_that_there_are(configuration: Path, capsys: Captured) -> None:
    assert cli.main(["watch", "--watcher", "meter2", "-c", str(configuration)]) == 1
    assert capsys.readouterr().err == "jishi-agent: no watcher is named 'meter2'; the configuration has meter1\n"


def test_a_journal_that_somebody_writes_in_silence_is_not_watched_beside_him(
    configuration: Path, capsys: Captured
) -> None:
    from agent.disk import WriterLock

    held = WriterLock(configuration.parent / "state" / "journal" / "1")
    assert cli.main(["watch", "-c", str(configuration)]) == 1
    assert f"process {os.getpid()} writes the journal and says nothing" in capsys.readouterr().err
    held.release()


@pytest.fixture
def host(tmp_path: Path, broker: EmbeddedBroker) -> Iterator[Host]:
    made = Host(tmp_path / "pc", broker.port)
    yield made
    made.close()


def test_beside_an_agent_its_own_words_are_shown_until_it_ends(host: Host) -> None:
    host.plug_in()
    agent = host.start()
    status = host.directory / "state" / "status.json"
    eventually(lambda: status.exists() and b'"up"' in status.read_bytes(), within_s=30)
    process = watch(host.configuration)
    two = first_lines(process, 2)
    assert all(" W, " in line for line in two)
    assert two[0] != two[1]
    agent.kill()
    agent.wait()
    assert process.wait(30) == 1
    assert process.stderr is not None
    assert b"the agent has ended" in process.stderr.read()
    process.communicate()


def test_at_a_terminal_a_screen_is_drawn_over_the_one_before(bench: Bench, configuration: Path) -> None:
    terminal, end_of_ours = os.openpty()
    process = watch(configuration, stdout=end_of_ours)
    os.close(end_of_ours)
    drawn = b""
    while b"\x1b[1A\x1b[Jmeter1  up " not in drawn:
        drawn += os.read(terminal, 4096)
    assert b"885.5 W, " in drawn
    assert end(process)[0] == 0
    os.close(terminal)


def a_row(**changes: object) -> Row:
    row: Row = a_status()["watchers"][0]
    return row | changes


def test_a_line_has_the_time_of_the_sample_and_a_fault_that_of_now() -> None:
    assert news_line(a_row(), now_ms=NOW_MS) == "2025-12-01T02:05:14.536Z meter1 905.8 W, 1.646 kWh"
    down = a_row(state="down", reason="unobserved because of this")
    assert news_line(down, now_ms=NOW_MS) == "2025-12-01T02:05:16.036Z meter1 down unobserved because of this"
    assert news_line(a_row(state="starting", last_at_ms=None), now_ms=NOW_MS).endswith("Z meter1 starting")


def test_a_screen_keeps_to_the_width_of_the_terminal() -> None:
    rows = [a_row(), a_row(name="host", state="down", last_at_ms=None, reason="unobserved because " + "word " * 30)]
    shown = screen(rows, now_ms=NOW_MS, width=79)
    assert shown[0] == "meter1  up        2 s ago    905.8 W, 1.646 kWh"
    assert shown[1].startswith("host    down      never      unobserved because word")
    assert max(map(len, shown)) <= 79
