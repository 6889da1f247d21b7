"""What the configuration says of a platform, turned into what sends: the mapping, the credentials, the road."""

import ssl
from pathlib import Path

from collector.config import Config
from collector.errors import ConfigError, ExchangeError
from collector.exchange.credentials import NONE, read_credentials
from collector.exchange.mapping import MAX_MAPPING_BYTES, ReadMapping, parse
from collector.exchange.platform import Road, parse_address
from collector.files import read_limited


def read_mapping(config: Config) -> ReadMapping:
    """The mapping that [exchange] names. ConfigError where none is named; ExchangeError with its faults."""
    if not config.exchange.mapping:
        raise ConfigError("exchange.mapping: which fields the platform wants is missing; docs/exchange.md shows how")
    path = Path(config.exchange.mapping).expanduser()
    try:
        return parse(read_limited(path, MAX_MAPPING_BYTES))
    except OSError as error:
        raise ConfigError(f"exchange.mapping: cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise ExchangeError(f"{path} is no field mapping: {error}") from error


def make_road(config: Config) -> Road:
    """The road to the platform that [exchange] names. ConfigError."""
    settings = config.exchange
    if not settings.url:
        raise ConfigError("exchange.url: where the platform is, is missing")
    address = parse_address(settings.url)
    secret = read_credentials(Path(settings.credentials).expanduser()) if settings.credentials else NONE
    tls = _trusting(settings.authority) if settings.authority and address.is_tls else None
    return Road(address, read_mapping(config).mapping.platform, secret, tls=tls)


def _trusting(authority: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authority)
    except OSError as error:  # an SSLError is one
        raise ConfigError(f"exchange.authority: {authority} holds no certificates that can be read: {error}") from error
