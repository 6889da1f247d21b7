"""`jishi-collector trust`: the keys that an inspector pins, as a file for `jishi-audit --trust`."""

from argparse import ArgumentParser, Namespace

from collector.config import Config


def configure(_parser: ArgumentParser) -> None:
    """It takes no arguments of its own."""


def run(config: Config, _arguments: Namespace) -> None:
    """Print a line for each key. ConfigError."""
    from collector.evidence.sequencer import list_heads
    from collector.keys import ensure_export_key, load_receipt_key
    from collector.registry.person_keys import list_keys
    from collector.store.database import connect

    print("# Keys of the collector of", config.domain)
    print("# Compare them with what the province published, by another way than the bundles that they sign.")
    print(f"export {ensure_export_key(config.data_dir, config.domain).verifier}")
    print(f"receipt {load_receipt_key(config.data_dir, config.domain).verifier}")
    with connect(config.dsn, application="trust") as connection:
        for head in list_heads(connection):
            print(f"log {head.vkey}")
        for key in list_keys(connection):
            if key.revoked_at is None:
                print(f"person {key.vkey}")
