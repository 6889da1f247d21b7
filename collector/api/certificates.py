"""An agent's certificate anew: for the key that it has, or for one that replaces it.

No API key is needed: the request is signed with the key of the agent's journal. The rules are
collector.registry.agent_certificates'.
"""

from fastapi import APIRouter, Depends, Request

from collector.api.access import Given, Lent
from collector.api.agent_models import CertificateAnswer, CertificateRequest, Credentials
from collector.api.enrolments import count_enrolment, refusals
from collector.api.problem import responses
from collector.errors import EnrolmentError
from collector.registry import agent_certificates

router = APIRouter(prefix="/enrolments", tags=["enrolment"])


@router.post("/certificate", dependencies=[Depends(count_enrolment)], responses=responses(403, 404, 409, 422))
def certify(request: Request, given: Given, connection: Lent, asked: CertificateRequest) -> CertificateAnswer:
    """The certificate in force for the key that is asked for, and what to trust; asking again is harmless."""
    with refusals(request, asked.origin):
        if given.issuer is None:
            raise EnrolmentError("this collector's broker needs no certificates: [broker] tls is off")
        certificate = agent_certificates.certify(
            connection, given.issuer, origin=asked.origin, request=asked.certificate_request, now=given.now()
        )
    return CertificateAnswer(credentials=Credentials(certificate=certificate, trusted=given.issuer.trusted))
