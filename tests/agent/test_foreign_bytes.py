"""Every parser of the agent: whatever comes from a device, a broker, a collector or an editor, one family of error.

Nobody raises where there is simply nothing to be found in some bytes; the family of such a parser is empty.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent import enrolment, identity, segment, slots, toml_text
from agent.config import load
from agent.desk import api as desk_api
from agent.desk import exchange
from agent.desk.book import _read_file
from agent.desk.cards import open_cards
from agent.doctor import collector as doctor
from agent.enrolment import Answer
from agent.errors import ConfigurationError, DeskError, EnrolmentError
from agent.toml_text import NotToml
from agent.watchers import card_frame, dlt645_frame, modbus_frame, modbus_maps, mqtt_report, status_profile
from agent.watchers.dlt645_frame import NotDecimal, ReadData
from agent.watchers.dlt645_trouble import Asked, why_none
from agent.watchers.modbus_frame import ReadRequest
from agent.watchers.modbus_maps import SDM120, AbsurdValue
from agent.watchers.mqtt_report import Message, Nonsense
from agent.watchers.status_profile import BUILT_IN, Unintelligible
from protocol.keys import COSIGNATURE, SigningKey
from protocol.merkle import EMPTY_FRONTIER
from tests.foreign import mutations

Parser = Callable[[bytes], object]
Family = tuple[type[Exception], ...]

RECEIPTS = SigningKey("lab.example/receipt/1", COSIGNATURE, bytes(range(32)))
ENROLMENT = (
    b'{"origin":"lab.example/a/em-01/1","agent_id":"em-01","epoch":1,"domain":"lab.example","receipt_vkey":"%s",'
    b'"shard":3,"broker":{"host":"127.0.0.1","port":1883},"assets":["A001"],"watch":[]}'
    % str(RECEIPTS.verifier).encode()
)
CONFIGURATION = b"""
[agent]
id = "em-01"
state_dir = "state"
[collector]
url = "https://jishi.example"
[[watcher]]
name = "host"
kind = "host"
"""
MODBUS_REPLY = modbus_frame.encode(modbus_frame.Values(1, 4, bytes.fromhex("43660000")))
MODBUS_ASKED = ReadRequest(1, 4, 0x000C, 2)
DLT_ASKED = ReadData("000000000001", 0x02030000)
DLT_REPLY = dlt645_frame.encode(dlt645_frame.Data("000000000001", 0x02030000, b"\x12\x34\x00"))
LONGEST_PAYLOAD = 255
"""Frames of DL/T 645 and Modbus tell their length in one byte."""
HEADER = segment.header_line(segment.Header("lab.example/a/em-01/1", EMPTY_FRONTIER))


def _message(raw: bytes) -> Message:
    return Message("site/plug", raw)


def _answer(raw: bytes) -> Answer:
    return Answer(200, raw, None)


def _through_file(read: Callable[[Path], object], name: str) -> Callable[[Path], Parser]:
    """A parser of a file's bytes, given a folder for the file."""

    def parser_in(folder: Path) -> Parser:
        def parse(raw: bytes) -> object:
            (folder / name).write_bytes(raw)
            return read(folder / name)

        return parse

    return parser_in


