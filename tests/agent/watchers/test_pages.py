"""The pages in docs/watchers say what is so: their configurations load, their bytes are frames and readings.

The page on third parties' kinds is held against an installed package (test_third_party).
"""

import re
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from agent.config import load
from agent.watchers import dlt645_frame
from agent.watchers.dlt645_frame import ReadAddress, ReadData
from agent.watchers.dlt645_line import ENERGY, POWER
from agent.watchers.modbus_frame import ReadRequest, find_reply, parse
from agent.watchers.modbus_maps import BUILT_IN as BUILT_IN_MAPS
from agent.watchers.modbus_maps import SDM120, RegisterMap, decode_energy_mwh, decode_power_mw
from agent.watchers.registry import BUILT_IN
from protocol.entry import Reading

PAGES = Path(__file__).parents[3] / "docs" / "watchers"
INDEX = PAGES / "README.md"
KIND_PAGES = sorted(set(PAGES.glob("*.md")) - {INDEX, PAGES / "third-party.md"})
HEAD = '[agent]\nid = "em-01"\nstate_dir = "state"\n[collector]\nurl = "http://127.0.0.1:8321"\n'


def blocks_of(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_each_built_in_kind_has_its_page() -> None:
    assert {page.stem for page in KIND_PAGES} >= set(BUILT_IN)


@pytest.mark.parametrize("kind", BUILT_IN)
def test_the_index_leads_to_the_page_of_each_built_in_kind(kind: str) -> None:
    rows = [line for line in INDEX.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert [row for row in rows if f"`{kind}`" in row and f"[{kind}]({kind}.md)" in row]


@pytest.mark.parametrize("page", KIND_PAGES, ids=lambda page: page.stem)
def test_each_configuration_loads_and_is_of_the_pages_kind(page: Path, tmp_path: Path) -> None:
    examples = blocks_of(page, "toml")
    assert examples
    for number, example in enumerate(examples):
        path = tmp_path / f"{number}.toml"
        path.write_text(HEAD + example, encoding="utf-8")
        assert {watcher.kind for watcher in load(path).watchers} == {page.stem}


def exchange_on(page: str) -> list[tuple[bytes, bytes]]:
    """The questions on a page, each with its answer."""
    lines = [line.split(maxsplit=1) for block in blocks_of(PAGES / page, "text") for line in block.splitlines()]
    return [
        (bytes.fromhex(asked), bytes.fromhex(answered))
        for (who, asked), (_, answered) in pairwise(lines)
        if who == "ask"
    ]


def test_the_captured_exchange_is_one() -> None:
    replies = []
    for asked, answered in exchange_on("modbus-meter.md"):
        request = parse(asked)
        assert isinstance(request, ReadRequest)
        replies.append(find_reply(answered, request))
    power, energy, no_register, marker = replies
    assert SDM120.energy is not None
    assert decode_power_mw(SDM120, power.payload) == 885_500  # type: ignore[union-attr]
    assert decode_energy_mwh(SDM120, SDM120.energy, energy.payload) == 2_354_257_000  # type: ignore[union-attr]
    assert (no_register.code, marker.code) == (2, 3)  # type: ignore[union-attr]


def test_the_captured_dlt645_exchange_is_one() -> None:
    address, power, energy, nothing = exchange_on("dlt645-meter.md")
    for asked, _ in (address, power, energy, nothing):
        assert isinstance(dlt645_frame.parse(asked), ReadData | ReadAddress)
    assert dlt645_frame.parse(address[1]) == dlt645_frame.Address("000000000161")
    answers = [dlt645_frame.parse(answered) for _, answered in (power, energy)]
    assert [answer.identifier for answer in answers] == [POWER, ENERGY]  # type: ignore[union-attr]
    assert [dlt645_frame.decimal(answer.payload) for answer in answers] == [8855, 235_425]  # type: ignore[union-attr]
    assert dlt645_frame.parse(nothing[1]) == dlt645_frame.Refusal("000000000161", 0x11, 0x02)


@pytest.mark.parametrize("meter", BUILT_IN_MAPS.values(), ids=lambda meter: meter.name)
def test_each_built_in_map_stands_on_the_page_with_its_registers_and_its_source(meter: RegisterMap) -> None:
    lines = (PAGES / "modbus-meter.md").read_text(encoding="utf-8").splitlines()
    [row] = [line for line in lines if line.startswith(f"| `{meter.name}` |")]
    assert meter.energy is not None
    for told in (f"FC {meter.power.function:02}", f"0x{meter.power.register:04X}", f"0x{meter.energy.register:04X}"):
        assert told in row
    assert f"| {meter.max_w / 1000:g} kW |" in row
    assert ("| yes |" in row) == (meter.serial is not None)
    assert "](https://" in row


@pytest.mark.parametrize("page", ["process", "host", "data-files", "contact", "card-reader", "status-poll"])
def test_captured_readings_are_readings(page: str) -> None:
    lines = [line for block in blocks_of(PAGES / f"{page}.md", "json") for line in block.splitlines()]
    assert lines
    for line in lines:
        reading = msgspec.json.decode(line, type=Reading)
        assert msgspec.json.encode(reading).decode() == line
