"""Who plays: three simulated instruments, each watched in another way, and what their agents are told to watch.

- the microscope by a Modbus meter, a dry contact at a device server (beam on) and a card reader at its desk;
- the chromatograph by a DL/T 645 meter, as Chinese DIN-rail meters speak from the factory;
- the oven by a Tasmota plug over MQTT.

Software and host are watched everywhere. Every value stands in the configuration that `jishi-agent check` shows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from protocol.policy import POWER

AGENT_CONFIG = """\
[agent]
id = "{agent_id}"
state_dir = "state"
block_s = 10

[collector]
url = "{url}"
{watchers}
[[watcher]]
name = "software"
kind = "process"
asset = "{asset}"
command_line = "{software}"
poll_s = 2

[[watcher]]
name = "host"
kind = "host"
asset = "{asset}"
poll_s = 10
"""

MODBUS_METER = """
[[watcher]]
name = "meter"
kind = "modbus-meter"
asset = "{asset}"
port = "{directory}/port"
map = "sdm120"
poll_s = 1
"""

CONTACT_CARD_AND_DESK = """
[[watcher]]
name = "beam"
kind = "contact"
asset = "{asset}"
port = "rfc2217://127.0.0.1:{contact_port}"
poll_s = 1
[watcher.cts]
channel = "beam"

[[watcher]]
name = "cards"
kind = "card-reader"
asset = "{asset}"
port = "{directory}/cards"
format = "rdm6300"

[desk]
port = {desk_port}
"""

DLT645_METER = """
[[watcher]]
name = "meter"
kind = "dlt645-meter"
asset = "{asset}"
port = "{directory}/port"
address = "any"
baudrate = 9600
poll_s = 1
"""

PLUG = """
[[watcher]]
name = "meter"
kind = "tasmota-plug"
asset = "{asset}"
host = "127.0.0.1"
port = {broker_port}
topic = "{agent_id}"
report_s = 1
"""


class Card(NamedTuple):
    """Whose card is presented at the instrument's reader, again and again."""

    holder: str
    number: str


@dataclass(frozen=True, slots=True)
class Instrument:
    """One simulated instrument and the agent beside it: what the agent watches, and what there is to be watched.

    `watchers` and `simulate` may name {asset}, {agent_id}, {directory} and the ports of the demo.
    """

    agent_id: str
    asset: str
    name: str
    model: str
    speed: float
    seed: int
    watchers: str
    simulate: tuple[str, ...]
    watch: tuple[str, ...] = ("meter",)  # WATCHER[:CHANNEL], as `jishi-collector token --watch` takes it
    card: Card | None = None

    @property
    def software(self) -> str:
        """The name of the simulated control software, distinct so that no other process of the machine matches."""
        return f"{self.agent_id}-control"

    def configuration(self, values: Mapping[str, object]) -> str:
        """The agent's configuration file."""
        return AGENT_CONFIG.format(watchers=self.watchers.format(**values), software=self.software, **values)

    @property
    def channels(self) -> frozenset[tuple[str, str]]:
        """The watchers and channels whose readings count for the instrument."""
        pairs = (each.partition(":") for each in self.watch)
        return frozenset((watcher, channel or POWER) for watcher, _, channel in pairs)


INSTRUMENTS = (
    Instrument(
        "demo-em",
        "DEMO-EM-01",
        "microscope",
        "electron-microscope",
        speed=180,
        seed=7,
        watchers=MODBUS_METER + CONTACT_CARD_AND_DESK,
        simulate=(
            "--link",
            "{directory}/port",
            "--contact-port",
            "{contact_port}",
            "--cards-link",
            "{directory}/cards",
        ),
        watch=("meter", "beam:beam"),
        card=Card("张三", "100086F444"),
    ),
    Instrument(
        "demo-gc",
        "DEMO-GC-01",
        "chromatograph",
        "chromatograph",
        speed=180,
        seed=8,
        watchers=DLT645_METER,
        simulate=("--meter", "dlt645", "--link", "{directory}/port"),
    ),
    Instrument(
        "demo-oven",
        "DEMO-OV-01",
        "oven",
        "oven",
        speed=180,
        seed=9,
        watchers=PLUG,
        simulate=("--plug", "tasmota", "--broker", "127.0.0.1:{broker_port}", "--topic", "{agent_id}", "--every", "1"),
    ),
)
