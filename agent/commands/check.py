"""`jishi-agent check`: name every fault of a configuration, or show what it amounts to. It asks no device."""

from argparse import ArgumentParser, Namespace

from agent.commands import usage


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `check`."""
    usage.add_configuration(parser)


def run(arguments: Namespace) -> int:
    """Print the configuration with its defaults, and as what it is enrolled; the exit code."""
    from agent import config, identity
    from agent.errors import NotEnrolledError

    configuration = config.load(arguments.config)
    print(config.effective(configuration))
    try:
        who = identity.load(configuration.state_dir, agent_id=configuration.agent.id)
    except NotEnrolledError as problem:
        print(f"# the configuration has no fault; {problem}")
        return usage.OK
    print(f"# the configuration has no fault; enrolled as {who.enrolment.origin}")
    names = {watcher.name for watcher in configuration.watchers}
    for watch in who.enrolment.watch:
        if watch.watcher not in names:
            print(f"# the collector expects a watcher {watch.watcher!r} for {watch.asset}, and none has that name")
    return usage.OK
