"""Every parser of foreign bytes: one family of error, whatever comes, in linear time and bounded memory."""

import base64
import gzip
import json
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import (
    batch,
    beacon,
    entry,
    epoch,
    facts,
    findings,
    fork_proof,
    frozen,
    grades,
    hint,
    hours,
    leaves,
    log_leaf,
    merkle,
    message,
    note,
    parcel,
    person_key,
    policy,
    registered,
    sample_file,
    sealed,
    signed_case,
    signed_decision,
    slip,
    tiles,
    tlog_proof,
    topics,
)
from protocol.audit import inspect_days, inspect_form, inspect_steps
from protocol.certificate_request import make_certificate_request, open_certificate_request
from protocol.errors import ForeignBytesError
from protocol.flags import flag, shape
from protocol.keys import COSIGNATURE, ED25519, SigningKey, parse_vkey
from protocol.verify import layout, log_proofs, trust
from tests.foreign import mutations

AGENT = SigningKey("lab.example/a/em-01/1", ED25519, bytes(range(32)))
RECEIPTS = SigningKey("lab.example/receipt/1", COSIGNATURE, bytes(range(32, 64)))
SIGNED = note.sign_checkpoint(note.Checkpoint(AGENT.name, 3, merkle.EMPTY_ROOT), AGENT)
RECEIPT = note.cosign(SIGNED, RECEIPTS, time_s=1764554716)
READING = (
    b'{"v":1,"i":1,"t":1764554716036,"m":72893813,"b":"5f3a9c01","k":"reading","d":{"s":"meter1","ch":"power","a":7,'
    b'"d":[2001,2],"w":[-5,904900],"lo":[-5,904900],"hi":[22,904900],"e":[0,1],"c":1646000}}'
)
START = (
    b'{"v":1,"i":0,"t":1,"m":2,"b":"00000000","k":"start","d":{"version":"\xe4\xbb\xaa","recovered":[["5f3a9c01",6]]}}'
)
BEACON = beacon.beacon_note(
    note.Checkpoint("lab.example/log/2026-1", 3, merkle.EMPTY_ROOT), RECEIPTS, time_s=1764554716
)
LEAF = log_leaf.encode(log_leaf.Closed(day="2026-03-02", unit="", records=3, root="ab" * 32))
STATEMENT = registered.encode(registered.Measurement("em-01", "meter1", "power", "A001", "2026-01-01", 5))
ASK = leaves.pack_ask(leaves.Ask(AGENT.name, 3, 0, 0, 3))
HASHES = leaves.pack_leaves(leaves.Leaves(AGENT.name, 3, 0, 1, SIGNED, (bytes(32), bytes(32))))
NO_HASHES = leaves.pack_leaves(leaves.Leaves(AGENT.name, 3, 8, 0, b"", (), "deleted"))
FORKED = fork_proof.encode(fork_proof.ForkProof(SIGNED, RECEIPT, fork_proof.Roots()))
PARTED = fork_proof.encode(
    fork_proof.ForkProof(
        SIGNED,
        RECEIPT,
        fork_proof.DifferentLeaves(
            1, fork_proof.Included(bytes(32), (b"a" * 32,)), fork_proof.Included(b"b" * 32, (b"c" * 32, b"d" * 32))
        ),
    )
)
PERSON = SigningKey("lab.example/person/wang", ED25519, bytes(range(64, 96)))
PERSON_TEXT = person_key.person_key_text(str(PERSON.verifier), "Wang", "0f" * 16)
FOUND = findings.Findings(
    v=1, asset="A001", place="B", plate="P", inspectors=("Wang",), hosts=(), begun=1, ended=2, verdict="questions"
)
FINDINGS = findings.sign_findings(FOUND, PERSON)
SLIP = slip.Slip(READING, SIGNED)
SEALED = sealed.seal(b"secret", b"long enough", what="person-key", salt=bytes(16), nonce=bytes(24))
FORM = b"""asset = "A001"
place = "B"
plate = "P"
inspectors = ["Wang"]
hosts = []
begun = "2026-03-02 09:00:00"
ended = "2026-03-02 10:00:00"
verdict = "in-order"
"""
BUNDLE = batch.pack_bundle((READING, START))
TLOG_PROOF = tlog_proof.encode(tlog_proof.TlogProof(1, (bytes(32), bytes(32)), RECEIPT))
BATCH = batch.pack_batch(batch.Batch(1, SIGNED, (READING, START) * 3))
HELLO = message.pack(message.Hello("0f" * 16, SIGNED))
WELCOME = message.pack(
    message.Welcome("0f" * 16, 1, 2, 4, 60, (message.Level("meter1", "power", (30000, -1)),), RECEIPT, (), BEACON)
)
REFUSAL = message.pack(message.Refusal("fork", 3, "two roots", RECEIPT))
NEXT = SigningKey("lab.example/a/em-01/2", ED25519, bytes(range(32)))
ASKED = epoch.sign_request(
    epoch.EpochRequest(note.Checkpoint(AGENT.name, 3, merkle.EMPTY_ROOT), "fork", NEXT.verifier),
    old_key=AGENT,
    new_key=NEXT,
)
NEXT_EPOCH = epoch.pack_next_epoch(epoch.NextEpoch("0f" * 16, ASKED, SIGNED))
TAKEN = epoch.pack_taken(epoch.Taken(NEXT.name, 3))
HINT = hint.sign_hint(hint.Hint(AGENT.name, 1, 2, (hint.Showing("meter1", "power", "7"),)), AGENT)
USE = (
    b'{"kind":"use","v":1,"at":1764554716036,"by":"lims","asset":"A001","start":1764547516036,"end":1764554716036,'
    b'"purpose":"service-order","order":"SO-14","samples":3}'
)
DECISION = (
    b'{"kind":"decision","v":1,"at":1764554716036,"by":"li.ming","asset":"A001","start":1764547516036,'
    b'"end":1764554716036,"verdict":"exclude","why":"the beam was off","flags":["constant-load"],'
    b'"approver":"wang.fang","approved_at":1764554716036}'
)
DECISION_TEXT = f"{signed_decision.KIND}\n{DECISION.decode()}\n"
SIGNED_DECISION = signed_decision.sign_decision(DECISION_TEXT, PERSON)
CASE_TEXT = signed_case.case_text(
    signed_case.Fraud(
        v=1, at=1_764_554_716_000, by="li", unit="91610131MA6TYUUC74", round="2025", first_year=2026, last_year=2028,
        why="x", evidence=("finding:" + "ab" * 32,), approver="wang",
    )
)  # fmt: skip
SIGNED_CASE = signed_case.sign_case(CASE_TEXT, PERSON)
FLAG = b'[1,"A001","constant-load",1,"2026-03-02","2026-03-02",[["spread",900,"ppm"],["usual",52000,"ppm"]],["A002"]]'
SHAPE = b"[3600,900000,52000,900000,200000,17,3600,0,0,[[900000,905000,899000],[1,2,3]]]"
CORRECTION = (
    b'{"kind":"correction","v":1,"at":1,"by":"a","approver":"b","approved_at":2,"reason":"c","target":"fact:%s",'
    b'"use":%s}' % (b"9f" * 32, USE)
)
LEAVES = tuple(map(merkle.leaf_hash, (b"a", b"b", b"c")))


