"""docs/log.md: its leaves are leaves, its checkpoint is signed by the key that it names."""

import json
import re
from pathlib import Path

from protocol import log_leaf
from protocol.keys import parse_vkey
from protocol.note import open_checkpoint, open_receipt

PAGE = (Path(__file__).parents[2] / "docs" / "log.md").read_text("utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_each_leaf_of_the_page_is_one() -> None:
    lines = _blocks("json")[0].splitlines()
    leaves = [log_leaf.decode(line.encode()) for line in lines]
    assert {leaf.kind for leaf in leaves} == set(log_leaf.KINDS)
    assert all(f"| `{kind}` |" in PAGE for kind in {leaf.kind for leaf in leaves})


def test_the_checkpoint_of_the_page_is_signed_by_the_keys_of_the_page() -> None:
    opened = json.loads(_blocks("json")[0].splitlines()[0])
    note = _blocks("text")[0].encode()
    assert open_checkpoint(note, parse_vkey(opened["key"])).size == 263
    assert open_receipt(note, parse_vkey(opened["receipt"])).time_s == 1_796_000_000
