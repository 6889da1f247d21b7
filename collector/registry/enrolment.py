"""Enrolment: a one-time token turns an agent's new key into a log that the collector accepts.

    token      made by an operator for one agent and the instruments it will measure; kept as SHA-256, expires
    challenge  token -> the log's origin (next epoch, never reused) and a nonce; asking again gives the same
    redeem     token, key, signed enrolment text -> the log is registered, its measurements hold from today

The key must be a sound point (parse_vkey refuses low order), be named like the origin, and sign the
structured text of protocol.note.enrolment_text: possession is proved, and nothing else could be meant by it.
Redeeming again with the same key gives the same answer, because a reply may get lost; with another key it is
refused.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
from psycopg.types.json import Jsonb

from collector.errors import BadKey, EnrolmentError, TokenExpired, TokenUsed, UnknownToken
from collector.registry import instruments
from collector.registry.people import hash_secret
from collector.store.database import Connection
from collector.store.queries import load
from protocol import note, topics
from protocol.entry import Name
from protocol.errors import ForeignBytesError
from protocol.interval import local_day

MAX_WATCHES = 64
TOKEN_PREFIX = "jt_"  # noqa: S105 it marks tokens, it is none
_SQL = load("registry")


class Watch(msgspec.Struct, frozen=True):
    """One watcher's channel and the instrument that it measures."""

    watcher: Name
    channel: Name
    asset: str


class Challenge(NamedTuple):
    origin: str
    nonce: str
    expires_at: datetime


class Enrolment(NamedTuple):
    """What an agent is enrolled as; `new` is False when the same key had redeemed the token before."""

    origin: str
    agent_id: str
    epoch: int
    watch: tuple[Watch, ...]
    new: bool

    @property
    def assets(self) -> tuple[str, ...]:
        return tuple(sorted({watch.asset for watch in self.watch}))


class _Token(NamedTuple):
    agent_id: str
    watch: tuple[Watch, ...]
    expires_at: datetime
    epoch: int | None
    nonce: str | None
    used_at: datetime | None
    vkey: str | None


def make_token(
    connection: Connection, agent_id: str, *, watch: Sequence[Watch], now: datetime, valid_for: timedelta
) -> str:
    """A new token, to be shown once. Raises UnknownName, EnrolmentError for an impossible agent id."""
    _check_request(agent_id, watch)
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    with connection.transaction():
        for each in watch:
            instruments.check_instrument(connection, each.asset)
        connection.execute(_SQL.insert_agent, {"agent_id": agent_id})
        values = {
            "token_hash": hash_secret(token),
            "agent_id": agent_id,
            "watch": Jsonb(msgspec.to_builtins(list(watch))),
            "expires_at": now + valid_for,
        }
        connection.execute(_SQL.insert_token, values)
    return token


def _check_request(agent_id: str, watch: Sequence[Watch]) -> None:
    try:
        topics.check_agent_id(agent_id)
        msgspec.convert(msgspec.to_builtins(list(watch)), list[Watch])
    except (ForeignBytesError, msgspec.ValidationError) as error:
        raise EnrolmentError(f"a token for {agent_id!a} cannot be made: {error}") from error
    if not 0 < len({(each.watcher, each.channel) for each in watch}) == len(watch) <= MAX_WATCHES:
        raise EnrolmentError(f"a token names 1 to {MAX_WATCHES} watchers, and each watcher's channel once")


def challenge(connection: Connection, token: str, *, agent_id: str, domain: str, now: datetime) -> Challenge:
    """What the agent has to sign. Raises UnknownToken, TokenExpired."""
    with connection.transaction():
        held = _lock_token(connection, token, agent_id=agent_id)
        if held.used_at is None and held.expires_at <= now:
            raise _expired(held)
        epoch, nonce = held.epoch, held.nonce
        if epoch is None or nonce is None:
            row = connection.execute(_SQL.take_epoch, {"agent_id": agent_id}).fetchone()
            assert row is not None, "the token's agent exists"
            epoch, nonce = int(row[0]), secrets.token_hex(16)
            values = {"token_hash": hash_secret(token), "epoch": epoch, "nonce": nonce}
            connection.execute(_SQL.store_challenge, values)
    return Challenge(topics.agent_origin(domain, agent_id, epoch), nonce, held.expires_at)


def redeem(
    connection: Connection, token: str, *, agent_id: str, vkey: str, proof: str, domain: str, now: datetime
) -> Enrolment:
    """Registers the key as the agent's next log. Raises UnknownToken, TokenExpired, TokenUsed, BadKey."""
    with connection.transaction():
        held = _lock_token(connection, token, agent_id=agent_id)
        if held.used_at is not None and held.vkey != vkey:
            raise TokenUsed("this token was used already, with another key: ask the operator for a new one")
        if held.used_at is None and held.expires_at <= now:
            raise _expired(held)
        if held.epoch is None or held.nonce is None:
            raise EnrolmentError("no challenge was asked for with this token: ask for it first")
        origin = topics.agent_origin(domain, agent_id, held.epoch)
        _check_proof(vkey, proof=proof, origin=origin, nonce=held.nonce)
        enrolment = Enrolment(origin, agent_id, held.epoch, held.watch, new=held.used_at is None)
        if enrolment.new:
            _register(connection, enrolment, vkey=vkey, now=now)
            values = {"token_hash": hash_secret(token), "now": now, "vkey": vkey}
            connection.execute(_SQL.redeem_token, values)
    return enrolment


def _lock_token(connection: Connection, token: str, *, agent_id: str) -> _Token:
    row = connection.execute(_SQL.lock_token, {"token_hash": hash_secret(token)}).fetchone()
    if row is None or row[0] != agent_id:
        # One answer for both: who guesses learns nothing about which agents have tokens.
        raise UnknownToken(f"no such token for agent {agent_id!a}: check both, or ask for a new one")
    return _Token(row[0], msgspec.convert(row[1], tuple[Watch, ...]), *row[2:])


def _expired(held: _Token) -> TokenExpired:
    return TokenExpired(f"this token expired at {held.expires_at.isoformat()}: ask the operator for a new one")


def _check_proof(vkey: str, *, proof: str, origin: str, nonce: str) -> None:
    try:
        key = note.parse_vkey(vkey)
        if key.name != origin or key.algorithm != note.ED25519:
            raise BadKey(f"the key must be an Ed25519 key (0x01) named {origin}, not {key.name!a}")
        signed = note.verify(proof.encode("utf-8", "surrogatepass"), key)
    except ForeignBytesError as error:
        raise BadKey(f"the key or its proof is not acceptable: {error}") from error
    if signed != note.enrolment_text(origin, vkey, nonce):
        raise BadKey("the proof signs another text than the challenge's")


def _register(connection: Connection, enrolment: Enrolment, *, vkey: str, now: datetime) -> None:
    connection.execute(
        _SQL.insert_journal,
        {
            "origin": enrolment.origin,
            "agent_id": enrolment.agent_id,
            "epoch": enrolment.epoch,
            "vkey": vkey,
        },
    )
    today = local_day(int(now.timestamp() * 1000))
    for watch in enrolment.watch:
        instruments.register_measurement(
            connection,
            enrolment.agent_id,
            watcher=watch.watcher,
            channel=watch.channel,
            asset_no=watch.asset,
            from_day=today,
        )
