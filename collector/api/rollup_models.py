"""What the API answers about roll-ups, beneficiaries and vouchers.

Seconds and fen are exact; quotients are rounded here and nowhere before, halves up.
"""

from datetime import date

from pydantic import Field

from collector.api.models import Model
from collector.rollups import beneficiaries, vouchers
from collector.rollups.line import Line, rounded
from collector.rollups.period import Period
from collector.rollups.rollup import By
from collector.rollups.vouchers import Repeated

_DIGITS = 4


class RollupLine(Model):
    """What a key of the question sums up to; everything but `instruments` adds up over keys, levels and months."""

    key: str | None = Field(description="null: nobody said, or of centres: in none")
    name_zh: str = Field(description="Of a unit or a centre on the reference day, else empty")
    name_en: str
    instruments: int = Field(description="Owned on any day that is over; one that moved counts at both places")
    owned_days: int = Field(description="Days in the network that are over, summed over instruments")
    held: int = Field(description="Owned on the reference day; the next seven are about these")
    value_fen: int = Field(description="Original value, of those of which it is known")
    value_unknown: int
    exempt: int = Field(description="Not shared, by a document")
    below_value: int = Field(description="Worth less than 200 000 CNY")
    could_share: int = Field(description="held - value_unknown - exempt - below_value")
    could_share_fen: int
    opened: int = Field(description="Of these, open by the registry")
    opened_fen: int
    new_general: int = Field(description="Of could_share, general and accepted in the period")
    new_in_centre: int
    new_opened: int = Field(description="Of new_in_centre, open")
    days: int = Field(description="Days that have an hour record")
    days_over: int = Field(description="Of these, days whose record reaches midnight")
    until_s: int = Field(description="Seconds that the records cover")
    in_network_s: int = Field(description="All seconds of owned_days, and what the records of today cover")
    observed_s: int
    unobserved_s: int
    bridged_s: int
    fault_s: int
    effective_s: int
    internal_s: int
    claimed_s: int = Field(description="External, without a document")
    verified_s: int = Field(description="External, with a document at least")
    external_s: int = Field(description="claimed_s + verified_s")
    unresolved_s: int = Field(description="Effective seconds of which nobody said whom they served; never external")
    hand_s: int = Field(description="Seconds entered by hand: beside the measured ones, in none of them")
    hand_external_s: int
    counted_s: int = Field(description="Effective seconds that count: grades A, B and C, and of D what was accepted")
    counted_external_s: int
    a_s: int
    b_s: int
    c_s: int
    d_s: int
    x_s: int
    coverage: float | None = Field(description="observed_s divided by in_network_s; null where that is 0")
    average_effective_h: float | None = Field(description="effective_s divided by instruments, in hours to 0.1")
    sharing_rate_hours: float | None = Field(description="external_s divided by effective_s")
    sharing_rate_verified: float | None = Field(description="verified_s divided by effective_s")
    open_rate_value: float | None = Field(description="opened_fen divided by could_share_fen")
    open_rate_count: float | None = Field(description="opened divided by could_share")
    new_centralised_rate: float | None = Field(description="new_in_centre divided by new_general")
    opened_rate_count: float | None = Field(description="new_opened divided by new_in_centre")


class Rollup(Model):
    """A page of lines, in the order of keys."""

    by: By
    year: int
    month: int | None
    reference_day: date | None = Field(description="The period's last day that is over; null where none is")
    items: list[RollupLine]
    next_cursor: str | None = None


class ServedLine(Model):
    """External seconds for the beneficiaries of one key."""

    key: str | None = Field(description="null: the beneficiary, or where it is, is not registered")
    units: int = Field(description="How many units served there")
    beneficiaries: int = Field(description="How many the records name")
    claimed_s: int
    verified_s: int
    external_s: int


class HeldVoucher(Model):
    """A voucher on an order that stands."""

    seq: int
    issuer: str
    number: str
    amount_fen: int
    unit: str = Field(description="USCC of the unit that took the order")
    order: str
    fact: str = Field(description="SHA-256 of the order, or of the correction that put it there")
    beneficiary: str | None = Field(description="USCC")
    beneficiary_name: str
    day: date = Field(description="The order's first day, else that on which it was recorded")
    repeated: Repeated = Field(description="Whether another order names the same voucher")
    uses: int | None = Field(description="How many orders name it; null where they are another unit's as well")


class Issuer(Model):
    """What the vouchers of an issuer sum up to."""

    first_seq: int = Field(description="Place of the first of them")
    issuer: str
    vouchers: int = Field(description="Each once")
    orders: int = Field(description="That name one")
    units: int
    beneficiaries: int
    amount_fen: int = Field(description="Over all orders")
    repeated: int = Field(description="Orders beyond the first one of their voucher")
    repeated_fen: int


def rollup_line(line: Line, by: By) -> RollupLine:
    average_s = line.average_effective_s
    return RollupLine(
        **{**line._asdict(), "key": line.key or ("all" if by == "all" else None)},
        in_network_s=line.in_network_s,
        observed_s=line.observed_s,
        external_s=line.external_s,
        coverage=rounded(line.coverage, _DIGITS),
        average_effective_h=rounded(None if average_s is None else average_s / 3600, 1),
        sharing_rate_hours=rounded(line.sharing_rate_hours, _DIGITS),
        sharing_rate_verified=rounded(line.sharing_rate_verified, _DIGITS),
        open_rate_value=rounded(line.open_rate_value, _DIGITS),
        open_rate_count=rounded(line.open_rate_count, _DIGITS),
        new_centralised_rate=rounded(line.new_centralised_rate, _DIGITS),
        opened_rate_count=rounded(line.opened_rate_count, _DIGITS),
    )


def reference_day(period: Period, today: date) -> date | None:
    until = period.until(today)
    return until if until >= period.first_day else None


def served_line(line: beneficiaries.Served) -> ServedLine:
    return ServedLine(**{**line._asdict(), "key": line.key or None}, external_s=line.external_s)


def held_voucher(voucher: vouchers.Voucher, *, sees_all: bool) -> HeldVoucher:
    """What is another unit's is told to whoever may see all units alone."""
    is_hidden = voucher.units > 1 and not sees_all
    return HeldVoucher(
        seq=voucher.seq,
        issuer=voucher.issuer,
        number=voucher.number,
        amount_fen=voucher.amount_fen,
        unit=voucher.unit,
        order=voucher.order_no,
        fact=voucher.fact,
        beneficiary=voucher.beneficiary or None,
        beneficiary_name=voucher.beneficiary_name,
        day=voucher.day,
        repeated=voucher.repeated,
        uses=None if is_hidden else voucher.uses,
    )
