"""Enrolment over HTTP: a one-time token and a proof of possession turn a key into a log that is accepted.

No API key is needed: the token is the right to ask. The rules are collector.registry.enrolment's; this file says
how each refusal looks.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from fastapi import APIRouter, Depends, Request, Response

from collector.api.access import Given, Lent, Services
from collector.api.agent_models import (
    BrokerAddress,
    ChallengeAnswer,
    ChallengeRequest,
    Credentials,
    EnrolledChannel,
    EnrolmentAnswer,
    EnrolmentRequest,
)
from collector.api.problem import Problem, responses
from collector.api.rates import Kind, address_of, network_of, rates_of
from collector.errors import (
    BadKey,
    CertificateNeeded,
    EnrolmentError,
    JournalRevoked,
    KeyReplaced,
    TokenExpired,
    TokenUsed,
    UnknownJournal,
    UnknownToken,
)
from collector.registry import agent_certificates, enrolment
from collector.registry.audit import Actor, record_change
from collector.store.database import Connection
from protocol.topics import shard_of


def count_enrolment(request: Request) -> None:
    """Before anything else, the database above all: an address may ask so often."""
    rates_of(request).take(Kind.ENROLMENT, network_of(request))


router = APIRouter(prefix="/enrolments", tags=["enrolment"])

_REFUSALS: dict[type[EnrolmentError], tuple[str, str, int]] = {
    UnknownToken: ("unknown-token", "No such token", HTTPStatus.NOT_FOUND),
    TokenExpired: ("token-expired", "The token expired", HTTPStatus.GONE),
    TokenUsed: ("token-used", "The token was used already", HTTPStatus.CONFLICT),
    BadKey: ("bad-key", "The key or its proof is not acceptable", HTTPStatus.UNPROCESSABLE_ENTITY),
    CertificateNeeded: ("certificate-needed", "The broker admits certificates only", HTTPStatus.CONFLICT),
    UnknownJournal: ("unknown-journal", "No such journal", HTTPStatus.NOT_FOUND),
    JournalRevoked: ("journal-revoked", "The journal was revoked", HTTPStatus.FORBIDDEN),
    KeyReplaced: ("key-replaced", "The agent has another TLS key since", HTTPStatus.CONFLICT),
    EnrolmentError: ("enrolment-refused", "The enrolment was refused", HTTPStatus.CONFLICT),
}


@router.post("/challenge", dependencies=[Depends(count_enrolment)], responses=responses(404, 410, 413))
def ask_challenge(request: Request, given: Given, connection: Lent, asked: ChallengeRequest) -> ChallengeAnswer:
    """What the agent has to sign; asking again with the same token gives the same."""
    with refusals(request, asked.agent_id):
        challenge = enrolment.challenge(
            connection, asked.token, agent_id=asked.agent_id, domain=given.config.domain, now=given.now()
        )
    return ChallengeAnswer(origin=challenge.origin, nonce=challenge.nonce, expires_at=challenge.expires_at)


@router.post(
    "",
    dependencies=[Depends(count_enrolment)],
    status_code=HTTPStatus.CREATED,
    responses={
        200: {"model": EnrolmentAnswer, "description": "The same key had redeemed the token before"},
        **responses(404, 409, 410, 413, 422),
    },
)
def enrol(
    request: Request, given: Given, connection: Lent, asked: EnrolmentRequest, response: Response
) -> EnrolmentAnswer:
    """Registers the key; again with the same token and key gives the same answer, because a reply may get lost."""
    # One transaction: a token is not used up by an enrolment whose certificate was refused.
    with refusals(request, asked.agent_id), connection.transaction():
        enrolled = enrolment.redeem(
            connection,
            asked.token,
            agent_id=asked.agent_id,
            vkey=asked.vkey,
            proof=asked.proof,
            domain=given.config.domain,
            now=given.now(),
        )
        credentials = _certify(given, connection, enrolled.origin, request=asked.certificate_request)
        if enrolled.new:
            actor = Actor(f"agent {enrolled.agent_id}", "api", address_of(request))
            new = {"vkey": asked.vkey, "epoch": enrolled.epoch}
            record_change(connection, actor, "journal.enrol", target=enrolled.origin, new=new)
    if not enrolled.new:
        response.status_code = HTTPStatus.OK
    broker = given.config.broker
    return EnrolmentAnswer(
        origin=enrolled.origin,
        agent_id=enrolled.agent_id,
        epoch=enrolled.epoch,
        domain=given.config.domain,
        receipt_vkey=given.receipt_vkey,
        shard=shard_of(enrolled.agent_id),
        broker=BrokerAddress(host=broker.host, port=broker.port, tls=broker.tls),
        credentials=credentials,
        assets=list(enrolled.assets),
        watch=[EnrolledChannel(watcher=w.watcher, channel=w.channel, asset=w.asset) for w in enrolled.watch],
    )


def _certify(given: Services, connection: Connection, origin: str, *, request: str | None) -> Credentials | None:
    if given.issuer is None:
        return None
    if request is None:
        raise CertificateNeeded("the broker admits certificates only, and none was asked for: update jishi-agent")
    issued = agent_certificates.certify(connection, given.issuer, origin=origin, request=request, now=given.now())
    return Credentials(certificate=issued, trusted=given.issuer.trusted)


@contextmanager
def refusals(request: Request, agent_id: str) -> Iterator[None]:
    """Turns a refusal into its problem; whoever was refused too often for one agent has to wait, right or wrong."""
    rates, who = rates_of(request), f"{network_of(request)} {agent_id}"
    wait_s = rates.is_exhausted(Kind.WRONG_TOKEN, who)
    if wait_s:
        raise rates.too_many(Kind.WRONG_TOKEN, wait_s)
    try:
        yield
    except EnrolmentError as error:
        rates.wait_s(Kind.WRONG_TOKEN, who)
        slug, title, status = _REFUSALS[type(error)]
        raise Problem(slug, str(error), status=status, title=title) from error
