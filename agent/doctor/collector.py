"""The collector's own address: does it answer, is it one, is it ready, and what time is it there."""

import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException

from agent.credentials import api_context
from agent.doctor.case import Case
from agent.doctor.machine import judge_clock
from agent.enrolment import MAX_ANSWER_BYTES, Answer, make_opener, read_date_s, why_unreachable
from agent.errors import NotEnrolledError
from agent.finding import Finding
from agent.proxy import LOOPBACK, find_proxy

TIMEOUT_S = 8.0
WHAT = "collector"


def examine_collector(case: Case) -> Iterator[Finding]:
    """Ask the collector's address whether it lives and whether it is ready."""
    url = case.configuration.collector.url.rstrip("/")
    try:
        tls = api_context(case.configuration.state_dir, case.configuration.authority)
    except NotEnrolledError as problem:
        yield Finding(WHAT, "fail", str(problem), "the authority's PEM file", "correct [collector] authority")
        return
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        found = f"{url} is not encrypted: who listens on the way sees the enrolment"
        yield Finding("encryption", "warn", found, "https://", "ask the collector's operator for its https address")
    try:
        answer = _get(f"{url}/healthz", tls)
    except (OSError, HTTPException) as problem:
        found, remedy = why_unreachable(url, problem)
        yield Finding(WHAT, "fail", found, "a collector", remedy + _through_proxy(url))
        return
    yield judge_health(url, answer)
    if answer.date_s is not None:
        yield judge_clock(case.clock.now().wall_ms / 1000 - answer.date_s)
    if answer.status == 200:
        yield from _examine_readiness(url, tls)


def judge_health(url: str, answer: Answer) -> Finding:
    """Say whether what answered is a collector."""
    try:
        is_collector = answer.status == 200 and json.loads(answer.body).get("status") == "ok"
    except (ValueError, AttributeError, RecursionError):
        is_collector = False
    if is_collector:
        return Finding(WHAT, "ok", f"{url} answers")
    found = f"what answers at {url} is not a jishi collector (HTTP status {answer.status})"
    return Finding(WHAT, "fail", found, "a collector", "correct [collector] url" + _through_proxy(url))


def _examine_readiness(url: str, tls: ssl.SSLContext | None) -> Iterator[Finding]:
    try:
        answer = _get(f"{url}/readyz", tls)
    except (OSError, HTTPException):
        return
    if answer.status == 503:
        found = "the collector lives, and its database is not ready"
        yield Finding(WHAT, "warn", found, "a collector that is ready", "tell the collector's operator")


def _get(url: str, tls: ssl.SSLContext | None) -> Answer:
    try:
        with make_opener(url, tls).open(url, timeout=TIMEOUT_S) as response:
            return Answer(response.status, response.read(MAX_ANSWER_BYTES), read_date_s(response.headers))
    except urllib.error.HTTPError as answer:
        with answer:
            return Answer(answer.code, answer.read(MAX_ANSWER_BYTES), read_date_s(answer.headers))


def _through_proxy(url: str) -> str:
    """A hint where the system's settings lead through a proxy; its own address may hold a password."""
    proxy = find_proxy(url)
    if proxy is None:
        return ""
    host = urllib.parse.urlsplit(url).hostname
    return f"; requests go through the proxy {proxy.hostname or 'named'}: where that is wrong, set no_proxy={host}"
