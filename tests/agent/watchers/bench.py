"""A test bench: a meter on a real pseudo-terminal that can be unplugged, and ears for what a watcher says."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from typing import TypeVar

from agent.clock import SystemClock
from agent.reading import Sample
from agent.simulator.load import Load
from agent.simulator.meter import Dialect, PtyMeter
from agent.simulator.meter import Fault as MeterFault
from agent.simulator.meters import METERS
from agent.simulator.models import Segment
from agent.watchers.watcher import Card, Fault, Said, Seen, Watcher

_Said = TypeVar("_Said", Sample, Fault, Seen, Card)

POWER_MW = 885_500


class Bench:
    """The meter's end. `plug` and `unplug` as often as wanted; the name of the port stays the same."""

    def __init__(
        self, link: Path, *, power_mw: int = POWER_MW, meter: str = "sdm120", dialect: Dialect | None = None
    ) -> None:
        self.link = link
        self.power_mw = power_mw
        self._dialect = dialect or METERS[meter]()
        self._meter: PtyMeter | None = None
        self._thread: threading.Thread | None = None

    def plug(self, fault: MeterFault | None = None) -> None:
        segments: Iterator[Segment] = repeat(Segment("run", 200, self.power_mw))
        load = Load(segments, SystemClock().now(), changed=lambda wall_ms, segment: None)
        self._meter = PtyMeter(load, self._dialect, seed=1, fault=fault)
        fresh = self.link.with_suffix(".new")
        fresh.symlink_to(self._meter.slave_path)
        fresh.replace(self.link)
        self._thread = threading.Thread(target=self._meter.serve)
        self._thread.start()

    def unplug(self) -> None:
        if self._meter and self._thread:
            self._meter.stopping = True
            self._thread.join()
            self._meter.close()
            self.link.unlink()
        self._meter = self._thread = None

    def suffer(self, fault: MeterFault | None) -> None:
        assert self._meter is not None
        self._meter.fault = fault

    def become(self, meter: str | Dialect) -> None:
        """Another meter is put in the place of this one, at the same wires."""
        assert self._meter is not None
        self._meter.dialect = METERS[meter]() if isinstance(meter, str) else meter

    def reset_counter(self) -> None:
        assert self._meter is not None
        self._meter.reset_counter()

    def set_counter(self, wh: int) -> None:
        assert self._meter is not None
        self._meter.counter_wh = wh


class Ears:
    """Runs a watcher and hears what it says."""

    def __init__(self, watcher: Watcher) -> None:
        self.said: list[Said] = []
        self._heard = threading.Condition()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=watcher.run, args=(self._hear, self._stop))
        self._thread.start()

    def _hear(self, said: Said) -> None:
        with self._heard:
            self.said.append(said)
            self._heard.notify_all()

    def wait(
        self,
        kind: type[_Said],
        meant: Callable[[_Said], bool] = lambda _: True,
        *,
        within_s: float = 10,
        after: int | None = None,
    ) -> _Said:
        """Return the first thing of this kind that is said from now on (or after so many others) and meant."""
        after = len(self.said) if after is None else after
        end_s = time.monotonic() + within_s
        with self._heard:
            while True:
                for said in self.said[after:]:
                    if isinstance(said, kind) and meant(said):
                        return said
                assert self._heard.wait(end_s - time.monotonic()), f"not heard within {within_s} s: {self.said[-3:]}"

    def heard(
        self, kind: type[_Said], meant: Callable[[_Said], bool] = lambda _: True, *, within_s: float = 10
    ) -> _Said:
        """Return the first thing of this kind that is meant, whether it has been said or will be."""
        return self.wait(kind, meant, within_s=within_s, after=0)

    def wait_for_return(self, fault: str, *, within_s: float = 10) -> None:
        """Wait until this fault has been said, from whenever on, and a sample after it."""
        with self._heard:
            back = self._heard.wait_for(lambda: self._is_back_from(fault), within_s)
        assert back, f"no sample after {fault!r} within {within_s} s: {self.said[-3:]}"

    def _is_back_from(self, fault: str) -> bool:
        told = [number for number, said in enumerate(self.said) if isinstance(said, Fault) and fault in said.reason]
        return bool(told) and any(isinstance(said, Sample) for said in self.said[told[-1] :])

    def samples(self) -> list[Sample]:
        return [said for said in self.said if isinstance(said, Sample)]

    def stop(self) -> float:
        """Stop the watcher; return how long that took, in seconds."""
        before_s = time.monotonic()
        self._stop.set()
        self._thread.join(10)
        assert not self._thread.is_alive()
        return time.monotonic() - before_s


@contextmanager
def listen(watcher: Watcher) -> Iterator[Ears]:
    """Run a watcher from `with` to its end, however that comes."""
    ears = Ears(watcher)
    try:
        yield ears
    finally:
        ears.stop()


@contextmanager
def plugged(bench: Bench) -> Iterator[Bench]:
    """A meter that is plugged in from `with` to its end."""
    bench.plug()
    try:
        yield bench
    finally:
        bench.unplug()
