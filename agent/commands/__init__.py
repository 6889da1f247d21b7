"""The commands of `jishi-agent`, one module each: `configure(parser)`, and `run(arguments)` that returns the exit code.

A command is entered in the table of agent.cli and imported when it is called. What it imports in turn, it imports
inside `run` where that is large: `--help` of a command need not load the journal.
"""
