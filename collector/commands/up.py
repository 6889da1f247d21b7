"""`jishi-collector up`: everything on this machine, with an embedded database and broker."""

from argparse import ArgumentParser, Namespace

from collector.config import Config


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `up`; they win over file and environment (collector.cli)."""
    parser.add_argument("--directory", metavar="DIR", help="where keys and data are kept")
    parser.add_argument("--domain", help="names this collector's logs and keys")
    parser.add_argument("--api-port", type=int, metavar="PORT")
    parser.add_argument("--broker-port", type=int, metavar="PORT")


def run(config: Config, _arguments: Namespace) -> None:
    """Run all parts until a signal."""
    from collector import up

    up.run(config, report=lambda line: print(line, flush=True))
