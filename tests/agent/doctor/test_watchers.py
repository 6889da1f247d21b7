"""Watchers tried for a moment, and examined by their kinds."""

import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from agent import config
from agent.doctor.case import Case, take_up
from agent.doctor.supervision import supervise
from agent.doctor.watchers import examine_watchers, judge_row
from agent.finding import Finding
from agent.trial import first_row
from agent.watchers import registry
from agent.watchers.host import HostWatcher
from agent.watchers.watcher import Kind, WatcherSettings
from tests.agent.doctor.cases import a_case, verdicts
from tests.agent.test_status import NOW_MS
from tests.agent.test_trial import Talker
from tests.agent.watchers.bench import Bench

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the simulator needs pseudo-terminals")


def configured(case: Case, text: str) -> Case:
    """The same agent with these watchers."""
    path = case.configuration.state_dir.parent / "agent.toml"
    path.write_text(path.read_text("utf-8").partition("[[watcher]]")[0] + text, "utf-8")
    return take_up(config.load(path), case.clock)


def test_a_meter_that_answers_is_in_order(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "port")
    bench.plug()
    found = list(examine_watchers(a_case(tmp_path)))
    bench.unplug()
    assert set(verdicts(found).values()) == {"ok"}
    assert "885.5 W, " in found[0].found


def test_a_meter_that_is_not_there_is_said_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.trial.FAULT_PATIENCE_S", 0.2)
    (finding,) = examine_watchers(a_case(tmp_path))
    assert (finding.what, finding.verdict) == ("port of meter1", "fail")
    assert finding.found == f"there is no port {tmp_path / 'port'}"
    assert "plug the adapter in" in finding.remedy


def test_a_process_that_does_not_run_is_a_warning_though_the_watcher_sees(tmp_path: Path) -> None:
    text = '[[watcher]]\nname = "software"\nkind = "process"\nexecutable = "no-such-program"\n'
    found = verdicts(examine_watchers(configured(a_case(tmp_path), text)))
    assert found == {"watcher software": "ok", "process of software": "warn"}


def test_nothing_is_opened_while_an_agent_runs(tmp_path: Path) -> None:
    assert list(examine_watchers(a_case(tmp_path)._replace(holder="4711"))) == []


def test_a_watcher_that_says_nothing_is_no_failure() -> None:
    class Quiet(HostWatcher):
        name, asset = "quiet", ""

        def __init__(self) -> None:
            pass

    finding = judge_row(first_row(Quiet()), now_ms=NOW_MS)
    assert finding.verdict == "unknown"
    assert "jishi-agent watch --watcher quiet" in finding.remedy


class ThirdPartySettings(WatcherSettings, frozen=True):
    pass


def _examine_badly(_settings: WatcherSettings) -> Iterator[Finding]:
    yield Finding("gauge", "ok", "it looked at this")
    raise RuntimeError("and fell over that")


def test_a_third_partys_examination_that_raises_ends_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = type("acme", (), {"KIND": Kind(ThirdPartySettings, Talker, _examine_badly)})
    monkeypatch.setitem(registry.BUILT_IN, "acme", "acme")
    monkeypatch.setitem(sys.modules, "acme", module)
    case = a_case(tmp_path)
    settings = ThirdPartySettings(name="gauge1", kind="acme")
    watchers = (settings, *configured(case, '[[watcher]]\nname = "host"\nkind = "host"\n').configuration.watchers)
    monkeypatch.setattr("agent.trial.PATIENCE_S", 0.5)
    case = case._replace(configuration=msgspec.structs.replace(case.configuration, watchers=watchers))
    found = list(examine_watchers(case))
    assert verdicts(found) == {"watcher gauge1": "unknown", "gauge": "ok", "watcher host": "ok"}
    assert "RuntimeError: and fell over that" in found[2].found
    assert found[-1].what == "watcher host"


def _leave(_: object) -> Iterator[Finding]:
    yield from ()
    sys.exit(3)


def _talk_nonsense(_: object) -> list[Finding]:
    return ["all is well", Finding("gauge", "splendid", "it is"), Finding("gauge", "ok", 3)]  # type: ignore[list-item,arg-type]


def test_an_examination_that_exits_or_talks_nonsense_is_borne() -> None:
    (left,) = supervise("gauge", _leave, None)
    assert (left.verdict, left.found) == ("unknown", "the examination failed (SystemExit: 3)")
    said, splendid, number = supervise("gauge", _talk_nonsense, None)
    assert (said.verdict, splendid.verdict) == ("unknown", "unknown")
    assert "all is well" in said.found
    assert number == Finding("gauge", "ok", "3")
