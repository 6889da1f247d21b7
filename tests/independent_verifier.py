"""A second verifier of evidence bundles, written from docs/ alone and sharing no code with this project.

    python tests/independent_verifier.py BUNDLE(.zip or directory) TRUST.txt

Prints VALID, INCOMPLETE or CONTRADICTED and the reasons, each behind the number of its check in docs/audit.md; exit 0, 1, 2.
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


def canonical(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


_decoder = json.JSONDecoder(parse_float=_refuse, parse_constant=_refuse)


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
        self.stack = [(bit, root) for bit, root in
                      zip((b for b in range(63, -1, -1) if size >> b & 1), hashes, strict=True)]

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
        self.root, self.paths = root, []
        for folder, folders, files in os.walk(root):
            for name in folders + files:
                full = os.path.join(folder, name)
                if os.path.islink(full) or not (os.path.isdir(full) or os.path.isfile(full)):
                    raise Wrong(f"{os.path.relpath(full, root)} is a link or no file")
            self.paths += [os.path.relpath(os.path.join(folder, name), root).replace(os.sep, "/") for name in files]
        self.paths.sort(key=str.encode)
        self.sizes = {path: os.path.getsize(os.path.join(root, path)) for path in self.paths}

    def read(self, path):
        with open(os.path.join(self.root, path), "rb") as file:
            return file.read()


class Zip:
    """A zip of which every byte follows from names and contents: its headers are made again and compared."""

    def __init__(self, path):
        self.file = open(path, "rb")
        self.length = os.path.getsize(path)
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
            name = central[at + 46:at + 46 + name_length]
            common = struct.pack("<5H3I2H", 20, 0x0800, 0, 0, 0x21, crc, length, length, name_length, 0)
            made = b"PK\1\2" + struct.pack("<H", 20) + common + struct.pack("<3H2I", 0, 0, 0, 0, offset) + name
            local = b"PK\3\4" + common + name
            shown = name.decode("utf-8", "replace")
            if central[at:at + len(made)] != made:
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
        if self.paths != sorted(self.paths[:-1], key=str.encode) + ["MANIFEST"]:
            raise Wrong("the zip's files are not in order with MANIFEST last")

    def _at(self, place, length):
        self.file.seek(place)
        return self.file.read(length)

    def read(self, path):
        place, crc = self.places[path]
        data = self._at(place, self.sizes[path])
        if zlib.crc32(data) != crc:
            raise Wrong(f"{path}: its checksum in the zip is another one")
        return data


def sound(path):
    return bool(re.fullmatch(r"[a-zA-Z0-9._/-]+", path)) and all(part not in ("", ".", "..") for part in path.split("/"))


def group(index):
    """A number in groups of three digits, all but the last with an x before."""
    digits = str(index).zfill((len(str(index)) + 2) // 3 * 3)
    parts = [digits[i:i + 3] for i in range(0, len(digits), 3)]
    return "/".join(["x" + part for part in parts[:-1]] + parts[-1:])


def framed(data):
    """Byte strings, each behind its length in two bytes."""
    at, found = 0, []
    while at < len(data):
        length = int.from_bytes(data[at:at + 2], "big")
        if at + 2 + length > len(data):
            raise ValueError("the framing is broken")
        found.append(data[at + 2:at + 2 + length])
        at += 2 + length
    return found


# ---------------------------------------------------------------- the bundle

class Bundle:
    """What the files say, as far as the checks have come."""

    def __init__(self, path, trust, report):
        self.report, self.trust = report, trust
        self.box = Directory(path) if os.path.isdir(path) else Zip(path)
        self.named = {}                 # path: (sha256, size) by the manifest
        self.checkpoints = {}           # LOG: (size, root)
        self.shown = {}                 # sha256 of a fact or statement: (log, index) in the log
        self.facts, self.statements = [], []    # (sha256, value, bytes)
        self.logs = {}                  # origin: AgentLog
        self.records, self.grades, self.closed = {}, {}, {}     # by day: (value, bytes); closed: value
        self.policies = {}              # sha256: value

    def read(self, path):
        if path not in self.box.sizes or (self.named and path not in self.named):
            raise Lacking(f"{path} is not there")
        return self.box.read(path)

    def lines(self, path):
        data = self.read(path)
        if data and not data.endswith(b"\n"):
            raise Wrong(f"{path} does not end in a line feed")
        return data[:-1].split(b"\n") if data else []

    def under(self, folder):
        return [path for path in sorted(self.named) if path.startswith(folder)]

    def keys(self, kind, name):
        """The trusted keys of a kind whose name is the one given, or begins with it where it ends in a slash."""
        return [key for key in self.trust[kind] if key.name == name or (name.endswith("/") and key.name.startswith(name))]


TRUST_KINDS = {"export": 1, "log": 1, "agent": 1, "person": 1, "receipt": 4}


def read_trust(text):
    trust = {kind: [] for kind in TRUST_KINDS}
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if words:
            kind, vkey = words
            trust[kind].append(Key(vkey, TRUST_KINDS[kind]))
    return trust


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
    bundle.report.attempt(4, note.signed_by, bundle.keys("receipt", bundle.domain + "/receipt/"), f"checkpoint of {name}")


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
        value, digest = from_canonical(line), sha256(line).hex()
        if not isinstance(value, shape):
            raise Wrong(f"a line of {kind} is of another shape")
        into.append((digest, value, line))
        if (kind, digest) not in proofs:
            raise Lacking(f"{kind} {digest[:12]} ({line[:50].decode()}…) has no proof")

    for line in report.attempt(5, bundle.lines, "facts/proofs.jsonl") or []:
        report.attempt(5, proof_line, line)
    if bundle.scope == "full":
        for line in report.attempt(5, bundle.lines, "facts/facts.jsonl") or []:
            report.attempt(5, thing, line, "fact", bundle.facts, dict)
    for line in report.attempt(5, bundle.lines, "facts/registered.jsonl") or []:
        report.attempt(5, thing, line, "registered", bundle.statements, list)
    there = {("fact", d) for d, _, _ in bundle.facts} | {("registered", d) for d, _, _ in bundle.statements}
    for kind, digest in sorted(set(proofs) - there):
        report.add(5, Lacking(f"there is a proof of {kind} {digest[:12]}, and not the thing itself"))
    wanted = {value[4] for _, value, _ in bundle.statements if value[0] == "policy"}
    for digest in sorted(wanted | {os.path.basename(p)[:-5] for p in bundle.under("policy/")}):
        report.attempt(5, policy, bundle, digest)
    for digest, value, line in bundle.facts:
        if value.get("kind") == "decision":
            report.attempt(5, decision, bundle, digest, value, line)


def policy(bundle, digest):
    data = bundle.read(f"policy/{digest}.json")
    if sha256(data).hex() != digest:
        raise Wrong(f"policy {digest[:12]} is not what its name says")
    bundle.policies[digest] = json.loads(data)


def decision(bundle, digest, value, line):
    """A decision bears the signature of its approver, by a key that a statement gives him and that was not revoked."""
    note = Note(bundle.read(f"facts/decisions/{digest}.note"))
    if note.text != b"jishi-decision/v1\n" + line + b"\n":
        raise Wrong(f"the note of decision {digest[:12]} is over something else")
    given = {v[1]: v[2] for _, v, _ in bundle.statements if v[0] == "person-key"}
    keys = [k for k in bundle.keys("person", bundle.domain + "/person/")]
    signers = {name for name, _, _ in note.lines}
    keys = [key for key in keys if key.name in signers]
    note.signed_by(keys, f"decision {digest[:12]}")
    for key in keys:
        if key.vkey not in given:
            raise Lacking(f"decision {digest[:12]}: no statement gives {key.name} to anybody")
        if given[key.vkey] != value["approver"]:
            raise Wrong(f"decision {digest[:12]} of {value['approver']} is signed by {given[key.vkey]}")
        for other, statement, _ in bundle.statements:
            if statement[0] == "revocation" and statement[1] == key.name and digest in bundle.shown and other in bundle.shown:
                if order_in_logs(bundle.shown[digest]) > order_in_logs(bundle.shown[other]):
                    raise Wrong(f"decision {digest[:12]} came into the log after {key.name} was revoked")


def order_in_logs(place):
    year, count = place[0].split("-")
    return int(year), int(count), place[1]


# ---------------------------------------------------------------- the agents' logs (checks 6 to 10)

class AgentLog:
    """One epoch of one agent: what its entries say, and the receipts over them."""

    def __init__(self, bundle, origin, folder):
        self.bundle, self.origin, self.folder = bundle, origin, folder
        self.entries = {}               # index: entry, of those that are canonical and known
        self.sizes, self.times, self.roots = [], [], []     # of receipts
        self.beacons = []               # (index, entry) of those that are verified
        self.key = None
        self.broken = None              # index from which entries are not shown

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
        bundle.report.attempt(8, read_receipts, bundle, log)
        if bundle.scope == "full":
            bundle.report.attempt(7, read_entries, bundle, log)
        else:
            bundle.report.attempt(7, read_single_entries, bundle, log)


def enrolled_key(bundle, log):
    found = {v[2] for _, v, _ in bundle.statements if v[0] == "enrolment" and v[1] == log.origin}
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
    """Check 8: each receipt bears both signatures, in order of size. They are needed for check 7, so they come first."""
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


KINDS = "genesis start stop reading watcher declaration clock beacon config storage inspect".split()


def known_entry(data, index):
    """The entry, or None: what is not canonical or not known earns nothing."""
    try:
        entry = from_canonical(data)
        if (list(entry) == ["v", "i", "t", "m", "b", "k", "d"] and entry["v"] == 1 and entry["i"] == index
                and type(entry["t"]) is int and type(entry["m"]) is int and isinstance(entry["b"], str)
                and entry["k"] in KINDS and isinstance(entry["d"], dict)):
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
    receipts = iter(zip(log.sizes, log.roots))
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
                        raise Wrong(f"{log.origin}: something between entry {good} and {size} is not what the receipt is over")
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
    indices = sorted(number(os.path.basename(p)[:-5]) for p in bundle.under(folder + "/entries/"))
    proofs = sorted(number(os.path.basename(p)[:-11]) for p in bundle.under(folder + "/proofs/"))
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
    """Check 9: signed, never shrinking, of the log that is shown; and check 10: not later than the receipt over them."""
    collectors = bundle.keys("receipt", bundle.domain + "/receipt/")
    roots, days, pairs = {}, {}, {}
    for log in bundle.logs.values():
        newest = {}
        for index, entry in sorted(log.entries.items()):
            if entry["k"] == "beacon":
                bundle.report.attempt(9, one_beacon, bundle, log, index, entry, collectors, roots, newest, days)
    if bundle.scope == "full":
        for name, (size, root) in bundle.checkpoints.items():
            path = f"collector/{name}/consistency.jsonl"
            if path in bundle.named:
                for line in bundle.report.attempt(9, bundle.lines, path) or []:
                    bundle.report.attempt(9, one_beginning, name, line, size, root, pairs)
        for (origin, day), (name, size, root) in sorted(days.items()):
            if bundle.checkpoints.get(name) == (size, root):
                continue
            if (name, size) not in pairs:
                bundle.report.add(9, Lacking(f"no proof that the beacon of {size} in {origin} on {day} begins log {name}"))
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
    if bundle.checkpoints.get(told["log"], (size, root))[0] == size != 0 \
            and bundle.checkpoints.get(told["log"], (size, root))[1] != root:
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
        seen = [entry["d"]["time_s"] for log in bundle.logs.values() for _, entry in log.beacons
                if entry["d"]["log"] == name and entry["d"]["size"] > index]
        if not seen:
            continue
        if min(seen) * 1000 < value[2]:
            bundle.report.add(8, Wrong(f"the revocation of {value[1]} was in the log before the time that it states"))
        for log in bundle.logs.values():
            if value[1] == log.origin and log.times and log.times[-1] > min(seen) + 60:
                bundle.report.add(8, Wrong(f"{log.origin}: a receipt was given after the log had said that its key was revoked"))


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


COLUMNS = ("day,revision,lead_in,until_s,off_s,standby_s,prepare_s,run_s,post_s,calibrate_s,maintain_s,fault_s,"
           "unobserved_s,energised_s,inferred_s,bridged_s,no_run_s,effective_s,external_s,internal_s,claimed_s,"
           "verified_s,unresolved_s,hand_s,hand_external_s,a_s,b_s,c_s,d_s,x_s,counted_s,counted_external_s,journals,record")


def table(bundle):
    """Check 14: hours.csv is what records and grades say of the days of the period."""
    rows = [COLUMNS]
    for day, (record, line) in sorted(bundle.records.items()):
        if not bundle.first <= day <= bundle.last:
            continue
        grade = bundle.grades.get(day, ({},))[0]
        values = dict(record, until_s=record["until"], external_s=record["claimed_s"] + record["verified_s"],
                      revision=bundle.closed.get(day, {}).get("revision", ""), record=sha256(line).hex(),
                      journals=" ".join(f"{o} {a}-{b}" for o, a, b in record["journals"]),
                      counted_s=grade.get("counted_s", ""), counted_external_s=grade.get("counted_external_s", ""))
        for letter in "ABCDX":
            values[letter.lower() + "_s"] = dict(grade["effective"]).get(letter, 0) if grade else ""
        rows.append(",".join(str(values[column]) for column in COLUMNS.split(",")))
    if bundle.lines("hours/hours.csv") != [row.encode() for row in rows]:
        raise Wrong("hours.csv says something else than the records and grades")


def main(arguments):
    if len(arguments) != 2:
        print(__doc__)
        return 2
    report = Report()
    try:
        with open(arguments[1], encoding="utf-8") as file:
            trust = read_trust(file.read())
        bundle = report.attempt(1, Bundle, arguments[0], trust, report)
        if bundle:
            report.attempt(1, manifest, bundle)
        if bundle and bundle.named:
            report.attempt(4, checkpoints, bundle)
            report.attempt(5, facts_and_registry, bundle)
            report.attempt(6, agent_logs, bundle)
            report.attempt(9, beacons, bundle)
            report.attempt(8, revocations, bundle)
            if bundle.scope == "full":
                report.attempt(11, days, bundle)
                report.attempt(14, table, bundle)
    except (OSError, Unreadable, ValueError, KeyError) as error:
        print(f"INCOMPLETE\ncannot be read: {error}")
        return 1
    verdict = 2 if report.wrong else 1 if report.lacking else 0
    print(("VALID", "INCOMPLETE", "CONTRADICTED")[verdict])
    for word, found in (("contradicted", report.wrong), ("incomplete", report.lacking), ("not checked", report.unchecked)):
        for check, text in sorted(set(found), key=lambda pair: (pair[0], pair[1]))[:40]:
            print(f"{word} {check}: {text}")
    return verdict


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
