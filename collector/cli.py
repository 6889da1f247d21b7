"""`jishi-collector`: the centre's commands, and what becomes of their errors.

Exit status 0: done. 1: it failed, and stderr says what and what to do. 2: wrong usage or configuration.
Secrets never stand in argv: passwords come from a prompt or from JISHI_PASSWORD, the data source from the
configuration or the environment; tokens and keys are printed once, on stdout, as the last word.
A command's module is imported when the command is called: a worker carries no web framework.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import psycopg

from collector.config import load_config
from collector.errors import CollectorError, ConfigError


class Command(NamedTuple):
    """A module with `configure(parser)` and `run(config, arguments)`, and its line in the list of commands."""

    module: str
    purpose: str


COMMANDS = {
    "up": Command("collector.commands.up", "run everything on this machine, with an embedded database and broker"),
    "migrate": Command(
        "collector.commands.migrate",
        "bring the database to this program's schema; make the receipt key if there is none",
    ),
    "serve": Command("collector.commands.serve", "serve the API and the pages"),
    "ingest": Command("collector.commands.ingest", "take in what agents send, until SIGTERM"),
    "import": Command("collector.commands.import_parcels", "take in what agents exported to a medium"),
    "workers": Command("collector.commands.workers", "list the workers of `ingest` and the shards that each owns"),
    "log": Command("collector.commands.log", "write the collector's own log, until SIGTERM; or show or restart it"),
    "bundle": Command("collector.commands.bundle", "write the evidence of an instrument and a period"),
    "trust": Command("collector.commands.trust", "print the keys that an inspector pins"),
    "account": Command("collector.commands.account", "derive hour records, until SIGTERM"),
    "explain": Command("collector.commands.explain", "say why a second of an instrument's day counted or did not"),
    "freeze": Command("collector.commands.freeze", "fix a period's records and figures for good"),
    "frozen": Command("collector.commands.frozen", "list what was frozen, and what became different since"),
    "evaluate": Command("collector.commands.evaluate", "hold rounds of evaluation, show them and compute them again"),
    "self-evaluation": Command(
        "collector.commands.self_evaluation", "a unit's report on its year: draft, confirm, submit, return, accept"
    ),
    "worklist": Command("collector.commands.worklist", "list what waits for a unit's information officer"),
    "census": Command("collector.commands.census", "write the yearly census with its differences as XLSX or CSV"),
    "case": Command("collector.commands.case", "units that were rated poor, proved fraud, transfers of instruments"),
    "rebuild-readings": Command(
        "collector.commands.rebuild_readings", "make the decoded readings of some days again from the stored entries"
    ),
    "rebuild-months": Command("collector.commands.rebuild_months", "sum hour records up by months again"),
    "register": Command(
        "collector.commands.register", "register units, people, instruments and policies from a TOML file"
    ),
    "import-registry": Command(
        "collector.commands.import_registry", "units, facilities, instruments and memberships from CSV or XLSX"
    ),
    "instrument": Command("collector.commands.instrument", "show all that is registered of an instrument"),
    "import-orders": Command("collector.commands.import_orders", "record service orders from CSV, XLSX or JSON lines"),
    "import-uses": Command(
        "collector.commands.import_uses",
        "record who used instruments from CSV, XLSX or JSON lines, as systems export it",
    ),
    "import-order-documents": Command(
        "collector.commands.import_order_documents", "record which stored files prove which orders"
    ),
    "document": Command("collector.commands.document", "store files that prove orders and corrections, or check them"),
    "token": Command("collector.commands.token", "make a one-time token with which an agent enrols"),
    "epochs": Command(
        "collector.commands.epochs", "list journals: those that a person ought to look at, or an agent's"
    ),
    "forks": Command("collector.commands.forks", "list logs in doubt and proved forks, or write the proof of one"),
    "review": Command("collector.commands.review", "say that somebody has looked at an epoch that began by itself"),
    "revoke": Command("collector.commands.revoke", "believe an agent's key no longer"),
    "person-key": Command("collector.commands.person_key", "keys with which people sign findings: two people each"),
    "findings": Command("collector.commands.findings", "take in what inspectors signed on site, or list it"),
    "contradictions": Command("collector.commands.contradictions", "list what people said that cannot all be so"),
    "flags": Command("collector.commands.flags", "look for what ought to be checked on site, and list it by weight"),
    "export-hours": Command("collector.commands.export_hours", "write hour records of some days as CSV or XLSX"),
    "rollup": Command(
        "collector.commands.rollup", "hours and values by unit, centre, division, class, origin, kind or beneficiary"
    ),
    "vouchers": Command("collector.commands.vouchers", "list innovation vouchers, those used twice, or sums by issuer"),
    "propose": Command("collector.commands.propose", "propose a policy, a correction, hours by hand or a decision"),
    "proposals": Command("collector.commands.proposals", "list what people propose, and what became of it"),
    "dry-run": Command("collector.commands.dry_run", "tell what a proposed policy would change"),
    "network": Command("collector.commands.network", "which instruments are in the provincial network, and which late"),
    "monitoring": Command("collector.commands.monitoring", "thresholds and terms of monitoring, and who decided them"),
    "idle": Command("collector.commands.idle", "instruments long not powered on or not seen: reminders and cases"),
    "alarms": Command(
        "collector.commands.alarms", "what is wrong with agents and coverage; status 1 while nobody knows"
    ),
    "fleet": Command("collector.commands.fleet", "the agents, those first that somebody ought to look at"),
    "notice": Command("collector.commands.notice", "notices over a period: draft, issue, replies, check"),
    "exchange": Command(
        "collector.commands.exchange", "service records to other platforms; bookings, users and charges from systems"
    ),
    "decision-text": Command("collector.commands.decision_text", "print what the approver of a decision signs"),
    "rule": Command("collector.commands.rule", "approve or refuse what somebody else proposed"),
    "keys": Command("collector.commands.keys", "the collector's own keys: list, put on an offline medium, take back"),
    "key": Command("collector.commands.key", "make, list and revoke API keys"),
    "person": Command("collector.commands.person", "register a person with a password (prompt, or JISHI_PASSWORD)"),
    "role": Command("collector.commands.role", "say what a registered person may do, and over what"),
    "ca": Command("collector.commands.ca", "the authorities for mutual TLS, and what broker and workers need of them"),
    "entry-link": Command("collector.commands.entry_link", "print a link that signs a registered person in once"),
    "audit": Command("collector.commands.audit", "list who changed what, when, from where and why"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit status."""
    words = sys.argv[1:] if argv is None else list(argv)
    arguments = _parser(words[0] if words else "").parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        arguments.command(load_config(arguments.config, overrides=arguments.overrides(arguments)), arguments)
    except ConfigError as error:
        print(f"jishi-collector: {error}", file=sys.stderr)
        return 2
    except CollectorError as error:
        print(f"jishi-collector: {error}", file=sys.stderr)
        return 1
    except psycopg.Error as error:
        print(f"jishi-collector: the database refused: {str(error).strip()}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser(wanted: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="jishi-collector", description="The centre of jishi: evidence in, hours out.")
    parsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        its_own = parsers.add_parser(name, help=command.purpose, description=command.purpose)
        its_own.add_argument("-c", "--config", type=Path, metavar="FILE", help="collector.toml (default: none needed)")
        if name == wanted:
            module = import_module(command.module)
            its_own.set_defaults(command=module.run, overrides=_nothing)
            module.configure(its_own)
            _take_config_anywhere(its_own)
    return parser


def _take_config_anywhere(parser: argparse.ArgumentParser) -> None:
    """Take -c behind the words of a command too, as `findings import FILE -c X`: it stands last everywhere else."""
    for action in parser._actions:  # argparse has no other way to a parser's subparsers
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                # The default must not hide what stood before.
                below.add_argument("-c", "--config", type=Path, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
                _take_config_anywhere(below)


def _nothing(_arguments: argparse.Namespace) -> dict[tuple[str, str], str | int]:
    """What a command's arguments override of the configuration, unless it says otherwise (`up` does)."""
    return {}


if __name__ == "__main__":
    sys.exit(main())
