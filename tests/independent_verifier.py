"""A second verifier of evidence bundles, written from docs/ alone and sharing no code with this project.

    python tests/independent_verifier.py BUNDLE(.zip or directory) TRUST.txt

Prints VALID, INCOMPLETE or CONTRADICTED and the reasons, each behind its check's number in docs/audit.md; exit 0, 1, 2.
It uses the standard library and PyNaCl. What it does not check it says in lines that begin with "not checked".
"""

import base64
import bisect
import datetime
import hashlib
import json
import os
import re
import struct
import sys
import zlib
from collections import Counter
from itertools import pairwise
from pathlib import Path

import nacl.bindings
import nacl.exceptions

MAX_MANIFEST = 8 << 20
MAX_FILES, MAX_FILE, MAX_ENTRIES = 200_000, 2 << 30, 4_000_000
DAY_MS = 86_400_000
UTC8_MS = 8 * 3_600_000


class Unreadable(Exception):
    """The bundle or the trust file cannot be read at all."""


class Wrong(Exception):
    """Something that was shown is false."""


class Lacking(Exception):
    """Something that should be there is not shown."""


class Unclear(Exception):
    """The documents do not say precisely enough what is right here; it is said, and not judged."""


class Report:
    """What was found, by check; and what this program does not look at."""

    def __init__(self):
        self.wrong, self.lacking, self.unchecked = [], [], []

    def add(self, check, error):
        (self.wrong if isinstance(error, Wrong) else self.lacking).append((check, str(error)))

    def attempt(self, check, function, *arguments):
        """Call the function; what it raises is a finding. Malformed contents are false: somebody signed them."""
        try:
            return function(*arguments)
        except (Wrong, Lacking) as error:
            self.add(check, error)
        except Unclear as reason:
            self.unchecked.append((check, str(reason)))
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError, struct.error) as error:
            self.add(check, Wrong(f"malformed: {type(error).__name__} {error}"))
        return None


# ---------------------------------------------------------------- bytes, trees, notes (C2SP, RFC 6962, RFC 9162)


def sha256(data):
    return hashlib.sha256(data).digest()


def leaf_hash(data):
    return sha256(b"\0" + data)


def node_hash(left, right):
    return sha256(b"\1" + left + right)


def unbase64(text, length=None):
    """Base64 in its one spelling."""
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text or (length is not None and len(data) != length):
        raise ValueError(f"{text[:60]!r} is no base64 of {length} bytes")
    return data


def number(text):
    if not re.fullmatch(r"0|[1-9][0-9]{0,15}", text):
        raise ValueError(f"{text[:30]!r} is no decimal number")
    return int(text)


def _refuse(text):
    raise ValueError(f"{text} is no integer")


def _integer(text):
    value = int(text) if len(text) < 18 else 1 << 53
    return value if abs(value) < 1 << 53 else _refuse(text)


