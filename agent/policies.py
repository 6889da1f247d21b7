"""The policies that the collector named in its welcome, as files: what the preview at the instrument is shown under.

    <state_dir>/policies/<16 digits of the SHA-256 of the asset number>.json      the exact bytes of the policy's file

They decide nothing: hours are derived at the collector. A welcome is not signed, so what comes is parsed before it is
kept; the files stay for a start without a connection.
"""

import contextlib
import hashlib
import logging
from collections.abc import Iterable
from pathlib import Path

from agent.config import Configuration
from protocol.errors import MalformedPolicy
from protocol.message import SentPolicy
from protocol.policy import Policy, parse_policy

DIRECTORY = "policies"

log = logging.getLogger(__name__)


def path_for(state_dir: Path, asset: str) -> Path:
    """Where the policy of an instrument lies."""
    name = hashlib.sha256(asset.encode()).hexdigest()[:16]  # an asset number may hold what no file name can
    return state_dir / DIRECTORY / f"{name}.json"


def load(state_dir: Path, asset: str) -> Policy | None:
    """The policy of an instrument; None while the collector has named none."""
    try:
        return parse_policy(path_for(state_dir, asset).read_bytes())
    except (OSError, MalformedPolicy):
        return None


def keep(configuration: Configuration, sent: Iterable[SentPolicy]) -> None:
    """Keep the policies of a welcome by the instrument that each watcher observes."""
    assets = {watcher.name: watcher.asset for watcher in configuration.watchers}
    for policy in sent:
        asset = assets.get(policy.watcher)
        if not asset:
            continue
        try:
            parse_policy(policy.body)
        except MalformedPolicy as problem:
            log.warning("policy was not taken", extra={"asset": asset, "problem": str(problem)})
            continue
        _keep(path_for(configuration.state_dir, asset), policy.body)


def _keep(path: Path, body: bytes) -> None:
    with contextlib.suppress(OSError):  # a preview only: the next welcome brings it again
        if path.exists() and path.read_bytes() == body:
            return
        path.parent.mkdir(exist_ok=True)
        unfinished = path.with_suffix(".new")
        unfinished.write_bytes(body)
        unfinished.replace(path)
