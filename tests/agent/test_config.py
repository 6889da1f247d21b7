"""A configuration is taken whole, or every one of its faults is named with its key path."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import pytest

from agent import config as config_module
from agent.config import Configuration, effective, load, settings_by_path
from agent.errors import BrokenKind, ConfigurationError
from agent.watchers.modbus_meter import ModbusMeterSettings
from agent.watchers.registry import find_kind
from agent.watchers.stand_in import BrokenSettings
from agent.watchers.watcher import Kind, WatcherSettings
from protocol.topics import check_agent_id

GOOD = """
[agent]
id = "em-01"
state_dir = "state"

[collector]
url = "http://127.0.0.1:8321"

[[watcher]]
name = "meter1"
kind = "modbus-meter"
asset = "A001"
port = "/dev/ttyUSB0"

[[watcher]]
name = "software"
kind = "process"
asset = "A001"
command_line = "sem.exe"

[[watcher]]
name = "host"
kind = "host"
"""

FORMATS = "'float32' or 'int16' or 'uint16' or 'int32' or 'uint32'"

OWN_MAP = """
[[watcher]]
name = "meter2"
kind = "modbus-meter"
port = "/dev/ttyUSB1"
map = "acme"
parity = "E"
[watcher.registers]
power = {register = 0x2004, function = 3, format = "float32", unit = "kW"}
energy = {register = 0x4000, function = 3, format = "uint32", unit = "kWh", scale = 0.01, word_order = "low-first"}
"""


def write(directory: Path, text: str) -> Path:
    path = directory / "agent.toml"
    path.write_text(text, encoding="utf-8")
    return path


def faults_of(directory: Path, text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(write(directory, text))
    assert str(caught.value) == "\n".join(caught.value.faults)
    return list(caught.value.faults)


def test_a_good_configuration_becomes_frozen_values(tmp_path: Path) -> None:
    configuration = load(write(tmp_path, GOOD + OWN_MAP))
    assert configuration.agent.id == "em-01"
    assert configuration.agent.block_s == 300
    assert configuration.state_dir == tmp_path / "state"
    assert [watcher.name for watcher in configuration.watchers] == ["meter1", "software", "host", "meter2"]
    own = configuration.watchers[3]
    assert isinstance(own, ModbusMeterSettings)
    meter = own.register_map()
    assert meter.energy is not None
    assert (meter.name, meter.power.register, meter.energy.word_order) == ("acme", 0x2004, "low-first")
    with pytest.raises(AttributeError):
        configuration.agent.id = "em-02"  # type: ignore[misc]


MAP_FILE = """
power = {register = 0x2004, function = 3, format = "float32", unit = "kW"}
serial = {register = 0x10, function = 3, format = "uint32"}
max_w = 4000
"""


def with_map_file(directory: Path, content: str, more: str = "") -> Path:
    (directory / "acme-9.toml").write_text(content, encoding="utf-8")
    watcher = '[[watcher]]\nname = "m3"\nkind = "modbus-meter"\nport = "/dev/ttyUSB3"\nmap_file = "acme-9.toml"\n'
    return write(directory, GOOD + watcher + more)


def test_a_table_may_stand_in_a_file_of_its_own_beside_the_configuration(tmp_path: Path) -> None:
    configuration = load(with_map_file(tmp_path, MAP_FILE, 'serial_number = "123"\n'))
    meter = configuration.watchers[3]
    assert isinstance(meter, ModbusMeterSettings)
    assert (meter.register_map().name, meter.register_map().max_w) == ("acme-9", 4000)
    shown = effective(configuration)
    assert '# map_file = "acme-9.toml"' in shown
    again = load(write(tmp_path, shown)).watchers[3]
    assert isinstance(again, ModbusMeterSettings)
    assert again.registers == meter.registers


def test_a_changed_file_is_a_changed_configuration(tmp_path: Path) -> None:
    before = load(with_map_file(tmp_path, MAP_FILE))
    after = load(with_map_file(tmp_path, MAP_FILE.replace("4000", "5000")))
    assert before.sha256 != after.sha256
    assert settings_by_path(before) != settings_by_path(after)


@pytest.mark.parametrize(
    ("content", "more", "fault"),
    [
        ('power = "no"', "", "watcher[3].map_file acme-9.toml.power: expected a table, found 'no'"),
        ("max_w = 1", "", "watcher[3].map_file acme-9.toml.power: missing; expected a table"),
        ("pwer =", "", "watcher[3].map_file: {path} is no TOML: line 1 (pwer =): Invalid value"),
        (MAP_FILE, "registers = {}\n", "watcher[3].map_file: registers is given too; remove one of them"),
        (MAP_FILE.replace("serial", "#"), 'serial_number = "1"\n', "watcher[3].serial_number: map acme-9 does not say "
         "where the meter keeps it; remove it"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_such_a_file_is_named(tmp_path: Path, content: str, more: str, fault: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(with_map_file(tmp_path, content, more))
    assert caught.value.faults == (fault.format(path=tmp_path / "acme-9.toml"),)


def test_a_map_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = with_map_file(tmp_path, MAP_FILE)
    (tmp_path / "acme-9.toml").unlink()
    with pytest.raises(ConfigurationError, match=r"watcher\[3\].map_file: .* cannot be read \(No such file"):
        load(path)


def test_every_fault_is_named_at_once_with_its_key_path(tmp_path: Path) -> None:
    text = """
        [agent]
        id = "E1"
        state_dri = "state"
        block_s = 900
        [collecter]
        [collector]
        url = "ftp://collector.example"
        [[watcher]]
        name = "meter 1"
        kind = "modbus-meter"
        prot = "/dev/ttyUSB0"
        parity = "Q"
        baudrate = "9600"
        address = 300
        [[watcher]]
        name = "meter2"
        kind = "modbus-meeter"
        [[watcher]]
        name = "software"
        kind = "process"
        [[watcher]]
        name = "meter3"
        kind = "modbus-meter"
        port = "/dev/ttyUSB1"
        map = "sdm999"
        [[watcher]]
        name = "meter4"
        kind = "modbus-meter"
        port = "/dev/ttyUSB2"
        registers = {power = {register = 70000, function = 5, format = "float", unit = "Wh"}, enery = 3}
        [[watcher]]
        port = 1
    """
    assert faults_of(tmp_path, text) == [
        "collecter: unknown key; did you mean collector?",
        "agent.state_dri: unknown key; did you mean state_dir?",
        "agent.id: expected 4 to 40 of a-z, 0-9 and -, found 'E1'",
        "agent.state_dir: missing; expected a text that is not empty",
        "agent.block_s: expected a number from 1 to 300, found 900",
        "collector.url: 'ftp://collector.example': expected http://host:port or https://host",
        "watcher[0].prot: unknown key; did you mean port?",
        "watcher[0].name: expected up to 40 letters, digits, dots, hyphens or underscores, found 'meter 1'",
        "watcher[0].port: missing; expected the name of a port, a rfc2217:// or socket:// URL, or a list of names and "
        "patterns",
        "watcher[0].baudrate: expected a whole number from 300 to 4000000, found '9600'",
        "watcher[0].parity: expected 'N' or 'E' or 'O', found 'Q'",
        "watcher[0].address: expected a whole number from 1 to 247, found 300",
        "watcher[1].kind: no kind of watcher is named 'modbus-meeter'; did you mean 'modbus-meter'?",
        "watcher[2].executable: the process must be named by exactly one of executable and command_line",
        "watcher[3].map: no built-in map 'sdm999'; known: sdm120, sdm230, sdm630, pzem-016, dtsu666; else describe it "
        "in registers",
        "watcher[4].registers.enery: unknown key; did you mean energy?",
        "watcher[4].registers.power.unit: expected 'W' or 'kW', found 'Wh'",
        "watcher[4].registers.power.register: expected a whole number from 0 to 65535, found 70000",
        "watcher[4].registers.power.function: expected 3 or 4, found 5",
        f"watcher[4].registers.power.format: expected {FORMATS}, found 'float'",
        'watcher[5].kind: missing; it says what to watch, for example kind = "modbus-meter"',
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "agent.id: missing; expected 4 to 40 of a-z, 0-9 and -"),
        ("agent = 3", "agent: expected a table, found 3"),
        (GOOD.split("[[")[0] + "[watcher]", "watcher: expected [[watcher]], with two brackets"),
        (GOOD.split("[[", maxsplit=1)[0], "watcher: none is configured, so nothing would be observed"),
        (GOOD.replace("software", "meter1"), "watcher[1].name: 'meter1' is the name of another watcher"),
        (GOOD + OWN_MAP.replace("USB1", "USB0"), "watcher[3] (meter2): meter1 has /dev/ttyUSB0 with"),
        (GOOD.replace("//", "//li:geheim@"), "collector.url: holds a user name or password; remove it"),
        (GOOD.replace(":8321", ":99999"), "collector.url: is no address"),
        (GOOD + "colour = 1", "watcher[2].colour: unknown key; known keys: name, kind, asset, poll_s"),
        (GOOD + "poll_s = nan", "watcher[2].poll_s: expected a number from 1 to 60, found nan"),
    ],
)  # fmt: skip
def test_each_kind_of_fault_has_its_sentence(tmp_path: Path, text: str, fault: str) -> None:
    assert any(found.startswith(fault) for found in faults_of(tmp_path, text)), faults_of(tmp_path, text)


def test_a_password_in_the_address_is_not_repeated(tmp_path: Path) -> None:
    assert "geheim" not in str(faults_of(tmp_path, GOOD.replace("//", "//li:geheim@")))


def test_what_is_no_toml_says_where(tmp_path: Path) -> None:
    assert faults_of(tmp_path, "[agent\n") == [
        f"{tmp_path / 'agent.toml'}: is no TOML: line 1 ([agent): Expected ']' at the end of a table declaration"
    ]
    (tmp_path / "agent.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="is no text in UTF-8"):
        load(tmp_path / "agent.toml")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(tmp_path / "none.toml")


def test_the_effective_configuration_is_a_configuration_again_with_all_defaults(tmp_path: Path) -> None:
    first = load(write(tmp_path, GOOD + OWN_MAP))
    written = effective(first)
    assert tomllib.loads(written)["watcher"][0]["baudrate"] == 9600
    second = load(write(tmp_path, written))
    assert effective(second) == written
    assert (second.agent, second.watchers) == (first.agent, first.watchers)
    assert second.sha256 != first.sha256


def test_settings_by_path_tell_what_differs(tmp_path: Path) -> None:
    before = settings_by_path(load(write(tmp_path, GOOD)))
    after = settings_by_path(load(write(tmp_path, GOOD.replace("A001", "A002", 1))))
    assert {key: (before[key], after[key]) for key in before if before[key] != after[key]} == {
        "watcher.meter1.asset": ('"A001"', '"A002"')
    }


class PlugSettings(WatcherSettings, frozen=True):
    """A third party's settings, with a secret."""

    password: Annotated[str, msgspec.Meta(min_length=4, extra={"secret": True})]
    broker: str = "localhost"


