"""`jishi-audit compare`: a bundle against the journal on the host's own disk, entry by entry. Nothing is written.

    equal      what both hold is the same
    shorter    the host lacks entries that the collector holds a receipt over: deleted, or a disk that lost them
    differs    an entry is another one on the host: rewritten after it was receipted, and both are shown
    receipt    the host holds a receipt that does not fit what the collector shows: the collector's fault

Old segments are deleted by the agent itself once they are receipted and out of their time, so a host that begins later
than the bundle is no finding; one that ends earlier is.
"""

import json
from collections.abc import Iterator
from datetime import date
from itertools import chain, islice
from pathlib import Path
from typing import Literal, NamedTuple

from protocol.audit.journal_files import HostJournal, find_journals, find_receipts
from protocol.audit.verify import local_time, plain
from protocol.entry import Reading, decode
from protocol.errors import ForeignBytesError
from protocol.interval import local_day
from protocol.merkle import Frontier, leaf_hash
from protocol.note import Receipt, open_receipt
from protocol.observation import covered_ms
from protocol.tiles import parse_entries
from protocol.verify.container import Held
from protocol.verify.journal import MAX_TILE_BYTES, Journal
from protocol.verify.layout import Manifest, parse_frontier
from protocol.verify.signed import open_by
from protocol.verify.trust import Trust
from protocol.verify.verdicts import Verdict

Outcome = Literal["equal", "shorter", "differs", "receipt", "absent", "apart"]
_VERDICTS: dict[Outcome, Verdict] = {
    "equal": Verdict.VALID,
    "absent": Verdict.INCOMPLETE,
    "apart": Verdict.INCOMPLETE,
    "shorter": Verdict.CONTRADICTED,
    "differs": Verdict.CONTRADICTED,
    "receipt": Verdict.CONTRADICTED,
}
_WORDS: dict[Outcome, tuple[str, str]] = {
    "equal": ("两边相同", "what both hold is the same"),
    "absent": ("主机上没有这个日志", "the host holds no such journal"),
    "apart": ("两边没有共同的条目", "the two hold no entry in common, so there is nothing to compare"),
    "shorter": (
        "主机缺少已签收的条目：被删除，或磁盘丢失",
        "the host lacks receipted entries: deleted, or lost by its disk",
    ),
    "differs": ("主机上的条目不同：签收之后被改写", "an entry is another one on the host: rewritten after its receipt"),
    "receipt": (
        "主机持有汇聚端无法出示的回执：责任在汇聚端",
        "the host holds a receipt that the collector cannot show: the collector's fault",
    ),
}  # fmt: skip


class Compared(NamedTuple):
    """One log. Entries [first, end) are the bundle's, `same` of them equal on the host; `at` is where they part."""

    origin: str
    outcome: Outcome
    first: int
    end: int
    host_first: int
    host_end: int
    same: int
    damaged: int
    at: int | None = None
    collector: str = ""
    host: str = ""
    note: str = ""

    @property
    def verdict(self) -> Verdict:
        return _VERDICTS[self.outcome]


def compare(
    held: Held, journals: list[Journal], directory: Path, trust: Trust | None, *, manifest: Manifest | None = None
) -> list[Compared]:
    """Each log of the bundle against the host's; ForeignBytesError where the directory holds no journal.

    By the `manifest` a receipt over readings of the bundle's days counts that was given before the bundle was made, and
    that it does not reach.
    """
    hosts = find_journals(directory)
    return [_compare(held, journal, hosts.get(journal.origin), trust, manifest) for journal in journals]


def verdict_of(found: list[Compared]) -> Verdict:
    """Of all logs; INCOMPLETE where there is none."""
    return max((each.verdict for each in found), default=Verdict.INCOMPLETE)


def as_text(found: list[Compared]) -> str:
    """For people."""
    return "\n".join(line for each in found for line in _lines(each)) or "the bundle holds no log 包中没有日志"


def as_json(found: list[Compared]) -> str:
    """One line for programs."""
    logs = [each._asdict() | {"verdict": each.verdict.name} for each in found]
    return json.dumps({"verdict": verdict_of(found).name, "logs": logs}, ensure_ascii=False)


def _lines(each: Compared) -> Iterator[str]:
    zh, en = _WORDS[each.outcome]
    yield f"{each.verdict.name}  {plain(each.origin)}"
    yield f"  {en}"
    yield f"  {zh}"
    yield f"  bundle 证据包  entries {each.first} to {each.end - 1}"
    if each.host_end:
        yield f"  host 主机      entries {each.host_first} to {each.host_end - 1}, {each.damaged} damaged lines"
    yield f"  same 相同      {each.same} entries"
    if each.at is not None:
        yield f"  first difference 第一处不同: entry {each.at}"
        yield f"    collector 汇聚端  {plain(each.collector) or '-'}"
        yield f"    host 主机         {plain(each.host) or '- (missing 缺失)'}"
    if each.note:
        yield f"  {plain(each.note)}"


