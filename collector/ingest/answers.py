"""What an agent is told: welcomes and refusals. A receipt is its own answer."""

from collector.ingest.accept import Fork, Gap, Refused, Suspect
from collector.ingest.held import HeldJournal
from collector.registry.policies import Hints
from protocol.errors import ForeignBytesError
from protocol.message import Hello, Refusal, RefusalCode, Welcome, pack
from protocol.topics import parse_origin

AGENTS_PER_S = 267  # that may come back after a broken connection: 16 000 within 60 s (faults.md section 2)

Rejection = Gap | Fork | Suspect | Refused
# To whom the state of the log is told: agents whose key we know. Others learn nothing about it.
_TOLD = ("gap", "suspect", "fork", "malformed", "too-large", "busy")
BUSY = Refused("busy", "as much as fits is under way from other agents: come again in a while")


def spread_for(agents: int) -> int:
    """Over how many seconds that many agents are to spread their return after a broken connection."""
    return max(1, -(-agents // AGENTS_PER_S))


def refuse(rejection: Rejection, journal: HeldJournal | None, *, log: str) -> bytes:
    """The refusal of a batch or hello of the origin `log`, with what is held of it."""
    code, detail = _explain(rejection, journal)
    log = name_of(log)
    if journal is None or code not in _TOLD:
        return pack(Refusal(code, 0, detail, None, log))
    return pack(Refusal(code, journal.held.size, detail, journal.receipt, log))


def name_of(log: str) -> str:
    """The origin as a refusal may name it; nothing where what came as one is none."""
    try:
        parse_origin(log)
    except ForeignBytesError:
        return ""
    return log


def welcome(
    hello: Hello,
    journal: HeldJournal,
    *,
    window: int,
    hints: Hints,
    spread_s: int,
    now_ms: int,
    beacon: bytes | None = None,
) -> bytes:
    """The answer to a hello: what is held, the latest receipt, how much may be under way, hints, and a beacon."""
    return pack(
        Welcome(
            nonce=hello.nonce,
            time_ms=now_ms,
            held=journal.held.size,
            window=window,
            spread_s=spread_s,
            levels=hints.levels,
            receipt=journal.receipt,
            policies=hints.policies,
            beacon=beacon,
        )
    )


def _explain(rejection: Rejection, journal: HeldJournal | None) -> tuple[RefusalCode, str]:
    match rejection:
        case Refused(code, detail):
            return code, detail
        case Gap(old):
            held = 0 if journal is None else journal.held.size
            return "gap", f"entries from {old} on were sent, the collector holds {held}"
        case Suspect(size):
            return "suspect", f"the entries do not lead to the signed root of size {size}: send them again"
        case Fork(size):
            return "fork", f"the log's key signed two trees of size {size}"
