"""What an agent signs to be given a TLS certificate: a note over its TLS key, by the key of its log.

    jishi-tls/v1
    jishi.example/a/em-01/1
    d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a

    — jishi.example/a/em-01/1 leduGU8s…

The TLS key is another Ed25519 key than the log's, so that what is stolen from a connection signs no checkpoint. The
note binds it to the log, and so to the agent, whatever the way that the request took. It holds no nonce: played again
it asks for a certificate of the same key, which is of use to nobody but who holds that key (decision 0012).
"""

from protocol.errors import BadSignature, MalformedNote, excerpt
from protocol.keys import SigningKey, VerifierKey, is_valid_point
from protocol.note import sign, verify

FORMAT = "jishi-tls/v1"


def make_certificate_request(log_key: SigningKey, tls_public: bytes) -> bytes:
    """Return the signed request for a certificate of this TLS key (32 bytes)."""
    return sign(f"{FORMAT}\n{log_key.name}\n{tls_public.hex()}\n", log_key)


def open_certificate_request(raw: bytes, log_key: VerifierKey) -> bytes:
    """Return the TLS public key that the log's key asks a certificate for.

    BadSignature where that key did not sign it for its own log; MalformedNote, TooLarge. A key of low order is
    refused, because with it anybody could speak for the agent.
    """
    lines = verify(raw, log_key).split("\n", 4)
    if len(lines) != 4 or lines[0] != FORMAT or lines[3]:
        raise MalformedNote(f"a certificate request has three lines ({FORMAT}, origin, key), not {excerpt(lines[0])} …")
    if lines[1] != log_key.name:
        raise BadSignature(f"the key {log_key.name} asked for a certificate of another log, {excerpt(lines[1])}")
    return _read_public(lines[2])


def _read_public(text: str) -> bytes:
    try:
        public = bytes.fromhex(text)
    except ValueError as error:
        raise MalformedNote(f"TLS key {excerpt(text)}: 64 hex digits are expected") from error
    if public.hex() != text or not is_valid_point(public):
        raise MalformedNote(f"TLS key {excerpt(text)}: it is no sound Ed25519 point in 64 hex digits")
    return public
