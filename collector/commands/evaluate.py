"""`jishi-collector evaluate`: hold rounds of evaluation, show them, and compute them again."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import get_args

from collector.commands import asker, round_after, round_lines
from collector.commands.days import parse_day
from collector.commands.round_deed import by_of, declare, parse_points
from collector.config import Config
from collector.errors import RoundError, SchemeError
from collector.evaluation import experts, figures, members, results, rounds, schemes
from collector.evaluation.experts import OF_EXPERTS, Award
from collector.evaluation.population import Rules, Verdict
from collector.evaluation.scheme import MAX_SCHEME_BYTES, RATINGS
from collector.evaluation.verification import verify_round
from collector.files import read_limited
from collector.registry.access import Right
from collector.store.database import Connection, connect
from collector.store.migrate import check_migrated


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `evaluate`."""
    parser.add_argument("--round", metavar="NAME", help="show this round (without: list all)")
    parser.add_argument("--verify", action="store_true", help="with --round: compute it again and compare")
    parser.set_defaults(deed=_show)
    deeds = parser.add_subparsers(metavar="DEED")
    create = declare(deeds, "create", _create, "begin a round for a year")
    create.add_argument("--year", type=int, required=True)
    create.add_argument("--as-of", type=parse_day, metavar="DAY", help="whose registry counts (default: 31 December)")
    create.add_argument("--min-value-yuan", type=int, default=200_000, metavar="YUAN", help="default: 200000")
    create.add_argument("--over-percent", type=int, default=50, metavar="N", help="of public money; default: 50")
    choose = declare(deeds, "choose", _choose, "decide otherwise of an instrument, a facility or a unit")
    choose.add_argument("subject", metavar="SUBJECT", help="instrument:ASSET, facility:NUMBER or unit:USCC")
    choose.add_argument("verdict", choices=get_args(Verdict))
    declare(deeds, "population", _population, "fix who is counted")
    data = declare(deeds, "data", _data, "take the figures of a frozen period")
    data.add_argument("--frozen", required=True, metavar="PERIOD", help="as `jishi-collector frozen` lists it")
    expert = declare(deeds, "expert", _expert, "appoint an expert")
    expert.add_argument("expert", metavar="PERSON")
    expert.add_argument("--indicator", type=int, action="append", choices=OF_EXPERTS, help="repeatable; default: all")
    opened = declare(deeds, "open", _open, "let the experts begin")
    opened.add_argument("--scheme", required=True, metavar="SHA256", help="its first 8 digits are enough")
    points = declare(deeds, "points", _points, "give a unit points as the expert --by", right=Right.POINTS)
    points.add_argument("unit", metavar="USCC")
    points.add_argument("indicator", type=int, choices=OF_EXPERTS)
    points.add_argument("points", type=parse_points, metavar="POINTS", help="as 4.5 or 4.50")
    declare(deeds, "close", _close, "end the experts' entry, and rank")
    rate = declare(deeds, "rate", _rate, "rate a unit otherwise than the scheme did")
    rate.add_argument("unit", metavar="USCC")
    rate.add_argument("rating", choices=RATINGS)
    scheme = declare(deeds, "scheme", _scheme, "enter a scoring scheme", of_round=False)
    scheme.add_argument("file", type=Path, metavar="SCHEME.toml|SCHEME.json")
    deeds.add_parser("schemes", help="list the scoring schemes").set_defaults(deed=_schemes)
    round_after.configure(deeds)


def run(config: Config, arguments: Namespace) -> None:
    """Do it; with --verify, RoundError where something stored is not what is computed."""
    if arguments.verify:
        _verify(config, arguments)
        return
    with connect(config.dsn, application="evaluate") as connection:
        check_migrated(connection)
        arguments.deed(connection, arguments)


def _create(connection: Connection, arguments: Namespace) -> None:
    rules = Rules(arguments.min_value_yuan * 100, arguments.over_percent)
    with connection.transaction():
        made = rounds.create_round(
            connection,
            arguments.name,
            year=arguments.year,
            as_of=arguments.as_of,
            rules=rules,
            by=by_of(connection, arguments),
        )
    print(round_lines.of_round(made))
    _print_bars(connection, made)


def _choose(connection: Connection, arguments: Namespace) -> None:
    with connection.transaction():
        rounds.choose(
            connection,
            arguments.name,
            subject=arguments.subject,
            verdict=arguments.verdict,
            by=by_of(connection, arguments),
        )


