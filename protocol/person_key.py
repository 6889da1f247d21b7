"""Keys of people who sign: what proves at their registration that somebody has one. Pure.

    jishi-person-key/v1
    jishi.example/person/wang+95e76e18+AS1I47hD3t…     the key
    Wang                                              the registered person whose it is to be
    0f1e2d3c4b5a69788796a5b4c3d2e1f0                  made by the collector for this registration alone

A signed note over these four lines by the key itself. Never over a bare nonce: whoever could have any text signed
would have a signing oracle. Source: evidence.md section 2.
"""

from protocol.errors import BadSignature, MalformedNote, excerpt
from protocol.keys import ED25519, SigningKey, VerifierKey, parse_vkey
from protocol.note import parse_note, sign, verify
from protocol.topics import parse_person

KIND = "jishi-person-key/v1"


def person_key_text(vkey: str, name: str, nonce: str) -> str:
    """Return the text that proves possession; ValueError where a part is not one line."""
    text = f"{KIND}\n{vkey}\n{name}\n{nonce}\n"
    if text.count("\n") != 4 or not (vkey and name and nonce):
        raise ValueError("key, name and nonce are one line each")
    return text


def read_person_vkey(vkey: str) -> VerifierKey:
    """The key of a person; MalformedNote, MalformedName where it is no sound Ed25519 key with a person's name."""
    key = parse_vkey(vkey)
    parse_person(key.name)
    if key.algorithm != ED25519:
        raise MalformedNote(f"{excerpt(key.name)} is not a key for notes (0x01)")
    return key


def read_signers(raw: bytes) -> tuple[str, ...]:
    """Names of the keys whose lines a note bears, none verified; MalformedNote, TooLarge. To learn whom to ask for."""
    return tuple(line.name for line in parse_note(raw).signatures)


def open_signed(raw: bytes, key: VerifierKey) -> str:
    """The text that this person's key signed; BadSignature, MalformedName, MalformedNote, TooLarge."""
    parse_person(key.name)
    if key.algorithm != ED25519:
        raise BadSignature(f"{key.name} is not a key for notes (0x01)")
    return verify(raw, key)


def prove_possession(text: str, key: SigningKey) -> bytes:
    """Return the proof for a text that the collector gave; MalformedNote where it is not over this very key."""
    lines = text.split("\n")
    if len(lines) != 5 or lines[0] != KIND or lines[4] or lines[1] != str(key.verifier):
        raise MalformedNote(
            f"a text of four lines over {key.verifier} is expected, as `jishi-collector person-key ask` prints it, "
            f"not {excerpt(text)}"
        )
    return sign(text, key)


def check_possession(proof: bytes, text: str, key: VerifierKey) -> None:
    """BadSignature unless `key` signed exactly this text; MalformedNote, TooLarge."""
    if verify(proof, key) != text:
        raise BadSignature(f"the proof signs another text than was asked for: {excerpt(parse_note(proof).text)}")
