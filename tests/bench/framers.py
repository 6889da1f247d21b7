"""Polls a second over a pseudo-terminal, ours beside other clients, in the same run against the same peer.

A poll asks for the power once and waits for the answer, through everything that a watcher's poll goes through: the
pause that the standard wants before a question (3.5 characters: 4.0 ms at 9600 baud, 1.75 ms from 19 200 on), frames
found again behind noise, and no late answer taken. So at 9600 baud no client that keeps the pause exceeds 249 polls/s.
minimalmodbus keeps the same pause; pymodbus waits by rules of its own. A pseudo-terminal carries bytes without delay,
so this measures the programs and their pauses and no wire: at 9600 baud the 17 bytes of a real poll take 19 ms more,
whoever asks.

DL/T 645 knows no pause before a question: its four wake-up bytes are one. The bytes of a real poll, 43 with them, take
49 ms at 9600 baud, and the meter may think for half a second. The package dlt645 opens without parity here, because a
pseudo-terminal has none and that package sets its port anew for each read.

Another protocol adds its clients to CLIENTS, by the name of the simulated meter that answers them.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import minimalmodbus
from dlt645.service.clientsvc.client_service import MeterClientService
from pymodbus.client import ModbusSerialClient

from agent.simulator.dlt645_meter import ADDRESS
from agent.watchers.dlt645_line import POWER
from agent.watchers.dlt645_line import Line as Dlt645Line
from agent.watchers.dlt645_timing import Timing
from agent.watchers.modbus_line import Line
from agent.watchers.modbus_maps import SDM120, decode_power_mw
from agent.watchers.serial_port import LineSettings, open_port

MEASURE_S = 3.0
REQUIRED_PER_S = 200
Poll = Callable[[], object]


class Client(NamedTuple):
    """One way to read a simulated meter. `ask` opens the port and gives the poll; `ours` is held against the limit."""

    name: str
    meter: str
    baudrate: int
    ask: Callable[[str, int], AbstractContextManager[Poll]]
    ours: bool


@contextmanager
def _ours(port: str, baudrate: int) -> Iterator[Poll]:
    with open_port(port, LineSettings(baudrate)) as opened:
        line = Line(opened, address=1, meter=SDM120, timeout_s=0.5, baudrate=baudrate)
        yield lambda: decode_power_mw(SDM120, line.ask(SDM120.power))


@contextmanager
def _minimalmodbus(port: str, baudrate: int) -> Iterator[Poll]:
    meter = minimalmodbus.Instrument(port, 1)
    with closing(meter.serial):
        meter.serial.baudrate, meter.serial.timeout = baudrate, 0.5
        yield lambda: meter.read_float(SDM120.power.register, functioncode=4)


@contextmanager
def _pymodbus(port: str, baudrate: int) -> Iterator[Poll]:
    client = ModbusSerialClient(port, baudrate=baudrate, timeout=0.5)
    assert client.connect()
    with closing(client):
        yield lambda: client.read_input_registers(SDM120.power.register, count=2, device_id=1).registers


@contextmanager
def _our_dlt645(port: str, baudrate: int) -> Iterator[Poll]:
    with open_port(port, LineSettings(baudrate)) as opened:
        line = Dlt645Line(opened, address=ADDRESS, timing=Timing(baudrate=baudrate))
        yield line.ask_power_mw


@contextmanager
def _dlt645(port: str, baudrate: int) -> Iterator[Poll]:
    client = MeterClientService.new_rtu_client(port, baudrate, 8, 1, "N", 0.5)
    client.set_address(bytes.fromhex(ADDRESS)[::-1].hex())  # as it goes on the wire
    with client:
        assert client.read_02(POWER), "the client reads the meter"
        yield lambda: client.read_02(POWER)


CLIENTS = [
    *(
        Client(name, "sdm120", baudrate, ask, name == "jishi")
        for baudrate in (9600, 19200)
        for name, ask in (("jishi", _ours), ("minimalmodbus", _minimalmodbus), ("pymodbus", _pymodbus))
    ),
    Client("jishi", "dlt645", 9600, _our_dlt645, True),
    Client("dlt645", "dlt645", 9600, _dlt645, False),
]


def measure() -> Iterable[dict[str, object]]:
    """Yield polls a second of each client, ours against the limit and beside the best of the others."""
    rates = {client: _rate(client) for client in CLIENTS}
    for client, per_s in rates.items():
        figure = {"name": f"{client.name}, {client.meter} at {client.baudrate} baud", "value": round(per_s, 1)}
        figure |= {"unit": "polls/s"}
        if client.ours:
            alike = [other for other in CLIENTS if other[1:3] == client[1:3] and not other.ours]
            peer = max((rates[other] for other in alike), default=None)
            figure |= {"limit": REQUIRED_PER_S, "ratio": round(per_s / REQUIRED_PER_S, 2)}
            figure |= {"peer": round(peer, 1)} if peer else {}
        yield figure


def _rate(client: Client) -> float:
    with _simulated(client.meter) as port, client.ask(port, client.baudrate) as poll:
        poll()
        polls, start_s = 0, time.perf_counter()
        while (lasted_s := time.perf_counter() - start_s) < MEASURE_S:
            poll()
            polls += 1
        return polls / lasted_s


@contextmanager
def _simulated(meter: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as scratch:
        port = str(Path(scratch) / "port")
        command = [sys.executable, "-m", "agent.simulator.cli", "--model", "oven", "--meter", meter]
        command += ["--link", port, "--truth", str(Path(scratch) / "truth")]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as simulator:
            assert simulator.stdout is not None
            simulator.stdout.readline()
            yield port
            simulator.terminate()