def _compare(
    held: Held, journal: Journal, host: HostJournal | None, trust: Trust | None, manifest: Manifest | None
) -> Compared:
    blank = Compared(journal.origin, "absent", journal.first, journal.end, 0, 0, 0, 0)
    if host is None:
        return blank
    found = _walk(held, journal, host, blank)
    fault = _receipt_fault(held, journal, host, trust) or _left_out(journal, host, trust, manifest)
    if fault and found.outcome in ("equal", "shorter"):
        found = found._replace(outcome="receipt", note=fault)
    return found


def _walk(held: Held, journal: Journal, host: HostJournal, blank: Compared) -> Compared:
    """Both in step, by index; memory holds one file of entries."""
    theirs = host.entries()
    line = next(theirs, None)
    if line is None:
        return blank._replace(outcome="apart", damaged=host.damaged)
    host_first = host_end = line.at
    same, missing, different = 0, None, None
    for index, raw in _bundle_entries(held, journal):
        is_here, is_same, last = False, False, b""
        while line is not None and line.at <= index:
            if line.at == index:
                is_here, is_same, last = True, is_same or line.raw == raw, line.raw
            host_end = max(host_end, line.at + 1)
            line = next(theirs, None)
        if is_same:
            same += 1
        elif is_here and different is None:
            different = index, raw, last
        elif not is_here and index >= host_first and missing is None:
            missing = index, raw
    rest = theirs if line is None else chain([line], theirs)
    host_end = max([host_end, *(each.at + 1 for each in rest)])
    found = blank._replace(host_first=host_first, host_end=host_end, same=same, damaged=host.damaged)
    if different is not None:
        index, raw, last = different
        return found._replace(outcome="differs", at=index, collector=_text(raw), host=_text(last))
    if missing is not None:
        return found._replace(outcome="shorter", at=missing[0], collector=_text(missing[1]))
    if same == 0:
        return found._replace(outcome="apart" if host_first >= journal.end else "shorter")
    return found._replace(outcome="equal")


def _bundle_entries(held: Held, journal: Journal) -> Iterator[tuple[int, bytes]]:
    for tile in journal.tiles:
        raws = parse_entries(held.read(tile.path, most=MAX_TILE_BYTES), most=tile.many)
        yield from islice(enumerate(raws, tile.first), max(0, journal.end - tile.first))


def _receipt_fault(held: Held, journal: Journal, host: HostJournal, trust: Trust | None) -> str:
    """A receipt on the host over another tree than the bundle's, or "" where there is none."""
    if trust is None:
        return ""
    for receipt in _trusted_receipts(host, trust):
        checkpoint = receipt.checkpoint
        if checkpoint.origin != journal.origin or not journal.first < checkpoint.size <= journal.end:
            continue
        if _root_at(held, journal, checkpoint.size) != checkpoint.root:
            return (
                f"the receipt of {local_time(receipt.time_s * 1000)} over {checkpoint.size} entries, which the "
                "collector signed, has another root than the entries that the collector shows"
            )
    return ""


def _left_out(journal: Journal, host: HostJournal, trust: Trust | None, manifest: Manifest | None) -> str:
    """A reading of the bundle's days behind its end, over which the host holds a receipt from before the bundle."""
    if trust is None or manifest is None or not journal.end:
        return ""
    receipted = max(
        (
            receipt.checkpoint.size
            for receipt in _trusted_receipts(host, trust)
            if receipt.checkpoint.origin == journal.origin and receipt.time_s * 1000 <= manifest.made_ms
        ),
        default=0,
    )
    for each in host.entries():
        day = _day_of_reading(each.raw) if journal.end <= each.at < receipted else None
        if day is not None and manifest.first_day <= day <= manifest.last_day:
            return (
                f"entry {each.at} is a reading of {day}, the host holds the collector's receipt over it, and the "
                f"bundle ends at entry {journal.end - 1}"
            )
    return ""


def _trusted_receipts(host: HostJournal, trust: Trust) -> Iterator[Receipt]:
    for raw in find_receipts(host.directory):
        try:
            yield open_by(raw, trust.receipt, open_receipt)[0]
        except ForeignBytesError:
            continue


def _day_of_reading(raw: bytes) -> date | None:
    """The local day in which a reading began, by its own clock; None for anything else."""
    try:
        found = decode(raw)
    except ForeignBytesError:
        return None
    return local_day(covered_ms(found, found.body)[0]) if isinstance(found.body, Reading) else None


def _root_at(held: Held, journal: Journal, size: int) -> bytes:
    directory = journal.tiles[0].path.partition("tile/")[0]
    frontier: Frontier = parse_frontier(held.read(f"{directory}frontier", most=8192))
    leaves = (leaf_hash(raw) for index, raw in _bundle_entries(held, journal) if index < size)
    return frontier.extend(leaves).root()


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
