"""`jishi-collector serve`: the API and the pages, by uvicorn."""

import ssl
from argparse import ArgumentParser, Namespace

from collector.config import Config
from collector.errors import ConfigError


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
        ssl_certfile=config.api.tls_cert,
        ssl_keyfile=config.api.tls_key,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )


def _check_certificate(config: Config) -> None:
    """uvicorn would end with a traceback that names neither setting nor file."""
    if config.api.tls_cert is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(config.api.tls_cert, config.api.tls_key)
    except OSError as error:
        raise ConfigError(
            f"api.tls_cert, api.tls_key: {config.api.tls_cert} and {config.api.tls_key} cannot be used ({error}): "
            "a PEM certificate and its key are expected, which this user may read"
        ) from error
