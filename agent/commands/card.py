"""`jishi-agent card`: give cards to people. It asks the running agent, which keeps salted hashes of cards only."""

import time
from argparse import ArgumentParser, Namespace

from agent.commands import usage
from agent.commands.operator import OPERATOR_HELP, read_operator
from agent.errors import DeskError
from protocol.entry import PURPOSES

ASK_EVERY_S = 0.5


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `card assign`, `card list` and `card remove`."""
    deeds = parser.add_subparsers(dest="deed", required=True, metavar="assign|list|remove")
    assign = deeds.add_parser("assign", help="give the next card that is presented, within a minute, to a person")
    assign.add_argument("--operator", metavar="NAME", help=OPERATOR_HELP)
    assign.add_argument("--purpose", choices=PURPOSES, default="own-research", help="what its holder usually comes for")
    listed = deeds.add_parser("list", help="show whose the cards are")
    remove = deeds.add_parser("remove", help="forget a card that was lost or handed back")
    remove.add_argument("card", metavar="DIGITS", help="the first digits that list shows")
    for deed in (assign, listed, remove):
        usage.add_configuration(deed)


def run(arguments: Namespace) -> int:
    """Do it, and print whose the card is; the exit code."""
    deed = {"assign": _assign, "list": _list, "remove": _remove}[arguments.deed]
    return deed(arguments)


def _assign(arguments: Namespace) -> int:
    from agent import config
    from agent.desk.client import ask

    configuration, operator = config.load(arguments.config), read_operator(arguments.operator)
    asked = ask(configuration, "POST", "/api/cards/assign", operator=operator, purpose=arguments.purpose)
    print("present the card at a reader now", flush=True)
    while asked["waiting"]:
        time.sleep(ASK_EVERY_S)
        asked = ask(configuration, "GET", "/api/cards/assign")
    if not asked["card"]:
        raise DeskError(
            asked["hint"] or "no card was presented within a minute: is the reader up? (jishi-agent status)"
        )
    print(f"card {asked['card']} is {asked['operator']}'s, for {asked['purpose']}")
    return usage.OK


def _list(arguments: Namespace) -> int:
    from agent import config
    from agent.desk.client import ask

    for one in ask(config.load(arguments.config), "GET", "/api/cards")["cards"]:
        print(f"{one['card']}  {one['operator']}  {one['purpose']}")
    return usage.OK


def _remove(arguments: Namespace) -> int:
    from agent import config
    from agent.desk.client import ask

    gone = ask(config.load(arguments.config), "POST", "/api/cards/remove", card=arguments.card)
    print(f"the card was {gone['operator']}'s, and is nobody's now")
    return usage.OK
