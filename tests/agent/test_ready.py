"""Waiting for sockets: whatever their numbers are."""

import os
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from agent.ready import wait_ready


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    with near, far:
        yield near, far


def test_what_can_be_done_is_told_of_each(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    assert wait_ready([near], [], 0) == (set(), set())
    assert wait_ready([near], [near, far], 0) == (set(), {near, far})
    far.send(b"x")
    assert wait_ready([near, far], [near], 5) == ({near}, {near})


def test_one_that_is_closed_is_an_error(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[0].close()
    with pytest.raises((OSError, ValueError)):
        wait_ready(pair, [], 0)


def test_a_process_that_has_a_thousand_files_open_goes_on(pair: tuple[socket.socket, socket.socket]) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 1200
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"this system allows {hard} open files; {wanted} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    with ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        while (descriptor := os.dup(0)) < 1024:
            stack.callback(os.close, descriptor)
        stack.callback(os.close, descriptor)
        near, far = socket.socketpair()
        with near, far:
            far.send(b"x")
            assert near.fileno() >= 1024
            assert wait_ready([near], [near], 5) == ({near}, {near})
