"""The package `dlt645`, written by others from the same standard, understands us, and we understand it."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from dlt645.protocol.protocol import DLT645Protocol
from dlt645.service.clientsvc.client_service import MeterClientService
from dlt645.service.serversvc.server_service import MeterServerService
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.clock import SystemClock
from agent.reading import Sample
from agent.watchers.dlt645_frame import Data, ReadAddress, ReadData, encode, parse, scan
from agent.watchers.dlt645_meter import Dlt645Meter, Dlt645MeterSettings
from agent.watchers.watcher import Fault, Seen
from tests.agent.watchers.bench import POWER_MW, Bench, Ears

METER = "000000000161"
ADDRESS_BYTES = bytes.fromhex(METER)[::-1]
DIGITS = st.text("0123456789", min_size=12, max_size=12)
NOISE = st.lists(st.sampled_from([0x00, 0x11, 0x16, 0x55, 0xFE, 0xFF]), max_size=20).map(bytes)  # no 68: see below


@given(DIGITS, st.integers(0, 2**32 - 1), st.binary(min_size=1, max_size=100), st.integers(0, 4), NOISE)
def test_the_peer_reads_our_frames(address: str, identifier: int, payload: bytes, wakes: int, noise: bytes) -> None:
    for ours, control, data in (
        (ReadData(address, identifier), 0x11, identifier.to_bytes(4, "little")),
        (Data(address, identifier, payload), 0x91, identifier.to_bytes(4, "little") + payload),
        (ReadAddress(), 0x13, b""),
    ):
        _, theirs = DLT645Protocol.deserialize_with_remaining(noise + b"\xfe" * wakes + encode(ours))
        assert theirs is not None
        assert bytes(theirs.addr)[::-1].hex().upper() == ours.address
        assert (theirs.ctrl_code, bytes(theirs.data)) == (control, data)


@given(DIGITS, st.integers(0, 2**32 - 1), st.binary(min_size=1, max_size=100), st.integers(0, 4), NOISE)
def test_we_read_the_peer_s_frames(address: str, identifier: int, payload: bytes, wakes: int, noise: bytes) -> None:
    data = identifier.to_bytes(4, "little") + payload
    theirs = DLT645Protocol.build_frame(bytes.fromhex(address)[::-1], 0x91, data, wakes)
    assert parse(bytes(theirs)) == Data(address, identifier, payload)
    assert scan(noise + bytes(theirs) + noise) == [Data(address, identifier, payload)]


@settings(max_examples=200)
@given(st.lists(st.sampled_from([0x68, 0x16, 0x11, 0x91, 0x04, 0x33]), max_size=40).map(bytes))
def test_behind_a_lone_68_the_peer_waits_for_more_and_we_find_the_frame(noise: bytes) -> None:
    answer = Data(METER, 0x02030000, bytes.fromhex("45 23 01"))
    if scan(noise + encode(answer)[:-1]):
        return  # a frame by chance
    assert answer in scan(noise + encode(answer))


@pytest.fixture
def peer_meter() -> Iterator[MeterServerService]:
    """The package's meter on loopback TCP, as a device server would offer it."""
    server = MeterServerService.new_tcp_server("127.0.0.1", 0)
    server.set_address(ADDRESS_BYTES)
    server.set_00(0x00010000, 1234.56)
    server.set_02(0x02030000, 1.2345)
    assert server.start()
    yield server
    server.stop()


@pytest.mark.parametrize("address", [METER, "any"])
def test_the_watcher_reads_the_peer_s_meter(peer_meter: MeterServerService, address: str) -> None:
    port = f"socket://127.0.0.1:{peer_meter.server.ln.getsockname()[1]}"
    given = {"name": "m", "kind": "dlt645-meter", "port": port, "address": address, "poll_s": 0.5, "timeout_s": 0.3}
    ears = Ears(Dlt645Meter(msgspec.convert(given, Dlt645MeterSettings), SystemClock()))
    sample = ears.wait(Sample)
    ears.stop()
    assert (sample.value, sample.counter_mwh) == (1_234_500, 1_234_560_000)
    assert not [said for said in ears.said if isinstance(said, Fault)]
    [seen] = [said for said in ears.said if isinstance(said, Seen)]
    assert dict(seen.particulars)["address"] == METER


@pytest.fixture
def our_meter(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "ttyMETER", meter="dlt645")
    bench.plug()
    bench.set_counter(1_234_560)
    yield bench
    bench.unplug()


def test_the_peer_reads_our_simulated_meter(our_meter: Bench) -> None:
    client = MeterClientService.new_rtu_client(str(our_meter.link), 9600, 8, 1, "N", 2.0)  # a pty has no parity
    client.set_address(ADDRESS_BYTES.hex())  # the peer writes addresses as they go on the wire
    with client:
        power, energy, address = client.read_02(0x02030000), client.read_00(0x00010000), client.read_address()
    assert None not in (power, energy, address)
    assert power.value == pytest.approx(POWER_MW / 1_000_000)
    assert energy.value == pytest.approx(1234.56)
    assert address.value == ADDRESS_BYTES.hex()
