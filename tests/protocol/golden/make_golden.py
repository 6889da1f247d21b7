"""Make the golden files of this folder by a route of its own.

Shares no code with the project: trees are the plain recursions of RFC 6962 section 2.1, signatures come from
the openssl command line, frames are written by hand. What is written here as a string is the format, byte for byte;
a program in another language may be tested against the same files.

    python tests/protocol/golden/make_golden.py [directory]
"""
# ruff: noqa: E501  (the bytes of one message stand on one line)

import base64
import hashlib
import json
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

HERE = Path(__file__).parent

# -- entries ----------------------------------------------------------------------------------------------------------

SHA = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
ROOT = base64.b64encode(hashlib.sha256(b"golden root").digest()).decode()
SIGNED = base64.b64encode(bytes(4) + (1764554700).to_bytes(4, "big") + hashlib.sha512(b"golden line").digest()).decode()
VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"


def wrap(kind, body, *, index=7, wall=1764554716036, mono=72893813, boot="5f3a9c01"):
    return f'{{"v":1,"i":{index},"t":{wall},"m":{mono},"b":"{boot}","k":"{kind}","d":{body}}}'


def of_length(length):
    """An entry of exactly this many bytes, 3800 to 4200."""
    short = wrap("config", f'{{"sha256":"{SHA}","changed":[' + ('"' + "x" * 440 + '",') * 8 + '"@"]}')
    return short.replace("@", "x" * (length - len(short) + 1))


DECLARED = '{"asset":"A001","operator":"' + SHA + '",'
ENTRIES = {
    "the example of evidence.md section 3": wrap(
        "reading",
        '{"s":"meter1","ch":"power","a":72737790,"d":[140013,2001,1990,2017,10002],"w":[21959,904900,821200,905800,924211],'
        '"lo":[21200,904900,821200,905800,909300],"hi":[22900,904900,821200,905800,936200],"e":[1000,0,1000,0,3000],"c":1646000}',
        index=1241,
    ),
    "genesis of a first epoch": wrap("genesis", f'{{"assets":["A001","仪器-7"],"key":"{VKEY}","build":"0.1.0+g12ab"}}', index=0),
    "genesis after another epoch": wrap(
        "genesis",
        f'{{"assets":[],"key":"{VKEY}","build":"0.1.0","predecessor":"{SIGNED}","why":"restored from an image"}}',
        index=0,
    ),
    "start": wrap("start", '{"version":"0.1.0"}', index=1),
    "start after a crash": wrap("start", '{"version":"0.1.0","recovered":[["5f3a9c01",6],["00000000",9007199254740991]],"quarantined_bytes":17}'),
    "stop": wrap("stop", '{"reason":"SIGTERM"}'),
    "gauge without a counter": wrap("reading", '{"s":"plug-2","ch":"power","a":0,"d":[1],"w":[-3],"lo":[-4],"hi":[0]}'),
    "state": wrap("reading", '{"s":"software","ch":"state","a":5,"d":[2000,2000],"st":["up","采集"]}'),
    "count": wrap("reading", '{"s":"files","ch":"bytes","a":5,"d":[300000],"n":[-9007199254740991]}'),
    "event": wrap("reading", '{"s":"card","ch":"uid","a":5,"d":[0,0],"x":["in","' + SHA + '"]}'),
    "an hour at most": wrap("reading", '{"s":"m","ch":"power","a":4398046511103,"d":[3600000],"n":[0]}', mono=4398046511103),
    "watcher down": wrap("watcher", '{"watcher":"meter1","state":"down","reason":"no answer \\"3\\" times \\\\ 8 s"}'),
    "watcher up": wrap("watcher", '{"watcher":"meter1","state":"up","reason":"answers","since_mono_ms":72890000}'),
    "declaration": wrap(
        "declaration",
        '{"asset":"仪器-7","operator":"' + SHA + '","action":"in","how":"page","purpose":"service-order","order":"SO-2026-17"}',
    ),
    "declaration without an order": wrap("declaration", DECLARED + '"action":"in","how":"card","purpose":"own-research"}'),
    "declaration of an end": wrap("declaration", DECLARED + '"action":"out","how":"command"}'),
    "declaration that was forgotten": wrap("declaration", DECLARED + '"action":"out","how":"forgotten","until_ms":1764550800000}'),
    "clock step": wrap("clock", '{"jump_ms":-31536000000,"cause":"step"}', wall=-8796093022208),
    "clock suspend": wrap("clock", '{"jump_ms":28800000,"cause":"suspend"}', wall=140737488355327),
    "beacon": wrap("beacon", f'{{"log":"2026-1","size":42,"root":"{ROOT}","time_s":1764554700,"signature":"{SIGNED}"}}'),
    "config": wrap("config", f'{{"sha256":"{SHA}","changed":["agent.id","watcher[0].port"]}}'),
    "storage": wrap("storage", '{"problem":"fdatasync failed: EIO"}'),
    "4096 bytes": of_length(4096),
    "inspect": wrap("inspect", '{"nonce":"0f1e2d3c4b5a6978"}', index=9007199254740991, mono=0),
}  # fmt: skip

