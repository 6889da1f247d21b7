"""Enrolment: a one-time token and a fresh key become a log that the collector accepts. The HTTP client side.

    1  take up what an earlier attempt left unfinished, if there is such
    2  challenge: token -> origin and nonce
    3  a new key, and one for TLS, kept on disk before the collector hears of them
    4  redeem: token, key, the signed text that proves its possession, the signed request for a certificate -> the
       collector's answer
    5  the journal of this epoch, with its genesis entry and what no receipt of the one before covers
    6  certificate, where the broker wants one, then key and answer put in force

Each step may be cut short and the whole done again with the same token. The token is never stored, logged or shown.
"""

from __future__ import annotations

import secrets
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from agent import credentials, identity, succession
from agent.clock import Clock
from agent.credentials import Credentials
from agent.disk import WriterLock
from agent.errors import EnrolmentError, JournalLocked, NotEnrolledError
from agent.identity import Enrolment, PendingKey
from agent.proxy import LOOPBACK
from agent.version import VERSION, build_hash
from protocol import note
from protocol.certificate_request import make_certificate_request
from protocol.entry import Genesis
from protocol.errors import ForeignBytesError
from protocol.keys import ED25519, SigningKey
from protocol.topics import parse_origin

TIMEOUT_S = 20.0
CLOCK_LIMIT_S = 60
MAX_ANSWER_BYTES = 1 << 20


class Answer(NamedTuple):
    """What the collector said to one request: the status, the body, and its clock (UTC s) where it told."""

    status: int
    body: bytes
    date_s: float | None


class _Brought(msgspec.Struct, frozen=True):
    """The member of an answer that is for TLS."""

    credentials: Credentials


Ask = Callable[[str, dict[str, str]], Answer]
"""Posts a JSON object to a path under the collector's address; EnrolmentError where nobody answers."""


class Enrolled(NamedTuple):
    """The outcome: the answer, and remarks for the operator, one line each."""

    enrolment: Enrolment
    remarks: tuple[str, ...]


class Refused(EnrolmentError):
    """The collector answered with a problem document; `slug` is the last part of its type."""

    def __init__(self, slug: str, text: str) -> None:
        super().__init__(text)
        self.slug = slug


def enrol(state_dir: Path, *, agent_id: str, token: str, ask: Ask, clock: Clock, why: str | None = None) -> Enrolled:
    """Enrol, or enrol again (with `why`, which begins the next epoch); EnrolmentError with the remedy.

    Nothing that was recorded is touched: a new epoch has a directory of its own.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    before = _enrolled_before(state_dir, agent_id=agent_id, again=why is not None)
    remarks: list[str] = []
    # 1
    pending = identity.read_pending(state_dir)
    raw = _redeem_pending(state_dir, ask, token, pending, agent_id=agent_id) if pending else None
    if pending is None or raw is None:
        # 2
        origin, nonce, remark = _challenge(ask, token, agent_id=agent_id, clock=clock)
        remarks += [remark] if remark else []
        # 3
        pending = PendingKey(SigningKey(origin, ED25519, secrets.token_bytes(32)), nonce)
        identity.write_pending(state_dir, pending)
        # 4
        raw = _redeem(state_dir, ask, token, pending, agent_id=agent_id)
    enrolment = _read_answer(raw, pending.key, agent_id=agent_id)
    # 5
    _begin_journal(state_dir, enrolment, key=pending.key, before=before, why=why, clock=clock)
    # 6
    if enrolment.broker.tls:
        keep_credentials(state_dir, credentials.pending_seed(state_dir), raw)
    else:
        credentials.drop_pending(state_dir)
    identity.write_identity(state_dir, pending.key, answer=raw)
    return Enrolled(enrolment, tuple(remarks))


def keep_credentials(state_dir: Path, seed: bytes, answer: bytes) -> None:
    """Put in force what the collector's answer brings for TLS; EnrolmentError where it cannot be used."""
    try:
        brought = msgspec.json.decode(answer, type=_Brought).credentials
        credentials.keep(state_dir, seed, brought)
    except (ValueError, msgspec.MsgspecError) as problem:
        raise EnrolmentError(f"the collector's answer cannot be used: {problem}") from problem


def http(url: str, tls: ssl.SSLContext | None = None) -> Ask:
    """How to ask the collector at this address; `tls` as of credentials.api_context."""
    opener = make_opener(url, tls)

    def ask(path: str, members: dict[str, str]) -> Answer:
        request = urllib.request.Request(  # noqa: S310 (config.py admits http and https only)
            url.rstrip("/") + path,
            data=msgspec.json.encode(members),
            headers={"Content-Type": "application/json", "User-Agent": f"jishi-agent/{VERSION}"},
        )
        try:
            with opener.open(request, timeout=TIMEOUT_S) as response:
                return Answer(response.status, response.read(MAX_ANSWER_BYTES), read_date_s(response.headers))
        except urllib.error.HTTPError as answer:
            with answer:
                return Answer(answer.code, answer.read(MAX_ANSWER_BYTES), read_date_s(answer.headers))
        except (OSError, HTTPException) as problem:
            raise EnrolmentError(": ".join(why_unreachable(url, problem))) from problem

    return ask


def make_opener(url: str, tls: ssl.SSLContext | None = None) -> urllib.request.OpenerDirector:
    """What requests to this address go through: the system's proxy, but not to this machine itself."""
    handlers: list[urllib.request.BaseHandler] = [urllib.request.HTTPSHandler(context=tls)]
    if urlsplit(url).hostname in LOOPBACK:
        # A proxy of the institute's network cannot reach this machine's own collector.
        handlers.append(urllib.request.ProxyHandler({}))
    return urllib.request.build_opener(*handlers)


