"""A self-evaluation report as one value, and its bytes: what is confirmed, submitted and named by SHA-256. Pure.

The bytes are canonical JSON, the members below in this order; they hold no time of making, so the same records and
texts give the same bytes. Seconds and fen are whole; nothing is rounded here. Sections follow 附件1:

    1 组织管理情况   `lines` and `facilities` with their standing in the network, `network`, `docked`, `texts`
    2 运行使用情况   `indicators`, `lines` with seconds by grade, coverage, policies and the hash of their records
    3 共享服务成效   `services` 服务数据清单, `income` 服务收入记录清单, `texts`

`source` names what the hours are from. An instrument that is not counted (evaluation/population.py) has its reason and
no seconds: `seconds` None says that none were added up, 0 that there were none.
"""

import hashlib
from typing import Literal

import msgspec

from collector.evaluation.indicators import Indicators, Seconds
from collector.evaluation.population import Reason
from collector.network.states import State as NetworkState

SourceKind = Literal["round", "frozen", "closed"]
Standing = Reason | Literal["not-in-round"]
"""Why it is counted or not; `not-in-round`: it was registered after the round's population was fixed."""


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the hours are from, up to `last_day` (included).

    A round's figures (`name` the round's, `sha256` of its frozen period), a frozen period, or the closed records as
    they are (`name` "", `sha256` over the hashes of the lines). `open_days` have a record that is not closed yet and
    are in no figure.
    """

    kind: SourceKind
    name: str
    sha256: str
    last_day: str
    open_days: int = 0


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An instrument that the unit owned on the report's date, as the registry described it then.

    `records` days have a record under this owner, and `records_sha256` is over the hashes of these and of their grades.
    """

    asset_no: str
    name_zh: str
    class_code: str
    maker: str
    model: str
    origin: str
    value_fen: int | None
    funding: str
    government_fen: int | None
    accepted_on: str | None
    shareable: bool | None
    bookable: bool | None
    exempt_document: str
    facility: str
    centre: str
    network: NetworkState
    network_since: str | None
    network_proof: str
    is_in: bool
    reason: Standing
    seconds: Seconds | None
    policies: tuple[str, ...]
    records: int
    records_sha256: str


class Facility(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A facility 设施 that the unit runs."""

    facility_no: str
    name_zh: str
    value_fen: int | None
    government_fen: int | None
    is_in: bool
    reason: Standing


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one instrument worked for somebody: from the first to the last day on which it did, in whole seconds."""

    asset_no: str
    first_day: str
    last_day: str
    days: int
    claimed_s: int
    verified_s: int


class Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A document of an order, by kind and SHA-256."""

    kind: str
    sha256: str


class Income(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A service order of a beneficiary outside of the unit, with its charge.

    The charge belongs to one year only (`fee_year`; services.py says which) and is in no other year's sum. `fact` names
    what the order rests on.
    """

    order: str
    beneficiary: str
    beneficiary_name: str
    content: str
    way: str
    fee_fen: int | None
    fee_year: int
    voucher_issuer: str
    voucher_number: str
    voucher_fen: int | None
    documents: tuple[Proof, ...]
    fact: str
    parts: tuple[Part, ...]


class Service(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """External hours of one instrument under one order."""

    order: str
    beneficiary: str
    beneficiary_name: str
    documents: int
    part: Part


class Docked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A source system from which facts of the unit came in the year, and how many."""

    system: str
    facts: int


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """See the top of the file. `unnamed_orders` have a charge (`unnamed_fen` together) and no beneficiary: they are in
    no list, because nobody said whether they are external."""

    v: Literal[1]
    uscc: str
    name_zh: str
    year: int
    as_of: str
    source: Source
    indicators: Indicators
    network: dict[str, int]
    docked: tuple[Docked, ...]
    lines: tuple[Line, ...]
    facilities: tuple[Facility, ...]
    services: tuple[Service, ...]
    income: tuple[Income, ...]
    unnamed_orders: int
    unnamed_fen: int
    texts: dict[str, str]

    @property
    def income_fen(self) -> int:
        """The charges of the year: each once, in fen."""
        return sum(each.fee_fen or 0 for each in self.income if each.fee_year == self.year)

    @property
    def beneficiaries(self) -> int:
        """How many legal persons outside of the unit were served or charged."""
        return len({each.beneficiary for each in self.services} | {each.beneficiary for each in self.income})


def encode(report: Report) -> bytes:
    """The report's bytes."""
    return msgspec.json.encode(report)


def decode(raw: bytes) -> Report:
    """The report of these bytes of ours."""
    return msgspec.json.decode(raw, type=Report)


def identity(raw: bytes) -> str:
    """The SHA-256 of a report's bytes, in hex."""
    return hashlib.sha256(raw).hexdigest()
