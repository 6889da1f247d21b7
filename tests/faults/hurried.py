"""`jishi-agent` and `jishi-collector` with their waits divided by ten, so that a scenario takes seconds.

    python -m tests.faults.hurried agent run -c agent.toml
    python -m tests.faults.hurried collector ingest

Nothing but the lengths of waits differs from the real commands; each is named here, and a name that the product does
not have any more stops the program. With FAULTS_CALLBACK set, so many in a hundred of the MQTT callbacks raise.
"""

import os
import sys
from importlib import import_module
from random import Random
from typing import Any

CALLBACK = "FAULTS_CALLBACK"

# In this order: a module that takes a name from another is named after it.
AGENT_WAITS: tuple[tuple[str, str, object], ...] = (
    ("agent.backoff", "BASE_MS", 100),
    ("agent.backoff", "CAP_MS", 3_000),
    ("agent.conversation", "RECEIPT_WITHIN_MS", 3_000),
    ("agent.conversation", "ANSWER_WITHIN_MS", 500),
    ("agent.conversation", "STEADY_MS", 6_000),
    ("agent.conversation", "SHUN_MS", (4_000, 6_000)),
    ("agent.asked", "ANSWER_EVERY_MS", 500),
    ("agent.roads.choice", "PATIENCE_MS", 1_500),
    ("agent.roads.choice", "FIRST_TRIAL_MS", 3_000),
    ("agent.roads.choice", "LAST_TRIAL_MS", 6_000),
    ("agent.roads.mqtt", "KEEPALIVE_S", 3),
    ("agent.roads.mqtt", "STILL_MS", 9_000),
    ("agent.uplink", "LOOK_MS", 500),
    ("agent.beacons", "EVERY_MS", 60_000),
    ("agent.beacons", "IDLE_EVERY_MS", 360_000),
    ("agent.beacons", "EARLY_MS", 6_000),
    ("agent.beacons", "LATE_MS", 3_000),
    ("agent.beacons", "ASK_AGAIN_MS", 12_000),
    ("agent.pen", "PROBE_EVERY_MS", 500),
    ("agent.recorder", "SCRATCH_EVERY_MS", 500),
)
COLLECTOR_WAITS: tuple[tuple[str, str, object], ...] = (
    ("collector.ingest.backoff", "FIRST_S", 0.05),
    ("collector.ingest.backoff", "LONGEST_S", 1.0),
    ("collector.ingest.receiver", "KEEPALIVE_S", 3),
    ("collector.ingest.worker", "LOOK_EVERY_S", 0.5),
    ("collector.ingest.worker", "ABSENT_AFTER_S", 4.0),
    ("collector.evidence.log_worker", "MINUTE_S", 6.0),
)


def hurry(waits: tuple[tuple[str, str, object], ...]) -> None:
    """Shorten these waits in this process; AttributeError for one that the product does not have."""
    for module_name, name, value in waits:
        module = import_module(module_name)
        getattr(module, name)
        setattr(module, name, value)


def break_callbacks(percent: int, chance: Random) -> None:
    """Let the agent's MQTT callbacks raise, as a bug in them or in paho would."""
    from agent.roads.mqtt import MqttLink

    take = MqttLink._on_message

    def take_or_break(link: Any, *arguments: Any) -> None:
        if chance.randrange(100) < percent:
            raise RuntimeError("a bug in a callback")
        take(link, *arguments)

    MqttLink._on_message = take_or_break  # type: ignore[method-assign]


def main() -> int:
    """Run the command of the one side or the other."""
    side, *words = sys.argv[1:]
    hurry(AGENT_WAITS if side == "agent" else COLLECTOR_WAITS)
    if CALLBACK in os.environ:
        break_callbacks(int(os.environ[CALLBACK]), Random(0))
    command = import_module(f"{side}.cli").main
    code: int = command(words)
    return code


if __name__ == "__main__":
    sys.exit(main())
