"""`jishi-collector import-uses`: who used instruments, from CSV, XLSX or JSON lines."""

from argparse import Namespace

from collector.commands import import_facts
from collector.commands.import_facts import configure
from collector.config import Config

__all__ = ["configure", "run"]


def run(config: Config, arguments: Namespace) -> None:
    """Import the file."""
    import_facts.run(config, arguments, kind="uses")
