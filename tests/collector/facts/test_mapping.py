"""Mapping files: what another system's headings and words mean, with every fault named by its place."""

from pathlib import Path

import pytest

from collector.errors import RegistryError
from collector.facts.mapping import own_mapping, read_mapping

SHIPPED = sorted((Path(__file__).parents[3] / "deploy" / "mappings").glob("*.toml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_shipped_mappings_can_be_used(path: Path) -> None:
    assert read_mapping(path).columns


def write(tmp_path: Path, text: str) -> Path:
    (tmp_path / "map.toml").write_text(text, encoding="utf-8")
    return tmp_path / "map.toml"


def test_headings_and_words_are_added_to_what_is_known(tmp_path: Path) -> None:
    text = 'kind = "uses"\n[columns]\n"编号" = "asset"\n"设备号" = "asset"\n"备注" = ""\n'
    text += '[words.purpose]\n"送样" = "service-order"\n'
    mapping = read_mapping(write(tmp_path, text))
    assert mapping.columns == {"asset": ["编号", "设备号"], "": ["备注"]}
    assert mapping.words["purpose"]["送样"] == mapping.words["purpose"]["委托测试"] == "service-order"
    assert "送样" not in own_mapping("uses").words["purpose"]


def test_all_faults_come_in_one_message_each_with_its_place(tmp_path: Path) -> None:
    text = """kind = "uses"
time_formats = ["%H:%M"]
[columns]
"编号" = "number"
[words.purpose]
"送样" = "external"
[words.user]
"x" = "y"
[default]
colour = "red"
"""
    with pytest.raises(RegistryError) as refused:
        read_mapping(write(tmp_path, text))
    said = str(refused.value)
    for fault in (
        "columns.编号: 'number' is no field of uses; fields are key, asset,",
        "words.purpose.送样: 'external' is none of own-research, service-order",
        "words.user.x: 'y' is none of",
        "default.colour: no field of uses",
        "time_formats: '%H:%M' names no year",
    ):
        assert fault in said


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "missing required field `kind`"),
        ('kind = "people"\n[columns]\n', "'people' is none of uses, orders, order-documents"),
        ('kind = "uses"\ncolumns = 3\n', "Expected `object`"),
        ('kind = "uses"\nfoo = 1\n[columns]\n', "unknown field `foo`"),
        ("= =", "is no TOML file that can be used"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused_plainly(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(RegistryError) as refused:
        read_mapping(write(tmp_path, text))
    assert why in str(refused.value)


def test_a_missing_file_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match=r"cannot read .*none\.toml: No such file"):
        read_mapping(tmp_path / "none.toml")