def test_secrets_are_shown_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plug = Kind(PlugSettings, lambda settings, clock: None)  # type: ignore[arg-type,return-value]
    monkeypatch.setattr(config_module, "find_kind", lambda name: plug if name == "plug" else find_kind(name))
    table = '\n[[watcher]]\nname = "plug1"\nkind = "plug"\npassword = "geheim"\n'
    configuration: Configuration = load(write(tmp_path, GOOD + table))
    assert "geheim" not in effective(configuration)
    assert "geheim" not in str(settings_by_path(configuration))
    assert 'password = "(not shown)"' in effective(configuration)
    faults = faults_of(tmp_path, GOOD + table.replace("geheim", "abc"))
    assert faults == ["watcher[3].password: expected a text of at least 4 characters, found something else"]


@pytest.mark.parametrize("agent_id", ["em-01", "0000", "a" * 40])
def test_an_id_that_the_protocol_takes_is_taken_here(tmp_path: Path, agent_id: str) -> None:
    assert load(write(tmp_path, GOOD.replace("em-01", agent_id))).agent.id == check_agent_id(agent_id)


def test_a_table_of_words_is_shown_as_toml_that_can_be_loaded_again(tmp_path: Path) -> None:
    shutter = """
[[watcher]]
name = "shutter"
kind = "mqtt-topic"
host = "192.168.1.5"
topic = "site/laser/shutter"
type = "state"
words = {"1" = "open", "geöffnet" = "open"}
"""
    configuration = load(write(tmp_path, GOOD + shutter))
    again = load(write(tmp_path, effective(configuration)))
    assert again.watchers == configuration.watchers
    assert tomllib.loads(effective(configuration))["watcher"][-1]["words"] == {"1": "open", "geöffnet": "open"}


