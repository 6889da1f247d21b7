"""A second verifier of evidence bundles, from docs/bundle.md, docs/log.md and docs/beacons.md alone.

It shares no code with the product: standard library and Ed25519. It checks the formats, hashes, trees, signatures and
proofs, and that the sums of the table follow from the records; it does not know how hours are derived. `verify` returns
what it found wrong; an empty list where it finds nothing.

    python tests/second_verifier.py BUNDLE TRUST.txt
"""

import base64
import csv
import hashlib
import io
import json
import struct
import sys
import zipfile
from pathlib import Path

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey


class Wrong(Exception):
    """Something is not as the documents say."""


def verify(bundle, trust):
    """Check a bundle (a directory or a zip) by the text of a trust file; returns sentences."""
    try:
        return list(_Bundle(_read(Path(bundle)), _trusted(trust)).problems())
    except (Wrong, ValueError, KeyError, IndexError, struct.error, zipfile.BadZipFile, UnicodeDecodeError) as error:
        return [f"{type(error).__name__}: {error}"]


def _read(path):
    if path.is_dir():
        return {each.relative_to(path).as_posix(): each.read_bytes() for each in path.rglob("*") if each.is_file()}
    with zipfile.ZipFile(path) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def _trusted(text):
    keys = {"export": [], "receipt": [], "log": [], "agent": [], "person": []}
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            kind, vkey = line.split()
            keys[kind].append(_key(vkey))
    return keys


def _key(vkey):
    """Name, key id and public key of a verifier key `name+id+base64`; the id must be that of name and key."""
    name, key_id, encoded = vkey.split("+", 2)
    raw = base64.b64decode(encoded, validate=True)
    if hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4].hex() != key_id:
        raise Wrong(f"{name}: the key's id is not its own")
    return name, bytes.fromhex(key_id), raw[0], VerifyKey(raw[1:])


def _lines(note):
    text, _, block = note.rpartition(b"\n\n")
    found = []
    for line in block.decode().splitlines():
        dash, name, blob = line.split(" ")
        if dash != "\u2014":
            raise Wrong("a signature line begins with a dash")
        raw = base64.b64decode(blob, validate=True)
        found.append((name, raw[:4], raw[4:]))
    return text + b"\n", found


def _signed(note, keys):
    """The text of a note that one of these plain keys (0x01) signed, and the name of the key."""
    text, lines = _lines(note)
    for name, key_id, algorithm, key in keys:
        for signer, line_id, signature in lines:
            if algorithm == 1 and (signer, line_id) == (name, key_id):
                _check(key, text, signature)
                return text.decode(), name
    raise Wrong(f"signed by no key that is trusted: {note[:60]!r}")


def _stamped(note, keys):
    """The time of the line of one of these receipt keys (0x04)."""
    text, lines = _lines(note)
    for name, key_id, algorithm, key in keys:
        for signer, line_id, blob in lines:
            if algorithm == 4 and (signer, line_id) == (name, key_id):
                time_s = int.from_bytes(blob[:8], "big")
                _check(key, f"cosignature/v1\ntime {time_s}\n".encode() + text, blob[8:])
                return time_s
    raise Wrong(f"no receipt of a key that is trusted: {note[:60]!r}")


def _check(key, message, signature):
    try:
        key.verify(message, signature)
    except BadSignatureError as error:
        raise Wrong("a signature is false") from error


def _tree(text):
    origin, size, root, end = text.split("\n")
    if end:
        raise Wrong("a checkpoint has three lines")
    return origin, int(size), base64.b64decode(root, validate=True)


def _leaf(raw):
    return hashlib.sha256(b"\x00" + raw).digest()


