"""A person's name for a command, from where it need not be seen.

An argument shows in lists of processes and in a shell's history; so the name may also come from the variable
JISHI_OPERATOR, or from standard input.
"""

import os
import sys

OPERATOR_VARIABLE = "JISHI_OPERATOR"
OPERATOR_HELP = f"name (default: the variable {OPERATOR_VARIABLE}, else it is read from standard input)"


def read_operator(given: str | None) -> str:
    """A name from the argument, the environment, or a line of standard input."""
    name = given if given is not None else os.environ.get(OPERATOR_VARIABLE)
    if name is not None and name != "-":
        return name
    if sys.stdin.isatty():
        print("operator: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline()
