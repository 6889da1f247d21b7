"""Settings: one file, the environment over it, all faults at once, no secret shown."""

from pathlib import Path

import pytest

from collector.config import Public, Rollups, load_config
from collector.errors import ConfigError


def test_nothing_is_needed() -> None:
    config = load_config(None, environment={})
    assert (config.domain, config.broker.port, config.api.port) == ("jishi.example", 1883, 8321)
    assert config.given_dsn is None


def test_the_environment_wins_over_the_file_and_the_command_line_over_both(tmp_path: Path) -> None:
    file = tmp_path / "collector.toml"
    file.write_text('[collector]\ndomain = "a.example"\ndata_dir = "/x"\n[api]\nport = 1\n[broker]\nport = 2\n')
    environment = {"JISHI_API_PORT": "3", "JISHI_BROKER_PORT": "4", "JISHI_DATABASE_DSN": "dbname=x", "PATH": "/bin"}
    config = load_config(file, environment=environment, overrides={("broker", "port"): 5})
    assert (config.domain, config.data_dir, config.api.port, config.broker.port, config.dsn) == (
        "a.example",
        Path("/x"),
        3,
        5,
        "dbname=x",
    )


def test_every_fault_comes_in_one_message_with_its_key_path(tmp_path: Path) -> None:
    file = tmp_path / "collector.toml"
    file.write_text(
        '[collector]\ndomain = "Not A Domain"\ndata = "/x"\n[api]\nport = "8321"\n[broker]\nport = 70000\n'
        '[extra]\nx = 1\n[database]\ndsn = ""\n'
    )
    with pytest.raises(ConfigError) as caught:
        load_config(file, environment={"JISHI_API_PORT": "many"})
    message = str(caught.value)
    for fault in (
        "collector.domain: domain",
        "collector.data: unknown; keys are domain, data_dir",
        "api.port: a int is expected, found a str",
        "api.port: JISHI_API_PORT must be a whole number",
        "broker.port: 1 to 65535 is expected, found 70000",
        "extra: unknown; sections are collector, database, broker, ingest, ",
        "database.dsn: is empty",
    ):
        assert fault in message


def test_what_is_special_and_what_is_public_are_settings_that_children_get(tmp_path: Path) -> None:
    file = tmp_path / "collector.toml"
    file.write_text('[rollups]\nspecial_classes = "0105,02"\n[public]\nfigures = true\n')
    config = load_config(file, environment={})
    assert (config.rollups.special, config.public.figures) == (("0105", "02"), True)
    child = load_config(None, environment=config.environment("dbname=x"))
    assert (child.rollups, child.public) == (config.rollups, config.public)
    assert (Rollups().special, Public().figures) == ((), False), "unless somebody decides it"
    for wrong in ("0105, 02", "0105,", "类"):
        with pytest.raises(ConfigError, match=r"rollups\.special_classes: .* is no list of class codes"):
            load_config(None, environment={"JISHI_ROLLUPS_SPECIAL_CLASSES": wrong})


def test_a_file_that_is_not_there_or_no_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        load_config(tmp_path / "none.toml", environment={})
    bad = tmp_path / "bad.toml"
    bad.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="is no TOML file"):
        load_config(bad, environment={})


def test_the_data_source_is_never_shown(tmp_path: Path) -> None:
    config = load_config(None, environment={"JISHI_DATABASE_DSN": "host=db password=hunter2"})
    assert "hunter2" not in repr(config)


def test_without_a_data_source_a_running_up_is_asked(tmp_path: Path) -> None:
    config = load_config(None, environment={"JISHI_COLLECTOR_DATA_DIR": str(tmp_path)})
    with pytest.raises(ConfigError, match="no database"):
        _ = config.dsn
    config.embedded_dsn_file.write_text("host=/run/x\n")
    assert config.dsn == "host=/run/x"


def test_what_a_child_gets_is_the_same_configuration() -> None:
    config = load_config(
        None,
        environment={"JISHI_COLLECTOR_DOMAIN": "a.example", "JISHI_API_PORT": "7", "JISHI_INGEST_METRICS_PORT": "8"},
    )
    child = load_config(None, environment=config.environment("dbname=y"))
    assert (child.domain, child.data_dir, child.api, child.broker, child.ingest) == (
        config.domain,
        config.data_dir,
        config.api,
        config.broker,
        config.ingest,
    )
    assert child.dsn == "dbname=y"


def test_truth_values_are_told_in_words_and_a_certificate_needs_its_key() -> None:
    config = load_config(None, environment={"JISHI_BROKER_TLS": "true", "JISHI_BROKER_WORKER_PORT": "8884"})
    assert config.broker.tls
    assert config.broker.for_workers == ("127.0.0.1", 8884)
    environment = config.environment("dbname=x")
    assert load_config(None, environment=environment).broker == config.broker
    with pytest.raises(ConfigError) as caught:
        load_config(None, environment={"JISHI_BROKER_TLS": "yes", "JISHI_API_TLS_CERT": "/x.pem"})
    assert "broker.tls: JISHI_BROKER_TLS must be true or false" in str(caught.value)
    assert "api.tls_cert, api.tls_key: the one needs the other" in str(caught.value)
