"""Watchers run without recording anything: what they say becomes the rows that `status` has."""

import threading

import pytest

from agent.clock import Instant, SystemClock
from agent.reading import Channel, Sample
from agent.trial import Row, Trial, after, first_row, try_out
from agent.watchers import registry
from agent.watchers.host import HostSettings
from agent.watchers.watcher import Card, Emit, Fault, Kind, Seen, WatcherSettings

AT = Instant(1_764_554_716_036, 72_893_813)


class Talker:
    """A watcher of a third party, which says what the test wants, and then waits."""

    channels = (Channel("power", "gauge", 1000),)
    says: tuple[Sample | Fault | Seen | Card, ...] = ()

    def __init__(self, settings: WatcherSettings, _clock: SystemClock) -> None:
        self.name, self.kind, self.asset = settings.name, settings.kind, settings.asset

    def run(self, emit: Emit, stop: threading.Event) -> None:
        for said in self.says:
            emit(said)
        stop.wait()


class Breaker(Talker):
    def run(self, emit: Emit, stop: threading.Event) -> None:
        raise RuntimeError("nothing works")


@pytest.fixture
def talkers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, maker in (("talker", Talker), ("breaker", Breaker)):
        monkeypatch.setattr(maker, "says", ())
        module = type(name, (), {"KIND": Kind(WatcherSettings, maker)})
        monkeypatch.setitem(registry.BUILT_IN, name, name)
        monkeypatch.setitem(__import__("sys").modules, name, module)


def a_row() -> Row:
    return first_row(Talker(WatcherSettings(name="t1", kind="talker"), SystemClock()))


def test_each_word_of_a_watcher_changes_its_row() -> None:
    row = after(a_row(), Sample("t1", "power", AT, 885_500, 2_354_257))
    assert (row["state"], row["last_at_ms"]) == ("up", AT.wall_ms)
    assert row["last"] == {"power_mw": 885_500, "energy_mwh": 2_354_257}
    row = after(row, Sample("t1", "contact", AT, "open"))
    assert row["last"] == {"power_mw": 885_500, "energy_mwh": 2_354_257, "contact": "open"}
    row = after(row, Seen("t1", AT, (("port", "/dev/ttyUSB0"),)))
    assert row["particulars"] == {"port": "/dev/ttyUSB0"}
    row = after(row, Fault("t1", AT, "unobserved because of this"))
    assert (row["state"], row["last"], row["reason"]) == ("down", {}, "unobserved because of this")


def test_a_card_is_seen_and_its_number_is_not() -> None:
    row = after(a_row(), Card("t1", AT, "0F1E2D3C4B"))
    assert row["state"] == "up"
    assert "0F1E2D3C4B" not in str(row)


def test_a_trial_of_a_real_watcher_ends_with_its_first_samples() -> None:
    (row,) = try_out([HostSettings(name="host", kind="host")], SystemClock())
    assert (row["state"], row["last"]["host"]) == ("up", "on")


def test_news_are_the_rows_that_changed_each_once(talkers: None) -> None:
    now = SystemClock().now()
    Talker.says = (Sample("t1", "power", now, 1), Sample("t1", "power", now, 2))
    with Trial([WatcherSettings(name="t1", kind="talker")], SystemClock()) as trial:
        rows = trial.news(5)
        if rows[-1]["last"] != {"power_mw": 2}:  # the second one came a moment later
            rows = trial.news(5)
        assert [row["last"] for row in rows] == [{"power_mw": 2}]
        assert trial.rows["t1"] == rows[-1]
        assert trial.news(0) == []


def test_a_watcher_that_fails_is_told_and_stops_no_other(talkers: None) -> None:
    settings = [WatcherSettings(name="t1", kind="breaker"), HostSettings(name="host", kind="host")]
    with Trial(settings, SystemClock()) as trial:
        while any(row["state"] == "starting" for row in trial.rows.values()):
            assert trial.news(10)
    assert trial.rows["host"]["state"] == "up"
    assert "the watcher failed (RuntimeError: nothing works)" in trial.rows["t1"]["reason"]


def test_a_trial_ends_whatever_is_still_to_be_heard(talkers: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.trial.QUEUE_ITEMS", 10)
    now = SystemClock().now()
    Talker.says = tuple(Sample("t1", "power", now, value) for value in range(50))
    before = threading.active_count()
    with Trial([WatcherSettings(name="t1", kind="talker")], SystemClock()):
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