STOP = '{"reason":"x"}'
GAUGE = '{"s":"m","ch":"power","a":0,"d":[1,2],"w":[5,5],"lo":[5,5],"hi":[5,5]}'
REFUSED_ENTRIES = {
    "no bytes at all": "",
    "not JSON": "stop",
    "a list": "[]",
    "a space": wrap("stop", STOP).replace(",", ", "),
    "a line feed at the end": wrap("stop", STOP) + "\n",
    "a second object": wrap("stop", STOP) + "{}",
    "members in another order": '{"i":7,"v":1,"t":1,"m":1,"b":"5f3a9c01","k":"stop","d":{"reason":"x"}}',
    "a member twice": wrap("stop", '{"reason":"y","reason":"x"}'),
    "an unknown member": wrap("stop", STOP[:-1] + ',"z":1}'),
    "an unknown member outside": wrap("stop", STOP)[:-1] + ',"z":1}',
    "an unknown kind": wrap("party", STOP),
    "another version": wrap("stop", STOP).replace('"v":1', '"v":2'),
    "a missing member": '{"v":1,"i":7,"t":1,"m":1,"b":"5f3a9c01","d":{"reason":"x"}}',
    "a float": wrap("stop", STOP, index="7.0"),
    "an exponent": wrap("stop", STOP, index="7e0"),
    "a leading zero": wrap("stop", STOP, index="07"),
    "minus zero": wrap("stop", STOP, wall="-0"),
    "a plus sign": wrap("stop", STOP, wall="+1"),
    "an integer of 2^53": wrap("stop", STOP, index=2**53),
    "an integer of 400 digits": wrap("stop", STOP, index="9" * 400),
    "a negative index": wrap("stop", STOP, index=-1),
    "a negative monotonic clock": wrap("stop", STOP, mono=-1),
    "a monotonic clock of 139 years": wrap("stop", STOP, mono=2**42),
    "a wall clock before 1691": wrap("stop", STOP, wall=-(2**43) - 1),
    "a wall clock after 6429": wrap("stop", STOP, wall=2**47),
    "an integer as text": wrap("stop", STOP, index='"7"'),
    "a boolean as integer": wrap("stop", STOP, index="true"),
    "upper-case boot": wrap("stop", STOP, boot="5F3A9C01"),
    "short boot": wrap("stop", STOP, boot="5f3a9c0"),
    "boot with a line feed": wrap("stop", STOP, boot="5f3a9c0\\n"),
    "an escaped letter": wrap("stop", '{"reason":"\\u0078"}'),
    "an escaped slash": wrap("stop", '{"reason":"\\/"}'),
    "a NUL in a text": wrap("stop", '{"reason":"a\\u0000b"}'),
    "a line feed in a text": wrap("stop", '{"reason":"a\\nb"}'),
    "a tab in a text": wrap("stop", '{"reason":"a\\\\\\tb"}'),
    "half a surrogate pair": wrap("stop", '{"reason":"\\ud800"}'),
    "an empty text": wrap("stop", '{"reason":""}'),
    "a text of 501 characters": wrap("stop", '{"reason":"' + "x" * 501 + '"}'),
    "null": wrap("stop", '{"reason":null}'),
    "null for an absent member": wrap("genesis", f'{{"assets":[],"key":"{VKEY}","build":"1","why":null}}'),
    "a default spelled out": wrap("start", '{"version":"1","recovered":[]}'),
    "a zero spelled out": wrap("start", '{"version":"1","quarantined_bytes":0}'),
    "4097 bytes": of_length(4097),
    "a thousand brackets": "[" * 1000 + "]" * 1000,
    "brackets inside": wrap("stop", "[" * 1800 + "]" * 1800),
    "no shape": wrap("reading", '{"s":"m","ch":"power","a":0,"d":[1]}'),
    "two shapes": wrap("reading", '{"s":"m","ch":"power","a":0,"d":[1],"st":["x"],"n":[1]}'),
    "a gauge and a state": wrap("reading", GAUGE[:-1] + ',"st":["x","y"]}'),
    "no interval": wrap("reading", '{"s":"m","ch":"power","a":0,"d":[],"n":[]}'),
    "601 intervals": wrap("reading", '{"s":"m","ch":"p","a":0,"d":[' + ",".join(["1"] * 601) + '],"n":[' + ",".join(["1"] * 601) + "]}"),
    "a short list": wrap("reading", '{"s":"m","ch":"power","a":0,"d":[1,2],"n":[1]}'),
    "a long list": wrap("reading", '{"s":"m","ch":"power","a":0,"d":[1],"st":["a","b"]}'),
    "a short lo": wrap("reading", GAUGE.replace('"lo":[5,5]', '"lo":[5]')),
    "a short hi": wrap("reading", GAUGE.replace('"hi":[5,5]', '"hi":[5]')),
    "no lo": wrap("reading", GAUGE.replace('"lo":[5,5],', "")),
    "no w": wrap("reading", GAUGE.replace('"w":[5,5],', "")),
    "no hi": wrap("reading", GAUGE.replace(',"hi":[5,5]', "")),
    "lo above w": wrap("reading", GAUGE.replace('"lo":[5,5]', '"lo":[5,6]')),
    "w above hi": wrap("reading", GAUGE.replace('"hi":[5,5]', '"hi":[4,5]')),
    "lo and hi beside a count": wrap("reading", '{"s":"m","ch":"p","a":0,"d":[1],"lo":[1],"hi":[1],"n":[1]}'),
    "e without c": wrap("reading", GAUGE[:-1] + ',"e":[0,0]}'),
    "c without e": wrap("reading", GAUGE[:-1] + ',"c":0}'),
    "a falling counter": wrap("reading", GAUGE[:-1] + ',"e":[0,-1],"c":0}'),
    "a short e": wrap("reading", GAUGE[:-1] + ',"e":[0],"c":0}'),
    "e and c beside a count": wrap("reading", '{"s":"m","ch":"p","a":0,"d":[1],"e":[0],"c":0,"n":[1]}'),
    "a duration of 0 in a gauge": wrap("reading", GAUGE.replace('"d":[1,2]', '"d":[0,2]')),
    "a negative duration": wrap("reading", '{"s":"m","ch":"p","a":0,"d":[-1,2],"x":["a","b"]}'),
    "more than an hour": wrap("reading", '{"s":"m","ch":"p","a":0,"d":[3600000,1],"n":[0,0]}'),
    "a watcher's name with a slash": wrap("reading", '{"s":"m/1","ch":"p","a":0,"d":[1],"n":[0]}'),
    "an empty channel": wrap("reading", '{"s":"m","ch":"","a":0,"d":[1],"n":[0]}'),
    "a watcher that is sideways": wrap("watcher", '{"watcher":"m","state":"sideways","reason":"x"}'),
    "a root of 31 bytes": wrap("beacon", f'{{"log":"2026-1","size":1,"root":"{base64.b64encode(bytes(31)).decode()}","time_s":1,"signature":"{SIGNED}"}}'),
    "a root with stray bits": wrap("beacon", f'{{"log":"2026-1","size":1,"root":"{ROOT[:-2]}{chr(ord(ROOT[-2]) + 1)}=","time_s":1,"signature":"{SIGNED}"}}'),
    "a declaration with a name in it": wrap("declaration", '{"asset":"A001","operator":"张三","action":"out","how":"page"}'),
    "a declaration for no instrument": wrap("declaration", '{"operator":"' + SHA + '","action":"out","how":"page"}'),
    "a purpose of its own": wrap("declaration", DECLARED + '"action":"in","how":"page","purpose":"委托测试"}'),
    "in without a purpose": wrap("declaration", DECLARED + '"action":"in","how":"page"}'),
    "out with a purpose": wrap("declaration", DECLARED + '"action":"out","how":"page","purpose":"teaching"}'),
    "out with an order": wrap("declaration", DECLARED + '"action":"out","how":"page","order":"S-1"}'),
    "out in a way of its own": wrap("declaration", DECLARED + '"action":"out","how":"telepathy"}'),
    "forgotten without an end": wrap("declaration", DECLARED + '"action":"out","how":"forgotten"}'),
    "an end that nobody forgot": wrap("declaration", DECLARED + '"action":"out","how":"page","until_ms":1764550800000}'),
    "in that was forgotten": wrap("declaration", DECLARED + '"action":"in","how":"forgotten","purpose":"teaching","until_ms":0}'),
    "forgotten until the year 6429": wrap("declaration", DECLARED + '"action":"out","how":"forgotten","until_ms":140737488355328}'),
    "a hash in upper case": wrap("config", f'{{"sha256":"{SHA.upper()}","changed":[]}}'),
}  # fmt: skip