def _frontier(raw: bytes) -> object:
    return merkle.Frontier.from_bytes(int.from_bytes(raw[:8], "big", signed=True), raw[8:])


def _proofs(raw: bytes) -> object:
    hashes = [raw[at : at + 32] for at in range(2, len(raw), 32)]
    index, size = (raw + b"\x00\x00")[:2]
    merkle.verify_inclusion(LEAVES[0], index=index, size=size, proof=hashes, root=merkle.root(LEAVES))
    merkle.verify_consistency(
        old_size=index, old_root=LEAVES[0], new_size=size, new_root=merkle.root(LEAVES), proof=hashes
    )
    return None


def _fork_proof(raw: bytes) -> object:
    return fork_proof.verify_fork(fork_proof.decode(raw), AGENT.verifier)


POLICY = (
    b'{"v":1,"name":"p","valid_mw":[0,15000000],"standby":{"on_mw":40000,"off_mw":25000,"on_ms":10000,"off_ms":20000},'
    b'"run":{"on_mw":900000,"off_mw":600000,"on_ms":10000,"off_ms":60000},"gap_ms":60000}'
)
SAMPLES = b"time,power_w,energy_wh\n2026-03-02T08:00:00+08:00,41.5,1\n2026-03-02T08:00:02+08:00,42,1\n"
GOLDEN_DAY = json.loads((Path(__file__).parent / "golden_hours" / "an_open_day.json").read_text(encoding="utf-8"))
FROZEN = (
    b'{"v":1,"name":"2026","first_day":"2026-01-01","last_day":"2026-12-31","unit":"","at":1798992000000,"by":"Wang",'
    b'"leaves":{"figure":1,"fact":0,"instrument":1,"journal":1,"owner":1,"policy":1,"record":365},"root":"%s"}'
    % (b"5c" * 32)
)
RECORD = GOLDEN_DAY["days"][0]["record"].encode()
GRADE = (
    b'{"v":1,"asset":"A001","day":"2026-03-02","record":"%b","policy":"%b","spans":[[0,60,"B","one control"]],'
    b'"seconds":[["B","run",60]],"effective":[["B",60]],"external":[],"lost_s":0,"counted_s":60,"counted_external_s":0,'
    b'"error_ms":40,"decisions":[]}' % (b"ab" * 32, b"cd" * 32)
)
PIECES = (parcel.piece_of(0, 256, BATCH), parcel.piece_of(256, 300, BATCH))
MANIFEST = parcel.pack_manifest(parcel.Manifest("jishi.example/a/em-01/1", "2026-11-26T22:10:00Z", PIECES))
TRACEBASE = b"08/08/2011 04:41:01;17;19\n08/08/2011 04:41:02;17;19\n"

