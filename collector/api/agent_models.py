"""What the API answers about agents, their journals and epochs, and what enrolment asks and answers."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from collector.accounts.liveness import Liveness
from collector.api.models import Model
from protocol.epoch import EpochReason


class Journal(Model):
    """An agent's newest journal, as the collector holds it."""

    origin: str
    epoch: int
    standing: Literal["ok", "gap", "suspect", "fork"]
    size: int = Field(description="Entries held and receipted")
    receipted_at: datetime | None
    revoked_at: datetime | None


class Showing(Model):
    watcher: str
    channel: str
    value: str = Field(description="A number in the channel's unit (mW for power) or a word")


class Hint(Model):
    """What the agent said it shows just now, while older entries are still on the way. Live, and counted nowhere."""

    at: datetime | None = Field(description="By the agent's clock; null where that shows no date")
    received_at: datetime
    waiting: int = Field(description="Entries that waited for a receipt then")
    showing: list[Showing]


class Epoch(Model):
    """One journal of an agent: how it began, whether a person has looked, and whether its key is still believed."""

    epoch: int
    origin: str
    registered_at: datetime
    standing: Literal["ok", "gap", "suspect", "fork"]
    size: int
    genesis_fits: bool | None = Field(description="The first entry names the enrolled key; null until it is here")
    reason: EpochReason | None = Field(description="Why the agent began it by itself; null where a token did")
    predecessor: str | None = Field(description="Origin of the journal that ended for it")
    had: int | None = Field(description="Entries of the predecessor that the agent said it had")
    held: int | None = Field(description="Entries of the predecessor that the collector held then")
    missing: int = Field(description="Entries of the predecessor that the agent lost and the collector holds")
    fits: bool | None = Field(description="What the agent had is the beginning of what was held; null where it is more")
    unreviewed: bool = Field(description="A person ought to look at it")
    reviewed_by: str | None
    review: str | None
    reviewed_at: datetime | None
    revoked_by: str | None
    revoked_why: str | None
    revoked_at: datetime | None


class Epochs(Model):
    """All journals of an agent, by epoch."""

    items: list[Epoch]


class Fork(Model):
    """A journal that is or was in doubt: what became of it, and the proof where there is one."""

    epoch: int
    origin: str
    vkey: str = Field(description="The journal's public key, by which the proof is checked")
    standing: Literal["ok", "gap", "suspect", "fork"]
    size: int
    asked_size: int | None = Field(description="Entries of the newest tree that did not fit")
    questions: int | None = Field(description="Questions about it, within ten minutes")
    asked_at: datetime | None
    outcome: Literal["ok", "gap", "suspect", "fork"] | None = Field(description="null while it is open")
    settled_at: datetime | None
    entry_index: int | None = Field(description="Where the proof shows two histories; null where it shows only that")
    proved_at: datetime | None = Field(description="null where no proof is kept; else ./forks/EPOCH/proof is the file")
    proof_bytes: int | None
    lost_batches: int = Field(description="Batches kept of the branch that came later")
    lost_bytes: int
    lost_s: int = Field(description="Seconds that its readings cover, by the sum over channels; they count nowhere")


class Forks(Model):
    """Of one agent, by epoch."""

    items: list[Fork]


class Agent(Model):
    agent_id: str
    registered_at: datetime
    liveness: Liveness
    last_seen_at: datetime | None
    reported_size: int | None = Field(description="How many entries the agent last said it has")
    unreviewed_epochs: int = Field(description="Journals that began by themselves and that nobody has looked at")
    hint: Hint | None
    journal: Journal | None


class ChallengeRequest(Model):
    token: str = Field(max_length=200)
    agent_id: str = Field(max_length=40)


class ChallengeAnswer(Model):
    """What the agent signs to prove that it holds its key."""

    origin: str
    nonce: str
    expires_at: datetime


class EnrolmentRequest(Model):
    token: str = Field(max_length=200)
    agent_id: str = Field(max_length=40)
    vkey: str = Field(max_length=1000, description="The agent's public key as a C2SP verifier key")
    proof: str = Field(max_length=4000, description="The signed enrolment text, as a C2SP signed note")
    certificate_request: str | None = Field(
        default=None,
        max_length=4000,
        description="The agent's TLS key, signed with its log's key, as a C2SP signed note; needed where the broker "
        "admits certificates only",
    )


class BrokerAddress(Model):
    host: str
    port: int
    tls: bool = Field(description="Whether it speaks TLS and admits certificates only")


class CertificateRequest(Model):
    origin: str = Field(max_length=255, description="The journal whose key signed the request")
    certificate_request: str = Field(max_length=4000, description="As at the enrolment")


class Credentials(Model):
    """With what an agent comes to the broker, and what it believes there; PEM texts."""

    certificate: str
    trusted: str = Field(description="The authorities that sign the broker's certificate; replaces what was held")


class CertificateAnswer(Model):
    """The same member as an enrolment's answer has."""

    credentials: Credentials


class EnrolledChannel(Model):
    watcher: str
    channel: str
    asset: str


class EnrolmentAnswer(Model):
    """All that an agent needs to begin its journal and find its collector."""

    origin: str
    agent_id: str
    epoch: int
    domain: str
    receipt_vkey: str = Field(description="The key that signs receipts; the agent pins it")
    shard: int
    broker: BrokerAddress
    credentials: Credentials | None = Field(description="null where the broker needs none")
    assets: list[str]
    watch: list[EnrolledChannel]