def _population(connection: Connection, arguments: Namespace) -> None:
    with connection.transaction():
        held = members.fix_population(connection, arguments.name, by=by_of(connection, arguments))
    print(round_lines.of_round(held))
    _print_bars(connection, held)
    for line in round_lines.of_population(members.list_members(connection, held)):
        print(line)


def _print_bars(connection: Connection, held: rounds.Round) -> None:
    for uscc, reason, note in members.list_bars(connection, held):
        print(f"takes no part: {uscc} {reason}, {note}")


def _data(connection: Connection, arguments: Namespace) -> None:
    by = by_of(connection, arguments)
    held = figures.fix_data(connection, arguments.name, period=arguments.frozen, by=by)
    print(round_lines.of_round(held))
    for line in round_lines.of_indicators(figures.list_indicators(connection, held)):
        print(line)


def _expert(connection: Connection, arguments: Namespace) -> None:
    with connection.transaction():
        experts.appoint_expert(
            connection,
            arguments.name,
            arguments.expert,
            indicators=arguments.indicator or OF_EXPERTS,
            by=by_of(connection, arguments),
        )


def _open(connection: Connection, arguments: Namespace) -> None:
    with connection.transaction():
        held = experts.open_entry(connection, arguments.name, scheme=arguments.scheme, by=by_of(connection, arguments))
    print(round_lines.of_round(held))


def _points(connection: Connection, arguments: Namespace) -> None:
    award = Award(arguments.unit, arguments.indicator, arguments.points)
    with connection.transaction():
        person = asker.find(connection, arguments).person
        experts.give_points(connection, arguments.name, person, awards=[award], by=by_of(connection, arguments))


def _close(connection: Connection, arguments: Namespace) -> None:
    with connection.transaction():
        held = results.close_round(connection, arguments.name, by=by_of(connection, arguments))
    print(round_lines.of_round(held))
    _print_results(connection, held)


def _rate(connection: Connection, arguments: Namespace) -> None:
    with connection.transaction():
        by = by_of(connection, arguments)
        results.set_rating(connection, arguments.name, uscc=arguments.unit, rating=arguments.rating, by=by)


def _scheme(connection: Connection, arguments: Namespace) -> None:
    try:
        raw = read_limited(arguments.file, MAX_SCHEME_BYTES)
    except (OSError, ValueError) as error:
        raise SchemeError(f"{arguments.file} cannot be read: {error}") from error
    with connection.transaction():
        entered = schemes.enter_scheme(connection, raw, by=by_of(connection, arguments))
    print(round_lines.of_scheme(entered))


def _schemes(connection: Connection, _arguments: Namespace) -> None:
    for entered in schemes.list_schemes(connection):
        print(round_lines.of_scheme(entered))


def _show(connection: Connection, arguments: Namespace) -> None:
    for held in rounds.list_rounds(connection) if arguments.round is None else ():
        print(round_lines.of_round(held))
    if arguments.round is None:
        return
    held = rounds.find_round(connection, arguments.round)
    print(round_lines.of_round(held))
    for step in rounds.list_steps(connection, held):
        print(f"  {step.state}: {step.made_at:%Y-%m-%d %H:%M} UTC by {step.made_by}: {step.why}")
    for line in (
        *round_lines.of_population(members.list_members(connection, held)),
        *round_lines.of_indicators(figures.list_indicators(connection, held)),
    ):
        print(line)
    for each in experts.list_progress(connection, held):
        print(f"expert {each.expert}: {each.given} of {each.wanted} points given")
    _print_results(connection, held)
    round_after.show(connection, held)


def _print_results(connection: Connection, held: rounds.Round) -> None:
    if held.scheme is not None:
        print(round_lines.of_scheme(schemes.find_scheme(connection, held.scheme)))
    for result in results.list_results(connection, held):
        print(round_lines.of_result(result))


def _verify(config: Config, arguments: Namespace) -> None:
    if arguments.round is None:
        raise RoundError("--verify needs the round: jishi-collector evaluate --round NAME --verify")
    found = verify_round(config.dsn, arguments.round)
    for subject, what in found.differences:
        print(f"differs {subject}: {what}")
    print(f"compared={found.compared} differences={len(found.differences)}")
    if found.differences:
        raise RoundError(f"{len(found.differences)} lines of round {arguments.round} are not what is computed for them")
