"""TLS handshakes in memory: OpenSSL's own judgement of our certificates, without sockets."""

import ssl
from pathlib import Path


def server_context(certificate: Path, *, trusted: bytes, revoked: Path | None = None) -> ssl.SSLContext:
    """A broker as deploy/mosquitto configures it; `certificate` holds its key too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(certificate)
    context.load_verify_locations(cadata=trusted.decode())
    context.verify_mode = ssl.CERT_REQUIRED
    if revoked is not None:
        context.load_verify_locations(revoked)
        context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
    return context


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, *, host: str = "localhost") -> str:
    """Who the server finds the client to be, "" where it does not ask; ssl.SSLError where either refuses."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    at_server = server.wrap_bio(up, down, server_side=True)
    at_client = client.wrap_bio(down, up, server_hostname=host)
    for _ in range(6):
        for side in (at_client, at_server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert at_server.version() == "TLSv1.3"
    peer = at_server.getpeercert()
    return dict(pair for (pair,) in peer["subject"])["commonName"] if peer else ""