# The desk


def test_without_the_table_there_is_no_desk_and_with_it_there_are_defaults(tmp_path: Path) -> None:
    assert load(write(tmp_path, GOOD)).desk is None
    configuration = load(write(tmp_path, GOOD + "[desk]\n"))
    assert configuration.desk == config_module.DeskSettings(port=8323, address="127.0.0.1", idle_h=4.0)
    assert settings_by_path(configuration)["desk.port"] == "8323"
    assert tomllib.loads(effective(configuration))["desk"] == {"port": 8323, "address": "127.0.0.1", "idle_h": 4.0}


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ('address = "0.0.0.0"', "desk.address: expected '127.0.0.1' or '::1', found '0.0.0.0'"),
        ('address = "192.168.1.5"', "desk.address: expected '127.0.0.1' or '::1', found '192.168.1.5'"),
        ("port = 0", "desk.port: expected a whole number from 1 to 65535, found 0"),
        ("idle_h = 0", "desk.idle_h: expected a number from 0.5 to 168, found 0"),
        ("prot = 8323", "desk.prot: unknown key; did you mean port?"),
    ],
)
def test_a_desk_that_others_could_reach_is_refused_like_every_other_fault(
    tmp_path: Path, lines: str, fault: str
) -> None:
    assert faults_of(tmp_path, f"{GOOD}[desk]\n{lines}\n") == [fault]


