"""What deploy/ holds for the collector's machine: the example is loaded, and systemd finds no fault in the units."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from collector.cli import COMMANDS
from collector.config import load_config
from collector.embedded import broker

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = sorted(path for path in (DEPLOY / "collector").iterdir() if path.suffix in (".service", ".timer", ".path"))


def test_the_example_is_a_configuration_with_mutual_tls() -> None:
    config = load_config(DEPLOY / "collector" / "collector.toml", environment={})
    assert config.broker.tls
    assert (config.broker.port, config.broker.for_workers) == (8883, ("localhost", 8884))
    assert config.api.url == "https://0.0.0.0:8321"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed here")
def test_systemd_finds_no_fault_in_the_units(tmp_path: Path) -> None:
    program = tmp_path / "jishi-collector"
    program.touch(0o755)
    written = [tmp_path / unit.name.replace("@", "@1") for unit in UNITS]
    for unit, path in zip(UNITS, written, strict=True):
        path.write_text(unit.read_text("utf-8").replace("/opt/jishi/bin/jishi-collector", str(program)), "utf-8")
    verdict = subprocess.run(["systemd-analyze", "verify", *written], capture_output=True, text=True, check=False)
    assert [line for line in verdict.stderr.splitlines() if "jishi" in line or "mosquitto-reload" in line] == []
    assert verdict.returncode == 0


def test_every_command_of_the_units_is_one_of_the_collectors() -> None:
    pattern = re.compile(r"^ExecStart=/opt/jishi/bin/jishi-collector (\S+)", re.MULTILINE)
    words = [word for unit in UNITS for word in pattern.findall(unit.read_text("utf-8"))]
    assert sorted(set(words)) == ["account", "ca", "exchange", "ingest", "log", "serve"]
    assert set(words) <= set(COMMANDS)


def test_production_and_the_embedded_broker_have_the_same_queues() -> None:
    """What ingest promises about windows (it never lets mosquitto's queues fill) counts on these numbers."""
    pattern = re.compile(r"^(max_\w+) (\S+)$", re.MULTILINE)
    shipped = dict(pattern.findall((DEPLOY / "mosquitto" / "mosquitto.conf").read_text("utf-8")))
    embedded = dict(pattern.findall(broker._MOSQUITTO))
    embedded["max_packet_size"] = str(broker._MAX_PACKET_BYTES)
    assert shipped == embedded
