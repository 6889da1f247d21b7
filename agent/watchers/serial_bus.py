"""The child at one port, and the watchers that it observes for: one, or all meters of an RS-485 line.

Meters that share two wires share a port, and a port has one owner. So their watchers share a child, which asks one
after the other. The thread of one watcher drives the child for all of them; when that one ends, another takes over.
Who shares with whom is settled when they run: a watcher that comes or goes costs the others one restart of the child.

A child that ends, or says nothing for longer than any of its polls may take, is replaced.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol

import msgspec

from agent.watchers.child import LOOK_S, Child, ChildLost
from agent.watchers.serial_candidates import Where
from agent.watchers.serial_port import LineSettings, Task, argument
from agent.watchers.watcher import Emit

RESTART_S = (0.5, 1.0, 2.0, 4.0)
"""Pauses before a lost child is replaced; the longest keeps the watcher back within 5 s of its port."""

GATHER_S = 0.1


class Member(Protocol):
    """A watcher on the bus."""

    @property
    def name(self) -> str: ...

    @property
    def task(self) -> Task: ...

    @property
    def silence_s(self) -> float:
        """How long the child may say nothing, were it alone."""
        ...

    def take(self, raw: bytes, emit: Emit) -> None:
        """Judge a line of the child that is for this watcher; ChildLost when it is none."""
        ...

    def lose(self, reason: str, emit: Emit) -> None:
        """Say that the child is lost."""
        ...


class Place(NamedTuple):
    """Which child, at which port, at which speed: those who agree on all three may share it."""

    module: str
    where: Where
    line: LineSettings


class _Joined(NamedTuple):
    member: Member
    emit: Emit


class _Heading(msgspec.Struct):
    """What the bus itself reads of a line. `of`: the watcher that it is for, or empty for all."""

    of: str = ""
    port: str = ""
    trying: str = ""
    error: str | None = None


class Bus:
    """One child and its members. `gather_s`: how long to wait for those who start at the same time."""

    def __init__(self, place: Place, *, gather_s: float = 0.0) -> None:
        self.users = 0  # who hold it, on the bus or not yet; of `shared_bus`
        self._place = place
        self._gather_s = gather_s
        self._where = place.where
        self._joined: dict[str, _Joined] = {}  # replaced, never changed
        self._joining = threading.Lock()
        self._driving = threading.Lock()
        self._trying = ""
        self._losses = 0

    def attend(self, member: Member, emit: Emit, stop: threading.Event) -> None:
        """Be on the bus until `stop`, and drive it while nobody else does."""
        with self._joining:
            self._joined = {**self._joined, member.name: _Joined(member, emit)}
        try:
            while not stop.is_set():
                if self._driving.acquire(timeout=LOOK_S):
                    try:
                        self._drive(stop)
                    finally:
                        self._driving.release()
        finally:
            with self._joining:
                self._joined = {name: each for name, each in self._joined.items() if each.member is not member}

    def _drive(self, stop: threading.Event) -> None:
        stop.wait(self._gather_s)
        while not stop.is_set():
            joined = self._joined
            tasks = {name: each.member.task for name, each in joined.items()}
            child = Child(self._place.module, argument(self._where, self._place.line, tasks))
            try:
                self._follow(child, joined, stop)
            except ChildLost as lost:
                self._where = self._where._replace(hung=self._trying)
                for each in joined.values():
                    each.member.lose(str(lost), each.emit)
                stop.wait(RESTART_S[min(self._losses, len(RESTART_S) - 1)])
                self._losses += 1
            finally:
                child.end()

    def _follow(self, child: Child, joined: dict[str, _Joined], stop: threading.Event) -> None:
        """Hand out the child's lines until `stop`, or until somebody has come or gone."""
        silence_s = sum(each.member.silence_s for each in joined.values())
        while joined is self._joined and (raw := child.next_line(silence_s, stop)) is not None:
            heading = _heading(raw)
            self._trying = heading.trying
            if heading.port:
                self._where = self._where._replace(last=heading.port)
            elif not heading.error and not heading.trying:
                self._losses = 0
            for name, each in joined.items():
                if heading.of in ("", name):
                    each.member.take(raw, each.emit)


def _heading(raw: bytes) -> _Heading:
    try:
        return msgspec.json.decode(raw, type=_Heading)
    except msgspec.DecodeError:
        return _Heading()  # whoever takes it says what is wrong with it


_buses: dict[Place, Bus] = {}
_changing = threading.Lock()


@contextmanager
def shared_bus(place: Place) -> Iterator[Bus]:
    """Give the bus at a place, the same to all who ask for it at the same time: a port is there once."""
    with _changing:
        bus = _buses.setdefault(place, Bus(place, gather_s=GATHER_S))
        bus.users += 1
    try:
        yield bus
    finally:
        with _changing:
            bus.users -= 1
            if not bus.users:
                del _buses[place]
