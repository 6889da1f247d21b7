"""`jishi-agent status`: what the agent says of itself."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from agent.commands import usage


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `status`."""
    usage.add_json(parser)
    usage.add_configuration(parser)


def run(arguments: Namespace) -> int:
    """Print the status; the exit code is 1 when the agent is not running."""
    import json

    from agent import config, status
    from agent.clock import SystemClock

    configuration = config.load(arguments.config)
    now_ms = SystemClock().now().wall_ms
    found = status.read(configuration.state_dir)
    running = found is not None and status.is_running(found, now_ms=now_ms)
    if arguments.json:
        shown = found or {"agent": configuration.agent.id, "watchers": []}
        age_s = None if found is None else (now_ms - found["at_ms"]) / 1000
        print(json.dumps({**shown, "running": running, "age_s": age_s}))
    elif found is None:
        print(f"agent    {configuration.agent.id}")
        print(f"state    {_why_nothing_is_known(configuration.state_dir)}")
    else:
        print(status.table(found, now_ms=now_ms))
    return usage.OK if running else usage.FAILED


def _why_nothing_is_known(state_dir: Path) -> str:
    from agent.status import FILE

    try:
        (state_dir / FILE).exists()  # raises where the directory may not be searched
    except PermissionError:
        return f"UNKNOWN: {state_dir} may not be read by this user; ask as the agent's user"
    return f"NOT RUNNING, and it has never run in {state_dir}"
