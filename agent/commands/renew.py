"""`jishi-agent renew`: a new TLS key and a certificate for it; the one before is revoked at the collector.

For a key that may have been seen by others, and for certificates that were lost. The agent may run meanwhile: it takes
the new one when it connects again. A certificate that only grows old is renewed by the running agent itself.
"""

from argparse import ArgumentParser, Namespace

from agent.commands import usage


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `renew`."""
    usage.add_configuration(parser)


def run(arguments: Namespace) -> int:
    """Renew, and say so; the exit code."""
    from agent import config, identity
    from agent.credentials import pending_seed
    from agent.renewal import ask_of, renew

    configuration = config.load(arguments.config)
    state_dir = configuration.state_dir
    who = identity.load(state_dir, agent_id=configuration.agent.id)
    renew(state_dir, who, ask=ask_of(configuration), seed=pending_seed(state_dir))
    print("a new key is certified; a running agent uses it from its next connection on")
    return usage.OK