PARSERS: dict[str, tuple[Parser, Family, tuple[bytes, ...]]] = {
    "agent.toml_text.parse": (toml_text.parse, (NotToml,), (CONFIGURATION,)),
    "agent.identity.parse_enrolment": (
        lambda raw: identity.parse_enrolment(raw, agent_id="em-01"), (ValueError,), (ENROLMENT,),
    ),
    "agent.enrolment.read_members": (
        lambda raw: enrolment.read_members(_answer(raw)), (EnrolmentError, enrolment.Refused), (ENROLMENT,),
    ),
    "agent.doctor.collector.judge_health": (
        lambda raw: doctor.judge_health("http://x", _answer(raw)), (), (b'{"status":"ok"}',),
    ),
    "agent.desk.exchange.parse_fields": (
        exchange.parse_fields, (exchange.Rejection,), (b"operator=Li&purpose=teaching&x=%E6%9D%8E",),
    ),
    "agent.desk.api._read": (
        lambda raw: desk_api._read(exchange.Request("POST", "/", {}, {}, raw)), (exchange.Rejection,),
        (b'{"operator":"Li","asset":"A001","purpose":"teaching"}',),
    ),
    "agent.segment.parse_line": (segment.parse_line, (), (segment.line(b'{"v":1}'), HEADER)),
    "agent.segment.parse_header": (segment.parse_header, (), (HEADER,)),
    "agent.slots._parse": (slots._parse, (), (b"00000000 1 3\nabc",)),
    **{
        f"agent.watchers.card_frame.cut {form}": (
            lambda raw, form=form: card_frame.cut(raw, form), (),  # type: ignore[misc]
            (b"\x0230303030383646343434\x03", b"\x02\x0a\x02\x06\x00\x8e\x6d\x5d\xb0\x03", b"86F444\r", b"134,62532\r"),
        )
        for form in card_frame.FORMATS
    },
    "agent.watchers.modbus_frame.parse": (modbus_frame.parse, (), (MODBUS_REPLY,)),
    "agent.watchers.modbus_frame.scan": (modbus_frame.scan, (), (MODBUS_REPLY,)),
    "agent.watchers.modbus_frame.find_reply": (
        lambda raw: modbus_frame.find_reply(raw, MODBUS_ASKED), (), (MODBUS_REPLY,),
    ),
    "agent.watchers.modbus_maps.decode": (
        lambda raw: modbus_maps.decode(SDM120.power, (raw + bytes(4))[:4]), (AbsurdValue,), (b"\x43\x66\x00\x00",),
    ),
    "agent.watchers.modbus_maps.decode_power_mw": (
        lambda raw: modbus_maps.decode_power_mw(SDM120, (raw + bytes(4))[:4]), (AbsurdValue,), (b"\x43\x66\x00\x00",),
    ),
    "agent.watchers.modbus_maps.decode_energy_mwh": (
        lambda raw: modbus_maps.decode_energy_mwh(SDM120, SDM120.power, (raw + bytes(4))[:4]), (AbsurdValue,),
        (b"\x43\x66\x00\x00",),
    ),
    "agent.watchers.modbus_maps.decode_serial_number": (
        lambda raw: modbus_maps.decode_serial_number(raw[:LONGEST_PAYLOAD]), (), (b"\x00\x01\x02\x03",),
    ),
    "agent.watchers.dlt645_frame.parse": (dlt645_frame.parse, (), (DLT_REPLY,)),
    "agent.watchers.dlt645_frame.scan": (dlt645_frame.scan, (), (DLT_REPLY,)),
    "agent.watchers.dlt645_frame.find_answer": (
        lambda raw: dlt645_frame.find_answer(raw, DLT_ASKED), (), (DLT_REPLY,),
    ),
    "agent.watchers.dlt645_frame.decimal": (
        lambda raw: dlt645_frame.decimal(raw[:LONGEST_PAYLOAD]), (NotDecimal,), (b"\x12\x34\x00",),
    ),
    "agent.watchers.dlt645_frame.signed_decimal": (
        lambda raw: dlt645_frame.signed_decimal(raw[:LONGEST_PAYLOAD]), (NotDecimal,), (b"\x12\x34\x80",),
    ),
    "agent.watchers.dlt645_trouble.why_none": (
        lambda raw: why_none(raw, Asked(DLT_ASKED, "000000000001", 1.0)), (), (DLT_REPLY,),
    ),
    "agent.watchers.mqtt_report.read_json": (
        lambda raw: mqtt_report.read_json(_message(raw)), (Nonsense,), (b'{"apower":12.5,"aenergy":{"total":1}}',),
    ),
    "agent.watchers.mqtt_report.read_object": (
        lambda raw: mqtt_report.read_object(_message(raw)), (Nonsense,), (b'{"apower":12.5}',),
    ),
    "agent.watchers.mqtt_report.read_text": (
        lambda raw: mqtt_report.read_text(_message(raw)), (Nonsense,), (b"Online", "在线".encode()),
    ),
    "agent.watchers.mqtt_report.excerpt": (mqtt_report.excerpt, (), (b"x",)),
    "agent.watchers.status_profile.read_answer scpi": (
        lambda raw: status_profile.read_answer(BUILT_IN["scpi"], raw), (Unintelligible,), (b"+16",),
    ),
    "agent.watchers.status_profile.read_answer ascii": (
        lambda raw: status_profile.read_answer(BUILT_IN["ascii"], raw), (Unintelligible,), (b"RUNNING",),
    ),
    "agent.watchers.status_profile.excerpt": (status_profile.excerpt, (), (b"x",)),
    "agent.watchers.status_profile.objection_to_question": (
        lambda raw: status_profile.objection_to_question(raw, is_query=False), (), (b"STAT:OPER:COND?",),
    ),
}  # fmt: skip
FILES: dict[str, tuple[Callable[[Path], Parser], Family, tuple[bytes, ...]]] = {
    "agent.config.load": (_through_file(load, "agent.toml"), (ConfigurationError,), (CONFIGURATION,)),
    "agent.desk.book._read_file": (_through_file(_read_file, "desk.json"), (), (b'{"origin":"o","size":1}',)),
    "agent.desk.cards.open_cards": (
        _through_file(lambda path: open_cards(path.parent), "cards.json"), (DeskError,), (b'{"cards":{}}',),
    ),
}  # fmt: skip


def stays_in(family: Family, parse: Parser, raw: bytes) -> None:
    """Whatever the parser does with the bytes, it returns or raises one of its family."""
    try:
        parse(raw)
    except family:
        pass


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_bytes_cause_one_family_of_error(name: str, data: st.DataObject) -> None:
    parse, family, valid = PARSERS[name]
    stays_in(family, parse, data.draw(st.binary(max_size=300) | mutations(valid)))


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_file_of_any_bytes_causes_one_family_of_error(name: str, tmp_path: Path, data: st.DataObject) -> None:
    parser_in, family, valid = FILES[name]
    stays_in(family, parser_in(tmp_path), data.draw(st.binary(max_size=300) | mutations(valid)))


@pytest.mark.parametrize("name", PARSERS)
def test_the_good_ones_are_taken(name: str) -> None:
    """Else the mutations would only ever be mutations of rubbish."""
    parse, _, valid = PARSERS[name]
    for raw in valid:
        parse(raw)


@pytest.mark.parametrize("raw", [b"a = " + b"[" * 100_000, b"a = " + b"9" * 5000, b"a = {" + b"b = {" * 100_000])
def test_a_configuration_that_would_exhaust_the_parser_is_refused_plainly(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "agent.toml").write_bytes(raw)
    with pytest.raises(ConfigurationError, match="a number is too long, or values are nested too deeply"):
        load(tmp_path / "agent.toml")


def test_a_configuration_without_end_is_not_read_to_its_end() -> None:
    with pytest.raises(ConfigurationError, match="has more than 1048576 bytes"):
        load(Path("/dev/zero"))