REQUEST = make_certificate_request(AGENT, AGENT.verifier.public)


ROOT_TEXT = base64.b64encode(merkle.EMPTY_ROOT)
BUNDLE_MANIFEST = (
    b"jishi-bundle/v1\nasset A001\nfrom 2026-03-01\nto 2026-03-31\nscope full\nmade 1\ndomain jishi.example\n"
    + b"ab" * 32
    + b" 5 README.en.txt\n"
)
BUNDLE_FRONTIER = b"jishi-frontier/v1\n256\n" + ROOT_TEXT + b"\n"
BUNDLE_PROOF = b'{"sha256":"%s","log":"2026-1","index":1,"leaf":"x","proof":["%s"]}' % (b"ab" * 32, ROOT_TEXT)
BUNDLE_CLOSING = (
    b'{"day":"2026-03-02","revision":1,"sha256":"%s","grades":"","log":"2026-1","index":1,"leaf":"x","proof":[],'
    b'"place":0,"of":1,"path":[]}' % (b"ab" * 32)
)
TRUSTED = f"# keys\nreceipt {RECEIPTS.verifier}\nagent {AGENT.verifier}\n".encode()


def _head(raw: bytes) -> object:
    return log_proofs.open_head(raw, trust.parse_trust(TRUSTED), domain="lab.example", log="2026-1")


def _all_as_each(raw: bytes) -> object:
    """Entries in one go are what they are one by one."""
    together = entry.decode_all([READING, raw, raw])
    try:
        assert together == [entry.decode(READING), entry.decode(raw), entry.decode(raw)]
    except ForeignBytesError:
        assert together[1:] == [None, None]
    return together


