"""The agent's certificate anew: once a day by itself, and on command with a new key.

Asking is harmless: the collector answers with the certificate that is in force until little of its time is left, and
with the authorities to believe from now on, so that one can be replaced. The request is signed with the journal's key
and goes to [collector] url, over HTTPS: over anything else, whoever stands between could name himself an authority.
What cannot be renewed today is tried again within hours; nothing else waits for it.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from random import SystemRandom
from urllib.parse import urlsplit

from agent import credentials
from agent.config import Configuration
from agent.enrolment import Ask, http, keep_credentials, read_members
from agent.errors import AgentError, EnrolmentError
from agent.identity import Identity
from agent.proxy import LOOPBACK
from protocol.certificate_request import make_certificate_request

PATH = "/api/v1/enrolments/certificate"
EVERY_S = 24 * 3600.0
AGAIN_S = 2 * 3600.0

log = logging.getLogger(__name__)


def renew(state_dir: Path, who: Identity, *, ask: Ask, seed: bytes) -> None:
    """Get the certificate of this TLS key and put it in force; EnrolmentError with the remedy, and nothing changed."""
    if not who.enrolment.broker.tls:
        raise EnrolmentError("the collector's broker needs no certificate: there is nothing to renew")
    request = make_certificate_request(who.key, credentials.public_of(seed)).decode()
    answer = ask(PATH, {"origin": who.enrolment.origin, "certificate_request": request})
    read_members(answer)
    keep_credentials(state_dir, seed, answer.body)


def ask_of(configuration: Configuration) -> Ask:
    """How to ask for a certificate; EnrolmentError where the address is not one to be believed."""
    url = urlsplit(configuration.collector.url)
    if url.scheme != "https" and url.hostname not in LOOPBACK:
        raise EnrolmentError("certificates are renewed over https only: change [collector] url to the https address")
    return http(configuration.collector.url, credentials.api_context(configuration.state_dir, configuration.authority))


class DailyRenewal:
    """Asks each day, in a thread of its own, until `stop`."""

    def __init__(self, configuration: Configuration, who: Identity) -> None:
        self._configuration = configuration
        self._who = who
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="renewal", daemon=True)

    def start(self) -> None:
        """Begin; the first time comes within two hours."""
        self._thread.start()

    def stop(self) -> None:
        """End; an answer that is on its way is not waited for."""
        self._stopping.set()

    def _run(self) -> None:
        # All agents of a province start together after a power cut.
        wait_s = SystemRandom().uniform(0, AGAIN_S)
        while not self._stopping.wait(wait_s):
            wait_s = self._try() * SystemRandom().uniform(0.5, 1)

    def _try(self) -> float:
        state_dir = self._configuration.state_dir
        try:
            seed = credentials.current_seed(state_dir) or credentials.pending_seed(state_dir)
            renew(state_dir, self._who, ask=ask_of(self._configuration), seed=seed)
        except (AgentError, OSError) as problem:
            log.warning("certificate not renewed", extra={"problem": str(problem)})
            return AGAIN_S
        return EVERY_S
