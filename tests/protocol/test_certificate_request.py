"""The signed request for a TLS certificate: what is opened, and every way to be refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.certificate_request import make_certificate_request, open_certificate_request
from protocol.errors import BadSignature, ForeignBytesError, MalformedNote
from protocol.keys import ED25519, SigningKey
from protocol.note import sign

LOG_KEY = SigningKey("jishi.example/a/em-01/1", ED25519, bytes(range(32)))
TLS_PUBLIC = SigningKey("tls", ED25519, bytes([7]) * 32).verifier.public
LOW_ORDER = bytes([1]) + bytes(31)


def test_what_the_logs_key_signed_is_opened() -> None:
    request = make_certificate_request(LOG_KEY, TLS_PUBLIC)
    assert open_certificate_request(request, LOG_KEY.verifier) == TLS_PUBLIC
    text = f"jishi-tls/v1\njishi.example/a/em-01/1\n{TLS_PUBLIC.hex()}\n\n"
    assert request.startswith(text.encode()), "another language has to make the same bytes"


def test_another_agents_request_is_refused() -> None:
    other = SigningKey("jishi.example/a/em-02/1", ED25519, bytes([9]) * 32)
    with pytest.raises(BadSignature):
        open_certificate_request(make_certificate_request(other, TLS_PUBLIC), LOG_KEY.verifier)


def test_a_request_for_another_log_is_refused_although_our_key_signed_it() -> None:
    request = sign(f"jishi-tls/v1\njishi.example/a/em-02/1\n{TLS_PUBLIC.hex()}\n", LOG_KEY)
    with pytest.raises(BadSignature, match=r"another log, 'jishi\.example/a/em-02/1'"):
        open_certificate_request(request, LOG_KEY.verifier)


@pytest.mark.parametrize(
    "text",
    [
        f"jishi-enrol/v1\n{LOG_KEY.name}\n{TLS_PUBLIC.hex()}\n",
        f"jishi-tls/v1\n{LOG_KEY.name}\n{TLS_PUBLIC.hex()}\nmore\n",
        f"jishi-tls/v1\n{LOG_KEY.name}\n",
        f"jishi-tls/v1\n{LOG_KEY.name}\n{TLS_PUBLIC.hex().upper()}\n",
        f"jishi-tls/v1\n{LOG_KEY.name}\n{TLS_PUBLIC.hex()[:-2]}\n",
        f"jishi-tls/v1\n{LOG_KEY.name}\nnonsense\n",
        f"jishi-tls/v1\n{LOG_KEY.name}\n{LOW_ORDER.hex()}\n",
    ],
)
def test_what_has_another_form_or_an_unsound_key_is_refused(text: str) -> None:
    with pytest.raises(MalformedNote):
        open_certificate_request(sign(text, LOG_KEY), LOG_KEY.verifier)


@given(st.binary(max_size=400))
def test_foreign_bytes_cause_one_family_of_error(raw: bytes) -> None:
    with pytest.raises(ForeignBytesError):
        open_certificate_request(raw, LOG_KEY.verifier)


def test_no_bit_of_a_request_can_be_flipped_unnoticed() -> None:
    request = make_certificate_request(LOG_KEY, TLS_PUBLIC)
    for at in range(len(request)):
        flipped = request[:at] + bytes([request[at] ^ 1]) + request[at + 1 :]
        with pytest.raises(ForeignBytesError):
            open_certificate_request(flipped, LOG_KEY.verifier)
