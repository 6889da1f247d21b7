"""`jishi-agent sign`: sign somebody in or out at an instrument, or show who is there. It asks the running agent."""

from argparse import ArgumentParser, Namespace

from agent.commands import usage
from agent.commands.operator import OPERATOR_HELP, read_operator
from protocol.entry import PURPOSES


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `sign in`, `sign out` and `sign show`."""
    deeds = parser.add_subparsers(dest="deed", required=True, metavar="in|out|show")
    sign_in = deeds.add_parser("in", help="sign in: the instrument's time is this operator's from now on")
    sign_out = deeds.add_parser("out", help="sign out; the operator may be left out where only one is there")
    show = deeds.add_parser("show", help="show who is signed in")
    sign_in.add_argument("--operator", metavar="NAME", help=OPERATOR_HELP)
    sign_in.add_argument("--purpose", choices=PURPOSES, default="own-research", help="default: own-research")
    sign_in.add_argument("--order", default="", metavar="NUMBER", help="number of the service order")
    sign_out.add_argument("--operator", metavar="NAME", help="name, or - for standard input")
    for deed in (sign_in, sign_out):
        deed.add_argument(
            "--asset", default="", metavar="NUMBER", help="instrument; may be left out where there is one"
        )
    usage.add_json(show)
    for deed in (sign_in, sign_out, show):
        usage.add_configuration(deed)


def run(arguments: Namespace) -> int:
    """Do it, and print what stands in the journal now; the exit code."""
    deed = {"in": _sign_in, "out": _sign_out, "show": _show}[arguments.deed]
    return deed(arguments)


def _sign_in(arguments: Namespace) -> int:
    from agent import config
    from agent.desk.client import ask

    done = ask(
        config.load(arguments.config),
        "POST",
        "/api/sign-in",
        asset=arguments.asset,
        operator=read_operator(arguments.operator),
        purpose=arguments.purpose,
        order=arguments.order,
    )
    print(f"signed in at {done['asset']}: {_what(done)}, since {_time(done['since_ms'])} (entry {done['entry']})")
    return usage.OK


def _sign_out(arguments: Namespace) -> int:
    from agent import config
    from agent.desk.client import ask

    operator = None if arguments.operator is None else read_operator(arguments.operator)
    done = ask(config.load(arguments.config), "POST", "/api/sign-out", asset=arguments.asset, operator=operator or "")
    print(f"signed out at {done['asset']}: {_time(done['since_ms'])} to {_time(done['end_ms'])}")
    return usage.OK


def _show(arguments: Namespace) -> int:
    import json

    from agent import config
    from agent.desk.client import ask

    found = ask(config.load(arguments.config), "GET", "/api/desk")
    if arguments.json:
        print(json.dumps(found, ensure_ascii=False))
        return usage.OK
    for asset in found["assets"]:
        there = [one for one in found["present"] if one["asset"] == asset]
        print(f"{asset}  {'nobody' if not there else ''}".rstrip())
        for one in there:
            print(f"  {one['operator']}  {_what(one)}, since {_time(one['since_ms'])}, by {one['how']}")
    if found["hint"]:
        print(f"note: {found['hint']}")
    return usage.OK


def _what(one: dict[str, str]) -> str:
    return f"{one['purpose']} {one['order']}" if one["order"] else one["purpose"]


def _time(utc_ms: int) -> str:
    """The time in China, as on the pages."""
    from datetime import UTC, datetime, timedelta

    local = datetime.fromtimestamp(utc_ms / 1000, UTC) + timedelta(hours=8)
    return local.strftime("%Y-%m-%d %H:%M:%S")
