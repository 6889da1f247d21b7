"""`jishi-collector up`: everything on this machine, with an embedded database and broker."""

from argparse import ArgumentParser, Namespace

from collector.config import Config


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `up`, which win over file and environment."""
    parser.add_argument("--directory", metavar="DIR", help="where keys and data are kept")
    parser.add_argument("--domain", help="names this collector's logs and keys")
    parser.add_argument("--api-port", type=int, metavar="PORT")
    parser.add_argument("--broker-port", type=int, metavar="PORT")
    parser.set_defaults(overrides=overrides)


def overrides(arguments: Namespace) -> dict[tuple[str, str], str | int]:
    """What was given on the command line, by the key path that it stands for."""
    given = {
        ("collector", "data_dir"): arguments.directory,
        ("collector", "domain"): arguments.domain,
        ("api", "port"): arguments.api_port,
        ("broker", "port"): arguments.broker_port,
    }
    return {key: value for key, value in given.items() if value is not None}


def run(config: Config, _arguments: Namespace) -> None:
    """Run all parts until a signal."""
    from collector import up

    up.run(config, report=lambda line: print(line, flush=True))
