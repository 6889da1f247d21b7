"""The document that tells the life of a run shows the bytes that the product really makes."""

import re

from tests.docs.story import DOCUMENT, shown, tell


def test_every_passage_is_what_the_code_makes() -> None:
    passages, made = shown(DOCUMENT.read_text(encoding="utf-8")), tell()
    for told in (passages, made):  # another zlib may pack the same entries into another number of bytes
        told["batch"] = re.sub(r"(?m)^entries \d+$", "entries N", told["batch"])
    assert passages == made, "run `python -m tests.docs.story` and read what changed"