REFUSED_ENTRY_BYTES = {  # what no JSON text can hold
    "not UTF-8": wrap("stop", '{"reason":"@"}').encode().replace(b"@", b"\xff"),
    "a surrogate in UTF-8": wrap("stop", '{"reason":"@"}').encode().replace(b"@", b"\xed\xa0\x80"),
    "an overlong slash": wrap("stop", '{"reason":"@"}').encode().replace(b"@", b"\xc0\xaf"),
    "a byte-order mark": b"\xef\xbb\xbf" + wrap("stop", STOP).encode(),
}


def entries():
    refused = {why: raw.encode() for why, raw in REFUSED_ENTRIES.items()} | REFUSED_ENTRY_BYTES
    return {
        "accepted": [
            {"name": name, "raw": raw, "leaf": leaf_hash(raw.encode()).hex()} for name, raw in ENTRIES.items()
        ],
        "refused": [{"why": why, "raw_hex": raw.hex()} for why, raw in refused.items()],
    }


# -- Merkle trees: RFC 6962 section 2.1, as it is written there -------------------------------------------------------


def leaf_hash(data):
    return hashlib.sha256(b"\x00" + data).digest()


def split(n):
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def mth(d):
    if not d:
        return hashlib.sha256(b"").digest()
    if len(d) == 1:
        return leaf_hash(d[0])
    k = split(len(d))
    return hashlib.sha256(b"\x01" + mth(d[:k]) + mth(d[k:])).digest()


