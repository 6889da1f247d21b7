"""Names: agent ids, log origins, MQTT topics and the shard of an agent.

    agent id  em-01                            4 to 40 of a-z, 0-9 and the hyphen
    origin    lab.example/a/em-01/1            <domain>/a/<agent id>/<epoch>, also the name of the agent's key
    up        jishi/v1/up/35/em-01             what the agent publishes: hello and batches
    down      jishi/v1/down/35/em-01           what the collector answers: welcome, receipts, refusals
    worker    jishi/v1/up/35/+                 what the collector worker that owns shard 35 subscribes to

The shard is the first byte of SHA-256 of the agent id, modulo 64: everyone computes it, nobody assigns it.
Source: design.md section 5, evidence.md section 2.
"""

import re
from hashlib import sha256

from protocol.errors import MalformedName, excerpt

SHARDS = 64
MAX_EPOCH = 999_999_999

_AGENT_ID = re.compile(r"[a-z0-9-]{4,40}")
_DOMAIN = re.compile(r"(?=.{1,180}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_EPOCH = re.compile(r"[1-9][0-9]{0,8}")
_LOG_NAME = re.compile(r"[0-9]{4}-[1-9][0-9]{0,5}")
_PERSON_WORD = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_UP_TOPIC = re.compile(r"jishi/v1/up/(0|[1-9][0-9]?)/([a-z0-9-]{4,40})")


def check_agent_id(text: str) -> str:
    """Return the agent id as it is; MalformedName when it is not one."""
    if not _AGENT_ID.fullmatch(text):
        raise MalformedName(f"agent id {excerpt(text)}: 4 to 40 of a-z, 0-9 and - are expected")
    return text


def check_domain(text: str) -> str:
    """Return the domain that names a collector as it is; MalformedName when it is not a lower-case host name."""
    if not _DOMAIN.fullmatch(text):
        raise MalformedName(f"domain {excerpt(text)}: a lower-case host name such as jishi.example is expected")
    return text


def shard_of(agent_id: str) -> int:
    """Return the shard, 0 to 63, that carries an agent; MalformedName when the id is not one."""
    return sha256(check_agent_id(agent_id).encode()).digest()[0] % SHARDS


def up_topic(agent_id: str) -> str:
    """Return the topic on which an agent publishes."""
    return f"jishi/v1/up/{shard_of(agent_id)}/{agent_id}"


def down_topic(agent_id: str) -> str:
    """Return the topic on which the collector answers an agent."""
    return f"jishi/v1/down/{shard_of(agent_id)}/{agent_id}"


def up_filter(shard: int) -> str:
    """Return the subscription filter that holds the up topics of one shard."""
    if not 0 <= shard < SHARDS:
        raise ValueError(f"shard {shard}: 0 to {SHARDS - 1} is expected")
    return f"jishi/v1/up/{shard}/+"


def parse_up_topic(topic: str) -> str:
    """Return the agent id of an up topic; MalformedName when it is none or names the wrong shard."""
    match = _UP_TOPIC.fullmatch(topic)
    if match is None:
        raise MalformedName(f"topic {excerpt(topic)}: jishi/v1/up/<shard>/<agent id> is expected")
    shard, agent_id = match.groups()
    if int(shard) != shard_of(agent_id):
        raise MalformedName(f"topic {excerpt(topic)}: agent {agent_id} belongs to shard {shard_of(agent_id)}")
    return agent_id


def agent_origin(domain: str, agent_id: str, epoch: int) -> str:
    """Return the origin of an agent's log, which is also the name of its key."""
    if not 1 <= epoch <= MAX_EPOCH:
        raise ValueError(f"epoch {epoch}: 1 to {MAX_EPOCH} is expected")
    return f"{check_domain(domain)}/a/{check_agent_id(agent_id)}/{epoch}"


def parse_origin(origin: str) -> tuple[str, str, int]:
    """Return (domain, agent id, epoch) of an agent's log origin; MalformedName when it is none."""
    parts = origin.split("/", 4)
    if len(parts) != 4 or parts[1] != "a" or not _EPOCH.fullmatch(parts[3]):
        raise MalformedName(f"origin {excerpt(origin)}: <domain>/a/<agent id>/<epoch> is expected")
    return check_domain(parts[0]), check_agent_id(parts[2]), int(parts[3])


def log_origin(domain: str, year: int, number: int) -> str:
    """Return the origin of the collector's own log of a year, which is also the name of its key."""
    if not (1000 <= year <= 9999 and 1 <= number <= 999_999):
        raise ValueError(f"log {year}-{number}: a year of four digits and a number from 1 on are expected")
    return f"{check_domain(domain)}/log/{year}-{number}"


def parse_log_origin(origin: str) -> tuple[str, str]:
    """Return (domain, log name such as 2026-1) of a collector's log origin; MalformedName when it is none."""
    parts = origin.split("/", 3)
    if len(parts) != 3 or parts[1] != "log":
        raise MalformedName(f"origin {excerpt(origin)}: <domain>/log/<year>-<number> is expected")
    return check_domain(parts[0]), check_log_name(parts[2])


def check_log_name(text: str) -> str:
    """Return the name of a collector's log as it is; MalformedName when it is none."""
    if not _LOG_NAME.fullmatch(text):
        raise MalformedName(f"log {excerpt(text)}: <year>-<number>, as in 2026-1, is expected")
    return text


def parse_person(name: str) -> tuple[str, str]:
    """Return (domain, word) of the name of a person's key; MalformedName when it is none."""
    parts = name.split("/", 3)
    if len(parts) != 3 or parts[1] != "person" or not _PERSON_WORD.fullmatch(parts[2]):
        raise MalformedName(
            f"key name {excerpt(name)}: <domain>/person/<word> is expected, the word 1 to 40 of a-z, 0-9 and -"
        )
    return check_domain(parts[0]), parts[2]
