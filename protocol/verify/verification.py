"""Whether a bundle is what it says: numbered checks, in order, over bytes that nobody has to trust. Pure.

    1 container   2 manifest's signature   3 file hashes   4 the collector's log   5 facts and registry   6 agents' keys
    7 entries   8 receipts   9 beacons   10 time   11 closed days   12 hour records   13 grades   14 table for people

The names and what each shows are in words.py, and the same numbers stand above the steps below. A check that fails does
not end the others, unless what it looked at is what they would read. Nothing is looked up anywhere: the bundle and the
inspector's own file of keys are all there is.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from protocol import facts as facts_
from protocol import registered
from protocol.clock_bounds import LIMIT_MS
from protocol.decided import decided
from protocol.errors import ForeignBytesError, MalformedLeaf, TooLarge
from protocol.grades import Decided
from protocol.keys import VerifierKey, parse_vkey
from protocol.note import parse_note
from protocol.note import verify as verify_note
from protocol.policy import MAX_POLICY_BYTES, parse_policy
from protocol.registered import Enrolment, PolicyInForce, Statement, history_of
from protocol.topics import parse_origin
from protocol.verify import days as days_
from protocol.verify import journal as journal_
from protocol.verify import words
from protocol.verify.blocks import Blocks
from protocol.verify.container import Container, Held
from protocol.verify.days import Days, Evidence, ShownDay
from protocol.verify.journal import Journal
from protocol.verify.layout import (
    FACTS,
    KEYS,
    MANIFEST,
    MAX_MANIFEST_BYTES,
    PARTS,
    PROOFS,
    STATEMENTS,
    Manifest,
    is_known_path,
    parse_continued,
    parse_manifest,
    parse_proof,
)
from protocol.verify.line_files import read_lines
from protocol.verify.log_proofs import MAX_CHECKPOINT_BYTES, Head, check_continued, check_proof, open_head
from protocol.verify.said_book import SaidBook
from protocol.verify.session import check_session, read_shown
from protocol.verify.signed import UnknownSigner, open_by
from protocol.verify.trust import MAX_TRUST_BYTES, Trust, parse_trust
from protocol.verify.verdicts import Check, Finding, Ledger, Verdict

_MS = 1000
_JOURNAL_CHECKS = journal_.Numbers(words.ENTRIES, words.RECEIPTS, words.BEACONS, words.TIME)
MAX_STATEMENTS = 200_000

Tell = Callable[[int], None]
"""Is told the number of the check that begins."""


class AgentResult(NamedTuple):
    """An agent's log: entries [first, end), receipts, beacons, and how it fares."""

    origin: str
    first: int
    end: int
    receipts: int
    beacons: int
    verdict: Verdict


class DayResult(NamedTuple):
    """A day, and how it fares."""

    shown: ShownDay
    verdict: Verdict


class Result(NamedTuple):
    """What verifying ended in. `manifest` is None where it did not come so far; `journals`, `held` are what was read,
    for whoever goes on with it (compare)."""

    verdict: Verdict
    checks: Sequence[Check]
    manifest: Manifest | None
    days: Sequence[DayResult]
    agents: Sequence[AgentResult]
    signers: Sequence[str]
    has_trust: bool
    journals: Sequence[Journal] = ()
    held: Held | None = None


@dataclass
class _State:
    """What one check leaves to those behind it."""

    held: Held
    manifest: Manifest
    trust: Trust
    signers: list[str] = field(default_factory=list)
    heads: dict[str, Head] = field(default_factory=dict)
    proved: set[tuple[str, str]] = field(default_factory=set)
    statements: list[Statement] = field(default_factory=list)
    policies: dict[str, bytes] = field(default_factory=dict)
    book: SaidBook | None = None
    agent_keys: dict[str, VerifierKey] = field(default_factory=dict)
    journals: list[Journal] = field(default_factory=list)


def verify(container: Container, trust: Trust | None, *, tell: Tell = lambda _number: None) -> Result:
    """Verify a bundle. Foreign bytes of any kind end in findings; OSError where the medium cannot be read."""
    run = _Verification(trust, tell)
    manifest: Manifest | None = None
    days: list[ShownDay] = []
    state = run.open(container)
    if state is not None:
        manifest = state.manifest
        days = run.check(state)
    return run.result(state, manifest, days)