def path(m, d):
    if len(d) == 1:
        return []
    k = split(len(d))
    return [*path(m, d[:k]), mth(d[k:])] if m < k else [*path(m - k, d[k:]), mth(d[:k])]


def proof(m, d):
    return subproof(m, d, True)


def subproof(m, d, b):
    if m == len(d):
        return [] if b else [mth(d)]
    k = split(len(d))
    if m <= k:
        return [*subproof(m, d[:k], b), mth(d[k:])]
    return [*subproof(m - k, d[k:], False), mth(d[:k])]


def peaks(d):
    if not d:
        return []
    k = 1 << (len(d).bit_length() - 1)
    return [mth(d[:k]), *peaks(d[k:])]


def merkle():
    data = [b"", b"\x00", *(f"entry {n}".encode() * n for n in range(2, 20))]
    sizes = range(1, 12)
    return {
        "entries_hex": [one.hex() for one in data],
        "roots": [mth(data[:n]).hex() for n in range(len(data) + 1)],
        "frontiers": [b"".join(peaks(data[:n])).hex() for n in range(len(data) + 1)],
        "inclusion": [
            {"index": m, "size": n, "proof": [one.hex() for one in path(m, data[:n])]} for n in sizes for m in range(n)
        ],
        "consistency": [
            {"old_size": m, "size": n, "proof": [one.hex() for one in proof(m, data[:n])]}
            for n in sizes
            for m in range(1, n + 1)
        ],
    }


# -- notes: signed by the openssl command line ------------------------------------------------------------------------

ORIGIN = "lab.example/a/em-01/1"
AGENT_SEED = hashlib.sha256(b"jishi golden agent").digest()
RECEIPT_SEED = hashlib.sha256(b"jishi golden receipts").digest()


def openssl(seed, *args, message=b""):
    with tempfile.TemporaryDirectory() as directory:
        key, text = Path(directory, "key.der"), Path(directory, "text")
        key.write_bytes(bytes.fromhex("302e020100300506032b657004220420") + seed)
        text.write_bytes(message)
        filled = [{"KEY": str(key), "TEXT": str(text)}.get(arg, arg) for arg in args]
        return subprocess.run(["openssl", *filled], check=True, capture_output=True).stdout


