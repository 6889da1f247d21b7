"""Whom a unit's instruments served outside of it in a year, and what was charged: 服务数据清单 and 服务收入记录清单.
Pure.

Hours are those of hour records, by instrument and order; what is charged is said by orders. A charge belongs to one
year, by what the order says and nothing that comes later: the year of its first day, else of the day on which it was
recorded. An order that is served in two years is in the list of both, and its charge in the sum of that year alone.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from collector.self_evaluation.orders import StandingOrder
from collector.self_evaluation.report import Income, Part, Proof, Service
from protocol.facts import Order
from protocol.interval import local_day


class ServedDay(NamedTuple):
    """What of an instrument's day served one order or beneficiary outside of the unit."""

    asset_no: str
    day: date
    order: str
    beneficiary: str
    is_verified: bool
    seconds: int
    documents: int


class _Key(NamedTuple):
    order: str
    beneficiary: str
    asset_no: str


def list_services(
    served: Iterable[ServedDay], orders: Mapping[str, StandingOrder], *, names: Mapping[str, str]
) -> tuple[Service, ...]:
    """External hours by order, beneficiary and instrument; `documents` as the latest of its records counts them.

    `names`: what the registry calls legal persons, for those whom an order does not name.
    """
    days: dict[_Key, list[ServedDay]] = {}
    for each in served:
        days.setdefault(_Key(each.order, each.beneficiary, each.asset_no), []).append(each)
    return tuple(
        Service(
            order=key.order,
            beneficiary=key.beneficiary,
            beneficiary_name=_name(orders.get(key.order), key.beneficiary, names),
            documents=max(found, key=lambda each: each.day).documents,
            part=_part(key.asset_no, found),
        )
        for key, found in sorted(days.items())
    )


def list_income(
    uscc: str,
    year: int,
    services: Iterable[Service],
    *,
    orders: Mapping[str, StandingOrder],
    names: Mapping[str, str],
) -> tuple[Income, ...]:
    """Orders of others than the unit whose charge is of the year, or that were served in it; by number.

    Without a charge and without a service there is nothing to list; a charge of nothing (0) is one.
    """
    of_order: dict[tuple[str, str | None], list[Part]] = {}
    for each in services:
        of_order.setdefault((each.order, each.beneficiary), []).append(each.part)
    found = []
    for number, held in orders.items():
        # Records that name another beneficiary than the order does now are in the list of services, under that name.
        parts = tuple(of_order.get((number, held.order.beneficiary), ()))
        is_of_year = is_charged(held.order) and fee_year(held.order) == year
        if held.order.beneficiary not in (None, uscc) and (parts or is_of_year):
            found.append(_income(held, parts, names))
    return tuple(found)


def unnamed_fen(orders: Mapping[str, StandingOrder], year: int) -> list[int]:
    """The charges of the year of orders for whom nobody named a beneficiary, one each."""
    return [
        held.order.fee_fen or 0
        for held in orders.values()
        if held.order.beneficiary is None and is_charged(held.order) and fee_year(held.order) == year
    ]


def is_charged(order: Order) -> bool:
    """Whether anybody said what it costs, be it nothing."""
    return order.fee_fen is not None or order.voucher is not None


def fee_year(order: Order) -> int:
    """The year in whose sum the charge is; see the top of the file."""
    return date.fromisoformat(order.first_day).year if order.first_day else local_day(order.at).year


def _income(held: StandingOrder, parts: tuple[Part, ...], names: Mapping[str, str]) -> Income:
    order, voucher = held.order, held.order.voucher
    return Income(
        order=order.order,
        beneficiary=order.beneficiary or "",
        beneficiary_name=_name(held, order.beneficiary or "", names),
        content=order.content or "",
        way=order.way or "",
        fee_fen=order.fee_fen,
        fee_year=fee_year(order),
        voucher_issuer="" if voucher is None else voucher.issuer,
        voucher_number="" if voucher is None else voucher.number,
        voucher_fen=None if voucher is None else voucher.amount_fen,
        documents=tuple(Proof(each.kind, each.sha256) for each in held.documents),
        fact=held.ref,
        parts=parts,
    )


def _part(asset_no: str, found: list[ServedDay]) -> Part:
    days = sorted({each.day for each in found})
    return Part(
        asset_no=asset_no,
        first_day=days[0].isoformat(),
        last_day=days[-1].isoformat(),
        days=len(days),
        claimed_s=sum(each.seconds for each in found if not each.is_verified),
        verified_s=sum(each.seconds for each in found if each.is_verified),
    )


def _name(held: StandingOrder | None, beneficiary: str, names: Mapping[str, str]) -> str:
    """What the order calls the beneficiary, where the record and the order still name the same one; else the
    registry."""
    by_order = held.order.beneficiary_name if held and held.order.beneficiary == beneficiary else None
    return by_order or names.get(beneficiary, "")
