"""Bundles made in memory, from entries to manifest, with keys that are always the same: for an auditor to be lied to.

`World` is a small province: an agent with a meter, the collector's log, receipts, beacons, facts, records. It shares
the arithmetic of hours with the product (protocol/chain.py, brackets.py), whose own tests are elsewhere; container,
manifest, log and proofs are made here. `files()` gives a bundle as paths and bytes; a test changes what it likes, and
`sealed` signs a manifest over it, with the right key or another.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from protocol import entry, facts, grades, hours, hours_table, log_leaf, merkle, registered
from protocol.beacon import beacon_note, open_beacon
from protocol.brackets import Log, running
from protocol.chain import ChainDay, chain
from protocol.clock_bounds import Fix
from protocol.decided import decided
from protocol.entry import Declaration, Entry, Genesis, Reading, Start, make
from protocol.grades import Decided
from protocol.grading import grade_day
from protocol.hours import HourRecord
from protocol.interval import DAY_MS, day_bounds_ms
from protocol.keys import COSIGNATURE, ED25519, SigningKey, base64_text
from protocol.merkle import EMPTY_FRONTIER, leaf_hash
from protocol.note import Checkpoint, cosign, sign, sign_checkpoint
from protocol.said import Said, stays
from protocol.signed_decision import decision_text, sign_decision
from protocol.tiles import Builder, Tiles, bundles_of, entries_path, pack_entries
from protocol.tlog_proof import TlogProof
from protocol.tlog_proof import encode as encode_proof

DOMAIN = "jishi.example"
ASSET = "A001"
OWNER = "12100000400000624D"
OTHER = "91440300708461136T"
AGENT = SigningKey(f"{DOMAIN}/a/em-01/1", ED25519, b"a" * 32)
RECEIPT = SigningKey(f"{DOMAIN}/receipt/1", COSIGNATURE, b"r" * 32)
LOG = SigningKey(f"{DOMAIN}/log/2026-1", ED25519, b"l" * 32)
EXPORT = SigningKey(f"{DOMAIN}/export/1", ED25519, b"e" * 32)
PERSON = SigningKey(f"{DOMAIN}/person/wang", ED25519, b"w" * 32)
STRANGER = SigningKey(f"{DOMAIN}/export/1", ED25519, b"s" * 32)
MEMBERS = {
    "v": 1,
    "name": "SEM",
    "valid_mw": [0, 15_000_000],
    "standby": {"on_mw": 40_000, "off_mw": 25_000, "on_ms": 20_000, "off_ms": 60_000},
    "run": {"on_mw": 900_000, "off_mw": 600_000, "on_ms": 20_000, "off_ms": 180_000},
    "gap_ms": 400_000,
    "prepare_ms": 600_000,
    "post_ms": 600_000,
}
POLICY = json.dumps(MEMBERS, separators=(",", ":")).encode()
POLICY_SHA = hashlib.sha256(POLICY).hexdigest()
BOOT = "5f3a9c01"
FIRST = date(2026, 3, 2)


def trust_text(*keys: SigningKey) -> bytes:
    """The inspector's own file of keys."""
    kinds = {"export": "export", "log": "log", "receipt": "receipt", "a": "agent", "person": "person"}
    lines = [f"{kinds[key.name.split('/')[1]]} {key.verifier}" for key in keys or (EXPORT, LOG, RECEIPT)]
    return ("# the keys of the province\n" + "\n".join(lines) + "\n").encode()