Parser = Callable[[bytes], object]
BYTE_PARSERS: dict[str, tuple[Parser, tuple[bytes, ...]]] = {
    "entry": (entry.decode, (READING, START)),
    "note": (note.parse_note, (SIGNED, RECEIPT)),
    "verify": (lambda raw: note.verify(raw, AGENT.verifier), (SIGNED, RECEIPT)),
    "checkpoint": (lambda raw: note.open_checkpoint(raw, AGENT.verifier), (SIGNED,)),
    "receipt": (lambda raw: note.open_receipt(raw, RECEIPTS.verifier), (RECEIPT,)),
    "cosign": (lambda raw: note.cosign(raw, RECEIPTS, time_s=1), (SIGNED,)),
    "bundle": (batch.parse_bundle, (BUNDLE,)),
    "batch": (batch.parse_batch, (BATCH,)),
    "up": (message.parse_up, (HELLO, BATCH, NEXT_EPOCH, HINT, HASHES)),
    "down": (message.parse_down, (WELCOME, REFUSAL, RECEIPT, TAKEN, ASK)),
    "epoch request": (lambda raw: epoch.open_request(raw, AGENT.verifier), (ASKED,)),
    "hint": (lambda raw: hint.open_hint(raw, AGENT.verifier), (HINT,)),
    "frontier": (_frontier, ((3).to_bytes(8, "big") + bytes(64),)),
    "proofs": (_proofs, (b"\x00\x03" + LEAVES[1] + LEAVES[2],)),
    "entries at once": (_all_as_each, (READING, START)),
    "certificate request": (lambda raw: open_certificate_request(raw, AGENT.verifier), (REQUEST,)),
    "next epoch": (epoch.parse_next_epoch, (NEXT_EPOCH,)),
    "taken": (epoch.parse_taken, (TAKEN,)),
    "manifest": (parcel.parse_manifest, (MANIFEST,)),
    "policy": (policy.parse_policy, (POLICY,)),
    "samples": (lambda raw: sample_file.parse_samples(raw, "plain"), (SAMPLES, gzip.compress(SAMPLES))),
    "tracebase samples": (lambda raw: sample_file.parse_samples(raw, "tracebase"), (TRACEBASE,)),
    "hour record": (hours.decode, (RECORD,)),
    "grade record": (grades.decode, (GRADE,)),
    "flag": (flag.decode, (FLAG,)),
    "shape": (shape.decode, (SHAPE,)),
    "fact": (facts.decode, (USE, CORRECTION, DECISION)),
    "frozen period": (frozen.decode, (FROZEN,)),
    "beacon": (lambda raw: beacon.open_beacon(raw, RECEIPTS.verifier), (BEACON,)),
    "leaf": (log_leaf.decode, (LEAF,)),
    "statement": (registered.decode, (STATEMENT,)),
    "tlog proof": (tlog_proof.decode, (TLOG_PROOF,)),
    "sealed": (lambda raw: sealed.parse_sealed(raw), (SEALED,)),
    "slip": (slip.parse_slip, (SLIP.to_bytes(),)),
    "findings": (lambda raw: findings.open_findings(raw, PERSON.verifier), (FINDINGS,)),
    "signers": (person_key.read_signers, (FINDINGS,)),
    "signed by a person": (lambda raw: person_key.open_signed(raw, PERSON.verifier), (FINDINGS, SIGNED_CASE)),
    "decision": (lambda raw: signed_decision.open_decision(raw, PERSON.verifier), (SIGNED_DECISION,)),
    "case": (lambda raw: signed_case.open_case(raw, PERSON.verifier), (SIGNED_CASE,)),
    "possession": (
        lambda raw: person_key.check_possession(raw, PERSON_TEXT, PERSON.verifier),
        (person_key.prove_possession(PERSON_TEXT, PERSON),),
    ),
    "steps": (inspect_steps.parse_steps, (b'{"do":"off","at":1}\n{"do":"end","at":2,"host":3}\n',)),
    "sample": (inspect_days.parse_sample, (b'{"manifest":"' + b"ab" * 32 + b'","seed":"s","rows":[]}\n',)),
    "form": (
        lambda raw: inspect_form.read_form(raw, told=None, note=b"", steps=(), sample=None, now_ms=0),
        (FORM,),
    ),
    "log entries": (tiles.parse_entries, (BUNDLE,)),
    "bundle manifest": (lambda raw: layout.parse_manifest(raw.decode("latin-1")), (BUNDLE_MANIFEST,)),
    "bundle frontier": (layout.parse_frontier, (BUNDLE_FRONTIER,)),
    "bundle proof": (layout.parse_proof, (BUNDLE_PROOF,)),
    "bundle consistency": (layout.parse_continued, (b'{"size":3,"root":"%s","proof":[]}' % ROOT_TEXT,)),
    "bundle closing": (layout.parse_closing, (BUNDLE_CLOSING,)),
    "session": (layout.parse_session, (b'{"asset":"A001","day":"2026-03-02","start_s":1,"end_s":3,"run_s":2}\n',)),
    "trusted keys": (trust.parse_trust, (TRUSTED,)),
    "checkpoint of the log": (_head, (SIGNED, RECEIPT)),
    "ask": (leaves.parse_ask, (ASK,)),
    "leaves": (leaves.parse_leaves, (HASHES, NO_HASHES)),
    "fork proof": (_fork_proof, (FORKED, PARTED)),
    "log hashes": (lambda raw: tiles.parse_hashes(raw, width=2), (bytes(64),)),
}
TEXT_PARSERS: dict[str, tuple[Callable[[str], object], tuple[str, ...]]] = {
    "vkey": (parse_vkey, (str(AGENT.verifier), str(RECEIPTS.verifier))),
    "checkpoint text": (note.parse_checkpoint, (SIGNED.decode().split("\n\n")[0] + "\n",)),
    "agent id": (topics.check_agent_id, ("em-01",)),
    "domain": (topics.check_domain, ("jishi.example",)),
    "topic": (topics.parse_up_topic, (topics.up_topic("em-01"),)),
    "origin": (topics.parse_origin, ("jishi.example/a/em-01/1",)),
    "person": (topics.parse_person, ("jishi.example/person/wang",)),
    "person's vkey": (person_key.read_person_vkey, (str(PERSON.verifier),)),
    "findings text": (findings.parse_findings, (findings.encode(FOUND),)),
    "decision text": (signed_decision.parse_decision, (DECISION_TEXT,)),
    "case text": (signed_case.parse_case, (CASE_TEXT,)),
    "nonce": (slip.check_nonce, ("0f" * 16,)),
    "clock": (lambda text: inspect_steps.read_clock(text, 0), ("14:03:27",)),
    "log origin": (topics.parse_log_origin, ("jishi.example/log/2026-1",)),
    "log path": (tiles.parse_path, ("tile/0/x001/234.p/67", "tile/entries/003")),
}


