"""Enrolment over HTTP: a one-time token and a proof of possession turn a key into a log that is accepted.

No API key is needed: the token is the right to ask. The rules are collector.registry.enrolment's; this file says
how each refusal looks.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from fastapi import APIRouter, Response

from collector.api.access import Given, Lent, Services
from collector.api.models import (
    BrokerAddress,
    ChallengeAnswer,
    ChallengeRequest,
    Credentials,
    EnrolledChannel,
    EnrolmentAnswer,
    EnrolmentRequest,
)
from collector.api.problem import Problem, responses
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
from collector.store.database import Connection
from protocol.topics import shard_of

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


@router.post("/challenge", responses=responses(404, 410))
def ask_challenge(given: Given, connection: Lent, asked: ChallengeRequest) -> ChallengeAnswer:
    """What the agent has to sign; asking again with the same token gives the same."""
    with refusals():
        challenge = enrolment.challenge(
            connection, asked.token, agent_id=asked.agent_id, domain=given.config.domain, now=given.now()
        )
    return ChallengeAnswer(origin=challenge.origin, nonce=challenge.nonce, expires_at=challenge.expires_at)


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    responses={
        200: {"model": EnrolmentAnswer, "description": "The same key had redeemed the token before"},
        **responses(404, 409, 410, 422),
    },
)
def enrol(given: Given, connection: Lent, asked: EnrolmentRequest, response: Response) -> EnrolmentAnswer:
    """Registers the key; again with the same token and key gives the same answer, because a reply may get lost."""
    # One transaction: a token is not used up by an enrolment whose certificate was refused.
    with refusals(), connection.transaction():
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
def refusals() -> Iterator[None]:
    """Every refusal of the registry as its problem document."""
    try:
        yield
    except EnrolmentError as error:
        slug, title, status = _REFUSALS[type(error)]
        raise Problem(slug, str(error), status=status, title=title) from error
