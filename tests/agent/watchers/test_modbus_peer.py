"""pymodbus, an independent implementation, reads our frames, we read its frames, and its server answers our watcher."""

import asyncio
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    ReadInputRegistersRequest,
    ReadInputRegistersResponse,
)
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

from agent.clock import SystemClock
from agent.reading import Sample
from agent.watchers.modbus_frame import ReadRequest, Refusal, Values, encode, parse
from agent.watchers.modbus_meter import ModbusMeter, ModbusMeterSettings
from agent.watchers.watcher import Fault
from tests.agent.watchers.bench import listen
from tests.agent.watchers.null_modem import NullModem

ADDRESSES, FUNCTIONS = st.integers(1, 247), st.sampled_from((3, 4))
REQUESTS = {3: ReadHoldingRegistersRequest, 4: ReadInputRegistersRequest}
RESPONSES = {3: ReadHoldingRegistersResponse, 4: ReadInputRegistersResponse}


def read_by_pymodbus(raw: bytes, *, is_server: bool) -> ModbusPDU:
    framer = FramerRTU(DecodePDU(is_server))
    used, pdu = framer.handleFrame(raw, 0, 0)
    assert used == len(raw)
    assert pdu is not None
    return pdu


def written_by_pymodbus(pdu: ModbusPDU) -> bytes:
    return FramerRTU(DecodePDU(True)).buildFrame(pdu)


@settings(max_examples=50, deadline=None)
@given(ADDRESSES, FUNCTIONS, st.integers(0, 0xFF00), st.integers(1, 125))
def test_our_questions_are_its_questions(address: int, function: int, register: int, length: int) -> None:
    ours = encode(ReadRequest(address, function, register, length))
    pdu = read_by_pymodbus(ours, is_server=True)
    assert (pdu.dev_id, pdu.function_code, pdu.address, pdu.count) == (address, function, register, length)
    assert written_by_pymodbus(REQUESTS[function](dev_id=address, address=register, count=length)) == ours


@settings(max_examples=50, deadline=None)
@given(ADDRESSES, FUNCTIONS, st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=125))
def test_its_answers_are_our_answers(address: int, function: int, registers: list[int]) -> None:
    ours = Values(address, function, struct.pack(f">{len(registers)}H", *registers))
    theirs = written_by_pymodbus(RESPONSES[function](dev_id=address, registers=registers))
    assert parse(theirs) == ours
    assert encode(ours) == theirs
    assert read_by_pymodbus(encode(ours), is_server=False).registers == registers


@settings(max_examples=20, deadline=None)
@given(ADDRESSES, FUNCTIONS, st.integers(1, 11))
def test_its_refusals_are_our_refusals(address: int, function: int, code: int) -> None:
    theirs = written_by_pymodbus(ExceptionResponse(function, code, device_id=address))
    assert parse(theirs) == Refusal(address, function, code)
    assert encode(Refusal(address, function, code)) == theirs


@contextmanager
def pymodbus_server(port: str, device: SimDevice) -> Iterator[None]:
    """Serve `device` at a serial port, in a thread of its own."""
    loop = asyncio.new_event_loop()
    server: list[ModbusSerialServer] = []
    ready = threading.Event()

    async def serve() -> None:
        server.append(ModbusSerialServer(device, port=port, baudrate=9600))
        await server[0].serve_forever(background=True)
        ready.set()
        await server[0].serving

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(server[0].shutdown(), loop).result(10)
        thread.join()
        loop.close()


def device(input_registers: dict[int, float], holding: dict[int, float]) -> SimDevice:
    blocks = [
        [SimData(address, values=value, datatype=DataType.FLOAT32) for address, value in registers.items()]
        or [SimData(0, values=0, datatype=DataType.REGISTERS)]
        for registers in (holding, input_registers)
    ]
    bits = [SimData(0, values=False, datatype=DataType.BITS)]
    return SimDevice(1, simdata=(bits, bits, *blocks))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("meter", "inputs", "holding"),
    [
        ("sdm120", {0x000C: 885.5, 0x0156: 2354.257}, {}),
        ("sdm630", {0x000C: 295.2, 0x0034: 885.5, 0x0156: 2354.257}, {}),
        ("dtsu666", {}, {0x2012: 8855.0, 0x401E: 2354.257}),
    ],
)
def test_its_server_is_a_meter_for_our_watcher(meter: str, inputs: dict[int, float], holding: dict[int, float]) -> None:
    with NullModem() as cable, pymodbus_server(cable.ends[0], device(inputs, holding)):
        given_settings = {"name": "meter1", "kind": "modbus-meter", "port": cable.ends[1], "map": meter}
        read = msgspec.convert({**given_settings, "poll_s": 0.1, "timeout_s": 0.3}, ModbusMeterSettings)
        with listen(ModbusMeter(read, SystemClock())) as ears:
            samples = [ears.wait(Sample) for _ in range(3)]
    assert {(sample.value, sample.counter_mwh) for sample in samples} == {(885_500, 2_354_257_000)}
    assert not [said for said in ears.said if isinstance(said, Fault)]
