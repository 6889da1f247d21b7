"""The roads that are configured, each tried once while no agent runs: MQTT, and HTTPS where it is or would be taken."""

import secrets
from collections.abc import Iterator
from functools import partial

from agent.credentials import api_context
from agent.doctor.case import Case
from agent.doctor.delivery import answer_to, greet, judge_answer, note_signed_last
from agent.exchange import Lost, Received
from agent.finding import Finding
from agent.identity import Identity
from agent.roads.https import HttpsLink
from protocol.message import Hello, pack

HTTPS = "https road"


def examine_delivery(case: Case) -> Iterator[Finding]:
    """Say whether the collector answers, by the road that an agent would take now."""
    if case.who is None or case.is_attended:
        return
    road = case.configuration.collector.road
    by_mqtt = [] if road == "https" else list(greet(case.who, case))
    yield from by_mqtt
    if road == "https" or (road == "auto" and any(finding.verdict == "fail" for finding in by_mqtt)):
        yield greet_by_https(case.who, case)


def greet_by_https(who: Identity, case: Case) -> Finding:
    """Say hello with the checkpoint that was signed last, and judge what comes back."""
    url, nonce = case.configuration.collector.url, secrets.token_hex(16)
    size, note = note_signed_last(who)
    trust = partial(api_context, case.configuration.state_dir, case.configuration.authority)
    link = HttpsLink(who.enrolment.agent_id, url, trust=trust, clock=case.clock)
    link.connect()
    link.send(pack(Hello(nonce, note)))
    heard = list(link.events)
    link.close()
    answer = answer_to(nonce, [event.raw for event in heard if isinstance(event, Received)])
    if answer is not None:
        return judge_answer(answer, signed_size=size)._replace(what=HTTPS)
    reasons = [event.reason for event in heard if isinstance(event, Lost)]
    remedy = "check [collector] url, the proxy and the firewall; a collector before HTTPS deliveries has MQTT only"
    return Finding(HTTPS, "fail", reasons[0] if reasons else "no answer that is the collector's", "a welcome", remedy)
