"""An energy meter on a serial line, whatever it speaks: power, and the energy counter where the meter has one.

It tells off, standby and run: a real load for the real time, and a counter that only rises, are hard to fake. A kind
adds its settings and the module of its child, whose good lines carry `power_mw` and `energy_mwh`.
"""

from collections.abc import Iterable

from agent.clock import Clock, Instant
from agent.reading import Channel, Sample
from agent.watchers.counter import CounterJudge
from agent.watchers.serial_port import NoReading, Task
from agent.watchers.serial_watcher import ChildLine, PortSettings, SerialWatcher
from agent.watchers.watcher import Fault, Said


class MeterLine(ChildLine):
    """What a meter's child says of one poll."""

    power_mw: int | None = None
    energy_mwh: int | None = None


class SerialMeter(SerialWatcher[MeterLine]):
    """The watcher, but for `kind` and `child_module`. `max_w`: the power that the meter can measure."""

    line_type = MeterLine

    def __init__(
        self, settings: PortSettings, clock: Clock, *, poll_s: float, poll_takes_s: float, max_w: float, task: Task
    ) -> None:
        channels = (Channel("power", "gauge", round(poll_s * 1000)),)
        super().__init__(settings, clock, channels=channels, poll_s=poll_s, poll_takes_s=poll_takes_s, task=task)
        self._judge = CounterJudge(max_w)

    def hear(self, at: Instant, line: MeterLine) -> Iterable[Said]:
        if line.power_mw is None:
            raise NoReading("garbage", "the child's line holds no power: the agent's files are of different versions")
        if line.energy_mwh is not None and (objection := self._judge.objection(at.mono_ms, line.energy_mwh)):
            raise NoReading("counter", objection)
        sample = Sample(self.name, "power", at, line.power_mw, line.energy_mwh)
        if line.energy_mwh is None or not self._judge.leap or self.is_down:
            return [sample]
        # A fault ends the block, so that the leap becomes no energy; where one was said already, it has ended.
        return [Fault(self.name, at, f"unobserved because {self._judge.leap}"), sample]
