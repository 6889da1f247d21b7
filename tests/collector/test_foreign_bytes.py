"""Every parser of the collector: whatever callers, files and forms hold, one family of error."""

import asyncio
import io
import json
import tomllib
from argparse import ArgumentTypeError
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import Request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from starlette.types import Message

from collector.api import cursor
from collector.api.problem import Problem
from collector.api.rates import network, read_address
from collector.approvals import proposed
from collector.commands.case import parse_years
from collector.commands.days import parse_day, parse_instant, parse_kept_days, parse_year
from collector.commands.round_after import parse_about, parse_fen, parse_figure
from collector.commands.round_deed import parse_points
from collector.commands.token import _parse_watch
from collector.config import Api, load_config
from collector.errors import (
    CollectorError,
    ConfigError,
    DocumentError,
    ExchangeError,
    RegistryError,
    SchemeError,
    SheetError,
)
from collector.evaluation import scheme
from collector.exchange import mapping
from collector.exchange.answers import read_answer
from collector.exchange.platform import parse_address
from collector.facts.cells import read_instant, read_period
from collector.facts.file_type import examine
from collector.facts.lines import read_lines
from collector.facts.mapping import read_mapping
from collector.ingest.accept import can_cosign
from collector.monitoring.periods import parse_period
from collector.registry.access import parse_scope
from collector.registry.province_file import _read_items
from collector.registry.units import check_uscc
from collector.self_evaluation import texts
from collector.sheet_report import Report
from collector.sheets import read_sheet
from collector.web.pages import local_path
from collector.web.visitor import read_form
from tests.collector.province import USCC
from tests.collector.test_sheet_xlsx import workbook
from tests.foreign import mutations
from tests.protocol.test_foreign_bytes import SIGNED

Parser = Callable[[bytes], object]
Family = tuple[type[Exception], ...]

CONFIG = b'[collector]\ndomain = "jishi.example"\n[api]\nport = 8321\npublic_url = "https://jishi.example"\n'
PROVINCE = b"""
[[unit]]
uscc = "12100000400000624D"
name_zh = "x"
[[instrument]]
asset_no = "A001"
name_zh = "y"
owner = "12100000400000624D"
from_day = 2025-01-01
"""
MAPPING = b'kind = "uses"\ntime_formats = ["%Y"]\n[columns]\n"x" = "asset"\n[words.purpose]\n"y" = "fault"\n'
PLACE = cursor.encode([3, "A001"], scope="/api/v1/x?[]").encode()


def _text(parse: Callable[[str], object]) -> Parser:
    """A parser of text, given any bytes as the text that a server makes of them."""
    return lambda raw: parse(raw.decode("latin-1"))


def _form(raw: bytes) -> object:
    async def receive() -> Message:
        return {"type": "http.request", "body": raw, "more_body": False}

    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": []}
    return asyncio.run(read_form(Request(scope, receive)))


def _address(raw: bytes) -> object:
    scope = {"type": "http", "client": ("192.0.2.1", 1), "headers": [(b"x-real-ip", raw)]}
    return network(read_address(scope, Api(address_header="X-Real-IP")))


def _environment(text: str) -> object:
    return load_config(None, environment={"JISHI_API_PORT": text, "JISHI_API_PUBLIC_URL": text})


def _sheet(raw: bytes) -> object:
    return list(read_sheet(raw, columns={"uscc": [], "name_zh": []}, optional=["name_zh"], report=Report()))


