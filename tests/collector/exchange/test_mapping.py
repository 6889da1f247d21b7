"""Field mappings: what one may hold, and that all that is wrong is told at once."""

from pathlib import Path

import pytest

from collector.errors import ExchangeError
from collector.exchange import mapping
from collector.exchange.sources import SOURCES
from tests.collector.exchange.served_days import EXAMPLE

ROOT = Path(__file__).parents[3]


def test_the_example_can_be_used_and_says_that_it_is_one() -> None:
    read = mapping.parse(EXAMPLE)
    assert read.mapping.example
    assert len(read.sha256) == 64
    assert read.mapping.platform.accepted == ("100",)


def test_every_field_of_the_set_that_public_programs_send_is_in_the_example() -> None:
    """domain.md section 6, so that nobody loses one by accident."""
    names = {field.name for field in mapping.parse(EXAMPLE).mapping.record}
    assert names >= {
        "innerId", "recordInnerId", "serviceAmount", "serviceTime", "endTime", "serviceContent", "serviceWay",
        "amounts", "subjectName", "subjectIncome", "subjectArea", "applicant", "applicantUnit", "comment",
        "serviceType", "serviceDirection", "signAgreement", "auditStatus",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b'source = "record.seconds"', b'source = "record.houers"', "'record.houers' is no source of a record"),
        (b'unit = "hours"', b'unit = "yuan"', "unit: of seconds one of hours, minutes, seconds is expected"),
        (b'form = "%Y-%m-%d %H"', b'form = "%m-%d %H"', "'%m-%d %H' names no year"),
        (b'remote = "\xe8\xbf\x9c\xe7\xa8\x8b\xe5\x85\xb1\xe4\xba\xab"\n', b"", "codes.way: remote is missing"),
        (b'codes = "side"', b'codes = "sides"', "a code list for internal, external is needed; 'sides' is none"),
        (b'constant = "-1"', b'constant = "-1"\nsource = "unit.uscc"', "a field has a source or a constant"),
        (b'name = "endTime"', b'name = "serviceTime"', "record: serviceTime stands there twice; keep one"),
        (b'again = ["204", "301"]', b'again = ["100"]', "platform: the code '100' means two things"),
        (b'records = "instru/record"', b'records = "/instru record"', "platform.records: '/instru record' is no path"),
        (b"{inner_id}", b"{id}", "{inner_id} is missing"),
        (b'standings = ["verified", "claimed", "internal"]', b"standings = []", "standings: none is named"),
        (b'otherwise = "0"', b'otherwise = "none"', "otherwise: 'none' is no number"),
        (b'source = "record.side"', b'source = "record.side"\notherwise = "1"', "the field is required, so nothing"),
        (b"digits = 1\n", b"digits = 9\n", "digits"),
        (b"example = true", b"exampel = true", "exampel"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(old: bytes, new: bytes, told: str) -> None:
    wrong = EXAMPLE.replace(old, new)
    assert wrong != EXAMPLE
    with pytest.raises(ExchangeError) as caught:
        mapping.parse(wrong)
    assert told in str(caught.value)


def test_all_faults_come_in_one_message() -> None:
    wrong = EXAMPLE.replace(b'codes = "side"', b'codes = "no"').replace(b'unit = "yuan"', b'unit = "hours"')
    with pytest.raises(ExchangeError) as caught:
        mapping.parse(wrong)
    assert len(str(caught.value).splitlines()) >= 4


@pytest.mark.parametrize("raw", [b"", b"\xff", b"x = [", b"x = 1", b"[" * 5000, b"a.a." * 3000 + b"a = 1"])
def test_what_is_no_mapping_is_refused_plainly(raw: bytes) -> None:
    with pytest.raises(ExchangeError, match="no field mapping"):
        mapping.parse(raw)


@pytest.mark.parametrize("source", sorted({name for sources in SOURCES.values() for name in sources}))
def test_every_source_is_described(source: str) -> None:
    assert f"`{source}`" in (ROOT / "docs" / "exchange.md").read_text(encoding="utf-8")
