"""`jishi-collector propose`: a policy, a correction, hours by hand or a decision, for a second person to rule on."""

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import msgspec

from collector.approvals.proposals import propose
from collector.approvals.proposed import (
    MAX_BODY_BYTES,
    Proposed,
    ProposedDecision,
    ProposedHand,
    ProposedPolicy,
    decode,
)
from collector.commands import asker
from collector.commands.days import parse_day, parse_instant
from collector.config import Config
from collector.errors import ProposalError
from collector.files import read_limited
from collector.store.database import connect
from collector.store.migrate import check_migrated
from protocol.facts import Verdict
from protocol.policy import MAX_POLICY_BYTES


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `propose`."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    policy = kinds.add_parser("policy", help="a policy for an instrument, a model or every instrument")
    policy.add_argument("file", type=Path, metavar="POLICY.json")
    whom = policy.add_mutually_exclusive_group(required=True)
    whom.add_argument("--instrument", metavar="ASSET")
    whom.add_argument("--model", metavar="MODEL")
    whom.add_argument("--default", action="store_true", help="for every instrument without another one")
    policy.add_argument("--from-day", type=parse_day, required=True, metavar="YYYY-MM-DD")
    policy.add_argument("--amends", action="store_true", help="it may begin in a period that is frozen")
    hand = kinds.add_parser("hand", help="hours of a day that no watcher saw")
    hand.add_argument("asset", metavar="ASSET")
    hand.add_argument("day", type=parse_day, metavar="YYYY-MM-DD")
    hand.add_argument("minutes", type=int, metavar="MINUTES")
    hand.add_argument("--source", required=True, metavar="TEXT", help="page of the paper log, or what else it is from")
    hand.add_argument("--order", metavar="NUMBER")
    hand.add_argument("--document", metavar="SHA256", help="a stored photo of the page")
    correction = kinds.add_parser(
        "correction", help="take something out of account, put a use or an order in its place"
    )
    correction.add_argument("file", type=Path, metavar="CORRECTION.json", help="as docs/approvals.md shows it")
    decision = kinds.add_parser("decision", help="whether time that is in doubt counts (accept) or not (exclude)")
    decision.add_argument("asset", metavar="ASSET")
    decision.add_argument("start", type=parse_instant, metavar="FROM", help="local time, as 2026-03-02T09:30")
    decision.add_argument("end", type=parse_instant, metavar="TO", help="local time, not included")
    decision.add_argument("verdict", choices=get_args(Verdict))
    decision.add_argument("--flag", action="append", default=[], metavar="RULE", help="that it answers; repeatable")
    for each in (policy, hand, correction, decision):
        each.add_argument("--reason", required=True, metavar="TEXT")
        asker.declare(each)


def run(config: Config, arguments: Namespace) -> None:
    """Make the proposal and say its number."""
    proposed = _PROPOSED[arguments.kind](arguments)
    with connect(config.dsn, application="propose") as connection:
        check_migrated(connection)
        with connection.transaction():
            number = propose(
                connection,
                asker.find(connection, arguments),
                proposed,
                reason=arguments.reason,
                now=datetime.now(UTC),
                deadline_days=config.corrections.within_days,
            )
    print(f"proposal {number} for {proposed.subject}: a second person rules on it")


def _policy(arguments: Namespace) -> Proposed:
    body = _read(arguments.file, MAX_POLICY_BYTES)
    subject = "everything"
    if arguments.instrument:
        subject = f"instrument:{arguments.instrument}"
    elif arguments.model:
        subject = f"model:{arguments.model}"
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise ProposalError(f"{arguments.file} is no policy: not UTF-8 at byte {error.start}") from error
    return ProposedPolicy(subject=subject, from_day=arguments.from_day, policy=text, amends=arguments.amends)


def _hand(arguments: Namespace) -> Proposed:
    hand = ProposedHand(
        asset=arguments.asset,
        day=arguments.day,
        seconds=arguments.minutes * 60,
        source=arguments.source,
        order=arguments.order,
        document=arguments.document,
    )
    return decode(msgspec.json.encode(hand))  # holds every member against its bounds


def _decision(arguments: Namespace) -> Proposed:
    try:
        decision = ProposedDecision(
            asset=arguments.asset,
            start=arguments.start,
            end=arguments.end,
            verdict=arguments.verdict,
            flags=tuple(sorted(set(arguments.flag))),
        )
    except ValueError as error:
        raise ProposalError(f"not a decision: {error}; correct FROM and TO") from error
    return decode(msgspec.json.encode(decision))  # holds every member against its bounds


def _correction(arguments: Namespace) -> Proposed:
    return decode(_read(arguments.file, MAX_BODY_BYTES))


_PROPOSED = {"policy": _policy, "hand": _hand, "correction": _correction, "decision": _decision}


def _read(path: Path, limit: int) -> bytes:
    try:
        return read_limited(path, limit)
    except (OSError, ValueError) as error:
        raise ProposalError(f"cannot read {path}: {error}") from error
