"""What the tests of the command line share: a province to register, and what a command prints."""

import pytest

from collector import cli

PROVINCE = """
[[unit]]
uscc = "12100000400000624D"
name_zh = "清华大学"
[[person]]
name = "li.ming"
role = "operator"
[[instrument]]
asset_no = "A001"
name_zh = "透射电子显微镜"
owner = "12100000400000624D"
from_day = 2025-01-01
[[policy]]
file = "policy.json"
from_day = 2025-01-01
approved_by = "li.ming"
"""
POLICY = {
    "v": 1,
    "name": "SEM",
    "valid_mw": [0, 15000000],
    "standby": {"on_mw": 40000, "off_mw": 25000, "on_ms": 20000, "off_ms": 60000},
    "run": {"on_mw": 900000, "off_mw": 600000, "on_ms": 20000, "off_ms": 180000},
    "gap_ms": 60000,
}


def said(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    """What a command prints, on stdout where it succeeds, on stderr where it fails."""
    assert cli.main(list(words)) == status
    captured = capsys.readouterr()
    return captured.err if status else captured.out