def public(seed):
    return openssl(seed, "pkey", "-inform", "DER", "-in", "KEY", "-pubout", "-outform", "DER")[-32:]


def ed25519(seed, message):
    args = ("pkeyutl", "-sign", "-inkey", "KEY", "-keyform", "DER", "-rawin", "-in", "TEXT")
    return openssl(seed, *args, message=message)


def key_id(name, algorithm, point):
    return hashlib.sha256(name.encode() + b"\n" + bytes([algorithm]) + point).digest()[:4]


def vkey(name, algorithm, point):
    material = base64.b64encode(bytes([algorithm]) + point).decode()
    return f"{name}+{key_id(name, algorithm, point).hex()}+{material}"


def line(name, ident, signature):
    return f"— {name} {base64.b64encode(ident + signature).decode()}\n"


def signed(text, name, seed):
    return f"{text}\n{line(name, key_id(name, 1, public(seed)), ed25519(seed, text.encode()))}"


def cosignature(text, name, seed, time_s):
    signature = ed25519(seed, f"cosignature/v1\ntime {time_s}\n{text}".encode())
    return line(name, key_id(name, 4, public(seed)), time_s.to_bytes(8, "big") + signature)


def notes():
    receipts = "lab.example/receipt/1"
    root = base64.b64encode(hashlib.sha256(b"golden tree").digest()).decode()
    text = f"{ORIGIN}\n1242\n{root}\n"
    checkpoint = signed(text, ORIGIN, AGENT_SEED)
    unknown = line("lab.example/tpm", b"\x02\x02\x02\x02", bytes(range(70)))
    stamped = cosignature(text, receipts, RECEIPT_SEED, 1764554716)
    far = cosignature(text, receipts, RECEIPT_SEED, 2**63 - 1)
    enrolment = f"jishi-enrol/v1\n{ORIGIN}\n{vkey(ORIGIN, 1, public(AGENT_SEED))}\n{'0f' * 16}\n"
    return {
        "agent": {"name": ORIGIN, "seed": AGENT_SEED.hex(), "vkey": vkey(ORIGIN, 1, public(AGENT_SEED))},
        "collector": {"name": receipts, "seed": RECEIPT_SEED.hex(), "vkey": vkey(receipts, 4, public(RECEIPT_SEED))},
        "checkpoint": {"size": 1242, "root": root, "note": checkpoint, "with_unknown_line": checkpoint + unknown},
        "receipts": [
            {"time_s": 1764554716, "note": checkpoint + stamped},
            {"time_s": 1764554716, "note": checkpoint + unknown + stamped},
            {"time_s": 2**63 - 1, "note": checkpoint + far},
        ],
        "enrolment": {"nonce": "0f" * 16, "text": enrolment, "note": signed(enrolment, ORIGIN, AGENT_SEED)},
        "blank_lines": signed("one\n\n\ntwo\n\n— not a line\n", ORIGIN, AGENT_SEED),
    }


# -- what travels -----------------------------------------------------------------------------------------------------


def stored(data):
    """RFC 1950 around RFC 1951's stored block: compressed in name only, the same with every library."""
    size = len(data).to_bytes(2, "little")
    inverse = (len(data) ^ 0xFFFF).to_bytes(2, "little")
    return b"\x78\x01\x01" + size + inverse + data + zlib.adler32(data).to_bytes(4, "big")


