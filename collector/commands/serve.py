"""`jishi-collector serve`: the API and the pages, by uvicorn."""

import ssl
from argparse import ArgumentParser, Namespace
from typing import Any

from collector.api.limits import SERVER_HEADER_BYTES
from collector.config import Config
from collector.errors import ConfigError

SERVER: dict[str, Any] = {
    "log_config": None,
    "access_log": False,
    "server_header": False,
    # Which header of a proxy is believed is our own setting ([api] address_header), never the server's guess.
    "proxy_headers": False,
    "http": "h11",
    "h11_max_incomplete_event_size": SERVER_HEADER_BYTES,
    "ws": "none",
}
"""How the server is set up, here and in the tests."""


def configure(_parser: ArgumentParser) -> None:
    """It takes no arguments of its own."""


def run(config: Config, _arguments: Namespace) -> None:
    """Serve until a signal; ConfigError where the certificate cannot be used."""
    import uvicorn

    from collector.app import create_app

    _check_certificate(config)
    uvicorn.run(
        create_app(config),
        host=config.api.host,
        port=config.api.port,
        ssl_certfile=config.api.tls_cert or None,
        ssl_keyfile=config.api.tls_key or None,
        timeout_graceful_shutdown=5,
        **SERVER,
    )


def _check_certificate(config: Config) -> None:
    """uvicorn would end with a traceback that names neither setting nor file."""
    if not config.api.tls_cert:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(config.api.tls_cert, config.api.tls_key)
    except OSError as error:
        raise ConfigError(
            f"api.tls_cert, api.tls_key: {config.api.tls_cert} and {config.api.tls_key} cannot be used ({error}): "
            "a PEM certificate and its key are expected, which this user may read"
        ) from error
