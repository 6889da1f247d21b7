"""What stands in for a watcher that cannot be: its kind cannot be loaded, or made something that is no watcher.

It observes nothing, and says why as often as it is started. So one broken package costs its own instrument's evidence
and no other's, and `status` and the journal name it.
"""

import re
import threading

from agent.errors import WatcherError
from agent.reading import CHANNEL_KINDS, Channel
from agent.watchers.watcher import Emit, Watcher, WatcherSettings
from protocol.entry import NAME_PATTERN

MAX_CHANNELS = 32
SLOWEST_MS = 86_400_000


class BrokenSettings(WatcherSettings, frozen=True):
    """What is known of a table whose kind is broken; `reason` says how."""

    reason: str = ""


class StandIn:
    """The watcher that is none."""

    channels: tuple[Channel, ...] = ()

    def __init__(self, settings: WatcherSettings, reason: str) -> None:
        self.name = settings.name
        self.kind = settings.kind
        self.asset = settings.asset
        self._reason = reason

    def run(self, emit: Emit, stop: threading.Event) -> None:  # noqa: ARG002 (a watcher's)
        """Say why there is nothing to run."""
        raise WatcherError(self._reason)


def faults_of(watcher: Watcher, settings: WatcherSettings) -> str:
    """Return what of a watcher is not as `Watcher` says; empty when nothing is."""
    if (watcher.name, watcher.kind, watcher.asset) != (settings.name, settings.kind, settings.asset):
        return "a watcher that does not bear the configured name, kind and asset"
    channels = watcher.channels
    if not isinstance(channels, tuple) or not 1 <= len(channels) <= MAX_CHANNELS:
        return f"a watcher without a tuple of 1 to {MAX_CHANNELS} channels"
    if not all(isinstance(channel, Channel) and _is_sound(channel) for channel in channels):
        return "a channel that is none: expected Channel(name, kind, poll_ms)"
    if len({channel.name for channel in channels}) != len(channels):
        return "two channels of one name"
    return "" if callable(getattr(watcher, "run", None)) else "a watcher that cannot run"


def _is_sound(channel: Channel) -> bool:
    return (
        isinstance(channel.name, str)
        and re.match(NAME_PATTERN, channel.name) is not None
        and channel.kind in CHANNEL_KINDS
        and type(channel.poll_ms) is int
        and 0 < channel.poll_ms <= SLOWEST_MS
    )
