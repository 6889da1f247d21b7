"""Signed notes, keys, checkpoints and receipts: what is accepted, and every way to be refused."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import note
from protocol.errors import BadSignature, ForeignBytesError, MalformedNote, TooLarge
from protocol.keys import SigningKey, VerifierKey, parse_vkey
from protocol.note import COSIGNATURE, ED25519, Checkpoint

Golden = Callable[[str], Any]
AGENT = SigningKey("lab.example/a/em-01/1", ED25519, bytes(range(32)))
RECEIPTS = SigningKey("lab.example/receipt/1", COSIGNATURE, bytes(range(32, 64)))
OTHER = SigningKey("lab.example/a/em-02/1", ED25519, bytes(range(64, 96)))
CHECKPOINT = Checkpoint(AGENT.name, 1242, bytes(range(32)))
SIGNED = note.sign_checkpoint(CHECKPOINT, AGENT)
RECEIPT = note.cosign(SIGNED, RECEIPTS, time_s=1764554716)
UNKNOWN_LINE = b"\xe2\x80\x94 someone.else AgICAgA=\n"

# -- golden files and published vectors


def test_golden_checkpoints_and_receipts_are_made_and_opened(golden: Golden) -> None:
    made = golden("notes")
    agent = SigningKey(made["agent"]["name"], ED25519, bytes.fromhex(made["agent"]["seed"]))
    collector = SigningKey(made["collector"]["name"], COSIGNATURE, bytes.fromhex(made["collector"]["seed"]))
    assert str(agent.verifier) == made["agent"]["vkey"]
    assert parse_vkey(made["collector"]["vkey"]) == collector.verifier
    checkpoint = Checkpoint(agent.name, made["checkpoint"]["size"], base64.b64decode(made["checkpoint"]["root"]))
    signed = made["checkpoint"]["note"].encode()
    assert note.sign_checkpoint(checkpoint, agent) == signed
    assert note.open_checkpoint(made["checkpoint"]["with_unknown_line"].encode(), agent.verifier) == checkpoint
    for receipt in made["receipts"]:
        raw = receipt["note"].encode()
        assert note.open_receipt(raw, collector.verifier) == note.Receipt(checkpoint, receipt["time_s"], raw)
        assert note.open_checkpoint(raw, agent.verifier) == checkpoint
    first = made["receipts"][0]
    assert note.cosign(signed, collector, time_s=first["time_s"]) == first["note"].encode()


def test_the_golden_proof_of_possession_is_made_and_verified(golden: Golden) -> None:
    made = golden("notes")
    agent = SigningKey(made["agent"]["name"], ED25519, bytes.fromhex(made["agent"]["seed"]))
    text = note.enrolment_text(agent.name, made["agent"]["vkey"], made["enrolment"]["nonce"])
    assert text == made["enrolment"]["text"]
    assert note.sign(text, agent) == made["enrolment"]["note"].encode()
    assert note.verify(made["enrolment"]["note"].encode(), agent.verifier) == text


def test_the_last_blank_line_separates_the_text(golden: Golden) -> None:
    made = golden("notes")
    key = parse_vkey(made["agent"]["vkey"])
    assert note.verify(made["blank_lines"].encode(), key) == "one\n\n\ntwo\n\n\u2014 not a line\n"


def test_published_notes_verify_and_bad_keys_are_refused(vectors: Path) -> None:
    known = json.loads((vectors / "signed_notes.json").read_text())
    for one in known["notes"]:
        raw, key = one["note"].encode(), parse_vkey(one["vkey"])
        assert str(key) == one["vkey"]
        assert note.verify(raw, key) == one["note"].rpartition("\n\n")[0] + "\n"
        assert note.parse_note(raw).to_bytes() == raw
    for vkey in known["bad_vkeys"]:
        with pytest.raises(MalformedNote):
            parse_vkey(vkey)
    tree = note.parse_checkpoint(known["rfc6962_parse_tree"]["text"])
    assert (tree.origin, tree.size) == ("go.sum database tree", 123456789012)
    assert tree.text == known["rfc6962_parse_tree"]["text"]


def test_wycheproof_signatures_get_their_verdict(vectors: Path) -> None:
    known = json.loads((vectors / "wycheproof_ed25519_test.json").read_text())
    wrong = []
    for group in known["testGroups"]:
        public = bytes.fromhex(group["publicKey"]["pk"])
        for case in group["tests"]:
            accepted = _accepts(public, bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"]))
            if accepted != (case["result"] == "valid"):
                wrong.append(case["tcId"])
    assert wrong == []
    assert known["numberOfTests"] == 151


def test_cctv_edge_cases_are_all_refused(vectors: Path) -> None:
    """Expected verdict per flag: every flag refuses, only the vector without any flag is accepted.

    low_order_A, low_order_component_A, non_canonical_A: `is_valid_point` refuses the key, so no VerifierKey exists.
    low_order_R, non_canonical_R: libsodium refuses R of low order and compares R by its bytes.
    low_order_component_R, low_order_residue, reencoded_k: its equation has no cofactor, and hashes the key as given.
    Verifiers that accept some of these (ZIP 215, or by batch) would disagree with us about what was signed.
    """
    cases = json.loads((vectors / "cctv_ed25519vectors.json").read_text())
    accepted = []
    for case in cases:
        public = bytes.fromhex(case["key"])
        flags = set(case["flags"] or ())
        key_flags = {"low_order_A", "low_order_component_A", "non_canonical_A"}
        assert note.is_valid_point(public) == (not flags & key_flags), case["number"]
        if _accepts(public, bytes.fromhex(case["sig"]), case["msg"].encode()):
            accepted.append(flags)
    assert len(cases) == 914
    assert accepted == [set()]


# -- keys


def test_a_key_is_its_vkey_and_never_shows_its_seed() -> None:
    assert parse_vkey(str(AGENT.verifier)) == AGENT.verifier
    assert str(AGENT.verifier).startswith("lab.example/a/em-01/1+")
    assert AGENT.seed.hex() not in repr(AGENT)
    assert repr(AGENT.seed) not in repr(AGENT)


@pytest.mark.parametrize(
    "public", [bytes(32), b"\x01" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f", b"\x02" * 31, b""]
)
def test_a_weak_point_is_no_key(public: bytes) -> None:
    assert not note.is_valid_point(public)
    with pytest.raises(ValueError, match="sound"):
        VerifierKey("x", ED25519, public)
    material = base64.b64encode(b"\x01" + public).decode()
    with pytest.raises(MalformedNote):
        parse_vkey(f"x+00000000+{material}")


@pytest.mark.parametrize(
    "name", ["", "a b", "a+b", "a\u00a0b", "a\u2003b", "a\nb", "a\x00b", "x" * 256, "é" * 128, "\udc80"]
)
def test_a_key_name_has_no_space_plus_or_control_character(name: str) -> None:
    with pytest.raises(ValueError):
        SigningKey(name, ED25519, bytes(32))
    vkey = str(AGENT.verifier).replace(AGENT.name, name)
    with pytest.raises(MalformedNote):
        parse_vkey(vkey)


def test_every_change_of_a_vkey_is_refused() -> None:
    vkey = str(AGENT.verifier)
    name, ident, material = vkey.split("+", 2)
    for changed in (
        f"{name}x+{ident}+{material}",
        f"{name}+{ident.upper()}+{material}",
        f"{name}+{int(ident, 16) ^ 1:08x}+{material}",
        f"{name}+{ident}+{material[:-4]}",
        f"{name}+{ident}+{material}=",
        f"{name}+{ident}+{material}\n",
        f"{name}+{ident}",
        f"{name}+{ident}+",
        vkey.replace("/", "+", 1),
    ):
        with pytest.raises(MalformedNote):
            parse_vkey(changed)


# -- notes


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])), st.integers(0, 3))
def test_any_text_that_ends_in_a_line_feed_comes_back_verified(text: str, blank: int) -> None:
    text = text + "\n" * blank + "end\n"
    raw = note.sign(text, AGENT)
    assert note.verify(raw, AGENT.verifier) == text
    assert note.parse_note(raw).to_bytes() == raw


@pytest.mark.parametrize(
    "text", ["", "no line feed", "text\n\n\u2014 foo AgICAgA=", "tab\there\n", "nul\x00\n", "carriage\r\n", "\udc80\n"]
)
def test_a_text_that_no_note_can_hold_is_never_signed(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        note.sign(text, AGENT)
    assert not isinstance(caught.value, ForeignBytesError)


def test_lines_of_other_keys_are_ignored() -> None:
    raw = SIGNED + UNKNOWN_LINE + b"\xe2\x80\x94 " + AGENT.name.encode() + b" AgICAgA=\n"  # our name, another id
    assert note.open_checkpoint(raw, AGENT.verifier) == CHECKPOINT
    line = note.parse_note(SIGNED).signatures[0]
    impostor = note.SignatureLine("lab.example/impostor", line.key_id, line.signature)
    assert note.open_checkpoint(SIGNED + str(impostor).encode(), AGENT.verifier) == CHECKPOINT


def test_a_note_without_a_good_line_of_the_key_is_refused() -> None:
    with pytest.raises(BadSignature):
        note.verify(SIGNED, OTHER.verifier)
    with pytest.raises(BadSignature):
        note.verify(SIGNED.replace(b"1242", b"1243"), AGENT.verifier)
    line = note.parse_note(SIGNED).signatures[0]
    with pytest.raises(BadSignature):  # a key signs a note once
        note.verify(SIGNED + str(line).encode(), AGENT.verifier)
    short = note.SignatureLine(line.name, line.key_id, line.signature[:-1])
    with pytest.raises(BadSignature):
        note.verify(note.Note(CHECKPOINT.text, (short,)).to_bytes(), AGENT.verifier)


def test_bytes_do_not_move_between_text_and_signature() -> None:
    line = note.parse_note(SIGNED).signatures[0]
    longer = note.SignatureLine(line.name, line.key_id, line.signature + CHECKPOINT.text[:1].encode())
    with pytest.raises(BadSignature, match="64 bytes"):
        note.verify(note.Note(CHECKPOINT.text[1:], (longer,)).to_bytes(), AGENT.verifier)
    stamped = note.parse_note(RECEIPT).signatures[1].signature
    for changed in (stamped[:-1], stamped + b"x", stamped[:7], stamped[:8]):
        other = note.SignatureLine(RECEIPTS.name, RECEIPTS.verifier.key_id, changed)
        with pytest.raises(BadSignature, match="64 bytes"):
            note.open_receipt(SIGNED + str(other).encode(), RECEIPTS.verifier)


def test_a_key_of_one_purpose_proves_nothing_for_the_other() -> None:
    plain = note.SignatureLine(RECEIPTS.name, RECEIPTS.verifier.key_id, RECEIPTS.sign(CHECKPOINT.text.encode()))
    with pytest.raises(BadSignature, match="not a key for plain notes"):
        note.verify(note.Note(CHECKPOINT.text, (plain,)).to_bytes(), RECEIPTS.verifier)
    message = f"cosignature/v1\ntime 1\n{CHECKPOINT.text}".encode()
    stamped = note.SignatureLine(AGENT.name, AGENT.verifier.key_id, (1).to_bytes(8, "big") + AGENT.sign(message))
    with pytest.raises(BadSignature, match="not a key for receipts"):
        note.open_receipt(note.Note(CHECKPOINT.text, (stamped,)).to_bytes(), AGENT.verifier)


def test_every_flipped_bit_of_a_signed_checkpoint_is_refused() -> None:
    for at in range(len(SIGNED)):
        for bit in range(8):
            changed = bytearray(SIGNED)
            changed[at] ^= 1 << bit
            with pytest.raises((BadSignature, MalformedNote)):
                note.open_checkpoint(bytes(changed), AGENT.verifier)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"text\n",
        b"text\n\n",
        b"\n\xe2\x80\x94 a AgICAgA=\n",  # no text
        b"text\n\xe2\x80\x94 a AgICAgA=\n",  # no blank line
        b"text\n\n\xe2\x80\x94 a AgICAgA=",  # no last line feed
        b"text\n\n\xe2\x80\x94 a AgICAgA=\n\n",
        b"text\n\n\xe2\x80\x94 a AgICAgA=\nmore\n",
        b"text\n\n- a AgICAgA=\n",
        b"text\n\n\xe2\x80\x94  AgICAgA=\n",
        b"text\n\n\xe2\x80\x94 a\n",
        b"text\n\n\xe2\x80\x94 a AgICAgA= \n",
        b"text\n\n\xe2\x80\x94 a b AgICAgA=\n",
        b"text\n\n\xe2\x80\x94 a+b AgICAgA=\n",
        b"text\n\n\xe2\x80\x94 a\xc2\xa0b AgICAgA=\n",
        b"text\n\n\xe2\x80\x94 a AgICAg==\n",  # four bytes: no signature
        b"text\n\n\xe2\x80\x94 a AgICAgB=\n",  # stray bits
        b"text\n\n\xe2\x80\x94 a AgICAgA\n",
        b"text\n\n\xe2\x80\x94 a AgIC_gA=\n",
        b"text\n\n\xe2\x80\x94 a \xc3\xa9gICAgA=\n",
        b"te\xffxt\n\n\xe2\x80\x94 a AgICAgA=\n",
        b"te\x0bxt\n\n\xe2\x80\x94 a AgICAgA=\n",
        b"text\r\n\r\n\xe2\x80\x94 a AgICAgA=\r\n",
    ],
)
def test_what_is_not_a_note_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedNote):
        note.parse_note(raw)


def test_a_note_may_bear_many_large_signatures_up_to_its_limits() -> None:
    line = "\u2014 pq.example " + base64.b64encode(bytes(5000)).decode() + "\n"
    assert len(note.parse_note(("text\n\n" + line * 16).encode()).signatures) == 16
    small = "\u2014 a AgICAgA=\n"
    assert len(note.parse_note(("text\n\n" + small * note.MAX_SIGNATURES).encode()).signatures) == note.MAX_SIGNATURES
    with pytest.raises(TooLarge):
        note.parse_note(("text\n\n" + small * (note.MAX_SIGNATURES + 1)).encode())
    with pytest.raises(TooLarge):
        note.parse_note(b"x" * note.MAX_NOTE_BYTES + b"\n\n" + small.encode())


# -- checkpoints


@pytest.mark.parametrize(
    "size", ["", "-1", "+1", "01", "00", "1.0", "1e3", " 1", "1 ", "１", "9007199254740992", "9" * 5000]
)
def test_a_size_is_a_plain_number_below_2_to_53(size: str) -> None:
    with pytest.raises(MalformedNote):
        note.parse_checkpoint(f"o\n{size}\n{base64.b64encode(bytes(32)).decode()}\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "o\n1\n",
        "\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nextension\n",
        "o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n",
        "o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n",  # stray bits
        "o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\n",  # 31 bytes
        "o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",  # 33 bytes
        "o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
        "x" * 256 + "\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "\udc80\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
    ],
)
def test_what_is_not_three_lines_of_a_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(MalformedNote):
        note.parse_checkpoint(text)


@given(st.integers(0, note.MAX_SIZE), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_comes_back_as_it_was_signed(size: int, root: bytes) -> None:
    checkpoint = Checkpoint(AGENT.name, size, root)
    assert note.open_checkpoint(note.sign_checkpoint(checkpoint, AGENT), AGENT.verifier) == checkpoint


def test_a_log_signs_only_for_itself() -> None:
    foreign = Checkpoint("lab.example/a/em-02/1", 1, bytes(32))
    with pytest.raises(ValueError, match="signs no checkpoint"):
        note.sign_checkpoint(foreign, AGENT)
    with pytest.raises(BadSignature, match="another log"):
        note.open_checkpoint(note.sign(foreign.text, AGENT), AGENT.verifier)


# -- receipts


def test_a_receipt_is_the_same_note_with_one_more_line_of_about_335_bytes() -> None:
    assert RECEIPT.startswith(SIGNED)
    assert RECEIPT.count(b"\n") == SIGNED.count(b"\n") + 1
    assert note.open_receipt(RECEIPT, RECEIPTS.verifier) == note.Receipt(CHECKPOINT, 1764554716, RECEIPT)
    agent = SigningKey("jishi.example/a/em-01/1", ED25519, bytes(32))
    collector = SigningKey("jishi.example/receipt/1", COSIGNATURE, bytes(32))
    signed = note.sign_checkpoint(Checkpoint(agent.name, 105_120, bytes(32)), agent)
    assert 325 <= len(note.cosign(signed, collector, time_s=1764554716)) <= 345


def test_every_flipped_bit_of_a_receipt_is_refused_or_leaves_what_it_says() -> None:
    for at in range(len(RECEIPT)):
        for bit in range(8):
            changed = bytearray(RECEIPT)
            changed[at] ^= 1 << bit
            try:
                opened = note.open_receipt(bytes(changed), RECEIPTS.verifier)
            except (BadSignature, MalformedNote):
                continue
            assert (opened.checkpoint, opened.time_s) == (CHECKPOINT, 1764554716)
            assert len(CHECKPOINT.text) < at < len(SIGNED)  # in the log's own line, which is another key's


@pytest.mark.parametrize("time_s", [0, 2**63 - 1])
def test_a_receipt_holds_any_time_below_2_to_63(time_s: int) -> None:
    assert note.open_receipt(note.cosign(SIGNED, RECEIPTS, time_s=time_s), RECEIPTS.verifier).time_s == time_s


@pytest.mark.parametrize("time_s", [-1, 2**63])
def test_no_receipt_is_given_for_a_time_that_cannot_be(time_s: int) -> None:
    with pytest.raises(ValueError, match="POSIX"):
        note.cosign(SIGNED, RECEIPTS, time_s=time_s)


def test_a_receipt_with_a_time_of_2_to_63_is_refused_though_it_is_signed() -> None:
    message = f"cosignature/v1\ntime {2**63}\n{CHECKPOINT.text}".encode()
    stamped = (2**63).to_bytes(8, "big") + RECEIPTS.sign(message)
    line = note.SignatureLine(RECEIPTS.name, RECEIPTS.verifier.key_id, stamped)
    with pytest.raises(BadSignature, match="cannot be"):
        note.open_receipt(SIGNED + str(line).encode(), RECEIPTS.verifier)


def test_a_plain_signature_is_no_receipt_and_a_receipt_no_plain_signature() -> None:
    twin = SigningKey(RECEIPTS.name, ED25519, RECEIPTS.seed)  # the same secret under the other algorithm
    with pytest.raises(BadSignature):
        note.open_receipt(SIGNED, RECEIPTS.verifier)
    with pytest.raises(BadSignature):
        note.open_receipt(note.sign(CHECKPOINT.text, twin), RECEIPTS.verifier)
    with pytest.raises(BadSignature):
        note.open_receipt(RECEIPT, twin.verifier)
    with pytest.raises(BadSignature):
        note.verify(RECEIPT, RECEIPTS.verifier)
    with pytest.raises(BadSignature):
        note.verify(RECEIPT, twin.verifier)
    with pytest.raises(ValueError, match="0x01"):
        note.sign(CHECKPOINT.text, RECEIPTS)
    with pytest.raises(ValueError, match="0x04"):
        note.cosign(SIGNED, AGENT, time_s=1)


def test_nothing_but_a_fresh_checkpoint_is_cosigned() -> None:
    with pytest.raises(MalformedNote, match="already"):
        note.cosign(RECEIPT, RECEIPTS, time_s=1)
    with pytest.raises(MalformedNote, match="three lines"):
        note.cosign(note.sign("not a checkpoint\n", AGENT), RECEIPTS, time_s=1)
    full = SIGNED + UNKNOWN_LINE * (note.MAX_SIGNATURES - 1)
    with pytest.raises(TooLarge):
        note.cosign(full, RECEIPTS, time_s=1)


@pytest.mark.parametrize(
    "wrong", [("a\nb", "v", "n"), ("o", "v\n", "n"), ("o", "v", "n\n"), ("", "v", "n"), ("o", "v", "")]
)
def test_the_enrolment_text_has_four_lines(wrong: tuple[str, str, str]) -> None:
    with pytest.raises(ValueError, match="one line each"):
        note.enrolment_text(*wrong)


def _accepts(public: bytes, signature: bytes, message: bytes) -> bool:
    """Verify as the project does: the key must be allowed to exist, then it checks the signature."""
    try:
        VerifierKey("vector", ED25519, public).check(message, signature)
    except ValueError:
        return False
    return True
