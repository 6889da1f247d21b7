"""`jishi-collector decision-text`: what the approver of a proposed decision signs, on his own machine.

jishi-collector decision-text 14 --by wang.fang > decision.txt
jishi-audit key sign wang.key decision.txt --out decision.note      (wang.fang, on his machine)
jishi-collector rule 14 approve --note decision.note --by wang.fang
"""

import sys
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime

from collector.approvals.rulings import text_to_sign
from collector.commands import asker
from collector.config import Config
from collector.store.database import connect
from collector.store.migrate import check_migrated


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `decision-text`."""
    parser.add_argument("number", type=int, metavar="NUMBER", help="of the proposal")
    asker.declare(parser)


def run(config: Config, arguments: Namespace) -> None:
    """Print the text; nothing is changed."""
    with connect(config.dsn, application="decision-text") as connection:
        check_migrated(connection)
        who = asker.find(connection, arguments)
        text = text_to_sign(connection, arguments.number, who, now=datetime.now(UTC))
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()