def _stays_in_the_family(parser: Callable[[Any], object], foreign: bytes | str) -> None:
    try:
        parser(foreign)
    except ForeignBytesError as error:
        message_text = str(error)
        assert len(message_text) < 1000
        assert "\n" not in message_text


@pytest.mark.parametrize("name", BYTE_PARSERS)
@given(data=st.data())
def test_any_bytes_cause_one_family_of_error(name: str, data: st.DataObject) -> None:
    parser, valid = BYTE_PARSERS[name]
    _stays_in_the_family(parser, data.draw(st.binary(max_size=300) | mutations(valid)))


@pytest.mark.parametrize("name", BYTE_PARSERS)
def test_every_cut_and_every_damaged_byte_causes_one_family_of_error(name: str) -> None:
    parser, valid = BYTE_PARSERS[name]
    for raw in valid:
        for at in range(len(raw)):
            _stays_in_the_family(parser, raw[:at])
            for other in (0x00, 0x0A, 0x22, 0x5C, 0x80, raw[at] ^ 1):
                _stays_in_the_family(parser, raw[:at] + bytes([other]) + raw[at + 1 :])


@pytest.mark.parametrize("name", TEXT_PARSERS)
@given(data=st.data())
def test_any_text_causes_one_family_of_error(name: str, data: st.DataObject) -> None:
    parser, valid = TEXT_PARSERS[name]
    text = data.draw(st.text(st.characters(), max_size=100) | st.sampled_from(valid))
    at = data.draw(st.integers(0, len(text)))
    _stays_in_the_family(parser, text[:at] + data.draw(st.text(st.characters(), max_size=3)) + text[at:])