class _Verification:
    def __init__(self, trust: Trust | None, tell: Tell) -> None:
        self._trust, self._tell = trust, tell
        self._ledger = Ledger(words.CHECKS)
        self._signers: list[str] = []

    def open(self, container: Container) -> _State | None:
        """Checks 1 to 3; None where nothing behind them can be read."""
        # 1 container
        self._begin(words.CONTAINER)
        try:
            sizes = container.sizes()
            if MANIFEST not in sizes:
                self._note(words.CONTAINER, "no-manifest", MANIFEST)
                return None
            raw = _read(container, MANIFEST, most=MAX_MANIFEST_BYTES)
        except ForeignBytesError as error:
            self._note(words.CONTAINER, "container", "", why=str(error))
            return None
        # 2 manifest
        self._begin(words.MANIFEST)
        try:
            manifest = parse_manifest(parse_note(raw, limit=MAX_MANIFEST_BYTES).text)
        except ForeignBytesError as error:
            self._note(words.MANIFEST, "manifest-form", MANIFEST, why=str(error))
            return None
        missing = self._compare_paths(manifest, sizes)
        # 3 files
        self._begin(words.FILES)
        held = Held(container, {path: stated for path, stated in manifest.files.items() if path not in missing})
        changed = self._check_files(held)
        held = Held(container, {path: stated for path, stated in held.stated.items() if path not in changed})
        state = _State(held, manifest, self._trust_of(held))
        self._check_manifest(raw, state)
        return state

    def check(self, state: _State) -> list[ShownDay]:
        """Checks 4 to 14."""
        self._check_log(state)
        self._check_facts(state)
        self._check_keys(state)
        if state.manifest.scope == "selective":
            self._check_session(state)
            return []
        self._check_journals(state)
        return self._check_days(state)

    def result(self, state: _State | None, manifest: Manifest | None, days: Sequence[ShownDay]) -> Result:
        """The verdicts."""
        ledger = self._ledger
        agents = [
            AgentResult(
                journal.origin,
                journal.first,
                journal.end,
                len(journal.receipts),
                len(journal.beacons),
                max(ledger.of_all, ledger.of_origin(journal.origin)),
            )
            for journal in ([] if state is None else state.journals)
        ]
        return Result(
            ledger.worst,
            ledger.checks(),
            manifest,
            [DayResult(day, ledger.of_day(day.day, _origins(day))) for day in days],
            agents,
            [] if state is None else state.signers,
            self._trust is not None,
            [] if state is None else state.journals,
            None if state is None else state.held,
        )

    # 1 container

    def _compare_paths(self, manifest: Manifest, sizes: Mapping[str, int]) -> set[str]:
        """Exactly the files of the manifest; returns those that are missing."""
        stated = set(manifest.files)
        for path in sorted(set(sizes) - stated - {MANIFEST}):
            self._note(words.CONTAINER, "file-extra", path)
        missing = stated - set(sizes)
        for path in sorted(missing):
            self._note(words.CONTAINER, "file-missing", path)
        for path in PARTS[manifest.scope]:
            if path not in stated:
                self._note(words.CONTAINER, "part-missing", path)
        for path in sorted(path for path in stated if not is_known_path(path)):
            self._note(words.CONTAINER, "path-unknown", path)
        self._ledger.count(words.CONTAINER, "files", len(sizes))
        return missing

    # 2 manifest

    def _check_manifest(self, raw: bytes, state: _State) -> None:
        if not state.trust.is_pinned:
            self._note(words.MANIFEST, "no-trust", MANIFEST)
        try:
            _, key = open_by(
                raw, state.trust.export, partial(verify_note, limit=MAX_MANIFEST_BYTES), limit=MAX_MANIFEST_BYTES
            )
            state.signers.append(str(key))
        except UnknownSigner as error:
            self._note(words.MANIFEST, "manifest-unknown", MANIFEST, why=str(error))
        except ForeignBytesError as error:
            self._note(words.MANIFEST, "manifest-signature", MANIFEST, why=str(error))

    def _trust_of(self, held: Held) -> Trust:
        """The inspector's keys, else those that the bundle names itself."""
        if self._trust is not None:
            return self._trust
        try:
            return (
                parse_trust(held.read(KEYS, most=MAX_TRUST_BYTES), is_pinned=False)
                if KEYS in held
                else Trust(is_pinned=False)
            )
        except ForeignBytesError:
            return Trust(is_pinned=False)

    # 3 files

    def _check_files(self, held: Held) -> set[str]:
        """Returns the paths of files that are not what the manifest states."""
        changed = set()
        for path in held.stated:
            try:
                size = sum(map(len, held.chunks(path)))
            except ForeignBytesError as error:
                self._note(words.FILES, "file-changed", path, why=str(error))
                changed.add(path)
            else:
                self._ledger.count(words.FILES, "files")
                self._ledger.count(words.FILES, "bytes", size)
        return changed

    # 4 the collector's log

    def _check_log(self, state: _State) -> None:
        self._begin(words.LOG)
        names = state.manifest.logs()
        if not names:
            self._note(words.LOG, "checkpoint-missing", "collector/")
        for log in names:
            path = f"collector/{log}/checkpoint"
            if path not in state.held:
                self._note(words.LOG, "checkpoint-missing", path)
                continue
            try:
                raw = state.held.read(path, most=MAX_CHECKPOINT_BYTES)
                state.heads[log] = open_head(raw, state.trust, domain=state.manifest.domain, log=log)
                self._ledger.count(words.LOG, "checkpoints")
            except UnknownSigner as error:
                self._note(words.LOG, "checkpoint-unknown", path, why=str(error))
            except ForeignBytesError as error:
                self._note(words.LOG, "checkpoint-false", path, why=str(error))

    # 5 facts and registry

    def _check_facts(self, state: _State) -> None:
        self._begin(words.FACTS)
        self._read_proofs(state)
        self._read_policies(state)
        proved = set(state.proved)
        state.book = SaidBook(state.manifest.asset)
        for place, raw in self._lines(state, FACTS):
            sha256 = facts_.identity(raw)
            if not self._is_proved(state, place, ("fact", sha256), proved):
                continue
            try:
                fact = facts_.decode(raw)
                if facts_.target_of(sha256) in state.book:
                    self._note(words.FACTS, "fact-twice", place)
                    continue
                state.book.add(facts_.target_of(sha256), fact)
                self._ledger.count(words.FACTS, "facts")
            except ForeignBytesError as error:
                self._note(words.FACTS, "fact-form", place, why=str(error))
        self._read_statements(state, proved)
        for kind, sha256 in sorted(proved):
            self._note(words.FACTS, "fact-missing", PROOFS, kind=kind, sha256=sha256)

    def _read_statements(self, state: _State, proved: set[tuple[str, str]]) -> None:
        named: set[str] = set()
        for place, raw in self._lines(state, STATEMENTS):
            if not self._is_proved(state, place, ("registered", registered.identity(raw)), proved):
                continue
            try:
                statement = registered.decode(raw)
                if len(state.statements) == MAX_STATEMENTS:
                    raise TooLarge(f"a bundle has at most {MAX_STATEMENTS} statements of the registry")
                if isinstance(statement, PolicyInForce):
                    named.add(statement.sha256)
                    if statement.sha256 not in state.policies:
                        self._note(words.FACTS, "policy-missing", place, sha256=statement.sha256)
                        continue
                state.statements.append(statement)
                self._ledger.count(words.FACTS, "statements")
            except ForeignBytesError as error:
                self._note(words.FACTS, "fact-form", place, why=str(error))
        for sha256 in sorted(set(state.policies) - named):
            self._note(words.FACTS, "policy-spare", f"policy/{sha256}.json")

    def _is_proved(self, state: _State, place: str, named: tuple[str, str], unseen: set[tuple[str, str]]) -> bool:
        if named not in state.proved:
            self._note(words.FACTS, "fact-unproved", place, sha256=named[1])
            return False
        unseen.discard(named)
        return True

    def _read_proofs(self, state: _State) -> None:
        for place, raw in self._lines(state, PROOFS):
            try:
                proof = parse_proof(raw)
            except ForeignBytesError as error:
                self._note(words.FACTS, "proof-form", place, why=str(error))
                continue
            if proof.log not in state.heads:
                self._note(words.FACTS, "proof-missing", place, why=f"log {proof.log} has no checkpoint to lead to")
                continue
            try:
                state.proved.add((check_proof(proof, state.heads), proof.sha256))
                self._ledger.count(words.FACTS, "proofs")
            except ForeignBytesError as error:
                self._note(words.FACTS, "proof-false", place, why=str(error))

    def _read_policies(self, state: _State) -> None:
        for sha256, path in state.manifest.policies().items():
            if path not in state.held:
                continue
            try:
                raw = state.held.read(path, most=MAX_POLICY_BYTES)
                policy = parse_policy(raw)
                if policy.sha256 != sha256:
                    raise MalformedLeaf(f"its SHA-256 is {policy.sha256}")
                state.policies[sha256] = raw
                self._ledger.count(words.FACTS, "policies")
            except ForeignBytesError as error:
                self._note(words.FACTS, "policy-changed", path, why=str(error))

    # 6 agents' keys

    def _check_keys(self, state: _State) -> None:
        self._begin(words.KEYS)
        enrolled: dict[str, set[str]] = {}
        for statement in state.statements:
            if isinstance(statement, Enrolment):
                enrolled.setdefault(statement.origin, set()).add(statement.vkey)
        directories = state.manifest.journals()
        if not directories:
            self._note(words.KEYS, "no-agents", "agents/")
        for directory in directories:
            origin = state.manifest.origin(directory)
            key = self._key_of(state, origin, enrolled.get(origin, set()), directory)
            if key is not None:
                state.agent_keys[origin] = key
                self._ledger.count(words.KEYS, "keys")

    def _key_of(self, state: _State, origin: str, vkeys: set[str], directory: str) -> VerifierKey | None:
        note = partial(self._note, words.KEYS, origin=origin)
        if not vkeys:
            note("not-enrolled", directory)
            return None
        if len(vkeys) > 1:
            note("enrolled-twice", directory)
            return None
        try:
            key = parse_vkey(next(iter(vkeys)))
            if key.name != origin or parse_origin(origin)[0] != state.manifest.domain:
                raise MalformedLeaf(f"it is named {key.name}")
        except ForeignBytesError as error:
            note("key-form", directory, why=str(error))
            return None
        pinned = [each for each in state.trust.agent if each.name == origin] if state.trust.is_pinned else []
        if pinned and key not in pinned:
            note("key-differs", directory, found=str(key))
        return key

    # 7 entries, 8 receipts, 9 beacons, 10 time

    def _check_journals(self, state: _State) -> None:
        for number in (words.ENTRIES, words.RECEIPTS, words.BEACONS, words.TIME):
            self._begin(number)
        for directory in state.manifest.journals():
            origin = state.manifest.origin(directory)
            if origin not in state.agent_keys:
                continue
            found = journal_.read_journal(
                state.held,
                directory,
                origin=origin,
                keys=journal_.Keys(state.agent_keys[origin], state.trust.receipt, state.manifest.domain),
                numbers=_JOURNAL_CHECKS,
                tell=lambda check, word, place, values, origin=origin: self._note(  # type: ignore[misc]
                    check, word, place, origin=origin, **values
                ),
            )
            state.journals.append(found)
            self._ledger.count(words.ENTRIES, "entries", found.end - found.first)
            self._ledger.count(words.RECEIPTS, "receipts", len(found.receipts))
            self._ledger.count(words.BEACONS, "beacons", len(found.beacons))
            self._check_brackets(found)
        self._check_consistency(state)

    def _check_brackets(self, journal: Journal) -> None:
        """10: each beacon against the first receipt over it; L <= U of later entries follows."""
        bounds = journal.bounds(shifts={})
        for _, fix in journal.beacons:
            received_ms = bounds.received_ms(fix.entry_index)
            if received_ms is None or fix.time_ms is None:
                continue
            self._ledger.count(words.TIME, "brackets")
            if fix.time_ms > received_ms + LIMIT_MS:
                place, by_s = f"{journal.origin} entry {fix.entry_index}", (fix.time_ms - received_ms) // _MS
                self._note(words.TIME, "beacon-late", place, origin=journal.origin, by=str(by_s))

    def _check_consistency(self, state: _State) -> None:
        """9: the last beacon of each local day, against the checkpoint."""
        shown: dict[tuple[str, int], str] = {}
        for log, head in state.heads.items():
            path = f"collector/{log}/consistency.jsonl"
            for place, raw in self._lines(state, path, words.BEACONS):
                try:
                    continued = parse_continued(raw)
                except ForeignBytesError as error:
                    self._note(words.BEACONS, "consistency-form", place, why=str(error))
                    continue
                try:
                    check_continued(continued, head)
                    shown[log, continued.size] = continued.root
                    self._ledger.count(words.BEACONS, "consistency")
                except ForeignBytesError as error:
                    self._note(words.BEACONS, "consistency-false", place, why=str(error))
        for journal in state.journals:
            if self._ledger.of_origin(journal.origin) is Verdict.CONTRADICTED:
                continue  # where it breaks off, its last beacon of a day is not the day's last
            for (log, day), beacon in journal.of_day.items():
                self._check_day_beacon(state, journal, day, beacon, shown.get((log, beacon.size)))

    def _check_day_beacon(
        self, state: _State, journal: Journal, day: str, beacon: journal_.DayBeacon, root: str | None
    ) -> None:
        place = f"{journal.origin} entry {beacon.at}"
        note = partial(self._note, words.BEACONS, origin=journal.origin)
        head = state.heads.get(beacon.log)
        if head is not None and beacon.size > head.size:
            note("beacon-ahead", place, size=str(beacon.size), head=str(head.size))
        elif root is None:
            note("consistency-missing", place, day=day, size=str(beacon.size))
        elif root != beacon.root:
            note("beacon-differs", place, size=str(beacon.size))

    # 7 to 10 and 12 for one session; what a bundle of selective scope does not show is not asked for

    def _check_session(self, state: _State) -> None:
        for number in words.CHECKS:
            self._begin(number)
        shown = []
        for directory in state.manifest.journals():
            origin = state.manifest.origin(directory)
            if origin not in state.agent_keys:
                continue
            keys = journal_.Keys(state.agent_keys[origin], state.trust.receipt, state.manifest.domain)
            found = read_shown(
                state.held, directory, origin=origin, keys=keys, numbers=_JOURNAL_CHECKS, note=self._note
            )
            shown.append(found)
            state.journals.append(found.journal)
            self._ledger.count(words.ENTRIES, "entries", len(found.entries))
            self._ledger.count(words.RECEIPTS, "receipts", len(found.journal.receipts))
            self._ledger.count(words.BEACONS, "beacons", len(found.journal.beacons))
        history = history_of(state.statements, state.policies, state.manifest.asset)
        session = check_session(state.held, state.manifest, history, shown, number=words.HOURS, note=self._note)
        if session is not None:
            self._ledger.count(words.HOURS, "seconds of the session", session.end_s - session.start_s)
            self._ledger.count(words.HOURS, "seconds of run", session.run_s)

    # 11 closed days, 12 hour records, 13 grades, 14 the table for people

    def _check_days(self, state: _State) -> list[ShownDay]:
        for number in (words.CLOSED, words.HOURS, words.GRADES, words.TABLE):
            self._begin(number)
        manifest = state.manifest
        history = history_of(state.statements, state.policies, manifest.asset)
        assert state.book is not None, "facts were read before days"
        try:
            blocks = Blocks(state.held, state.journals, history.measurements, asset_no=manifest.asset)
        except ForeignBytesError as error:
            self._note(words.HOURS, "record-form", "agents/", why=str(error))
            return []
        state.book.add_stays(blocks.stays)
        self._ledger.count(words.HOURS, "readings", blocks.readings)
        evidence = Evidence(
            state.held,
            manifest,
            state.heads,
            history,
            state.book,
            blocks,
            state.journals,
            [Decided(*each) for each in decided(dict(state.book), manifest.asset)],
        )
        numbers = days_.Numbers(words.CLOSED, words.HOURS, words.GRADES, words.TABLE)
        return list(Days(evidence, numbers, self._note, self._ledger.count).run())

    def _begin(self, number: int) -> None:
        self._ledger.begin(number)
        self._tell(number)

    def _lines(self, state: _State, path: str, number: int = words.FACTS) -> Iterator[tuple[str, bytes]]:
        return read_lines(state.held, path, self._note, number)

    def _note(self, check: int, word: str, where: str, *, day: str = "", origin: str = "", **values: str) -> None:
        verdict = words.verdict_of(word)
        self._ledger.note(Finding(check, verdict, word, where, {"day": day, **values}, day, origin))


def _origins(day: ShownDay) -> list[str]:
    return [] if day.record is None else [origin for origin, _, _ in day.record.journals]


def _read(container: Container, path: str, *, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    for chunk in container.chunks(path):
        size += len(chunk)
        if size > most:
            raise TooLarge(f"{path} has at most {most} bytes, and it has more")
        parts.append(chunk)
    return b"".join(parts)