def _node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def _included(leaf, index, size, path):
    """The root that an inclusion proof leads to (RFC 9162 section 2.1.3.2)."""
    at, last, node = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise Wrong("a proof is too long")
        if at & 1 or at == last:
            node = _node(sibling, node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = _node(node, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise Wrong("a proof is too short")
    return node


def _continues(size, root, new_size, path):
    """The roots of both trees that a consistency proof leads to (RFC 9162 section 2.1.4.2)."""
    if size == new_size:
        return root, root
    path = list(path)
    if size & (size - 1) == 0:
        path.insert(0, root)
    at, last = size - 1, new_size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if at & 1 or at == last:
            old, new = _node(sibling, old), _node(sibling, new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new = _node(new, sibling)
        at, last = at >> 1, last >> 1
    return old, new


def _framed(raw):
    found, at = [], 0
    while at < len(raw):
        (length,) = struct.unpack_from(">H", raw, at)
        if at + 2 + length > len(raw):
            raise Wrong("a bundle of entries ends in the middle")
        found.append(raw[at + 2 : at + 2 + length])
        at += 2 + length
    return found


class _Log:
    """A tree that grows leaf by leaf: peaks of perfect subtrees, the largest first."""

    def __init__(self, size, peaks):
        self.size, self.peaks = size, list(peaks)

    def add(self, leaf):
        node, full = leaf, self.size
        while full & 1:
            node, full = _node(self.peaks.pop(), node), full >> 1
        self.peaks.append(node)
        self.size += 1

    def root(self):
        node = self.peaks[-1]
        for peak in self.peaks[-2::-1]:
            node = _node(peak, node)
        return node


class _Bundle:
    def __init__(self, files, trust):
        self.files, self.trust = files, trust
        self.heads = {}
        self.enrolled = {}
        self.owners = {}

    def problems(self):
        for check in (self.manifest, self.logs, self.said, self.decisions, self.journals, self.hours):
            yield from check()

    def manifest(self):
        text, _ = _signed(self.files["MANIFEST"], self.trust["export"])
        lines = text.splitlines()
        self.head = dict(line.split(" ", 1) for line in lines[1:7])
        if lines[0] != "jishi-bundle/v1":
            raise Wrong("not a bundle")
        stated = {}
        for line in lines[7:]:
            digest, size, path = line.split(" ", 2)
            stated[path] = digest, int(size)
        if set(stated) != set(self.files) - {"MANIFEST"}:
            yield f"files that the manifest does not state, or that are missing: {set(stated) ^ set(self.files)}"
        for path, (digest, size) in stated.items():
            raw = self.files.get(path, b"")
            if (hashlib.sha256(raw).hexdigest(), len(raw)) != (digest, size):
                yield f"{path} is not the file that the manifest states"

    def logs(self):
        for path, raw in self.files.items():
            if path.startswith("collector/") and path.endswith("/checkpoint"):
                name = path.split("/")[1]
                text, _ = _signed(raw, self.trust["log"])
                _stamped(raw, self.trust["receipt"])
                origin, size, root = _tree(text)
                if origin != f"{self.head['domain']}/log/{name}":
                    yield f"{path} is of {origin}"
                self.heads[name] = size, root
        for name, (size, root) in self.heads.items():
            for line in self.files.get(f"collector/{name}/consistency.jsonl", b"").splitlines():
                said = json.loads(line)
                old_root = base64.b64decode(said["root"])
                path = [base64.b64decode(each) for each in said["proof"]]
                if _continues(said["size"], old_root, size, path) != (old_root, root):
                    yield f"log {name} does not continue the tree of {said['size']} that an agent journalled"

    def _in_log(self, said):
        size, root = self.heads[said["log"]]
        path = [base64.b64decode(each) for each in said["proof"]]
        return _included(_leaf(said["leaf"].encode()), said["index"], size, path) == root

    def said(self):
        known = {}
        for path in ("facts/facts.jsonl", "facts/registered.jsonl"):
            for line in self.files[path].splitlines():
                known[hashlib.sha256(line).hexdigest()] = line
        proved = set()
        for line in self.files["facts/proofs.jsonl"].splitlines():
            said = json.loads(line)
            leaf = json.loads(said["leaf"])
            if leaf["k"] not in ("fact", "registered") or leaf["sha256"] != said["sha256"] or not self._in_log(said):
                yield f"the proof of {said['sha256'][:12]} is false"
            proved.add(said["sha256"])
        for digest, line in known.items():
            if digest not in proved:
                yield f"nothing proves {line[:60]!r}"
            statement = json.loads(line)
            if isinstance(statement, list) and statement[0] == "enrolment":
                self.enrolled[statement[1]] = _key(statement[2])
            if isinstance(statement, list) and statement[0] == "person-key":
                self.owners[statement[1].split("+")[0]] = statement[2]
            if isinstance(statement, list) and statement[0] == "policy":
                body = self.files.get(f"policy/{statement[4]}.json")
                if body is None or hashlib.sha256(body).hexdigest() != statement[4]:
                    yield f"policy {statement[4][:12]} is missing or another"

    def decisions(self):
        notes = {path for path in self.files if path.startswith("facts/decisions/")}
        for line in self.files.get("facts/facts.jsonl", b"").splitlines():
            if json.loads(line)["kind"] == "decision":
                path = f"facts/decisions/{hashlib.sha256(line).hexdigest()}.note"
                if path not in notes:
                    yield f"nobody signed {line[:60]!r}"
                    continue
                notes.remove(path)
                text, signer = _signed(self.files[path], self.trust["person"])
                if self.owners.get(signer) != json.loads(line)["approver"]:
                    yield f"{path} is signed by {signer}, which the registry does not name as the approver's"
                if text.encode() != b"jishi-decision/v1\n" + line + b"\n":
                    yield f"{path} signs something else"
        for path in notes:
            yield f"{path} signs nothing that is here"

    def journals(self):
        directories = sorted({"/".join(path.split("/")[:3]) for path in self.files if path.startswith("agents/")})
        for directory in directories:
            _, agent, epoch = directory.split("/")
            origin = f"{self.head['domain']}/a/{agent}/{epoch}"
            yield from self._journal(directory, origin, self.enrolled[origin])

    def _journal(self, directory, origin, key):
        lines = self.files[f"{directory}/frontier"].decode().splitlines()
        log = _Log(int(lines[1]), [base64.b64decode(each) for each in lines[2:]])
        if lines[0] != "jishi-frontier/v1" or log.size % 256 or len(log.peaks) != log.size.bit_count():
            raise Wrong(f"{directory}/frontier is none")
        entries = self._framed_under(f"{directory}/tile/entries/")
        receipts, before = [], log.size
        for raw in self._framed_under(f"{directory}/receipts/"):
            text, _ = _signed(raw, [key])
            signed_origin, size, root = _tree(text)
            if signed_origin != origin or size <= before:
                yield f"a receipt of {origin} is out of its order"
            receipts.append((size, root, _stamped(raw, self.trust["receipt"])))
            before = size
        roots = {size: (root, time_s) for size, root, time_s in receipts}
        waiting = []
        for index, raw in enumerate(entries, log.size):
            log.add(_leaf(raw))
            waiting += self._beacon_time(raw, index)
            if log.size in roots:
                root, time_s = roots.pop(log.size)
                if log.root() != root:
                    yield f"the entries of {origin} do not lead to the root that was signed at {log.size}"
                if any(beacon_s > time_s + 60 for beacon_s in waiting):
                    yield f"a beacon of {origin} is later than the receipt over it"
                waiting = []
        if roots or not receipts or receipts[-1][0] != log.size:
            yield f"receipts and entries of {origin} do not end together"

    def _framed_under(self, prefix):
        def number(path):
            return int("".join(each for each in path[len(prefix) :].partition(".p/")[0] if each.isdecimal()))

        paths = sorted((path for path in self.files if path.startswith(prefix)), key=number)
        return [raw for path in paths for raw in _framed(self.files[path])]

    def _beacon_time(self, raw, index):
        try:
            entry = json.loads(raw)
        except ValueError:
            return []
        if not isinstance(entry, dict) or entry.get("k") != "beacon" or entry.get("i") != index:
            return []
        said = entry["d"]
        text = f"{self.head['domain']}/log/{said['log']}\n{said['size']}\n{said['root']}\n".encode()
        blob = base64.b64decode(said["signature"])
        time_s = int.from_bytes(blob[:8], "big")
        for _, _, algorithm, key in self.trust["receipt"]:
            try:
                if algorithm == 4 and time_s == said["time_s"]:
                    key.verify(f"cosignature/v1\ntime {time_s}\n".encode() + text, blob[8:])
                    return [time_s]
            except BadSignatureError:
                continue
        return []

    def hours(self):
        records = {}
        for line in self.files["hours/records.jsonl"].splitlines():
            record = json.loads(line)
            records[record["day"]] = hashlib.sha256(line).hexdigest(), record
        grades = {}
        for line in self.files["hours/grades.jsonl"].splitlines():
            grade = json.loads(line)
            if grade["record"] != records[grade["day"]][0]:
                yield f"the grades of {grade['day']} are of another record"
            grades[grade["day"]] = hashlib.sha256(line).hexdigest()
        closed = set()
        for line in self.files["hours/closed.jsonl"].splitlines():
            said = json.loads(line)
            leaf = json.loads(said["leaf"])
            inner = ["record", self.head["asset"], said["day"], said["revision"], said["sha256"], said["grades"]]
            raw = json.dumps(inner, separators=(",", ":"), ensure_ascii=False).encode()
            path = [base64.b64decode(each) for each in said["path"]]
            root = _included(_leaf(raw), said["place"], said["of"], path).hex()
            if leaf["k"] != "closed" or leaf["day"] != said["day"] or leaf["root"] != root or not self._in_log(said):
                yield f"the closing of {said['day']} is false"
            if records[said["day"]][0] != said["sha256"]:
                yield f"{said['day']} was closed with another record"
            closed.add(said["day"])
        yield from self._days(records, closed)

    def _days(self, records, closed):
        for day, (_, record) in records.items():
            inside = self.head["from"] <= day <= self.head["to"]
            if inside and day not in closed:
                yield f"nothing shows that {day} was closed"
            spans = sum(end - start for start, end, _ in record["spans"])
            if spans != record["until"] or sum(line[3] for line in record["served"]) != record["effective_s"]:
                yield f"the seconds of {day} do not add up"
        rows = list(csv.DictReader(io.StringIO(self.files["hours/hours.csv"].decode("utf-8-sig"))))
        for row in rows:
            record = records[row["day"]][1]
            for name in ("run_s", "standby_s", "off_s", "unobserved_s", "effective_s", "verified_s", "claimed_s"):
                if int(row[name]) != record[name]:
                    yield f"the table says {row[name]} for {name} of {row['day']}, the record {record[name]}"


if __name__ == "__main__":
    found = verify(sys.argv[1], Path(sys.argv[2]).read_text(encoding="utf-8"))
    print("\n".join(found) or "nothing wrong was found")
    sys.exit(2 if found else 0)