def _deflated(bundle: bytes) -> bytes:
    packed = zlib.compress(bundle, 9)
    return b"jishi-batch/v1\nold 0\nnote 1\nentries %d\ndeflate 1\n\nn" % len(packed) + packed


WORST = {
    "an entry of brackets": (entry.decode, b"[" * 4096),
    "an entry of digits": (entry.decode, READING[:12] + b"9" * 4000),
    "an entry of backslashes": (entry.decode, b'{"v":1,"i":0,"t":0,"m":0,"b":"00000000","k":"' + b"\\" * 4000),
    "a million brackets": (entry.decode, b"[" * 1_000_000),
    "a note of line feeds": (note.parse_note, b"\n" * note.MAX_NOTE_BYTES),
    "a note of spaces": (note.parse_note, b"\n\n\xe2\x80\x94" + b" " * 130_000 + b"\n"),
    "a note of base64": (note.parse_note, b"t\n\n\xe2\x80\x94 a " + b"A" * 130_001 + b"\n"),
    "a checkpoint with a long size": (
        lambda raw: note.parse_checkpoint(raw.decode()),
        b"o\n" + b"9" * 1_000_000 + b"\nx\n",
    ),
    "a vkey of pluses": (lambda raw: parse_vkey(raw.decode()), b"+" * 1_000_000),
    "a vkey of base64": (lambda raw: parse_vkey(raw.decode()), b"a+00000000+" + b"A" * 1_000_000),
    "a header of line feeds": (message.parse_up, b"jishi-hello/v1" + b"\n" * 1_000_000),
    "a header of one line": (message.parse_up, b"jishi-hello/v1\nnonce " + b"0" * 1_000_000),
    "a welcome of levels": (message.parse_down, WELCOME[:60] + b"level a b 1\n" * 10_000),
    "a level of commas": (message.parse_down, WELCOME.replace(b"30000,-1", b"1," * 30_000)),
    "a bundle of small entries": (batch.parse_bundle, b"\x00\x01x" * 1_300_000),
    "a bundle of empty entries": (batch.parse_bundle, bytes(4_000_000)),
    "a compressed bundle of small entries": (batch.parse_batch, _deflated(b"\x00\x01x" * 1_300_000)),
    "leaves of 2^53 bytes": (leaves.parse_leaves, HASHES.replace(b"hashes 64", b"hashes 9007199254740991")),
    "more leaves than an answer holds": (
        leaves.parse_leaves,
        HASHES.replace(b"size 3", b"size 40000").replace(b"hashes 64", b"hashes 640000") + bytes(639_936),
    ),
    "a fork proof of paths": (
        fork_proof.decode,
        b"jishi-fork/v1\nkind prefix\nroot %s\n" % (b"A" * 43 + b"=") + b"path A\n" * 100_000,
    ),
    "a topic of slashes": (lambda raw: topics.parse_up_topic(raw.decode()), b"jishi/v1/up/" + b"/" * 1_000_000),
    "an origin of hyphens": (lambda raw: topics.parse_origin(raw.decode()), b"a" + b"-" * 1_000_000 + b"/a/em-01/1"),
    "an origin of short labels": (lambda raw: topics.parse_origin(raw.decode()), b"a." * 89 + b"!/a/em-01/1"),
}


@pytest.mark.parametrize("name", WORST)
def test_the_worst_input_costs_little_time_and_memory(name: str) -> None:
    parser, raw = WORST[name]
    tracemalloc.start()
    started = time.process_time()
    try:
        with pytest.raises(ForeignBytesError):
            parser(raw)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.process_time() - started < 2.0  # milliseconds without tracing; a quadratic parser takes minutes
    assert peak < 32 * 1024 * 1024
