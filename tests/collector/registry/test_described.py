"""What is wrong with a description, member by member."""

from datetime import date

import msgspec
import pytest

from collector.errors import RegistryError
from collector.registry.described import Described, Facility, Instrument, Unit, check, faults, yuan

USCC = "12100000400000624D"
UNIT = Unit(uscc=USCC, name_zh="示例大学", kind="university", division="610113")
INSTRUMENT = Instrument(asset_no="20190001", name_zh="电镜", value_fen=235_600_000, government_fen=235_600_000)
FACILITY = Facility(facility_no="C-01", kind="centre", name_zh="分析测试中心")


@pytest.mark.parametrize("described", [UNIT, INSTRUMENT, FACILITY])
def test_a_sound_description_has_no_faults(described: Described) -> None:
    assert list(faults(described)) == []


@pytest.mark.parametrize(
    ("described", "changes", "fields"),
    [
        (UNIT, {"name_zh": ""}, ["name_zh"]),
        (UNIT, {"uscc": USCC[:-1] + "E"}, ["uscc"]),
        (UNIT, {"kind": "school"}, ["kind"]),
        (UNIT, {"division": "61011"}, ["division"]),
        (UNIT, {"division": "６１０１１３"}, ["division"]),
        (UNIT, {"department": "教育部 "}, ["department"]),
        (UNIT, {"department": "教\n育部"}, ["department"]),
        (INSTRUMENT, {"asset_no": ""}, ["asset_no"]),
        (INSTRUMENT, {"asset_no": "2.01900010001E+15"}, ["asset_no"]),
        (INSTRUMENT, {"asset_no": "9" * 65}, ["asset_no"]),
        (INSTRUMENT, {"name_en": "x" * 201}, ["name_en"]),
        (INSTRUMENT, {"value_fen": 999_999, "government_fen": None}, ["value_fen"]),
        (INSTRUMENT, {"value_fen": 10_000_000_000_001}, ["value_fen"]),
        (INSTRUMENT, {"government_fen": 235_600_001}, ["government_fen"]),
        (INSTRUMENT, {"value_fen": None}, ["government_fen"]),
        (INSTRUMENT, {"origin": "abroad"}, ["origin"]),
        (INSTRUMENT, {"accepted_on": date(1900, 1, 1)}, ["accepted_on"]),
        (INSTRUMENT, {"shareable": False}, ["exempt_document"]),
        (INSTRUMENT, {"shareable": False, "exempt_document": "7号"}, ["exempt_reason"]),
        (INSTRUMENT, {"shareable": True, "exempt_document": "7号"}, ["shareable"]),
        (INSTRUMENT, {"exempt_reason": "涉密"}, ["shareable"]),
        (
            INSTRUMENT,
            {"shareable": False, "exempt_document": "7号", "exempt_reason": "涉密", "bookable": True},
            ["bookable"],
        ),
        (INSTRUMENT, {"fee": "x" * 201}, ["fee"]),
        (INSTRUMENT, {"location": "西安\n长安区"}, ["location"]),
        (FACILITY, {"kind": ""}, ["kind"]),
        (FACILITY, {"value_fen": 1}, ["value_fen"]),
    ],
)
def test_each_fault_names_its_member(described: Described, changes: dict[str, object], fields: list[str]) -> None:
    changed = msgspec.structs.replace(described, **changes)
    assert [wrong.field for wrong in faults(changed)] == fields
    with pytest.raises(RegistryError, match=fields[0]):
        check(changed)


def test_an_exempt_instrument_has_a_document_and_a_reason() -> None:
    exempt = msgspec.structs.replace(INSTRUMENT, shareable=False, exempt_document="7号", exempt_reason="涉密")
    assert list(faults(exempt)) == []


def test_an_amount_is_written_in_yuan() -> None:
    assert [yuan(fen) for fen in (235_600_050, 5, -5)] == ["2356000.50", "0.05", "-0.05"]
