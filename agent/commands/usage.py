"""What all commands share with whoever calls them: exit codes, and the options that mean the same everywhere."""

from argparse import ArgumentParser
from pathlib import Path

OK, FAILED, WRONG = 0, 1, 2
"""It is as asked; it failed, and standard error says what to do; wrong usage or configuration."""


def add_configuration(parser: ArgumentParser) -> None:
    """Add `-c FILE`, which must be given."""
    parser.add_argument("-c", "--config", type=Path, required=True, metavar="FILE", help="the agent's TOML file")


def add_json(parser: ArgumentParser) -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", help="as JSON, for programs")