def _enrolled_before(state_dir: Path, *, agent_id: str, again: bool) -> Enrolment | None:
    try:
        before = identity.read_enrolment(state_dir, agent_id=agent_id)
    except NotEnrolledError:
        if not again:
            raise
        before = None
    if before is not None and not again and identity.read_pending(state_dir) is None:
        raise EnrolmentError(
            f"this agent is enrolled already, as {before.origin}: start it with jishi-agent run. To give up that "
            "journal and begin the next epoch beside it, ask for a new token and use jishi-agent enroll --again"
        )
    directory = identity.journal_directory(state_dir, before.epoch) if before else None
    if directory is not None and directory.is_dir():
        try:
            WriterLock(directory).release()
        except JournalLocked as running:
            raise EnrolmentError("the agent is running: stop it, then enrol") from running
    return before


def _challenge(ask: Ask, token: str, *, agent_id: str, clock: Clock) -> tuple[str, str, str]:
    answer = ask("/api/v1/enrolments/challenge", {"token": token, "agent_id": agent_id})
    members = read_members(answer)
    origin, nonce = str(members.get("origin")), str(members.get("nonce"))
    try:
        named = parse_origin(origin)[1]
    except ForeignBytesError as problem:
        raise EnrolmentError(f"the collector's challenge cannot be used: {problem}") from problem
    if named != agent_id:
        raise EnrolmentError(f"the collector's challenge is for {origin}, and this agent is {agent_id}")
    ahead_s = round(clock.now().wall_ms / 1000 - answer.date_s) if answer.date_s else 0
    if abs(ahead_s) <= CLOCK_LIMIT_S:
        return origin, nonce, ""
    direction = "ahead of" if ahead_s > 0 else "behind"
    remark = (
        f"this machine's clock is {abs(ahead_s)} s {direction} the collector's: set it, or switch on time "
        "synchronisation; hours recorded with a wrong clock are graded lower"
    )
    return origin, nonce, remark


def _redeem_pending(state_dir: Path, ask: Ask, token: str, pending: PendingKey, *, agent_id: str) -> bytes | None:
    """The answer that an earlier attempt did not live to hear; None where a new attempt must be made."""
    try:
        return _redeem(state_dir, ask, token, pending, agent_id=agent_id)
    except Refused:
        return None


def _redeem(state_dir: Path, ask: Ask, token: str, pending: PendingKey, *, agent_id: str) -> bytes:
    vkey = str(pending.key.verifier)
    proof = note.sign(note.enrolment_text(pending.key.name, vkey, pending.nonce), pending.key).decode()
    tls_public = credentials.public_of(credentials.pending_seed(state_dir))
    request = make_certificate_request(pending.key, tls_public).decode()
    members = {"token": token, "agent_id": agent_id, "vkey": vkey, "proof": proof, "certificate_request": request}
    answer = ask("/api/v1/enrolments", members)
    read_members(answer)
    return answer.body


def _read_answer(raw: bytes, key: SigningKey, *, agent_id: str) -> Enrolment:
    try:
        enrolment = identity.parse_enrolment(raw, agent_id=agent_id)
    except (ValueError, msgspec.MsgspecError) as problem:
        raise EnrolmentError(f"the collector's answer cannot be used: {problem}") from problem
    if enrolment.origin != key.name:
        raise EnrolmentError(f"the collector enrolled {enrolment.origin}, and {key.name} was asked for")
    return enrolment


def _begin_journal(
    state_dir: Path,
    enrolment: Enrolment,
    *,
    key: SigningKey,
    before: Enrolment | None,
    why: str | None,
    clock: Clock,
) -> None:
    """Make the epoch's journal with its first entry, unless an attempt cut short has made it.

    What the journal before holds above its receipt is carried over: a revoked agent that comes back lost nothing.
    """
    directory = identity.journal_directory(state_dir, enrolment.epoch)
    if directory.is_dir():
        return
    old = identity.journal_directory(state_dir, before.epoch) if before else None
    predecessor = succession.last_receipt(old, state_dir) if old is not None else None
    genesis = Genesis(enrolment.assets, str(key.verifier), build_hash(), predecessor, why)
    succession.make_journal(directory, enrolment.origin, genesis, clock=clock, before=old)


def read_members(answer: Answer) -> dict[str, Any]:
    """The members of a good answer; EnrolmentError for any other."""
    try:
        members = msgspec.json.decode(answer.body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        members = {}
    if answer.status in (200, 201) and members:
        return members
    slug = str(members.get("type", "")).rpartition(":")[2]
    if not slug:
        raise EnrolmentError(
            f"what answers at the collector's address (HTTP status {answer.status}) is not a jishi collector: "
            "check [collector] url"
        )
    raise Refused(slug, f"the collector refused: {members.get('detail') or members.get('title') or slug}")


def read_date_s(headers: Any) -> float | None:
    """The server's clock (UTC s) by its Date header; None where it sent none that can be read."""
    try:
        return parsedate_to_datetime(headers["Date"]).timestamp()
    except (TypeError, ValueError):
        return None


def why_unreachable(url: str, problem: Exception) -> tuple[str, str]:
    """What was found instead of the collector at this address, and the remedy."""
    cause = problem.reason if isinstance(problem, urllib.error.URLError) else problem
    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            f"the certificate of {url} is not accepted ({cause.verify_message})",
            "check the address, this machine's clock, and that its certificate authority is trusted here, or named in "
            "[collector] authority",
        )
    if isinstance(cause, socket.gaierror):
        return f"no machine has the name in {url} ({cause.strerror})", "check [collector] url and the network"
    return (
        f"no collector answers at {url} ({cause})",
        "see that it runs, that [collector] url is right, and that no firewall stands between",
    )
