"""`jishi-agent rotate`: replace the agent's own key by a new one, without losing an entry."""

from argparse import ArgumentParser, Namespace

from agent.commands import usage


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `rotate`."""
    parser.add_argument("--why", required=True, metavar="TEXT", help="for the next journal's first entry")
    usage.add_configuration(parser)


def run(arguments: Namespace) -> int:
    """Begin the next epoch, and say what the registry has to do; the exit code."""
    from agent import config, identity
    from agent.clock import SystemClock
    from agent.rotation import rotate

    configuration = config.load(arguments.config)
    who = identity.load(configuration.state_dir, agent_id=configuration.agent.id)
    begun = rotate(configuration.state_dir, who, arguments.why, clock=SystemClock())
    if begun is None:
        print(f"{who.enrolment.origin}: the running agent begins its next epoch; `jishi-agent check` shows which")
    else:
        print(f"{who.enrolment.origin} ended; {begun.enrolment.origin} begins with a new key at the next start")
    print("  the collector flags it until somebody has looked: jishi-collector review")
    return usage.OK
