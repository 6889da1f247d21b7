"""`jishi-collector forks`: logs in doubt and proved forks; `--proof ORIGIN > FILE` writes a proof as it is."""

import sys
from argparse import ArgumentParser, Namespace

from collector.config import Config
from collector.errors import RegistryError
from collector.evidence.forks import Doubt, find_proof, list_doubts
from collector.store.database import Connection, connect
from collector.store.migrate import check_migrated


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `forks`."""
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--agent", metavar="ID", help="only the logs of this agent (default: all)")
    chosen.add_argument("--proof", metavar="ORIGIN", help="write the proof of this log's fork to standard output")


def run(config: Config, arguments: Namespace) -> None:
    """Print some lines a log, or the proof's bytes."""
    with connect(config.dsn, application="forks") as connection:
        check_migrated(connection)
        if arguments.proof:
            _write_proof(connection, arguments.proof)
            return
        found = list_doubts(connection, agent_id=arguments.agent)
    for doubt in found:
        print("\n    ".join(_lines(doubt)))
    if not found:
        print("no log is in doubt")


def _write_proof(connection: Connection, origin: str) -> None:
    """Raises RegistryError where there is none."""
    proof = find_proof(connection, origin)
    if proof is None:
        raise RegistryError(
            f"there is no proof of a fork of {origin[:200]!a}; `jishi-collector forks` lists those kept"
        )
    sys.stdout.buffer.write(proof.raw)
    sys.stdout.buffer.flush()


def _lines(doubt: Doubt) -> list[str]:
    lines = [f"{doubt.origin}  {doubt.standing}, {doubt.size} entries held"]
    if doubt.asked_at is not None and doubt.standing != "fork":
        lines.append(f"a tree of {doubt.asked_size} entries did not fit: {_outcome(doubt)}")
    if doubt.proved_at is not None:
        where = "" if doubt.entry_index is None else f", the histories part at entry {doubt.entry_index}"
        lines.append(f"fork proved on {doubt.proved_at:%Y-%m-%d %H:%M} UTC{where} ({doubt.proof_bytes} bytes)")
        lines.append(f"the file: jishi-collector forks --proof {doubt.origin} > proof")
        lines.append(f"to check it anywhere: jishi-audit fork proof --key {doubt.vkey}")
    elif doubt.standing == "fork":
        lines.append("a fork, found before proofs were kept")
    if doubt.lost_batches:
        lines.append(
            f"of the branch that came later {doubt.lost_batches} batches are kept ({doubt.lost_bytes} bytes), "
            f"with readings of {doubt.lost_s} s that count nowhere"
        )
    return lines


def _outcome(doubt: Doubt) -> str:
    at = "" if doubt.settled_at is None else f" ({doubt.settled_at:%Y-%m-%d %H:%M} UTC)"
    return _OUTCOMES.get(doubt.outcome or "", f"asked {doubt.questions} times, no answer yet") + at


_OUTCOMES = {
    "ok": "it was altered on its way, nothing is wrong with the log",
    "gap": "the agent's log is shorter now than it was signed",
    "suspect": "no answer leads to what was signed; it is asked again when the agent sends again",
    "fork": "a fork",
}