SCHEME = (Path(__file__).parents[2] / "deploy" / "evaluation" / "scheme-example.toml").read_bytes()
FIELDS = (Path(__file__).parents[2] / "deploy" / "exchange" / "national-example.toml").read_bytes()
SCHEME_JSON = json.dumps(tomllib.loads(SCHEME.decode()), default=str).encode()
PROPOSED_DECISION = (
    b'{"kind":"decision","asset":"A001","start":1764547516000,"end":1764554716000,"verdict":"exclude",'
    b'"flags":["constant-load"]}'
)
PROPOSED = b'{"kind":"hand","asset":"A001","day":"2026-11-16","seconds":3600,"source":"log, page 3"}'
PARSERS: dict[str, tuple[Parser, Family, tuple[bytes, ...]]] = {
    "collector.approvals.proposed.decode": (proposed.decode, (RegistryError,), (PROPOSED, PROPOSED_DECISION)),
    "collector.api.cursor.decode": (
        _text(lambda text: cursor.decode(text, scope="/api/v1/x?[]", types=(int, str))), (Problem,), (PLACE,),
    ),
    "collector.api.rates.read_address": (_address, (), (b"203.0.113.7", b"10.0.0.1, 2001:db8::1")),
    "collector.commands.token._parse_watch": (_text(_parse_watch), (ConfigError,), (b"meter1=A001", b"a:b=A001")),
    "collector.commands.days.parse_day": (_text(parse_day), (ArgumentTypeError,), (b"2026-11-26",)),
    "collector.commands.days.parse_instant": (_text(parse_instant), (ArgumentTypeError,), (b"2026-11-26T09:30:00",)),
    "collector.commands.days.parse_year": (_text(parse_year), (ArgumentTypeError,), (b"2026",)),
    "collector.commands.days.parse_kept_days": (_text(parse_kept_days), (ArgumentTypeError,), (b"400",)),
    "collector.commands.case.parse_years": (_text(parse_years), (ArgumentTypeError,), (b"2027", b"2027-2029")),
    "collector.commands.round_after.parse_about": (_text(parse_about), (ArgumentTypeError,), (b"5", b"rating")),
    "collector.commands.round_after.parse_fen": (_text(parse_fen), (ArgumentTypeError,), (b"1200", b"1200.50")),
    "collector.commands.round_after.parse_figure": (_text(parse_figure), (ArgumentTypeError,), (b"7200000/3",)),
    "collector.commands.round_deed.parse_points": (_text(parse_points), (ArgumentTypeError,), (b"4", b"4.50")),
    "collector.evaluation.scheme.parse": (scheme.parse, (SchemeError,), (SCHEME, SCHEME_JSON)),
    "collector.exchange.answers.read_answer": (
        lambda raw: read_answer(raw, 200, mapping.parse(FIELDS).mapping.platform), (), (b'{"code":"100","id":"R-1"}',),
    ),
    "collector.exchange.mapping.parse": (mapping.parse, (ExchangeError,), (FIELDS,)),
    "collector.exchange.platform.parse_address": (
        _text(parse_address), (ConfigError,), (b"https://platform.example:8443/api", b"http://[::1]/"),
    ),
    "collector.monitoring.periods.parse_period": (
        _text(parse_period), (RegistryError,), (b"2026", b"2026-03", b"2026-Q1"),
    ),
    "collector.self_evaluation.texts.parse_file": (
        texts.parse_file, (RegistryError,), ('staff = "12 人"'.encode(), b'staff = """\nx\n"""\n'),
    ),
    "collector.config.load_config environment": (_text(_environment), (ConfigError,), (b"8321",)),
    "collector.facts.cells.read_instant": (
        _text(read_instant), (RegistryError,), (b"2026-11-16 09:00", b"2026/11/16T9:00:00.5+08:00"),
    ),
    "collector.facts.cells.read_period": (_text(read_period), (RegistryError,), (b"2026-11-16 09:00 - 11:00",)),
    "collector.facts.file_type.examine": (
        lambda raw: examine(io.BytesIO(raw), stated="", name=""), (DocumentError,),
        (b"%PDF-1.7\n%%EOF\n", workbook(["uscc"], [1.5]), b"<?xml version='1.0'?><x/>"),
    ),
    "collector.ingest.accept.can_cosign": (
        lambda raw: can_cosign(raw, "lab.example/a/em-01/1"), (), (SIGNED,),
    ),
    "collector.registry.access.parse_scope": (
        _text(parse_scope), (RegistryError,), (b"everything", b"instrument:A001", f"unit:{USCC}".encode()),
    ),
    "collector.sheets.read_sheet": (_sheet, (SheetError,), (b"uscc,name_zh\n1,\"a\nb\"\n", workbook(["uscc"], [1.5]))),
    "collector.registry.units.check_uscc": (_text(check_uscc), (RegistryError,), (USCC.encode(),)),
    "collector.web.pages.local_path": (_text(local_path), (), (b"/instruments/A001/2026-11-16",)),
    "collector.web.visitor.read_form": (_form, (HTTPException,), (b"name=li.ming&password=x&next=%2F",)),
}  # fmt: skip
FILES: dict[str, tuple[Callable[[Path], object], Family, tuple[bytes, ...]]] = {
    "collector.config.load_config": (lambda path: load_config(path, environment={}), (ConfigError,), (CONFIG,)),
    "collector.facts.mapping.read_mapping": (read_mapping, (RegistryError,), (MAPPING,)),
    "collector.registry.province_file.register_file": (
        lambda path: list(_read_items(path, [])), (RegistryError,), (PROVINCE,),
    ),
}  # fmt: skip


def stays_in(family: Family, parse: Callable[[], object]) -> None:
    try:
        parse()
    except family:
        pass


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_bytes_cause_one_family_of_error(name: str, data: st.DataObject) -> None:
    parse, family, valid = PARSERS[name]
    raw = data.draw(st.binary(max_size=300) | mutations(valid))
    stays_in(family, lambda: parse(raw))


@given(raw=st.binary(max_size=300) | mutations((b'{"asset":"A001","samples":3}\n{"key":null}\n',)))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_lines_of_any_bytes_are_rows_or_reported(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "file").write_bytes(raw)
    report = Report()
    rows = list(read_lines(tmp_path / "file", fields=["asset", "samples", "key"], report=report))
    lines = [line for line in raw.split(b"\n") if line.strip()]
    assert len(rows) + report.refused == len(lines)


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_file_of_any_bytes_causes_one_family_of_error(name: str, tmp_path: Path, data: st.DataObject) -> None:
    parse, family, valid = FILES[name]
    (tmp_path / "file").write_bytes(data.draw(st.binary(max_size=300) | mutations(valid)))
    stays_in(family, lambda: parse(tmp_path / "file"))


HOSTILE = (b"a = " + b"[" * 100_000, b"a = " + b"9" * 5000, b"\xff", b"a = {" + b"b = {" * 100_000)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_would_exhaust_the_parser_is_refused_plainly(name: str, tmp_path: Path) -> None:
    parse, family, _ = FILES[name]
    for raw in HOSTILE:
        (tmp_path / "file").write_bytes(raw)
        with pytest.raises(family, match="is no TOML file that can be used"):
            parse(tmp_path / "file")


def test_texts_that_would_exhaust_the_parser_are_refused_plainly() -> None:
    for raw in HOSTILE:
        with pytest.raises(RegistryError, match="this is no file of texts"):
            texts.parse_file(raw)


@pytest.mark.parametrize("name", FILES)
def test_a_file_without_end_is_not_read_to_its_end(name: str) -> None:
    parse, _, _ = FILES[name]
    with pytest.raises(CollectorError, match=r"has more than [0-9]+ bytes, the most that is read"):
        parse(Path("/dev/zero"))
