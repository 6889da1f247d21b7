"""The page on beacons shows one that fits: by our own code, and by what the page says in words."""

import base64
import re
from pathlib import Path

import nacl.signing
import pytest

from protocol.beacon import open_beacon, verify_beacon
from protocol.entry import Beacon, decode
from protocol.keys import parse_vkey

PAGE = (Path(__file__).parent.parent.parent / "docs" / "beacons.md").read_text(encoding="utf-8")
SHOWN = dict(re.findall(r"<!-- bytes: (\w+) -->\n```text\n(.*?)```", PAGE, re.DOTALL))
KEY = parse_vkey(SHOWN["key"].strip())


def body() -> Beacon:
    said = decode(SHOWN["entry"].strip().encode()).body
    assert isinstance(said, Beacon)
    return said


def test_the_note_and_the_entry_say_the_same_and_are_signed() -> None:
    assert open_beacon(SHOWN["note"].encode(), KEY).body == body()
    verify_beacon(body(), domain="jishi.example", receipt_keys=[KEY])


def test_the_signature_is_over_what_the_words_say() -> None:
    said = body()
    stamped = base64.b64decode(said.signature)
    assert int.from_bytes(stamped[:8], "big") == said.time_s
    text = f"cosignature/v1\ntime {said.time_s}\njishi.example/log/{said.log}\n{said.size}\n{said.root}\n"
    point = base64.b64decode(SHOWN["key"].strip().rpartition("+")[2])[1:]
    nacl.signing.VerifyKey(point).verify(text.encode(), stamped[8:])


@pytest.mark.parametrize("link", re.findall(r"\]\(([\w/.-]+)\)", PAGE))
def test_what_it_links_to_is_meant_to_exist(link: str) -> None:
    """Pages of the same issue are written beside this one."""
    beside = {"log.md", "audit.md", "grades.md"}
    assert link in beside or (Path(__file__).parent.parent.parent / "docs" / link).exists()