def two_meters(first: str, second: str) -> str:
    meters = [f'[[watcher]]\nname = "bus{n}"\nkind = "modbus-meter"\nport = "/dev/ttyUSB9"\n' for n in (1, 2)]
    return f"{GOOD}\n{meters[0]}{first}\n{meters[1]}{second}\n"


def test_meters_on_one_line_share_its_port(tmp_path: Path) -> None:
    assert len(load(write(tmp_path, two_meters("poll_s = 2", "poll_s = 2\naddress = 2"))).watchers) == 5
    quick = "poll_s = 1.5\ntimeout_s = 0.2"
    assert len(load(write(tmp_path, two_meters(quick, f"{quick}\naddress = 2"))).watchers) == 5


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ("", "", "bus1 has address 1 at /dev/ttyUSB9 already"),
        (
            "",
            "address = 2\nbaudrate = 2400",
            "bus1 has /dev/ttyUSB9 with another baudrate, parity or stopbits; one line has one speed",
        ),
        (
            "poll_s = 2",
            "address = 2",
            "bus1 is at /dev/ttyUSB9 too, and while one of them is lost the other waits for it: both need poll_s of at "
            "least 2, or a smaller timeout_s",
        ),
    ],
)
def test_meters_that_cannot_be_on_one_line_are_refused(tmp_path: Path, first: str, second: str, reason: str) -> None:
    assert faults_of(tmp_path, two_meters(first, second)) == [f"watcher[4] (bus2): {reason}"]


def test_a_port_is_not_shared_with_another_kind(tmp_path: Path) -> None:
    reader = '[[watcher]]\nname = "cards"\nkind = "card-reader"\nport = "/dev/ttyUSB0"\nformat = "rdm6300"\n'
    assert "watcher[3] (cards): meter1 has /dev/ttyUSB0 already" in faults_of(tmp_path, GOOD + reader)


class Touchy(WatcherSettings, frozen=True):
    """Settings of a package whose author never tried them."""

    def faults(self) -> Iterator[tuple[str, str]]:
        raise ZeroDivisionError


BROKEN = GOOD + '\n[[watcher]]\nname = "gauge"\nkind = "acme"\nasset = "A002"\nport = 17\n'


def test_a_kind_that_is_broken_is_a_fault_for_who_asks_and_no_reason_not_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(name: str) -> Kind:
        if name == "acme":
            raise BrokenKind("kind 'acme' cannot be loaded")
        return find_kind(name)

    monkeypatch.setattr(config_module, "find_kind", find)
    assert faults_of(tmp_path, BROKEN) == ["watcher[3].kind: kind 'acme' cannot be loaded"]
    spared = load(write(tmp_path, BROKEN), without_broken=True)
    reason = "kind 'acme' cannot be loaded"
    assert spared.watchers[3] == BrokenSettings(name="gauge", kind="acme", asset="A002", reason=reason)
    assert len(spared.watchers) == 4


def test_settings_that_raise_are_the_fault_of_their_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = BROKEN.replace("port = 17\n", "")
    acme = Kind(Touchy, lambda settings, clock: None)  # type: ignore[arg-type,return-value]
    monkeypatch.setattr(config_module, "find_kind", lambda name: acme if name == "acme" else find_kind(name))
    assert faults_of(tmp_path, text) == [
        "watcher[3].kind: kind 'acme' could not judge its settings (ZeroDivisionError: )"
    ]
    assert load(write(tmp_path, text), without_broken=True).watchers[3].name == "gauge"


def test_a_misspelt_kind_is_a_fault_whoever_asks(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no kind of watcher is named 'acme'"):
        load(write(tmp_path, BROKEN), without_broken=True)
