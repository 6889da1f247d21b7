"""Which sockets can be read or written. Not by `select`, which takes no descriptor from 1024 on."""

import selectors
from collections.abc import Iterable
from typing import NamedTuple, Protocol


class HasDescriptor(Protocol):
    """A socket, however it is wrapped."""

    def fileno(self) -> int: ...


class Ready(NamedTuple):
    """What can be done without waiting."""

    readable: set[HasDescriptor]
    writable: set[HasDescriptor]


def wait_ready(readers: Iterable[HasDescriptor], writers: Iterable[HasDescriptor], timeout_s: float) -> Ready:
    """Wait until one of them is ready, `timeout_s` at most. OSError, ValueError for one that is closed."""
    wanted = dict.fromkeys(readers, selectors.EVENT_READ)
    for each in writers:
        wanted[each] = wanted.get(each, 0) | selectors.EVENT_WRITE
    found = Ready(set(), set())
    with selectors.DefaultSelector() as selector:
        for each, events in wanted.items():
            selector.register(each, events, each)
        for key, events in selector.select(timeout_s):
            if events & selectors.EVENT_READ:
                found.readable.add(key.data)
            if events & selectors.EVENT_WRITE:
                found.writable.add(key.data)
    return found