def canonical(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


_decoder = json.JSONDecoder(parse_float=_refuse, parse_constant=_refuse, parse_int=_integer)


def from_canonical(data):
    """JSON whose decoding and encoding gives the same bytes, with integers below 2^53 only."""
    value = _decoder.decode(data.decode())
    if canonical(value) != data:
        raise ValueError(f"not in canonical form: {data[:80]!r}")
    return value


def inclusion_root(leaf, index, size, proof):
    """The root to which an inclusion proof leads (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size:
        raise ValueError("index outside of the tree")
    here, last, root = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ValueError("proof too long")
        if here & 1 or here == last:
            root = node_hash(sibling, root)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        here, last = here >> 1, last >> 1
    if last:
        raise ValueError("proof too short")
    return root


def is_beginning(old_size, old_root, size, root, proof):
    """Whether the tree of old_size begins that of size (RFC 9162 2.1.4.2); an old size of 0 proves nothing."""
    if not 0 < old_size <= size:
        return False
    if old_size == size:
        return not proof and old_root == root
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    here, last = old_size - 1, size - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        here, last = here >> 1, last >> 1
    return last == 0 and first == old_root and second == root


class Tree:
    """Roots of perfect subtrees, largest first: enough to hash on."""

    def __init__(self, size, hashes):
        if len(hashes) != size.bit_count():
            raise ValueError("the frontier does not fit its number")
        self.size = size
        self.stack = [
            (bit, root) for bit, root in zip((b for b in range(63, -1, -1) if size >> b & 1), hashes, strict=True)
        ]

    def append(self, entry):
        level, root = 0, leaf_hash(entry)
        while self.stack and self.stack[-1][0] == level:
            root = node_hash(self.stack.pop()[1], root)
            level += 1
        self.stack.append((level, root))
        self.size += 1

    def root(self):
        root = self.stack[-1][1]
        for _, left in reversed(self.stack[:-1]):
            root = node_hash(left, root)
        return root


class Key:
    """A C2SP verifier key."""

    def __init__(self, vkey, kind):
        self.vkey = vkey
        self.name, identity, rest = vkey.split("+", 2)
        data = unbase64(rest, 33)
        if data[0] != kind or not self.name or re.search(r"\s", self.name):
            raise ValueError(f"{vkey[:80]!r} is no key of this kind")
        self.kind, self.public = kind, data[1:]
        self.identity = sha256(self.name.encode() + b"\n" + data)[:4]
        if self.identity.hex() != identity:
            raise ValueError(f"{vkey[:80]!r} does not bear its own hash")

    def opens(self, signature, text):
        try:
            nacl.bindings.crypto_sign_open(signature + text, self.public)
        except nacl.exceptions.BadSignatureError:
            return False
        return True

    def verify(self, signature, text):
        """The time in a cosignature, or 0; ValueError where it does not fit."""
        if self.kind == 4:
            time_s = int.from_bytes(signature[:8], "big")
            text, signature = b"cosignature/v1\ntime %d\n" % time_s + text, signature[8:]
        else:
            time_s = 0
        if len(signature) != 64 or not self.opens(signature, text):
            raise ValueError(f"a signature in the name of {self.name} does not fit")
        return time_s


class Note:
    """A signed note: its text, and lines of (name, key id, signature)."""

    def __init__(self, data):
        content = data.decode()
        if re.search(r"[\x00-\x09\x0b-\x1f]", content):
            raise ValueError("control characters in a note")
        text, blank, lines = content.rpartition("\n\n")
        if not blank or not lines.endswith("\n"):
            raise ValueError("no signed note")
        self.text, self.lines = (text + "\n").encode(), []
        for line in lines[:-1].split("\n"):
            dash, name, signature = line.split(" ")
            signature = unbase64(signature)
            if dash != "—" or not name or len(signature) < 5:
                raise ValueError("no signature line")
            self.lines.append((name, signature[:4], signature[4:]))

    def signed_by(self, keys, whose):
        """The time by the first of the keys that signed. A line under a trusted name by another key is false."""
        if not keys:
            raise Lacking(f"{whose}: you trust no such key")
        time_s = None
        named = {key.name: [k for k in keys if k.name == key.name] for key in keys}
        for name, identity, signature in self.lines:
            if name not in named:
                continue
            fitting = [key for key in named[name] if key.identity == identity]
            if not fitting:
                raise Wrong(f"{whose}: a line in the name of {name} is by another key than the trusted one")
            try:
                time_s = fitting[0].verify(signature, self.text)
            except ValueError as error:
                raise Wrong(f"{whose}: {error}") from None
        if time_s is None:
            raise Lacking(f"{whose}: no line of {', '.join(sorted(named))}")
        return time_s

    def checkpoint(self):
        """Origin, size and root of a checkpoint without extension lines."""
        origin, size, root, end = self.text.decode().split("\n")
        if end or not origin:
            raise ValueError("no checkpoint of three lines")
        return origin, number(size), unbase64(root, 32)


# ---------------------------------------------------------------- the container (check 1)


class Directory:
    def __init__(self, root):
        self.root, self.sizes = Path(root), {}
        for path in self.root.rglob("*"):
            name = path.relative_to(self.root).as_posix()
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                raise Wrong(f"{name!r} is a link or no file")
            if path.is_file():
                self.sizes[name] = path.stat().st_size
        self.paths = sorted(self.sizes, key=os.fsencode)

    def read(self, path):
        return (self.root / path).read_bytes()


class Zip:
    """A zip of which every byte follows from names and contents: its headers are made again and compared."""

    def __init__(self, path):
        self.path = Path(path)
        self.length = self.path.stat().st_size
        if self.length < 22:
            raise Unreadable("too short for a zip")
        end = self._at(self.length - 22, 22)
        if self._at(0, 4) not in (b"PK\3\4", b"PK\5\6"):
            raise Unreadable("no zip")
        magic, disk, disk2, here, count, size, start, comment = struct.unpack("<4sHHHHIIH", end)
        if magic != b"PK\5\6" or disk or disk2 or comment or here != count or start + size != self.length - 22:
            raise Wrong("the zip's end record is not that of a bundle")
        central, at, offset = self._at(start, size), 0, 0
        self.paths, self.sizes, self.places = [], {}, {}
        while at < size:
            fields = struct.unpack_from("<4s6H3I5H2I", central, at)
            crc, length, name_length = fields[7], fields[9], fields[10]
            name = central[at + 46 : at + 46 + name_length]
            common = struct.pack("<5H3I2H", 20, 0x0800, 0, 0, 0x21, crc, length, length, name_length, 0)
            made = b"PK\1\2" + struct.pack("<H", 20) + common + struct.pack("<3H2I", 0, 0, 0, 0, offset) + name
            local = b"PK\3\4" + common + name
            shown = name.decode("utf-8", "replace")
            if central[at : at + len(made)] != made:
                raise Wrong(f"the zip's directory is not that of a bundle at {shown!r}")
            if offset + len(local) + length > start or self._at(offset, len(local)) != local:
                raise Wrong(f"the zip's header of {shown!r} is not that of a bundle")
            if shown in self.places:
                raise Wrong(f"{shown!r} is twice in the zip")
            self.paths.append(shown)
            self.sizes[shown], self.places[shown] = length, (offset + len(local), crc)
            offset += len(local) + length
            at += len(made)
        if offset != start or len(self.paths) != count:
            raise Wrong("the zip holds bytes that belong to no file")
        if self.paths != [*sorted(self.paths[:-1], key=str.encode), "MANIFEST"]:
            raise Wrong("the zip's files are not in order with MANIFEST last")

    def _at(self, place, length):
        with self.path.open("rb") as file:
            file.seek(place)
            return file.read(length)

    def read(self, path):
        place, crc = self.places[path]
        data = self._at(place, self.sizes[path])
        if zlib.crc32(data) != crc:
            raise Wrong(f"{path}: its checksum in the zip is another one")
        return data


def sound(path):
    return bool(re.fullmatch(r"[a-zA-Z0-9._/-]+", path)) and all(
        part not in ("", ".", "..") for part in path.split("/")
    )


def group(index):
    """A number in groups of three digits, all but the last with an x before."""
    digits = str(index).zfill((len(str(index)) + 2) // 3 * 3)
    parts = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    return "/".join(["x" + part for part in parts[:-1]] + parts[-1:])


def framed(data):
    """Byte strings, each behind its length in two bytes."""
    at, found = 0, []
    while at < len(data):
        length = int.from_bytes(data[at : at + 2], "big")
        if at + 2 + length > len(data):
            raise ValueError("the framing is broken")
        found.append(data[at + 2 : at + 2 + length])
        at += 2 + length
    return found


# ---------------------------------------------------------------- the bundle


class Bundle:
    """What the files say, as far as the checks have come."""

    def __init__(self, path, trust, report):
        self.report, self.trust = report, trust
        self.box = Directory(path) if Path(path).is_dir() else Zip(path)
        self.named = {}  # path: (sha256, size) by the manifest
        self.checkpoints = {}  # LOG: (size, root)
        self.shown = {}  # sha256 of a fact or statement: (log, index) in the log
        self.facts, self.statements = [], []  # (sha256, value, bytes)
        self.logs = {}  # origin: AgentLog
        self.records, self.grades, self.closed = {}, {}, {}  # by day: (value, bytes); closed: value
        self.policies = {}  # sha256: value
        self.decided = []  # (sha256, value) of decisions that bear their approver's signature
        self.derived = {}  # day: what its record was computed from, where it is what is shown
        self.gaps = []  # what is known to be missing of what hours and grades follow from

    def read(self, path):
        if path not in self.box.sizes or (self.named and path not in self.named):
            raise Lacking(f"{path} is not there")
        return self.box.read(path)

    def lines(self, path):
        data = self.read(path)
        if data and not data.endswith(b"\n"):
            raise Wrong(f"{path} does not end in a line feed")
        return data[:-1].split(b"\n") if data else []

    def lines_once(self, path):
        lines = self.lines(path)
        if len(set(lines)) != len(lines):
            raise Wrong(f"a line stands twice in {path}")
        return lines

    def under(self, folder):
        return [path for path in sorted(self.named) if path.startswith(folder)]

    def keys(self, kind, name):
        """The trusted keys of a kind whose name is the one given, or begins with it where it ends in a slash."""
        return [
            key for key in self.trust[kind] if key.name == name or (name.endswith("/") and key.name.startswith(name))
        ]


TRUST_KINDS = {"export": 1, "log": 1, "agent": 1, "person": 1, "receipt": 4}


def read_trust(text):
    trust = {kind: [] for kind in TRUST_KINDS}
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if words:
            kind, vkey = words
            trust[kind].append(Key(vkey, TRUST_KINDS[kind]))
    return trust


PLACES = re.compile(
    r"README\.(en|zh)\.txt|keys/policy\.txt|policy/[0-9a-f]{64}\.json|session\.json|hours/(records|grades|closed)\.jsonl"
    r"|hours/hours\.csv|facts/(facts|proofs|registered)\.jsonl|facts/decisions/[0-9a-f]{64}\.note"
    r"|collector/\d{4}-\d+/(checkpoint|consistency\.jsonl)|agents/[a-z0-9-]{4,40}/[0-9]+/(frontier"
    r"|receipts/(x\d{3}/)*\d{3}|tile/entries/(x\d{3}/)*\d{3}(\.p/\d+)?|entries/\d+\.json|proofs/\d+\.tlog-proof)"
)


def manifest(bundle):
    """Checks 1 to 3: what the manifest names is there, nothing else is, and it is signed."""
    report, box = bundle.report, bundle.box
    if "MANIFEST" not in box.sizes:
        raise Lacking("there is no MANIFEST")
    if box.sizes["MANIFEST"] > MAX_MANIFEST:
        raise Wrong("MANIFEST is larger than 8 MiB")
    note = Note(box.read("MANIFEST"))
    lines = note.text.decode()[:-1].split("\n")
    if lines[0] != "jishi-bundle/v1":
        raise Wrong("MANIFEST is not that of a bundle")
    heads = dict(line.split(" ", 1) for line in lines[1:7])
    if list(heads) != ["asset", "from", "to", "scope", "made", "domain"] or heads["scope"] not in ("full", "selective"):
        raise Wrong("MANIFEST has other lines than those of a bundle")
    bundle.asset, bundle.first, bundle.last = heads["asset"], heads["from"], heads["to"]
    bundle.scope, bundle.made, bundle.domain = heads["scope"], number(heads["made"]), heads["domain"]
    day_start(bundle.first), day_start(bundle.last)
    if bundle.first > bundle.last:
        raise Wrong("the period ends before it begins")
    for line in lines[7:]:
        digest, size, path = line.split(" ")
        if not re.fullmatch(r"[0-9a-f]{64}", digest) or not sound(path) or path == "MANIFEST" or path in bundle.named:
            raise Wrong(f"MANIFEST names {path!r} in no way that is allowed")
        bundle.named[path] = (digest, number(size))
    if list(bundle.named) != sorted(bundle.named, key=str.encode):
        raise Wrong("MANIFEST does not name files in order")
    if len(bundle.named) > MAX_FILES:
        raise Unreadable("more than 200 000 files: ask for a shorter period")
    for path in bundle.named:
        if not PLACES.fullmatch(path):
            report.add(1, Wrong(f"{path!r} is a file too many: the format has no place for it"))
    for path in ("README.en.txt", "README.zh.txt", "keys/policy.txt"):
        if path not in bundle.named:
            report.add(1, Lacking(f"{path} is missing"))
    for path in box.paths:
        if path != "MANIFEST" and path not in bundle.named:
            report.add(1, Wrong(f"{path!r} is not named by the manifest"))
    for path in [path for path in bundle.named if path not in box.sizes]:
        report.add(1, Lacking(f"{path} is missing"))
    report.attempt(2, note.signed_by, bundle.keys("export", bundle.domain + "/export/"), "MANIFEST")
    for path, (digest, size) in bundle.named.items():
        if path in box.sizes:
            if box.sizes[path] > MAX_FILE:
                raise Unreadable(f"{path} is larger than 2 GiB")
            if box.sizes[path] != size or report.attempt(3, lambda p=path: sha256(box.read(p)).hex()) != digest:
                report.add(3, Wrong(f"{path} has other bytes than the manifest says"))


# ---------------------------------------------------------------- the collector's log, facts, registry (checks 4, 5)


def checkpoints(bundle):
    names = sorted({path.split("/")[1] for path in bundle.under("collector/")})
    if not names:
        raise Lacking("there is no checkpoint of the collector's log")
    for name in names:
        bundle.report.attempt(4, one_checkpoint, bundle, name)


def one_checkpoint(bundle, name):
    note = Note(bundle.read(f"collector/{name}/checkpoint"))
    origin, size, root = note.checkpoint()
    if origin != f"{bundle.domain}/log/{name}":
        raise Wrong(f"the checkpoint of {name} is of {origin}")
    bundle.checkpoints[name] = (size, root)
    bundle.report.attempt(4, note.signed_by, bundle.keys("log", origin), f"checkpoint of {name}")
    bundle.report.attempt(
        4, note.signed_by, bundle.keys("receipt", bundle.domain + "/receipt/"), f"checkpoint of {name}"
    )


def in_log(bundle, proof, what):
    """The leaf of a line of proofs, shown to be in the log at its place."""
    if proof["log"] not in bundle.checkpoints:
        raise Lacking(f"{what}: there is no checkpoint of log {proof['log']}")
    size, root = bundle.checkpoints[proof["log"]]
    leaf, path = proof["leaf"].encode(), [unbase64(line, 32) for line in proof["proof"]]
    try:
        found = inclusion_root(leaf_hash(leaf), proof["index"], size, path)
    except ValueError as error:
        raise Wrong(f"{what}: {error}") from None
    if found != root:
        raise Wrong(f"{what}: its proof leads elsewhere")
    return from_canonical(leaf)


def members(value, names, what):
    if not isinstance(value, dict) or list(value) != names.split():
        raise Wrong(f"{what} has other members than {names}")


FACT_MEMBERS = {
    "use": {"asset", "start", "end"},
    "order": {"unit", "order"},
    "correction": {"target"},
    "decision": {"asset", "start", "end", "verdict", "approver", "approved_at"},
}


def facts_and_registry(bundle):
    report, proofs = bundle.report, {}

    def proof_line(line):
        proof = from_canonical(line)
        members(proof, "sha256 log index leaf proof", "a line of proofs.jsonl")
        leaf = in_log(bundle, proof, f"proof of {proof['sha256'][:12]}")
        members(leaf, "v k sha256", "a leaf")
        if leaf["v"] != 1 or leaf["sha256"] != proof["sha256"] or leaf["k"] not in ("fact", "registered"):
            raise Wrong(f"the leaf of {proof['sha256'][:12]} names something else")
        proofs[(leaf["k"], proof["sha256"])] = bundle.shown[proof["sha256"]] = (proof["log"], proof["index"])

    def thing(line, kind, into, shape):
        """What has no proof is no evidence, but hours are still computed with it: the log may not hold it yet."""
        digest, proved = sha256(line).hex(), (kind, sha256(line).hex()) in proofs
        try:
            value = from_canonical(line)
            if not isinstance(value, shape) or not value:
                raise ValueError("of another shape")
            if not proved and shape is dict and not FACT_MEMBERS.get(value.get("kind"), {"?"}) <= set(value):
                raise ValueError("no fact")
            into.append((digest, value, line))
        except ValueError:
            if proved:
                raise
        if not proved:
            raise Lacking(f"{kind} {digest[:12]} ({line[:40].decode('utf-8', 'replace')}…) has no proof")

    for line in report.attempt(5, bundle.lines_once, "facts/proofs.jsonl") or []:
        report.attempt(5, proof_line, line)
    if bundle.scope == "full":
        for line in report.attempt(5, bundle.lines_once, "facts/facts.jsonl") or []:
            report.attempt(5, thing, line, "fact", bundle.facts, dict)
    for line in report.attempt(5, bundle.lines_once, "facts/registered.jsonl") or []:
        report.attempt(5, thing, line, "registered", bundle.statements, list)
    there = {("fact", d) for d, _, _ in bundle.facts} | {("registered", d) for d, _, _ in bundle.statements}
    for kind, digest in sorted(set(proofs) - there):
        report.add(5, Lacking(f"there is a proof of {kind} {digest[:12]}, and not the thing itself"))
        bundle.gaps.append(f"{kind} {digest[:12]} is missing")
    wanted = {value[4] for _, value, _ in bundle.statements if value[0] == "policy"}
    for digest in sorted(wanted | {Path(p).stem for p in bundle.under("policy/")}):
        report.attempt(5, policy, bundle, digest)
    for digest, value, line in bundle.facts:
        if value.get("kind") == "decision":
            report.attempt(5, decision, bundle, digest, value, line)
    decisions = {digest for digest, value, _ in bundle.facts if value.get("kind") == "decision"}
    for path in bundle.under("facts/decisions/"):
        if Path(path).stem not in decisions:
            report.add(1, Wrong(f"{path} is a file too many: there is no such decision"))


def policy(bundle, digest):
    data = bundle.read(f"policy/{digest}.json")
    if sha256(data).hex() != digest:
        raise Wrong(f"policy {digest[:12]} is not what its name says")
    bundle.policies[digest] = json.loads(data)


def decision(bundle, digest, value, line):
    """A decision bears the signature of its approver, by a key that a statement gives him and that was not revoked."""
    bundle.decided.append((digest, value))  # grades may rest on it; that nobody signed it is said here
    note = Note(bundle.read(f"facts/decisions/{digest}.note"))
    if note.text != b"jishi-decision/v1\n" + line + b"\n":
        raise Wrong(f"the note of decision {digest[:12]} is over something else")
    given = {v[1]: v[2] for d, v, _ in bundle.statements if v[0] == "person-key" and d in bundle.shown}
    signers = {name for name, _, _ in note.lines}
    keys = [key for key in bundle.keys("person", bundle.domain + "/person/") if key.name in signers]
    note.signed_by(keys, f"decision {digest[:12]}")
    for key in keys:
        if key.vkey not in given:
            raise Lacking(f"decision {digest[:12]}: no statement gives {key.name} to anybody")
        if given[key.vkey] != value["approver"]:
            raise Wrong(f"decision {digest[:12]} of {value['approver']} is signed by {given[key.vkey]}")
        for other, statement, _ in bundle.statements:
            both = digest in bundle.shown and other in bundle.shown and statement[:2] == ["revocation", key.name]
            if both and order_in_logs(bundle.shown[digest]) > order_in_logs(bundle.shown[other]):
                raise Wrong(f"decision {digest[:12]} came into the log after {key.name} was revoked")


def order_in_logs(place):
    year, count = place[0].split("-")
    return int(year), int(count), place[1]


# ---------------------------------------------------------------- the agents' logs (checks 6 to 10)


class AgentLog:
    """One epoch of one agent: what its entries say, and the receipts over them."""

    def __init__(self, bundle, origin, folder):
        self.bundle, self.origin, self.folder = bundle, origin, folder
        self.entries = {}  # index: entry, of those that are canonical and known
        self.sizes, self.times, self.roots = [], [], []  # of receipts
        self.beacons = []  # (index, entry) of those that are verified
        self.key = None
        self.broken = None  # index from which entries are not shown

    def receipt_over(self, index):
        place = bisect.bisect_right(self.sizes, index)
        return self.times[place] if place < len(self.sizes) else None


def agent_logs(bundle):
    folders = sorted({"/".join(path.split("/")[:3]) for path in bundle.under("agents/")})
    if not folders:
        raise Lacking("there is no log of an agent")
    for folder in folders:
        agent, epoch = folder.split("/")[1:]
        log = AgentLog(bundle, f"{bundle.domain}/a/{agent}/{epoch}", folder)
        bundle.logs[log.origin] = log
        bundle.report.attempt(6, enrolled_key, bundle, log)
        before = len(bundle.report.wrong) + len(bundle.report.lacking)
        bundle.report.attempt(8, read_receipts, bundle, log)
        if bundle.scope == "full":
            bundle.report.attempt(7, read_entries, bundle, log)
        else:
            bundle.report.attempt(7, read_single_entries, bundle, log)
        if len(bundle.report.wrong) + len(bundle.report.lacking) > before:
            bundle.gaps.append(f"the log {log.origin} is not shown as a whole")


def enrolled_key(bundle, log):
    found = {v[2] for d, v, _ in bundle.statements if v[0] == "enrolment" and v[1] == log.origin and d in bundle.shown}
    if len(found) > 1:
        raise Wrong(f"{log.origin} was enrolled twice, with different keys")
    if not found:
        raise Lacking(f"there is no enrolment of {log.origin}")
    log.key = Key(found.pop(), 1)
    if log.key.name != log.origin:
        raise Wrong(f"the key enrolled for {log.origin} is named {log.key.name}")
    if not nacl.bindings.crypto_core_ed25519_is_valid_point(log.key.public):
        raise Wrong(f"the key of {log.origin} is no sound point of the curve")
    for known in bundle.keys("agent", log.origin):
        if known.public != log.key.public:
            raise Wrong(f"the key enrolled for {log.origin} is not the one that you trust")


def one_receipt(bundle, log, note, collectors):
    origin, size, root = note.checkpoint()
    if origin != log.origin:
        raise Wrong(f"{log.origin}: a receipt is of {origin}")
    if log.key:
        note.signed_by([log.key], f"{log.origin}: receipt over {size}")
    time_s = note.signed_by(collectors, f"{log.origin}: receipt over {size}")
    if log.sizes and size <= log.sizes[-1]:
        raise Wrong(f"{log.origin}: the receipt over {size} stands behind that over {log.sizes[-1]}")
    if log.times and time_s < log.times[-1]:
        bundle.report.add(10, Wrong(f"{log.origin}: the receipt over {size} is older than the one before it"))
    log.sizes.append(size), log.times.append(time_s), log.roots.append(root)


def read_receipts(bundle, log):
    """Check 8: each receipt bears both signatures, in order of size. Check 7 needs them, so they come first."""
    paths = bundle.under(log.folder + "/receipts/")
    collectors = bundle.keys("receipt", bundle.domain + "/receipt/")
    for count, path in enumerate(paths_in_order(paths, log.folder + "/receipts/")):
        notes = framed(bundle.read(path))
        if not notes or len(notes) > 256 or (len(notes) < 256 and count < len(paths) - 1):
            raise Wrong(f"{path} does not hold 256 receipts")
        for data in notes:
            one_receipt(bundle, log, Note(data), collectors)
    if not log.sizes:
        raise Lacking(f"{log.origin}: there is no receipt")


def paths_in_order(paths, folder, first=0):
    """The files of a numbered row, from the first number on without a hole; the last may be partial (.p/W)."""
    left = set(paths)
    for index in range(first, first + len(paths)):
        whole = folder + group(index)
        fitting = [p for p in left if p == whole or p.startswith(whole + ".p/")]
        if len(fitting) != 1 or (fitting[0] != whole and len(left) > 1):
            raise Wrong(f"{folder} is no row of files without a hole at {group(index)}")
        left -= set(fitting)
        yield fitting[0]


KINDS = {
    "genesis",
    "start",
    "stop",
    "reading",
    "watcher",
    "declaration",
    "clock",
    "beacon",
    "config",
    "storage",
    "inspect",
}


def known_entry(data, index):
    """The entry, or None: what is not canonical or not known earns nothing."""
    try:
        entry = from_canonical(data)
        if (
            list(entry) == ["v", "i", "t", "m", "b", "k", "d"]
            and entry["v"] == 1
            and entry["i"] == index
            and type(entry["t"]) is int
            and type(entry["m"]) is int
            and isinstance(entry["b"], str)
            and entry["k"] in KINDS
            and isinstance(entry["d"], dict)
        ):
            return entry
    except (ValueError, RecursionError, TypeError):
        pass
    return None


def read_entries(bundle, log):
    """Check 7: hashed on from the frontier, the entries lead to the root of every receipt."""
    lines = [line.decode() for line in bundle.lines(log.folder + "/frontier")]
    if len(lines) < 2 or lines[0] != "jishi-frontier/v1":
        raise Wrong(f"{log.origin}: no frontier")
    first = number(lines[1])
    if first % 256:
        raise Wrong(f"{log.origin}: the frontier is not at a multiple of 256")
    tree = Tree(first, [unbase64(line, 32) for line in lines[2:]])
    receipts = iter(zip(log.sizes, log.roots, strict=True))
    size, root = next(receipts, (None, None))
    folder = log.folder + "/tile/entries/"
    good, pending = first, []
    try:
        for path in paths_in_order(bundle.under(folder), folder, first // 256):
            entries = framed(bundle.read(path))
            width = number(path.rsplit(".p/", 1)[1]) if ".p/" in path else 256
            if len(entries) != width or width > 256 or (".p/" in path and not 0 < width < 256):
                raise Wrong(f"{path} does not hold as many entries as its name says")
            for data in entries:
                if not 1 <= len(data) <= 4096:
                    raise Wrong(f"{log.origin}: entry {tree.size} has {len(data)} bytes")
                pending.append((tree.size, data))
                tree.append(data)
                if tree.size - first > MAX_ENTRIES:
                    raise Unreadable(f"{log.origin}: more than 4 million entries")
                while size is not None and size <= tree.size:
                    if size <= first or root != (tree.root() if size == tree.size else None):
                        raise Wrong(
                            f"{log.origin}: something between entry {good} and {size} is not what the receipt is over"
                        )
                    log.entries.update((i, e) for i, e in ((i, known_entry(d, i)) for i, d in pending) if e)
                    good, pending = size, []
                    size, root = next(receipts, (None, None))
    finally:
        log.broken = good
    if size is not None:
        raise Lacking(f"{log.origin}: the entries end at {tree.size}, before the receipt over {log.sizes[-1]}")
    if pending:
        bundle.report.add(8, Lacking(f"{log.origin}: no receipt covers the entries from {good} on"))


def read_single_entries(bundle, log):
    """Checks 7 and 8 of a selective bundle: a proof and a receipt for each entry."""
    folder, receipts = log.folder, {}
    for path in bundle.under(folder + "/receipts/"):
        for data in framed(bundle.read(path)):
            receipts[data] = Note(data).checkpoint()
    used = set()
    indices = sorted(number(Path(p).stem) for p in bundle.under(folder + "/entries/"))
    proofs = sorted(number(Path(p).stem) for p in bundle.under(folder + "/proofs/"))
    for index in sorted(set(indices) ^ set(proofs)):
        bundle.report.add(7, Lacking(f"{log.origin}: of entry {index} there is only the entry, or only its proof"))
    for index in sorted(set(indices) & set(proofs)):
        data, proof = bundle.read(f"{folder}/entries/{index}.json"), bundle.read(f"{folder}/proofs/{index}.tlog-proof")
        head, _, note = proof.partition(b"\n\n")
        lines = head.decode().split("\n")
        if lines[0] != "c2sp.org/tlog-proof@v1" or lines[1] != f"index {index}":
            raise Wrong(f"{log.origin}: the proof of entry {index} is none")
        if note not in receipts:
            bundle.report.add(8, Lacking(f"{log.origin}: the receipt over entry {index} is not among the receipts"))
            continue
        used.add(note)
        _, size, root = receipts[note]
        if inclusion_root(leaf_hash(data), index, size, [unbase64(line, 32) for line in lines[2:]]) != root:
            raise Wrong(f"{log.origin}: the proof of entry {index} leads elsewhere")
        if size != log.sizes[bisect.bisect_right(log.sizes, index)]:
            bundle.report.add(8, Wrong(f"{log.origin}: the proof of entry {index} is not to the first receipt over it"))
        entry = known_entry(data, index)
        if entry:
            log.entries[index] = entry
    if not indices:
        raise Lacking(f"{log.origin}: there is no entry")


def beacons(bundle):
    """Check 9: signed, never shrinking, of the log that is shown; check 10: not later than the receipt over them."""
    collectors = bundle.keys("receipt", bundle.domain + "/receipt/")
    roots, days, pairs = {}, {}, {}
    for log in bundle.logs.values():
        newest = {}
        for index, entry in sorted(log.entries.items()):
            if entry["k"] == "beacon":
                bundle.report.attempt(9, one_beacon, bundle, log, index, entry, collectors, roots, newest, days)
    for name, (size, root) in bundle.checkpoints.items():
        path = f"collector/{name}/consistency.jsonl"
        if path in bundle.named:
            for line in bundle.report.attempt(9, bundle.lines_once, path) or []:
                bundle.report.attempt(9, one_beginning, name, line, size, root, pairs)
    if bundle.scope == "full":
        for (origin, day), (name, size, root) in sorted(days.items()):
            if bundle.checkpoints.get(name) == (size, root):
                continue
            if (name, size) not in pairs:
                bundle.report.add(
                    9, Lacking(f"no proof that the beacon of {size} in {origin} on {day} begins log {name}")
                )
            elif pairs[(name, size)] != root:
                bundle.report.add(9, Wrong(f"the beacon of {size} in {origin} on {day} shows another log {name}"))


def one_beacon(bundle, log, index, entry, collectors, roots, newest, days):
    told = entry["d"]
    members(told, "log size root time_s signature", f"{log.origin}: beacon {index}")
    size, root, time_s = told["size"], unbase64(told["root"], 32), told["time_s"]
    text = f"{bundle.domain}/log/{told['log']}\n{size}\n{told['root']}\n".encode()
    signature = unbase64(told["signature"], 72)
    if not collectors:
        raise Lacking("beacons: you trust no receipt key")
    for key in collectors:
        try:
            if key.verify(signature, text) == time_s:
                break
        except ValueError:
            pass
    else:
        raise Wrong(f"{log.origin}: beacon {index} is not signed by the collector")
    if roots.setdefault((told["log"], size), root) != root:
        raise Wrong(f"{log.origin}: beacon {index} shows another tree of {size} leaves of log {told['log']}")
    if size < newest.get(told["log"], 0):
        raise Wrong(f"{log.origin}: beacon {index} shows a log that has shrunk")
    newest[told["log"]] = size
    if (
        bundle.checkpoints.get(told["log"], (size, root))[0] == size != 0
        and bundle.checkpoints.get(told["log"], (size, root))[1] != root
    ):
        raise Wrong(f"{log.origin}: beacon {index} shows another tree than the checkpoint")
    log.beacons.append((index, entry))
    days[(log.origin, local_day(time_s * 1000))] = (told["log"], size, root)
    receipt = log.receipt_over(index)
    if receipt is not None and time_s > receipt + 60:
        bundle.report.add(10, Wrong(f"{log.origin}: beacon {index} is later than the receipt over it"))


def one_beginning(name, line, size, root, pairs):
    told = from_canonical(line)
    members(told, "size root proof", "a line of consistency.jsonl")
    old = unbase64(told["root"], 32)
    if not is_beginning(told["size"], old, size, root, [unbase64(x, 32) for x in told["proof"]]):
        raise Wrong(f"the tree of {told['size']} leaves does not begin log {name}")
    pairs[(name, told["size"])] = old


def revocations(bundle):
    """Check 8: no receipt more than 60 s after a beacon showed the tree that holds the revocation of the key."""
    for digest, value, _ in bundle.statements:
        if value[0] != "revocation" or digest not in bundle.shown:
            continue
        name, index = bundle.shown[digest]
        seen = [
            entry["d"]["time_s"]
            for log in bundle.logs.values()
            for _, entry in log.beacons
            if entry["d"]["log"] == name and entry["d"]["size"] > index
        ]
        if not seen:
            continue
        if min(seen) * 1000 < value[2]:
            bundle.report.add(8, Wrong(f"the revocation of {value[1]} was in the log before the time that it states"))
        for log in bundle.logs.values():
            if value[1] == log.origin and log.times and log.times[-1] > min(seen) + 60:
                bundle.report.add(
                    8, Wrong(f"{log.origin}: a receipt was given after the log had said that its key was revoked")
                )


# ---------------------------------------------------------------- days (checks 11, 14)


def day_start(day):
    """UTC ms of the midnight (UTC+8) at which a day begins."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", day):
        raise ValueError(f"{day!r} is no day")
    year, month, date = map(int, day.split("-"))
    return (datetime.date(year, month, date).toordinal() - 719163) * DAY_MS - UTC8_MS


