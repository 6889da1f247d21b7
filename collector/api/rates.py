"""How often who may ask: one way for requests, keys, wrong passwords, enrolments and uplinks.

A limit holds over a sliding window that is kept as two counters (collector.api.window), so that it costs the same
however high it is. Whoever is counted falls into one of a fixed number of buckets, by a hash that nobody
outside can foresee: memory is bounded whoever asks, and two that share a bucket, which is rare, share its limit. Counts
live in one process: they slow a flood or a guesser down, and lock nobody out for longer than the window.

Many agents stand behind the one address of their institution. So enrolment is counted by address with room for all of
them, wrong tokens by address and agent, and uplinks by address and agent as well.
"""

import hashlib
import ipaddress
import secrets
import time
from enum import Enum
from http import HTTPStatus
from typing import NamedTuple

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import Scope

from collector.api.problem import Problem
from collector.api.window import Windows
from collector.config import Api

BUCKETS = 1 << 13
"""Of each kind: some 2 MB of counters when every one is in use, which takes an attacker with as many networks."""
IPV6_PREFIX = 64
"""What one subscriber has: to count its single addresses would be to count nothing."""


class Kind(Enum):
    """What is counted, with what it is counted by."""

    ADDRESS = "requests from one address"
    KEY = "requests with one API key"
    SIGN_IN = "wrong passwords for one name, or from one address"
    ENROLMENT = "enrolment requests from one address"
    WRONG_TOKEN = "refused enrolments of one agent from one address"  # noqa: S105 it counts them
    UPLINK = "batches of one agent from one address"
    UPLINKS = "batches from one address"
    PUBLIC = "requests for public pages from one address"
    REFUSAL = "refusals of one caller that the audit trail keeps"
    REFUSALS = "refusals that the audit trail keeps"


class Allowance(NamedTuple):
    """So many in so many minutes."""

    amount: int
    minutes: int


FIXED = {
    Kind.SIGN_IN: Allowance(10, 5),
    Kind.ENROLMENT: Allowance(1000, 5),
    Kind.WRONG_TOKEN: Allowance(20, 5),
    Kind.UPLINK: Allowance(600, 1),
    Kind.UPLINKS: Allowance(6000, 1),
    Kind.PUBLIC: Allowance(100, 1),
    Kind.REFUSAL: Allowance(20, 60),
    Kind.REFUSALS: Allowance(500, 60),
}


class Rates:
    """Counts, and says who has to wait. Safe from many threads."""

    def __init__(self, settings: Api) -> None:
        allowances = {
            **FIXED,
            Kind.ADDRESS: Allowance(settings.requests_per_minute_per_address, 1),
            Kind.KEY: Allowance(settings.requests_per_minute_per_key, 1),
        }
        self._windows = {kind: Windows(amount, 60 * minutes) for kind, (amount, minutes) in allowances.items()}
        self._salt = secrets.token_bytes(16)

    def wait_s(self, kind: Kind, who: str) -> int:
        """Counts one more, and returns 0; where that would be one too many, how long to wait."""
        return self._windows[kind].hit(self._bucket(who), time.time())

    def is_exhausted(self, kind: Kind, who: str) -> int:
        """How long to wait before one more would be counted; 0: not at all. Counts nothing."""
        return self._windows[kind].look(self._bucket(who), time.time())

    def take(self, kind: Kind, who: str) -> None:
        """Counts one more; Problem 429 with Retry-After where that is one too many."""
        wait_s = self.wait_s(kind, who)
        if wait_s:
            raise self.too_many(kind, wait_s)

    def too_many(self, kind: Kind, wait_s: int) -> Problem:
        windows = self._windows[kind]
        allowed = f"{windows.amount} in {windows.length_s // 60} min"
        return Problem(
            "too-many-requests",
            f"too many {kind.value} (at most {allowed}); ask again in {wait_s} s",
            status=HTTPStatus.TOO_MANY_REQUESTS,
            headers={"Retry-After": str(wait_s)},
        )

    def _bucket(self, who: str) -> int:
        digest = hashlib.blake2b(who.encode("utf-8", "surrogatepass"), key=self._salt, digest_size=8).digest()
        return int.from_bytes(digest, "big") % BUCKETS


def rates_of(request: Request) -> Rates:
    held = request.app.state.rates
    assert isinstance(held, Rates)
    return held


def take_uplink(request: Request, agent_id: str) -> None:
    """Counts a batch that comes by HTTPS; Problem 429 where the agent sends too often from this address."""
    rates, network_asking = rates_of(request), network_of(request)
    rates.take(Kind.UPLINKS, network_asking)
    rates.take(Kind.UPLINK, f"{network_asking} {agent_id}")


def address_of(request: Request) -> str:
    """Where the request came from: the peer, or what the proxy's header says where the settings name one."""
    return str(request.scope["state"]["address"])


def network_of(request: Request) -> str:
    """The same, as it is counted."""
    return network(address_of(request))


def read_address(scope: Scope, settings: Api) -> str:
    """The address of the caller. A header is believed only where the settings name it, and of a list only the last
    one, which our own proxy added: whatever stands before it was sent by the caller."""
    peer = scope["client"][0] if scope.get("client") else ""
    if not settings.address_header:
        return peer
    told = Headers(scope=scope).getlist(settings.address_header)
    last = told[-1].rpartition(",")[2].strip() if told else ""
    try:
        return str(ipaddress.ip_address(last))
    except ValueError:
        return peer


def network(address: str) -> str:
    """IPv4 as it is, IPv6 by its network; anything else (a Unix socket) by its text."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, IPV6_PREFIX), strict=False))
    return str(parsed)
