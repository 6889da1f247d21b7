"""The report of a file: counts, faults, and what other programs read of it."""

import json

from collector import sheet_report
from collector.sheet_report import Refusal, Report

FAULT = Refusal(17, "uscc", "=1+1", "it is no code", "compare it with the certificate")


def filled() -> Report:
    report = Report()
    report.accept()
    report.accept(is_new=False)
    report.refuse(FAULT)
    report.refuse(FAULT._replace(field="name_zh", value=""))
    return report


def test_a_row_with_two_faults_counts_once() -> None:
    report = filled()
    assert (report.rows, report.accepted, report.unchanged, report.refused) == (3, 2, 1, 1)


def test_a_person_reads_row_field_value_reason_and_remedy() -> None:
    assert filled().text().splitlines() == [
        "rows=3 accepted=2 unchanged=1 refused=1",
        "row 17, uscc: '=1+1': it is no code; compare it with the certificate",
        "row 17, name_zh: it is no code; compare it with the certificate",
    ]


def test_a_spreadsheet_finds_no_formula_in_it() -> None:
    raw = filled().csv()
    assert raw.startswith(b"\xef\xbb\xbf")
    assert raw.decode("utf-8-sig").splitlines()[1] == "17,uscc,'=1+1,it is no code,compare it with the certificate"


def test_a_program_reads_members() -> None:
    document = json.loads(filled().json())
    assert document["refused"] == 1
    assert document["refusals"][0] == FAULT._asdict()


def test_faults_beyond_the_first_thousand_are_counted_only() -> None:
    report = Report()
    for row in range(2, 2 + 3 * sheet_report.MAX_REFUSALS):
        report.refuse(FAULT._replace(row=row))
    assert report.refused == 3 * sheet_report.MAX_REFUSALS
    assert len(report.refusals) == sheet_report.MAX_REFUSALS
    assert report.text().endswith("correct those and bring the file again")
