"""What a unit writes itself in its self-evaluation report: the fields that 附件1 asks for and no record can fill. Pure.

Each has its heading in the report and its section; the words in the headings are those of 附件1. A text may have
several lines and nothing else that does not print.
"""

import tomllib
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple, get_args

from collector.errors import SelfEvaluationError

MAX_TEXT = 4000
"""Characters of one text."""
MAX_FILE_BYTES = 262_144
Field = Literal["purchasing", "docking", "information", "staff", "operation", "achievements", "services", "outcomes"]
FIELDS: tuple[Field, ...] = get_args(Field)


class Heading(NamedTuple):
    """Where a text stands: the section of 附件1, and its heading there."""

    section: Literal[1, 2, 3]
    zh: str


HEADINGS: Mapping[str, Heading] = {
    "purchasing": Heading(1, "新建和新购统筹管理情况"),
    "docking": Heading(1, "在线服务平台与省级网络管理平台对接情况"),
    "information": Heading(1, "仪器开放共享信息的完整性和准确性"),
    "staff": Heading(1, "实验技术队伍建设情况"),
    "operation": Heading(2, "年度运行使用情况说明"),
    "achievements": Heading(2, "支撑国家、省级重大科技创新主要成效"),
    "services": Heading(3, "对外共享服务和收入情况说明"),
    "outcomes": Heading(3, "服务支撑外单位科技创新及产生的重要成果"),
}


def merge(held: Mapping[str, str], given: Mapping[str, object]) -> dict[str, str]:
    """The texts held, with those given in their places, in the order of FIELDS; "" takes one back.

    SelfEvaluationError with everything that is wrong at once.
    """
    if faults := list(_faults(given)):
        raise SelfEvaluationError("these texts cannot be kept:\n  " + "\n  ".join(faults))
    found = {**held, **given}
    return {name: str(found[name]) for name in FIELDS if found.get(name)}


def parse_file(raw: bytes) -> dict[str, Any]:
    """A TOML file of texts, by their fields; SelfEvaluationError where it is none."""
    try:
        return tomllib.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # also a number of more digits than Python reads
        raise SelfEvaluationError(f"this is no file of texts (TOML in UTF-8): {error}") from error


def _faults(given: Mapping[str, object]) -> Iterable[str]:
    for name, text in given.items():
        if name not in HEADINGS:
            yield f"{name[:40]!a}: unknown; fields are {', '.join(FIELDS)}"
        elif not isinstance(text, str):
            yield f"{name}: a text is expected"
        elif len(text) > MAX_TEXT:
            yield f"{name}: {len(text)} characters; at most {MAX_TEXT} are kept, shorten it"
        elif not all(line.isprintable() for line in text.split("\n")):
            yield f"{name}: it holds a character that does not print (a tab, for one); remove it"
