"""A person's key: proved over the collector's own text, and kept under a passphrase."""

import pytest

from protocol.errors import BadSignature, MalformedName, MalformedNote, MalformedSealed, WrongPassphrase
from protocol.keys import ED25519, SigningKey
from protocol.note import sign
from protocol.person_key import check_possession, person_key_text, prove_possession, read_person_vkey
from protocol.sealed import check_passphrase, parse_sealed, seal, unseal

WANG = SigningKey("jishi.example/person/wang", ED25519, b"w" * 32)
TEXT = person_key_text(str(WANG.verifier), "王敏", "0f" * 16)


def test_the_owner_proves_it() -> None:
    check_possession(prove_possession(TEXT, WANG), TEXT, WANG.verifier)


def test_a_proof_for_another_nonce_is_none() -> None:
    other = person_key_text(str(WANG.verifier), "王敏", "0e" * 16)
    with pytest.raises(BadSignature, match="another text"):
        check_possession(prove_possession(other, WANG), TEXT, WANG.verifier)


@pytest.mark.parametrize("text", ["0f" * 16 + "\n", TEXT + "more\n", TEXT.replace("person-key/v1", "enrol/v1"), ""])
def test_nothing_else_is_ever_signed(text: str) -> None:
    with pytest.raises(MalformedNote):
        prove_possession(text, WANG)


def test_a_key_does_not_sign_for_another() -> None:
    other = SigningKey(WANG.name, ED25519, b"o" * 32)
    with pytest.raises(MalformedNote):
        prove_possession(TEXT, other)
    with pytest.raises(BadSignature):
        check_possession(sign(TEXT, other), TEXT, WANG.verifier)


def test_a_key_of_low_order_or_of_an_agent_is_no_persons() -> None:
    agent = SigningKey("jishi.example/a/em-01/1", ED25519, b"w" * 32)
    with pytest.raises(MalformedName):
        read_person_vkey(str(agent.verifier))
    with pytest.raises(MalformedNote, match="sound Ed25519 point"):
        read_person_vkey("jishi.example/person/wang+00000000+AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")


def test_a_sealed_secret_opens_with_its_passphrase_alone() -> None:
    raw = seal(b"secret", b"correct horse", what="person-key", salt=b"s" * 16, nonce=b"n" * 24)
    assert b"secret" not in raw
    assert unseal(parse_sealed(raw), b"correct horse") == b"secret"
    with pytest.raises(WrongPassphrase):
        unseal(parse_sealed(raw), b"correct horsf")
    with pytest.raises(WrongPassphrase):
        unseal(parse_sealed(raw.replace(b"salt 73", b"salt 74")), b"correct horse")


def test_another_form_is_refused() -> None:
    with pytest.raises(MalformedSealed):
        parse_sealed(b"jishi-sealed/v1\nwhat x\nsalt 00\nbox AAAA\n")
    with pytest.raises(ValueError, match="at least 10"):
        check_passphrase("short")