def wire():
    some = [ENTRIES["start"].encode(), ENTRIES["the example of evidence.md section 3"].encode()]
    bundle = b"".join(len(one).to_bytes(2, "big") + one for one in some)
    note = b"stands for a note\n"
    nonce = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"

    def batch(body, deflate):
        head = f"jishi-batch/v1\nold 1240\nnote {len(note)}\nentries {len(body)}\ndeflate {deflate}\n\n"
        return (head.encode() + note + body).hex()

    head = f"lab.example/log/2026-1\n42\n{ROOT}\n"
    beacon = f"{head}\n{cosignature(head, 'lab.example/receipt/1', RECEIPT_SEED, 1764554716)}"
    welcome = f"jishi-welcome/v1\nnonce {nonce}\ntime 1764554716036\nheld 1242\nwindow 4\nspread 60\n"
    return {
        "bundle": {"entries": [one.decode() for one in some], "raw_hex": bundle.hex()},
        "batch": {"old": 1240, "note": note.decode(), "plain_hex": batch(bundle, 0), "deflated_hex": batch(stored(bundle), 1)},
        "hello": {"nonce": nonce, "note": note.decode(), "raw": f"jishi-hello/v1\nnonce {nonce}\nnote {len(note)}\n\n{note.decode()}"},
        "welcomes": [
            {"levels": [], "receipt": None, "raw": f"{welcome}receipt 0\n\n"},
            {
                "levels": [["meter1", "power", [30000, 120000]], ["meter1", "x", [-1]]],
                "receipt": note.decode(),
                "raw": f"{welcome}level meter1 power 30000,120000\nlevel meter1 x -1\nreceipt {len(note)}\n\n{note.decode()}",
            },
            {
                "levels": [],
                "policies": [["meter1", '{"v":1}\n']],
                "receipt": note.decode(),
                "beacon": beacon,
                "raw": f'{welcome}policy meter1 8\nbeacon {len(beacon.encode())}\nreceipt {len(note)}\n\n{note.decode()}{{"v":1}}\n{beacon}',
            },
        ],
        "refusals": [
            {
                "code": "gap",
                "log": log,
                "held": 1242,
                "detail": "entries from 1300 on were sent",
                "receipt": note.decode(),
                "raw": f"jishi-refuse/v1\ncode gap\n{line}held 1242\ndetail entries from 1300 on were sent\nreceipt {len(note)}\n\n{note.decode()}",
            }
            for log, line in (("lab.example/a/em-01/1", "log lab.example/a/em-01/1\n"), ("", ""))
        ],
        "topics": [
            {"agent": agent, "shard": shard, "up": f"jishi/v1/up/{shard}/{agent}", "down": f"jishi/v1/down/{shard}/{agent}"}
            for agent in ("em-01", "0000", "a-very-long-name-of-an-agent-0123456789a")
            for shard in [int(hashlib.sha256(agent.encode()).hexdigest()[:2], 16) % 64]
        ],
    }  # fmt: skip


# -- two histories of one log -----------------------------------------------------------------------------------------


def forks():
    ours = [f"entry {n}".encode() for n in range(4)]
    other = [*ours[:2], b"another 2"]
    name = "jishi.example/a/em-01/1"
    text64 = lambda one: base64.b64encode(one).decode()  # noqa: E731

    def note(data):
        return signed(f"{name}\n{len(data)}\n{text64(mth(data))}\n", name, AGENT_SEED)

    def file(members, a, b):
        lines = "".join(
            f"{key} {value}\n" for key, value in [*members, ("note-a", len(a.encode())), ("note-b", len(b.encode()))]
        )
        return f"jishi-fork/v1\n{lines}\n{a}{b}"

    def side(letter, data, m):
        return [
            (f"leaf-{letter}", text64(leaf_hash(data[m]))),
            *((f"path-{letter}", text64(one)) for one in path(m, data)),
        ]

    prefix = [("root", text64(mth(ours[:3]))), *(("path", text64(one)) for one in proof(3, ours))]
    hashes = [leaf_hash(one) for one in ours[:3]]
    head = f"log {name}\nsize 4\nlevel 0\nfirst 0\n"
    answer = f"jishi-leaves/v1\n{head}note {len(note(ours).encode())}\nhashes 96\n\n{note(ours)}".encode() + b"".join(
        hashes
    )
    return {
        "vkey": vkey(name, 1, public(AGENT_SEED)),
        "leaves": file([("kind", "leaves"), ("index", 2), *side("a", other, 2), *side("b", ours, 2)], note(other), note(ours)),
        "roots": file([("kind", "roots")], note(other), note(ours[:3])),
        "prefix": file([("kind", "prefix"), *prefix], note(other), note(ours)),
        "ask": f"jishi-ask/v1\n{head}count 3\n\n",
        "answer_hex": answer.hex(),
        "cannot": f"jishi-leaves/v1\n{head}cannot deleted\nnote 0\nhashes 0\n\n",
    }  # fmt: skip


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    for name, made in (
        ("entries", entries()),
        ("merkle", merkle()),
        ("notes", notes()),
        ("wire", wire()),
        ("forks", forks()),
    ):
        Path(target, f"{name}.json").write_text(json.dumps(made, ensure_ascii=False, indent=1) + "\n", "utf-8")