def local_day(time_ms):
    return datetime.date.fromordinal((time_ms + UTC8_MS) // DAY_MS + 719163).isoformat()


def days(bundle):
    report = bundle.report

    def load(path, into, keep):
        last = ""
        for line in bundle.lines(path):
            value = from_canonical(line)
            if value["day"] <= last or (value.get("asset", bundle.asset) != bundle.asset):
                raise Wrong(f"{path}: {value['day']} is out of order, or of another instrument")
            last = value["day"]
            into[last] = keep(value, line)

    report.attempt(11, load, "hours/records.jsonl", bundle.records, lambda value, line: (value, line))
    report.attempt(13, load, "hours/grades.jsonl", bundle.grades, lambda value, line: (value, line))
    report.attempt(11, load, "hours/closed.jsonl", bundle.closed, lambda value, line: value)
    for day, (_, line) in sorted(bundle.records.items()):
        report.attempt(11, one_closed, bundle, day, line)
    for day in sorted(set(bundle.closed) - set(bundle.records)):
        report.add(11, Lacking(f"{day} was closed, and its record is not shown"))


def one_closed(bundle, day, line):
    if day not in bundle.closed:
        raise Lacking(f"{day}: nothing shows that it was closed")
    told = bundle.closed[day]
    members(told, "day revision sha256 grades log index leaf proof place of path", f"{day}: its line of closed.jsonl")
    if told["sha256"] != sha256(line).hex():
        raise Wrong(f"{day}: another record was closed")
    leaf = in_log(bundle, told, f"{day}: its closing")
    members(leaf, "v k day unit records root", "a leaf")
    if leaf["k"] != "closed" or leaf["day"] != day or leaf["records"] != told["of"]:
        raise Wrong(f"{day}: the leaf is of something else")
    own = canonical(["record", bundle.asset, day, told["revision"], told["sha256"], told["grades"]])
    path = [unbase64(x, 32) for x in told["path"]]
    if inclusion_root(leaf_hash(own), told["place"], told["of"], path).hex() != leaf["root"]:
        raise Wrong(f"{day}: the path does not lead to the root in the leaf")


COLUMNS = (
    "day,revision,lead_in,until_s,off_s,standby_s,prepare_s,run_s,post_s,calibrate_s,maintain_s,fault_s,"
    "unobserved_s,energised_s,inferred_s,bridged_s,no_run_s,effective_s,external_s,internal_s,claimed_s,"
    "verified_s,unresolved_s,hand_s,hand_external_s,a_s,b_s,c_s,d_s,x_s,counted_s,counted_external_s,journals,record"
)


def table(bundle):
    """Check 14: hours.csv is what records and grades say of the days of the period; None is what cannot be told."""
    rows, said = [], [line.decode().split(",") for line in bundle.lines("hours/hours.csv")]
    if not bundle.records:
        raise Lacking("hours.csv cannot be compared: there are no records")
    for day, (record, line) in sorted(bundle.records.items()):
        if not bundle.first <= day <= bundle.last:
            continue
        grade, closed = bundle.grades.get(day, (None,))[0], bundle.closed.get(day)
        values = dict(
            record,
            until_s=record["until"],
            external_s=record["claimed_s"] + record["verified_s"],
            revision=closed and closed["revision"],
            record=sha256(line).hex(),
            journals=" ".join(f"{o} {a}-{b}" for o, a, b in record["journals"]),
            counted_s=grade and grade["counted_s"],
            counted_external_s=grade and grade["counted_external_s"],
        )
        for mark in "ABCDX":
            values[mark.lower() + "_s"] = grade and dict(grade["effective"]).get(mark, 0)
        rows.append([None if values[column] is None else str(values[column]) for column in COLUMNS.split(",")])
        if None in rows[-1]:
            bundle.report.add(14, Lacking(f"{day}: its row of hours.csv can be compared in part only"))
    if (
        said[:1] != [COLUMNS.split(",")]
        or len(said) != len(rows) + 1
        or any(
            len(a) != len(b) or any(x is not None and x != y for x, y in zip(a, b, strict=True))
            for a, b in zip(rows, said[1:], strict=True)
        )
    ):
        raise Wrong("hours.csv says something else than the records and grades")


# ---------------------------------------------------------------- hours (check 12): one meter, measured by its power

STATES = ("off", "standby", "run", "unobserved")


def in_force(statements, day, rank, key=lambda value: True):
    """Of the dated statements that a rank (day, number) is given for, the one that holds on the day."""
    held = [(rank(value), value) for value in statements if key(value) and rank(value)[0] <= day]
    return max(held, key=lambda pair: pair[0])[1] if held else None


class Hours:
    """What the statements, facts and readings of a bundle give for each day."""

    def __init__(self, bundle):
        self.bundle = bundle
        self.said = [value for _, value, _ in bundle.statements]
        self.pieces = {}  # channel: placed intervals (start, end, low, high, reading), without overlap, by time
        self.readings = {}  # channel: readings, in the order of logs and indices
        for origin in sorted(bundle.logs, key=lambda o: (o.rsplit("/", 1)[0], int(o.rsplit("/", 1)[1]))):
            self._place(bundle.logs[origin])
        for channel, readings in self.readings.items():
            self.pieces[channel] = without_overlap(readings)
        self.orders, self.uses, self.corrections, self.taken_back = effective_facts(bundle)
        self.stays = stays(bundle)

    def _named(self, kind):
        return [value for value in self.said if value[0] == kind]

    def channels(self, day):
        """(agent, watcher, channel) that measure the instrument on the day; a feeder is no evidence."""
        every = {tuple(value[1:4]) for value in self._named("measurement")}
        bound = []
        for channel in sorted(every):
            value = in_force(
                self._named("measurement"), day, lambda v: (v[5], v[6]), lambda v, c=channel: tuple(v[1:4]) == c
            )
            if value and value[4] == self.bundle.asset and channel[2] != "feeder":
                bound.append(channel)
        return bound

    def owner(self, day):
        value = in_force(self._named("ownership"), day, lambda v: (v[3], v[4]), lambda v: v[1] == self.bundle.asset)
        return value[2] if value else ""

    def policy(self, day):
        """The SHA-256 of the policy: the instrument's own, else its model's, else that of all."""
        model = next((v[2] for v in self._named("instrument") if v[1] == self.bundle.asset), "")
        for whose in ([self.bundle.asset, ""], ["", model], ["", ""]):
            value = in_force(self._named("policy"), day, lambda v: (v[3], v[5]), lambda v, whose=whose: v[1:3] == whose)
            if value:
                return value[4]
        return None

    def _place(self, log):
        """Each reading in UTC; a clock that is a minute wrong by the nearest beacon of the boot is put right by it."""
        fixes, verified = {}, dict(log.beacons)
        for index, entry in log.beacons:
            bisect.insort(fixes.setdefault(entry["b"], []), (entry["m"], index, entry["d"]["time_s"] * 1000))
        agent, landmark, ends, newest = log.origin.split("/")[2], {}, {}, {}
        for index, entry in sorted(log.entries.items()):
            boot, own = entry["b"], entry["t"] - entry["m"]
            if entry["k"] == "start" and len(entry["d"]) > 1:
                raise Unclear(
                    "a start entry names more than its version; how it names what it recovered is not documented"
                )
            if entry["k"] != "reading":
                if index in verified:
                    newest[boot] = (entry["m"], entry["d"]["time_s"] * 1000)
                if entry["k"] != "declaration":
                    landmark[boot] = max(landmark.get(boot, entry["m"]), entry["m"])
                continue
            told = entry["d"]
            if not all(type(told.get(k)) is t for k, t in (("s", str), ("ch", str), ("a", int), ("d", list))):
                continue
            reading = Reading(log, index, entry, own)
            known = fixes.get(boot, [])
            place = bisect.bisect_left(known, (entry["m"],))
            near = min(known[max(0, place - 1) : place + 1], key=lambda fix: abs(fix[0] - entry["m"]), default=None)
            if near and abs(own + near[0] - near[2]) > 60_000:
                reading.offset, reading.moved = near[2] - near[0], True
            before = newest.get(boot)
            reading.error = abs(own + before[0] - before[1]) if before else None
            source = (boot, told["s"], told["ch"])
            reading.rule = (
                told["a"] >= ends.get(source, told["a"])
                and 0 <= entry["m"] - reading.end <= 60_000
                and entry["m"] >= landmark.get(boot, entry["m"])
            )
            ends[source] = max(reading.end, ends.get(source, reading.end))
            self.readings.setdefault((agent, told["s"], told["ch"]), []).append(reading)


class Reading:
    def __init__(self, log, index, entry, offset):
        self.log, self.index, self.told, self.offset, self.moved = log, index, entry["d"], offset, False
        self.written = entry["t"]
        self.end = self.told["a"] + sum(self.told["d"])

    def intervals(self):
        """(start, end, low, high) in UTC ms of a gauge."""
        at, told = self.told["a"] + self.offset, self.told
        if "w" not in told or not len(told["d"]) == len(told["lo"]) == len(told["hi"]):
            raise Unclear("the channel is no gauge: what its words mean is no part of this program")
        for length, low, high in zip(told["d"], told["lo"], told["hi"], strict=True):
            yield at, at + length, low, high
            at += length


def without_overlap(readings):
    """What is told twice counts once: the earlier entry has it, the later one is cut."""
    starts, kept = [], []
    for reading in readings:
        try:
            pieces = list(reading.intervals())
        except Unclear:
            continue
        for start, end, low, high in pieces:
            while start < end:
                at = bisect.bisect_right(starts, start)
                if at and kept[at - 1][1] > start:
                    start = kept[at - 1][1]
                    continue
                stop = min(end, starts[at]) if at < len(starts) else end
                starts.insert(at, start), kept.insert(at, (start, stop, low, high, reading))
                start = stop
    return kept


class Trigger:
    """Two thresholds and two dwells: a crossing counts once it lasted, from when it began."""

    def __init__(self, rule, high):
        self.rule, self.high, self.since = rule, high, None

    def feed(self, start, end, low, high):
        """The time from which the output is another one, or None."""
        up, down = high >= self.rule["on_mw"], low < self.rule["off_mw"]
        if up and down:
            self.since = None
        elif not up and not down:
            if self.since is not None:
                raise Unclear("power between two thresholds while a crossing is not confirmed")
        elif up == self.high:
            self.since = None
        else:
            self.since = start if self.since is None else self.since
            if end - self.since >= self.rule["on_ms" if up else "off_ms"]:
                return self.since
        return None

    def turn(self):
        self.high, self.since = not self.high, None


def timeline(pieces, policy, begin, end, word):
    """Spans (start, end, state) in UTC ms from begin to end, begun in the state that the word names."""
    for member in (
        "counter",
        "evidence",
        "frozen_ms",
        "bridge_ms",
        "priorities",
        "ratio",
        "standby_counts",
        "split",
        "calibration",
    ):
        if policy.get(member):
            raise Unclear(f"the policy has {member}")
    if word not in STATES:
        raise Unclear(f"the form of the lead {word!r} is not documented")
    run, standby = Trigger(policy["run"], word == "run"), Trigger(policy["standby"], word in ("run", "standby"))
    changes = [(begin, word)]  # (from, state); later ones may date back
    last = begin if word != "unobserved" else None

    def state():
        return "run" if run.high else "standby" if standby.high else "off"

    def date_back(since, new):
        while len(changes) > 1 and changes[-1][0] >= since:
            changes.pop()
        changes.append((max(since, begin), new))

    for start, stop, low, high, _ in pieces:
        if stop <= begin or not policy["valid_mw"][0] <= low <= high <= policy["valid_mw"][1]:
            continue
        start = max(start, begin)
        if start >= end + 3_600_000:
            break
        if last is None or start - last > policy["gap_ms"]:
            if last is not None:
                changes.append((last, "unobserved"))
                run, standby = Trigger(policy["run"], False), Trigger(policy["standby"], False)
            changes.append((start, "off"))
        elif start > last:
            if last == begin:
                raise Unclear("a short hole at the beginning: how a lead tells of it is not documented")
            start = last  # a short hole has the values of what ends it
        rises, falls = {}, {}
        for trigger in (run, standby):
            since = trigger.feed(start, stop, low, high)
            if since is not None:
                (falls if trigger.high else rises)[trigger] = since
        if run in rises and not standby.high:
            rises.setdefault(standby, standby.since)
        if standby in falls and run.high:
            falls.setdefault(run, run.since)
        if run in falls or standby in falls:
            if run in falls:
                run.turn()
                date_back(falls[run], "standby")
            if standby in falls:
                standby.turn()
                date_back(falls[standby], "off")
        elif rises:
            if standby in rises:
                standby.turn()
                date_back(rises[standby], "standby")
            if run in rises:
                run.turn()
                date_back(rises[run], "run")
        elif changes[-1][1] != state():
            changes.append((start, state()))
        last = stop
    if last is not None and last < end:
        changes.append((last, "unobserved"))
    changes = [(at, word) for at, word in changes if at < end] + [(end, "")]
    return [(at, until, word) for (at, word), (until, _) in pairwise(changes) if at < until]


def seconds_of(spans, midnight):
    """The day's part of spans in whole seconds, boundaries rounded down, equal neighbours joined."""
    day = []
    for start, end, word in spans:
        first, last = max(0, (start - midnight) // 1000), min(86400, (end - midnight) // 1000)
        if first < last:
            if day and day[-1][2] == word:
                day[-1][1] = last
            else:
                day.append([first, last, word])
    return day


def head(spans):
    """What comes first in a day, run or off, and after how much standby."""
    waited = 0
    for start, end, word in spans:
        if word in ("run", "off"):
            return word, waited
        waited += end - start if word == "standby" else 0
    return "nothing", 0


def classes(spans, policy, phase, following):
    """Preparation and post-processing of a day, its last phase, and whether the next day was asked."""
    prepare, post = policy.get("prepare_ms", 0) // 1000, policy.get("post_ms", 0) // 1000
    ran, tail, found, asked = phase != "new", None, [], False
    if phase.startswith("ran:"):
        tail = int(phase[4:])
    elif phase not in ("ran", "new"):
        raise Unclear(f"the form of the phase {phase!r} is not documented")
    for place, (start, end, word) in enumerate(spans):
        later = [w for _, _, w in spans[place + 1 :] if w in ("run", "off")]
        if word == "standby":
            before_midnight = place == len(spans) - 1 and end == 86400
            directly = place + 1 < len(spans) and spans[place + 1][2] == "run"
            if not ran and prepare and (directly or before_midnight):
                room = prepare
                if before_midnight:
                    asked, room = True, prepare - following[1] if following[0] == "run" else 0
                if room > 0:
                    found.append([max(start, end - room), end, "prepare"])
            if ran and tail is not None and tail < post:
                # the next day is asked only about a run that ended on this day
                asks = not later and (tail == 0 and place > 0)
                asked = asked or asks
                if (later[0] if later else following[0] if asks else "") == "off":
                    found.append([start, min(end, start + post - tail), "post"])
            tail = None if tail is None else tail + end - start
        else:
            ran = {"off": False, "run": True}.get(word, ran)
            tail = 0 if word == "run" else None
    return found, "new" if not ran else "ran" if tail is None else f"ran:{tail}", asked


def effective_facts(bundle):
    """Orders by (unit, number), uses and corrections by identity, after corrections were applied."""
    every = {"fact:" + digest: value for digest, value, _ in bundle.facts}
    corrections = {i: v for i, v in every.items() if v.get("kind") == "correction"}
    taken_back = set()
    for identity in sorted(corrections, key=lambda i: (corrections[i].get("approved_at", 0), i), reverse=True):
        if identity not in taken_back and "target" in corrections[identity]:
            taken_back.add(corrections[identity]["target"])
    orders, uses = {}, {}
    for identity, value in every.items():
        if value.get("kind") == "order":
            orders[(value["unit"], value["order"])] = (identity, value)
        elif value.get("kind") == "use":
            uses[identity] = (value, identity not in taken_back)
        elif value.get("kind") not in ("correction", "decision"):
            raise Unclear(f"facts of kind {value.get('kind')!r}")
        if value.get("kind") == "correction" and ("use" in value or "order" in value):
            raise Unclear("a correction that puts something in the place of what it takes out")
    if any(identity in taken_back for identity, _ in orders.values()) or any(
        t.startswith("entry:") for t in taken_back
    ):
        raise Unclear("a correction of an order or a sign-in")
    return orders, uses, corrections, taken_back


def stays(bundle):
    """Who was signed in from when to when: (identity, start, end, purpose, order)."""
    found = []
    for log in bundle.logs.values():
        present = {}
        for index, entry in sorted(log.entries.items()):
            told = entry["d"]
            if entry["k"] != "declaration" or told.get("asset") != bundle.asset:
                continue
            begun = present.pop(told["operator"], None)
            if begun:
                found.append((*begun[:2], told.get("until_ms", entry["t"]), *begun[2:]))
            if told["action"] == "in":
                present[told["operator"]] = (
                    f"entry:{log.origin}#{index}",
                    entry["t"],
                    told["purpose"],
                    told.get("order", ""),
                )
        found += [(*begun[:2], None, *begun[2:]) for begun in present.values()]
    return found


def said_of_day(hours, midnight, owner):
    """Claims (start_s, end_s, claimant, order, purpose) on a day, and the names of all that was said of it."""
    claims, named = [], set()
    spoken = [
        (i, v["start"], v["end"], v.get("purpose", ""), v.get("order", ""), holds, v)
        for i, (v, holds) in hours.uses.items()
        if v["asset"] == hours.bundle.asset
    ]
    spoken += [(i, start, end, purpose, order, True, {}) for i, start, end, purpose, order in hours.stays]
    for identity, start, end, purpose, order, holds, value in spoken:
        if end is None and start < midnight + DAY_MS and midnight < start + 31 * DAY_MS:
            raise Unclear("somebody never signed out: to which instant he was there is not documented")
        first, last = max(0, (start - midnight) // 1000), min(86400, ((end or start) - midnight) // 1000)
        if first >= last:
            continue
        named.add(identity)
        if order and (owner, order) in hours.orders:
            named.add(hours.orders[(owner, order)][0])
        if not holds:
            continue
        if purpose not in ("own-research", "teaching", "service-order", ""):
            raise Unclear(f"declared {purpose}")
        if any(member in value for member in ("share", "samples", "run_ms", "run_s")):
            raise Unclear("a use that states what shared time is divided by")
        claims.append((first, last, order or identity, order, purpose))
    while True:
        more = {i for i, v in hours.corrections.items() if v.get("target") in named} - named
        if not more:
            return claims, sorted(named)
        named |= more


def served(hours, owner, effective, claims):
    """Lines [order, beneficiary, standing, seconds, documents]; and how each set of claimants is served, by second."""
    edges = sorted({0, 86400, *(x for c in claims for x in c[:2]), *(x for s in effective for x in s[:2])})
    sets, lines = {}, {}
    for start, end in pairwise(edges):
        if any(a <= start < b for a, b in effective):
            here = [c for c in claims if c[0] <= start < c[1]]
            if any(c[3] for c in here):
                here = [c for c in here if c[3] or c[4] != "service-order" or not c[2].startswith("entry:")]
            key = tuple(sorted({c[2:] for c in here}))
            sets.setdefault(key, []).append((start, end))
    shown = []  # (seconds' stretches, whether external) for grades; only whole stretches
    for key, stretches in sets.items():
        total = sum(end - start for start, end in stretches)
        names = sorted({claimant for claimant, _, _ in key}) or [""]
        if total % len(names) and any(":" in name for name in names):
            raise Unclear("seconds that do not divide among claims without an order")
        for place, name in enumerate(names):
            part = total // len(names) + (place < total % len(names))
            order, purpose = next(((o, p) for c, o, p in key if c == name), ("", ""))
            line = standing(hours, owner, order, purpose)
            lines[line] = lines.get(line, 0) + part
            shown.append((stretches, part == total, line[2] in ("claimed", "verified")))
    return [[o, b, s, lines[(o, b, s, n)], n] for o, b, s, n in sorted(lines) if lines[(o, b, s, n)]], shown


def standing(hours, owner, order, purpose):
    if not owner and (order or purpose):
        raise Unclear("a use while nobody owned the instrument: its line and flag are not documented")
    if not order:
        return ("", owner, "internal", 0) if purpose in ("own-research", "teaching") else ("", "", "unresolved", 0)
    value = hours.orders.get((owner, order), (None, None))[1]
    if value is None or "first_day" in value or "last_day" in value or not value.get("beneficiary"):
        raise Unclear("an order that is not known, has days, or no beneficiary")
    documents = len(value.get("documents", []))
    if value["beneficiary"] == owner:
        return order, owner, "internal", documents
    return order, value["beneficiary"], "verified" if documents else "claimed", documents


def records(bundle):
    """Check 12: each record of the period, computed again."""
    hours = Hours(bundle)
    day, spans_of = bundle.first, {}
    if local_day(bundle.made) <= bundle.last:
        bundle.report.add(11, Lacking(f"{bundle.last} was not over when the bundle was made"))
    while day <= bundle.last:
        midnight, line = day_start(day), bundle.records.get(day)
        before = local_day(midnight - 1)
        try:
            digest, channels = hours.policy(day), hours.channels(day)
            if len(channels) > 1:
                raise Unclear("several channels measure the instrument")
            if digest not in bundle.policies:
                raise Lacking(f"{day}: no statement and file give its policy")
            known = before in bundle.records
            word = bundle.records[before][0]["lead_out"] if known else "unobserved"
            pieces = hours.pieces.get(channels[0], []) if channels else []
            near = pieces[
                max(0, bisect.bisect_right(pieces, (midnight,)) - 1) : bisect.bisect_right(
                    pieces, (midnight + DAY_MS + 14_400_000,)
                )
            ]
            spans_of[day] = timeline(near, bundle.policies[digest], midnight, midnight + DAY_MS, word)
            spans = seconds_of(spans_of[day], midnight)
            if line is None and any(w != "unobserved" for _, _, w in spans):
                raise Lacking(f"{day} was observed, and there is no record of it")
            if line is not None:
                one_record(bundle, hours, day, digest, spans, near, line[0], known)
        except Unclear as reason:
            bundle.report.unchecked.append((12, f"{day}: {reason}"))
        except (Wrong, Lacking) as error:
            bundle.report.add(12, error)
        day = local_day(midnight + DAY_MS)
    return hours


def one_record(bundle, hours, day, digest, spans, near, told, known):
    midnight, policy, owner = day_start(day), bundle.policies[digest], hours.owner(day)
    after, before = bundle.records.get(local_day(midnight + DAY_MS)), bundle.records.get(local_day(midnight - 1))
    if told["until"] != 86400:
        raise Unclear("the record does not reach to midnight")
    if not known and (told["lead_in"] != "unobserved" or local_day(midnight - 1) in bundle.closed):
        raise Lacking(f"{day}: it begins {told['lead_in']}, and the record of the day before is not shown")
    if told["owner"] != owner:
        raise (Lacking if bundle.gaps else Wrong)(f"{day}: owner is {told['owner']}, recomputed {owner or 'nobody'}")
    missing = [f for f in told["facts"] if f.startswith("fact:") and f[5:] not in {d for d, _, _ in bundle.facts}]
    for origin, first, last in told["journals"]:
        log = bundle.logs.get(origin)
        missing += [f"{origin}#{i}" for i in (first, last) if log is None or i not in log.entries]
    if missing:
        raise Lacking(f"{day}: the record names {missing[0]}, which the bundle does not hold")
    phase = before[0]["phase_out"] if known else "ran"
    follows = head(after[0]["spans"]) if after else ("nothing", 0)
    parts, phase_out, asked = classes(spans, policy, phase, follows)
    if asked and follows[0] == "off":
        raise Unclear("the form of what follows, where off does, is not documented")
    sums = {word: sum(e - s for s, e, w in spans if w == word) for word in STATES}
    extra = {word: sum(e - s for s, e, w in parts if w == word) for word in ("prepare", "post")}
    effective = sorted([(s, e) for s, e, w in spans if w == "run"] + [(s, e) for s, e, _ in parts])
    claims, named = said_of_day(hours, midnight, owner)
    lines, shown = served(hours, owner, effective, claims)
    standings = {
        word: sum(line[3] for line in lines if line[2] == word)
        for word in ("internal", "claimed", "verified", "unresolved")
    }
    used = {}
    for start, end, _, _, reading in near:
        if start < midnight + DAY_MS and end > midnight:
            used.setdefault(reading.log.origin, []).append(reading.index)
    right = {
        "v": 2,
        "asset": bundle.asset,
        "day": day,
        "policy": digest,
        "owner": owner,
        "lead_in": before[0]["lead_out"] if known else "unobserved",
        "lead_out": spans[-1][2],
        "phase_in": phase,
        "phase_out": phase_out,
        "follow": "" if not asked else "nothing" if follows[0] == "nothing" else f"{follows[0]}:{follows[1]}",
        "until": 86400,
        "off_s": sums["off"],
        "standby_s": sums["standby"] - extra["prepare"] - extra["post"],
        "prepare_s": extra["prepare"],
        "run_s": sums["run"],
        "post_s": extra["post"],
        "calibrate_s": 0,
        "maintain_s": 0,
        "fault_s": 0,
        "unobserved_s": sums["unobserved"],
        "energised_s": sums["standby"] + sums["run"],
        "inferred_s": 0,
        "bridged_s": 0,
        "no_run_s": 0,
        "effective_s": sums["run"] + extra["prepare"] + extra["post"],
        **{word + "_s": standings[word] for word in standings},
        "hand_s": 0,
        "hand_external_s": 0,
        "journals": [[o, min(used[o]), max(used[o])] for o in sorted(used)],
        "facts": named,
        "spans": spans,
        "classes": parts,
        "bridged": [],
        "served": lines,
        "told": [],
        "flags": [],
    }
    differing = [k for k in right if told.get(k) != right[k]]
    if not differing and list(told) == list(right):
        bundle.derived[day] = (spans, parts, shown, near)
        return
    key = differing[0] if differing else "its members"
    text = f"{day}: {key} is {str(told.get(key))[:90]}, recomputed {str(right.get(key))[:90]}"
    raise (Lacking if bundle.gaps else Wrong)(text + (f" (but {bundle.gaps[0]})" if bundle.gaps else ""))


# ---------------------------------------------------------------- grades (check 13) and sessions that are shown alone

LIMITS = {"bracket_ms": 1_200_000, "delay_ms": 1_200_000, "clock_ms": 60_000, "late_ms": 604_800_000}


def letter(reading, start, end, limits):
    """The grade of one interval of one watcher: B, C or D."""
    log, latest = reading.log, reading.log.receipt_over(reading.index)
    place = bisect.bisect_right(log.beacon_places, reading.index)
    newest = log.beacons[place - 1][1]["d"]["time_s"] * 1000 if place else None
    if latest is None or not reading.rule or latest * 1000 - start > limits["late_ms"]:
        return "D"
    written = log.entries[reading.index]["m"] + reading.offset
    if end > latest * 1000 + limits["clock_ms"] or (newest is not None and written < newest - limits["clock_ms"]):
        return "D"
    if (
        newest is None
        or latest * 1000 - newest > limits["bracket_ms"]
        or latest * 1000 - start > limits["delay_ms"]
        or reading.moved
        or reading.error is None
        or reading.error > limits["clock_ms"]
    ):
        return "C"
    return "B"


def grades(bundle, hours):
    for log in bundle.logs.values():
        log.beacon_places = [index for index, _ in log.beacons]
    for day, (told, _) in sorted(bundle.grades.items()):
        if not bundle.first <= day <= bundle.last or day not in bundle.records:
            bundle.report.add(13, Wrong(f"{day}: grades of a day that is not of the period, or has no record"))
        elif told.get("record") != sha256(bundle.records[day][1]).hex():
            bundle.report.add(13, Wrong(f"{day}: the grades are of another record"))
        elif day not in bundle.derived:
            bundle.report.unchecked.append((13, f"{day}: its record was not computed again, nor its grades"))
        else:
            bundle.report.attempt(13, one_grade, bundle, hours, day, told)
    for day in sorted(bundle.records):
        if bundle.first <= day <= bundle.last and day not in bundle.grades:
            bundle.report.add(13, Lacking(f"{day}: there is no grade record"))


def one_grade(bundle, hours, day, told):
    """Each second has a mark: a grade, d where two people accepted a D, or none; and a state."""
    spans, parts, shown, near = bundle.derived[day]
    midnight, record = day_start(day), bundle.records[day][0]
    limits = dict(LIMITS, **bundle.policies[record["policy"]].get("grades", {}))
    states, marks, last, errors = [""] * 86400, bytearray(86400), (0, 0), []
    for start, end, word in list(spans) + parts:
        states[start:end] = [word] * (end - start)

    def within(start, end):
        return tuple(min(86400, max(0, (at - midnight) // 1000)) for at in (start, end))

    def paint(start, end, mark):
        marks[start:end] = bytes([mark]) * (end - start)

    for start, end, _, _, reading in near:
        first, until = within(start, end)
        if last[1] and last[0] < first:
            paint(last[0], first, last[1])  # a short hole has the grade of the block before it
        last = (until, ord(letter(reading, start, end, limits)))
        if first < until:
            paint(first, until, last[1])
            errors.append(-1 if reading.error is None else reading.error)
    for start, end, word in spans:
        if word == "unobserved":
            paint(start, end, 0)
    decided, alone = [], bytes(marks)
    for digest, value in sorted(bundle.decided, key=lambda pair: (pair[1]["approved_at"], pair[0])):
        first, until = within(value["start"], value["end"])
        if "fact:" + digest in hours.taken_back:
            raise Unclear("a correction of a decision")
        if value["asset"] == bundle.asset and first < until:
            decided.append("fact:" + digest)  # of two, the one that was approved later holds
            change = {"exclude": (b"ABCD", b"XXXX"), "accept": (b"D", b"d")}[value["verdict"]]
            marks[first:until] = alone[first:until].translate(bytes.maketrans(*change))
    right, said = marks.replace(b"d", b"D"), bytearray(86400)
    for start, end, mark, _ in told["spans"]:
        if not 0 <= start < end <= 86400 or mark not in "ABCDX" or any(said[start:end]):
            raise Wrong(f"{day}: spans of grades overlap or are none")
        said[start:end] = mark.encode() * (end - start)
    if said != right:
        at = next(i for i in range(86400) if said[i] != right[i])
        if set(said) - {0} == {ord("D")} and said == marks.translate(bytes.maketrans(b"ABCd", b"DDDD")):
            bundle.report.unchecked.append((13, f"{day}: all of it is D, as of a log that somebody holds in doubt"))
            marks = said
        else:
            text = f"{day}: second {at} has grade {chr(said[at] or 45)}, recomputed {chr(right[at] or 45)}"
            raise (Lacking if bundle.gaps else Wrong)(text)
    every, outside = Counter(zip(marks, states, strict=True)), Counter()
    whole = all(is_whole for _, is_whole, external in shown if external)
    for start, end in [stretch for stretches, _, external in shown if external for stretch in stretches]:
        outside.update(marks[start:end])

    def summed(pairs):
        """[grade, seconds] and what of it counts, of pairs (mark, seconds)."""
        found = Counter()
        for mark, seconds in pairs:
            found[chr(mark).upper()] += seconds
        return [[g, found[g]] for g in sorted(found) if g != "\0"], sum(n for mark, n in pairs if chr(mark) in "ABCd")

    effective, counted = summed([(m, n) for (m, state), n in every.items() if state in ("run", "prepare", "post")])
    external, counted_external = summed(list(outside.items()))
    if not whole:
        external, counted_external = told["external"], told["counted_external_s"]
        bundle.report.unchecked.append((13, f"{day}: how a shared part's external seconds go to grades"))
    seconds = Counter()
    for (mark, state), n in every.items():
        if mark:
            seconds[(chr(mark).upper(), state)] += n
    ours = {
        "v": 1,
        "asset": bundle.asset,
        "day": day,
        "record": told["record"],
        "policy": record["policy"],
        "spans": told["spans"],
        "seconds": [[*key, n] for key, n in sorted(seconds.items())],
        "effective": effective,
        "external": external,
        "lost_s": told["lost_s"],
        "counted_s": counted,
        "counted_external_s": counted_external,
        "error_ms": max(errors, default=-1),
        "decisions": sorted(decided),
    }
    for key in ours:
        if told.get(key) != ours[key]:
            raise Wrong(f"{day}: {key} is {str(told.get(key))[:90]}, recomputed {str(ours[key])[:90]}")
    if list(told) != list(ours):
        raise Wrong(f"{day}: the grade record has other members")


def session(bundle):
    """Check 12 of a selective bundle: the seconds of run that the readings shown give by themselves."""
    (line,) = bundle.lines("session.json")
    told = from_canonical(line)
    members(told, "asset day start_s end_s run_s", "session.json")
    day, midnight, hours = told["day"], day_start(told["day"]), Hours(bundle)
    if told["asset"] != bundle.asset or bundle.first != day or bundle.last != day:
        raise Wrong("session.json is of another instrument or day")
    if not 0 <= told["start_s"] < told["end_s"] <= 86400:
        raise Wrong("session.json names no time of a day")
    channels, digest = hours.channels(day), hours.policy(day)
    if len(channels) != 1 or digest not in bundle.policies:
        raise Lacking(f"{day}: what measured the instrument, or its policy, is not shown")
    spans = seconds_of(
        timeline(hours.pieces.get(channels[0], []), bundle.policies[digest], midnight, midnight + DAY_MS, "unobserved"),
        midnight,
    )
    run = sum(max(0, min(e, told["end_s"]) - max(s, told["start_s"])) for s, e, w in spans if w == "run")
    if run != told["run_s"]:
        raise (Lacking if bundle.gaps else Wrong)(f"run_s is {told['run_s']}, recomputed {run}")


def judge(path, trust):
    """The verdict by a trust file's text (0 VALID, 1 INCOMPLETE, 2 CONTRADICTED); what was found, what not checked."""
    report = Report()
    try:
        bundle = report.attempt(1, Bundle, path, read_trust(trust), report)
        if bundle:
            report.attempt(1, manifest, bundle)
        if bundle and bundle.named:
            check_contents(bundle, report)
    except (OSError, Unreadable, ValueError, KeyError) as error:
        return 1, [(1, f"cannot be read: {error}")], []
    found = [*report.wrong, *report.lacking]
    return 2 if report.wrong else 1 if report.lacking else 0, found, report.unchecked


def check_contents(bundle, report):
    report.attempt(4, checkpoints, bundle)
    report.attempt(5, facts_and_registry, bundle)
    report.attempt(6, agent_logs, bundle)
    report.attempt(9, beacons, bundle)
    report.attempt(8, revocations, bundle)
    if bundle.scope == "full":
        report.attempt(11, days, bundle)
        hours = report.attempt(12, records, bundle)
        if hours:
            report.attempt(13, grades, bundle, hours)
        report.attempt(14, table, bundle)
    else:
        report.attempt(12, session, bundle)


def main(arguments):
    if len(arguments) != 2:
        print(__doc__)
        return 64
    try:
        trust = Path(arguments[1]).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        print(f"INCOMPLETE\ncannot be read: {error}")
        return 1
    verdict, found, unchecked = judge(arguments[0], trust)
    print(("VALID", "INCOMPLETE", "CONTRADICTED")[verdict])
    for word, lines in (("found", found), ("not checked", unchecked)):
        for check, text in sorted(set(lines))[:40]:
            print(f"{word} {check}: {text}")
    return verdict


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
