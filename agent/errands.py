"""What the recorder's one thread is asked to do besides recording what watchers say.

Some errands have a result. Whoever waits for one gives up after a while, because the disk may be slow; then the errand
is withdrawn, and will not be done behind the back of somebody who was told that it was not. Once it has begun it is
waited for, however long the disk takes: nobody may be told "no" about an entry that is being written.
"""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, NamedTuple, Protocol, TypeVar

from protocol.entry import Body, Entry
from protocol.message import Level

log = logging.getLogger(__name__)

_Result = TypeVar("_Result")


class Levels(NamedTuple):
    """Take new level hints, from the welcome."""

    levels: tuple[Level, ...]


class Write(NamedTuple):
    """Journal this; the result is the entry once it is durable, None when it was not accepted."""

    body: Body
    result: Future[Entry | None]


class ShowOpen(NamedTuple):
    """Show the open blocks, as the entries that they would be now."""

    result: Future[tuple[Entry, ...]]


class Ending(NamedTuple):
    """Nothing comes after this; `reason` stands in the `stop` entry."""

    reason: str


Errand = Write | ShowOpen


class Awaited(Protocol[_Result]):
    """An errand with a result."""

    @property
    def result(self) -> Future[_Result]: ...


def wait_for(errand: Awaited[_Result], items: queue.Queue[Any], *, patience_s: float) -> _Result | None:
    """Hand an errand in and return its result; None when it was not begun in time and never will be."""
    try:
        items.put(errand, timeout=patience_s)
        return errand.result.result(patience_s)
    except queue.Full:
        return None
    except TimeoutError:
        return None if errand.result.cancel() else errand.result.result()


def fulfil(errand: Awaited[_Result], do: Callable[[], _Result]) -> None:
    """Do an errand, unless it was withdrawn, and hand its result over; an error goes to whoever waits."""
    if not errand.result.set_running_or_notify_cancel():
        return
    try:
        errand.result.set_result(do())
    except Exception as problem:  # a bug in an errand must not end the recording of all
        log.exception("errand failed")
        errand.result.set_exception(problem)