@dataclass
class World:
    """What happened; `block_s` is how long each reading is, `run` the hours of each day in which it works."""

    days: int = 2
    block_s: int = 3600
    first: date = FIRST
    run: range = range(9, 17)
    batch: int = 12
    beacon_s: int = 3600
    with_facts: bool = True
    with_decision: bool = False
    owner: str = "wang"  # whose key the decision is signed with
    decided: str = "early"  # or "late": where in the log the decision lies
    revoked: tuple[str, int] | None = None  # "early" or "late" in the log, and the UTC ms that it states
    revokes: str = AGENT.name
    before_days: int = 1  # recorded before the first day that the bundle is about
    intervals: int = 1
    log_leaves: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.entries: list[bytes] = []
        self.made: list[Entry] = []
        self.receipts: list[bytes] = []
        self.receipted: list[tuple[int, int, int]] = []
        self.fixes: list[tuple[str, Fix]] = []
        self.beacons: dict[tuple[str, int], tuple[int, bytes]] = {}
        self._agent = EMPTY_FRONTIER
        self.start_ms = day_bounds_ms(self.first - timedelta(days=self.before_days))[0]
        self.end_ms = day_bounds_ms(self.first + timedelta(days=self.days))[0] + DAY_MS // 4
        self._log = EMPTY_FRONTIER
        self._builder, self._held = Builder(), {}
        self.facts = self._said() if self.with_facts else []
        self.statements = self._registered()
        self._happen()
        self.records: dict[date, tuple[HourRecord, bytes]] = {}
        self.grades: dict[date, bytes] = {}
        self.closings: list[dict[str, object]] = []
        self._derive()

    # the collector's log

    def log(self, raw: bytes) -> int:
        """Append a leaf; returns its index."""
        self._held |= {tile.path: hashes for tile, hashes in self._builder.add(leaf_hash(raw))}
        self.log_leaves.append(raw)
        self._log = self._log.append(leaf_hash(raw))
        return len(self.log_leaves) - 1

    @property
    def log_checkpoint(self) -> Checkpoint:
        return Checkpoint(LOG.name, self._log.size, self._log.root())

    def _tiles(self) -> Tiles:
        held = self._held | {tile.path: hashes for tile, hashes in self._builder.partial()}
        return Tiles(held.get, self._log.size)

    # what was said

    def _said(self) -> list[bytes]:
        noon = day_bounds_ms(self.first)[0] + DAY_MS // 2
        document = facts.Document("agreement", "ab" * 32)
        order = facts.Order(
            v=1, at=noon, by="office", unit=OWNER, order="SO-1", beneficiary=OTHER, documents=(document,)
        )
        use = facts.Use(
            v=1,
            at=noon,
            by="lims",
            asset=ASSET,
            start=noon,
            end=noon + 7_200_000,
            purpose="service-order",
            order="SO-1",
        )
        wrong = facts.Use(
            v=1, at=noon, by="lims", asset=ASSET, start=noon + 7_200_000, end=noon + 10_800_000, purpose="teaching"
        )
        target = facts.target_of(facts.identity(facts.encode(wrong)))
        taken = facts.Correction(
            v=1, at=noon + 1, by="a", approver="b", approved_at=noon + 2, reason="twice", target=target
        )
        said: list[facts.Fact] = [order, use, wrong, taken]
        if self.with_decision:
            said.append(self.decision)
        return [facts.encode(each) for each in said]

    @property
    def decision(self) -> facts.Decision:
        """An hour at noon of the first day was not what it seemed."""
        noon = day_bounds_ms(self.first)[0] + DAY_MS // 2
        return facts.Decision(
            v=1, at=noon, by="a", asset=ASSET, start=noon, end=noon + 3_600_000, verdict="exclude", why="a heater",
            approver="wang", approved_at=noon + DAY_MS,
        )  # fmt: skip

    def _registered(self) -> list[bytes]:
        first = (self.first - timedelta(days=400)).isoformat()
        said = [
            registered.Unit(OWNER, "某大学"),
            registered.Instrument(ASSET, "SU8010"),
            registered.Ownership(ASSET, OWNER, first, 1),
            registered.Measurement("em-01", "meter1", "power", ASSET, first, 1),
            registered.PolicyInForce(ASSET, "", first, POLICY_SHA, 1),
            registered.Enrolment(AGENT.name, str(AGENT.verifier), self.start_ms - DAY_MS),
        ]
        if self.with_decision:
            said.append(registered.PersonKey(str(PERSON.verifier), self.owner, self.start_ms - DAY_MS))
        if self.revoked:
            said.append(registered.Revocation(self.revokes, self.revoked[1], "the PC was sold"))
        return [registered.encode(each) for each in said]

    # what the agent journals

    def _happen(self) -> None:
        opened = log_leaf.Opened(
            log="2026-1", key=str(LOG.verifier), receipt=str(RECEIPT.verifier), predecessor="", why="first log"
        )
        self.log(log_leaf.encode(opened))
        decided_late = self.facts[-1:] if self.with_decision and self.decided == "late" else []
        for raw in self.facts[: len(self.facts) - len(decided_late)]:
            self.log(log_leaf.encode(log_leaf.Fact(sha256=facts.identity(raw))))
        late = self.statements[-1:] if self.revoked and self.revoked[0] == "late" else []
        for raw in self.statements[: len(self.statements) - len(late)]:
            self.log(log_leaf.encode(log_leaf.Registered(sha256=registered.identity(raw))))
        self._put(Genesis(assets=(ASSET,), key=str(AGENT.verifier), build="1"), self.start_ms)
        self._put(Start(version="1"), self.start_ms)
        counter = 0
        waiting = next_beacon = 0
        at = self.start_ms
        while at < self.end_ms:
            if at >= next_beacon:
                self._beacon(at)
                next_beacon = at + self.beacon_s * 1000
            at += self.block_s * 1000
            counter = self._read(at, counter)
            if at == day_bounds_ms(self.first)[0] + 10 * 3_600_000 and self.with_facts:
                self._sign_in(at)
            waiting += 1
            if waiting >= self.batch:
                self._receipt(at + 2_000)
                waiting = 0
        self._receipt(at + 2_000)
        for raw in late:
            self.log(log_leaf.encode(log_leaf.Registered(sha256=registered.identity(raw))))
        for raw in decided_late:
            self.log(log_leaf.encode(log_leaf.Fact(sha256=facts.identity(raw))))

    def _put(self, body: entry.Body, at_ms: int) -> None:
        made = make(body, index=len(self.entries), wall_ms=at_ms, mono_ms=at_ms - self.start_ms + 1_000, boot=BOOT)
        raw = entry.encode(made)
        self.made.append(made)
        self.entries.append(raw)
        self._agent = self._agent.append(leaf_hash(raw))

    def _read(self, at: int, counter: int) -> int:
        begun = at - self.block_s * 1000
        hour = (begun - day_bounds_ms(self.first)[0]) // 3_600_000 % 24
        power = (
            1_200_000
            if hour in self.run
            else 100_000
            if hour in range(self.run.start - 1, self.run.stop + 2)
            else 3_000
        )
        each_ms = self.block_s * 1000 // self.intervals
        durations = (*[each_ms] * (self.intervals - 1), self.block_s * 1000 - each_ms * (self.intervals - 1))
        deltas = tuple(power * duration // 3_600_000 for duration in durations)
        means = tuple(power + n for n in range(self.intervals))
        body = Reading(
            "meter1",
            "power",
            begun - self.start_ms + 1_000,
            durations,
            means,
            means,
            means,
            deltas,
            counter + sum(deltas),
        )
        self._put(body, at)
        return counter + sum(deltas)

    def _sign_in(self, at: int) -> None:
        self._put(Declaration(asset=ASSET, operator="0f" * 32, action="in", how="page", purpose="own-research"), at)
        self._put(Declaration(asset=ASSET, operator="0f" * 32, action="out", how="page"), at + 1)

    def _beacon(self, at: int) -> None:
        minute = log_leaf.Minute(t=at // 1000, random="0a" * 32, receipts=0, root=merkle.EMPTY_ROOT.hex())
        self.log(log_leaf.encode(minute))
        note = beacon_note(self.log_checkpoint, RECEIPT, time_s=at // 1000)
        self.beacons["2026-1", self._log.size] = (self._log.size, self._log.root())
        self._put(open_beacon(note, RECEIPT.verifier).body, at)
        self.fixes.append((BOOT, Fix(len(self.entries) - 1, at - self.start_ms + 1_000, at // 1000 * 1000)))

    def _receipt(self, at: int) -> None:
        before = self.receipted[-1][1] if self.receipted else 0
        if before == len(self.entries):
            return
        checkpoint = Checkpoint(AGENT.name, self._agent.size, self._agent.root())
        self.receipts.append(cosign(sign_checkpoint(checkpoint, AGENT), RECEIPT, time_s=at // 1000))
        self.receipted.append((before, self._agent.size, at // 1000 * 1000))

    # what the collector derives

    def history(self):
        said = [registered.decode(raw) for raw in self.statements]
        return registered.history_of(said, {POLICY_SHA: POLICY}, ASSET)

    def _derive(self) -> None:
        blocks = [(AGENT.name, each, each.body) for each in self.made if isinstance(each.body, Reading)]
        by_day: dict[int, list] = {}
        for block in blocks:
            by_day.setdefault((block[1].wall_ms + 8 * 3_600_000) // DAY_MS, []).append(block)
        named = {facts.target_of(facts.identity(raw)): facts.decode(raw) for raw in self.facts}
        present = tuple(stays(AGENT.name, [e for e in self.made if isinstance(e.body, Declaration)], ASSET))
        recorded = [self.first + timedelta(days=n) for n in range(-self.before_days, self.days)]
        given = (ChainDay(day, Said(OWNER, named, present), is_due=True) for day in recorded)

        def read(stretch):
            first, last = (
                (edge + 8 * 3_600_000) // DAY_MS for edge in (stretch.start_ms, stretch.end_ms + self.block_s * 1000)
            )
            return [block for day in range(first, last + 1) for block in by_day.get(day, ())]

        marks = [(e.index, e.mono_ms) for e in self.made if not isinstance(e.body, Reading | Declaration)]
        logs = {AGENT.name: Log(True, self.receipted, self.fixes, {BOOT: running(marks)})}
        for found in chain(ASSET, given, history=self.history(), read=read):
            record = found.record
            assert isinstance(record, HourRecord), record
            raw = hours.encode(record)
            self.records[found.day] = record, raw
            graded = grade_day(
                record,
                raw,
                blocks=found.blocks,
                logs=logs,
                measured=found.measured,
                said=found.said,
                policy=found.policy,
                decisions=[Decided(*each) for each in decided(named, ASSET)],
            )
            self.grades[found.day] = grades.encode(graded)
            self._close(found.day, raw, self.grades[found.day])

    def _close(self, day: date, raw: bytes, grade: bytes) -> None:
        mine = log_leaf.ClosedRecord(
            ASSET, day.isoformat(), 1, hashlib.sha256(raw).hexdigest(), hashlib.sha256(grade).hexdigest()
        )
        other = log_leaf.ClosedRecord("A002", day.isoformat(), 1, "cd" * 32, "")
        tree = [leaf_hash(log_leaf.closed_leaf(each)) for each in (mine, other)]
        leaf = log_leaf.encode(
            log_leaf.Closed(day=day.isoformat(), unit=OWNER, records=2, root=merkle.root(tree).hex())
        )
        self.closings.append({
            "day": day.isoformat(), "revision": 1, "sha256": mine.sha256, "grades": mine.grades, "log": "2026-1",
            "index": self.log(leaf), "leaf": leaf.decode(), "proof": None, "place": 0, "of": 2,
            "path": [base64_text(each) for each in merkle.inclusion_proof(tree, 0)],
        })  # fmt: skip

    # the bundle

    def files(self) -> dict[str, bytes]:
        """A full bundle without its manifest."""
        tiles = self._tiles()
        first = self._first_entry()
        directory = "agents/em-01/1/"
        found = {
            "README.en.txt": b"what is proved\n",
            "README.zh.txt": "证明了什么\n".encode(),
            "keys/policy.txt": trust_text(),
            f"policy/{POLICY_SHA}.json": POLICY,
            f"{directory}frontier": self._frontier(first),
            "collector/2026-1/checkpoint": cosign(
                sign_checkpoint(self.log_checkpoint, LOG), RECEIPT, time_s=self.end_ms // 1000
            ),
            "collector/2026-1/consistency.jsonl": _lines(self._consistency(tiles, first)),
            "facts/facts.jsonl": b"".join(raw + b"\n" for raw in self.facts),
            "facts/registered.jsonl": b"".join(raw + b"\n" for raw in self.statements),
            "facts/proofs.jsonl": _lines(self._proofs(tiles)),
            "hours/records.jsonl": b"".join(
                raw + b"\n" for day, (_, raw) in self.records.items() if day >= self.first - timedelta(days=1)
            ),
            "hours/grades.jsonl": b"".join(raw + b"\n" for day, raw in self.grades.items() if day >= self.first),
            "hours/closed.jsonl": _lines(self._closed(tiles)),
            "hours/hours.csv": self._table().encode(),
        }
        if self.with_decision:
            sha256 = facts.identity(facts.encode(self.decision))
            found[f"facts/decisions/{sha256}.note"] = sign_decision(decision_text(self.decision), PERSON)
        for index, width in bundles_of(len(self.entries), since=first):
            raws = self.entries[index * 256 : index * 256 + width]
            found[directory + entries_path(index, width=width)] = pack_entries(raws)
        receipts = [raw for raw, (_, size, _) in zip(self.receipts, self.receipted, strict=True) if size > first]
        for place in range(0, len(receipts), 256):
            found[f"{directory}receipts/{place // 256:03d}"] = pack_entries(receipts[place : place + 256])
        return found

    def session(self, day: date, start_s: int, end_s: int, run_s: int) -> dict[str, bytes]:
        """A selective bundle of one session, without its manifest."""
        start_ms = day_bounds_ms(day)[0]
        tiles, tree = self._tiles(), Builder()
        held: dict[str, bytes] = {}
        for raw in self.entries:
            held |= {tile.path: hashes for tile, hashes in tree.add(leaf_hash(raw))}
        held |= {tile.path: hashes for tile, hashes in tree.partial()}
        whole = Tiles(held.get, tree.size)
        directory = "agents/em-01/1/"
        named = {"sha256", "log", "index", "leaf", "proof"}
        found = {
            "README.en.txt": b"one session\n",
            "README.zh.txt": b"one session\n",
            "keys/policy.txt": trust_text(),
            f"policy/{POLICY_SHA}.json": POLICY,
            "collector/2026-1/checkpoint": cosign(
                sign_checkpoint(self.log_checkpoint, LOG), RECEIPT, time_s=self.end_ms // 1000
            ),
            "facts/registered.jsonl": b"".join(raw + b"\n" for raw in self.statements),
            "facts/proofs.jsonl": _lines(
                {name: each[name] for name in each if name in named}
                for each in self._proofs(tiles)
                if '"registered"' in str(each["leaf"])
            ),
            "session.json": _lines(
                iter([{"asset": ASSET, "day": day.isoformat(), "start_s": start_s, "end_s": end_s, "run_s": run_s}])
            ),
        }
        receipts: list[bytes] = []
        for made in self.made:
            end_of_block = made.wall_ms
            if not start_ms + start_s * 1000 < end_of_block < start_ms + end_s * 1000 + self.block_s * 1000:
                continue
            place = next(n for n, (_, size, _) in enumerate(self.receipted) if size > made.index)
            path = whole.inclusion_proof(made.index, size=self.receipted[place][1])
            proof = TlogProof(made.index, path, self.receipts[place])
            found[f"{directory}proofs/{made.index}.tlog-proof"] = encode_proof(proof)
            found[f"{directory}entries/{made.index}.json"] = self.entries[made.index]
            if receipts[-1:] != [self.receipts[place]]:
                receipts.append(self.receipts[place])
        found[f"{directory}receipts/000"] = pack_entries(receipts)
        return found

    def _table(self) -> str:
        rows = [
            hours_table.Row(record, raw, 1, grades.decode(self.grades[day]))
            for day, (record, raw) in self.records.items()
            if day >= self.first
        ]
        return hours_table.header() + "".join(map(hours_table.line, rows))

    def _first_entry(self) -> int:
        """The multiple of 256 from which on the evidence of the first day is there."""
        start_ms = day_bounds_ms(self.first)[0] - 2 * 3_600_000
        needed = next(each.index for each in self.made if each.wall_ms >= start_ms)
        return needed // 256 * 256

    def _frontier(self, first: int) -> bytes:
        tree = EMPTY_FRONTIER.extend(leaf_hash(raw) for raw in self.entries[:first])
        return "\n".join(["jishi-frontier/v1", str(first), *map(base64_text, tree.peaks), ""]).encode()

    def _consistency(self, tiles: Tiles, first: int) -> Iterator[dict[str, object]]:
        last: dict[str, tuple[int, bytes]] = {}
        for made in self.made[first:]:
            if isinstance(made.body, entry.Beacon):
                day = (made.wall_ms + 8 * 3_600_000) // DAY_MS
                last[str(day)] = self.beacons["2026-1", made.body.size]
        for size, root in last.values():
            yield {"size": size, "root": base64_text(root), "proof": _texts(tiles.consistency_proof(size))}

    def _proofs(self, tiles: Tiles) -> Iterator[dict[str, object]]:
        for index, raw in enumerate(self.log_leaves):
            leaf = log_leaf.decode(raw)
            if isinstance(leaf, log_leaf.Fact | log_leaf.Registered):
                yield {
                    "sha256": leaf.sha256,
                    "log": "2026-1",
                    "index": index,
                    "leaf": raw.decode(),
                    "proof": _texts(tiles.inclusion_proof(index)),
                }

    def _closed(self, tiles: Tiles) -> Iterator[dict[str, object]]:
        for each in self.closings:
            if each["day"] < (self.first - timedelta(days=1)).isoformat():
                continue
            yield each | {"proof": _texts(tiles.inclusion_proof(each["index"]))}

    def manifest(self, files: Mapping[str, bytes], **changed: str) -> str:
        """The text of the manifest over these files."""
        last = self.first + timedelta(days=self.days - 1)
        members = {
            "asset": ASSET, "from": self.first.isoformat(), "to": last.isoformat(), "scope": "full",
            "made": str(self.end_ms), "domain": DOMAIN,
        } | changed  # fmt: skip
        lines = [f"{hashlib.sha256(raw).hexdigest()} {len(raw)} {path}" for path, raw in sorted(files.items())]
        return "\n".join(["jishi-bundle/v1", *(f"{name} {value}" for name, value in members.items()), *lines, ""])

    def sealed(
        self, files: Mapping[str, bytes] | None = None, *, key: SigningKey = EXPORT, **changed: str
    ) -> dict[str, bytes]:
        """The bundle with its manifest, signed by the export key or another."""
        files = self.files() if files is None else dict(files)
        return {**files, "MANIFEST": sign(self.manifest(files, **changed), key, limit=8 << 20)}


class Memory:
    """A container of files in memory."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files

    def sizes(self) -> Mapping[str, int]:
        return {path: len(raw) for path, raw in self.files.items()}

    def chunks(self, path: str) -> Iterator[bytes]:
        raw = self.files[path]
        for at in range(0, len(raw), 65_536):
            yield raw[at : at + 65_536]


def _lines(values: Iterator[dict[str, object]]) -> bytes:
    return b"".join(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() + b"\n" for value in values)


def _texts(hashes: tuple[bytes, ...]) -> list[str]:
    return [base64_text(each) for each in hashes]
