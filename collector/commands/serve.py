"""`jishi-collector serve`: the API and the pages, by uvicorn."""

from argparse import ArgumentParser, Namespace

from collector.config import Config


def configure(_parser: ArgumentParser) -> None:
    """It takes no arguments of its own."""


def run(config: Config, _arguments: Namespace) -> None:
    """Serve until a signal."""
    import uvicorn

    from collector.api.limits import SERVER_HEADER_BYTES
    from collector.app import create_app

    uvicorn.run(
        create_app(config),
        host=config.api.host,
        port=config.api.port,
        log_config=None,
        access_log=False,
        server_header=False,
        # Which header of a proxy is believed is our own setting ([api] address_header), never the server's guess.
        proxy_headers=False,
        http="h11",
        h11_max_incomplete_event_size=SERVER_HEADER_BYTES,
        ws="none",
        timeout_graceful_shutdown=5,
    )
