"""`jishi-agent run`: record and deliver until told to stop."""

from argparse import ArgumentParser, Namespace

from agent.commands import usage


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `run`."""
    parser.add_argument("-v", "--verbose", action="store_true", help="log every step")
    usage.add_configuration(parser)


def run(arguments: Namespace) -> int:
    """Run the agent; the exit code."""
    from agent import config, logs
    from agent.run import run as run_agent

    logs.set_up(verbose=arguments.verbose)
    run_agent(config.load(arguments.config, without_broken=True))
    return usage.OK
