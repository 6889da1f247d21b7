"""`jishi-agent child MODULE ARGUMENT`: one child of a watcher, where there is no Python to start it with.

A program built by PyInstaller cannot run `python -m MODULE`; it starts itself with this command instead, which is not
listed because nobody calls it by hand. A child's module has a `main()` that reads `sys.argv[1]`.
"""

import sys
from argparse import ArgumentParser, Namespace
from importlib import import_module

from agent.commands import usage


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `child`."""
    parser.add_argument("module")
    parser.add_argument("argument")


def run(arguments: Namespace) -> int:
    """Be that child until it ends; the exit code."""
    sys.argv = [arguments.module, arguments.argument]
    import_module(arguments.module).main()
    return usage.OK
