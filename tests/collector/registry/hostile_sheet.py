"""A list of instruments as it comes from a unit that kept it by hand: GBK, three ways to write a date, yuan beside
ten-thousands, wrong credit codes, numbers that stand twice. Drawn from a seed, and it says what is wrong in it.
"""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from protocol.uscc import fault

HEADINGS = ("资产编号", "仪器名称", "原值（元）", "原值(万元)", "验收日期", "统一社会信用代码", "国产或进口", "备注")
NAMES = ("透射电子显微镜", "气相色谱-质谱联用仪", "核磁共振波谱仪", "X射线衍射仪", "流式细胞仪")
_SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
Row = list[str]


class Sheet(NamedTuple):
    """The bytes, how many of the rows are sound, and of the others which field is wrong, by row number."""

    body: bytes
    sound: int
    wrong: dict[int, str]


def draw(rows: int, *, owners: Sequence[str], seed: int, wrong_percent: int = 4) -> Sheet:
    """So many rows; a title stands above the headings, so the first of them is row 3."""
    chance = Random(seed)
    lines, wrong, first_rows = ["全校大型仪器设备清单", ",".join(HEADINGS)], {}, []
    for number in range(3, rows + 3):
        row, field = _row(number, owners, chance), ""
        if chance.randrange(100) < wrong_percent:
            field = _spoil(row, chance, first_rows)
            wrong[number] = field
        else:
            first_rows.append(row[0])
        lines.append(",".join(row))
    return Sheet("\r\n".join(lines).encode("gbk"), rows - len(wrong), wrong)


def wrong_code(code: str) -> str:
    """The same credit code with another check character."""
    return next(code[:-1] + sign for sign in _SIGNS if fault(code[:-1] + sign))


def _row(number: int, owners: Sequence[str], chance: Random) -> Row:
    yuan = chance.randint(20_000_000, 2_000_000_000)
    as_yuan, as_wan = f"{yuan / 100:.2f}", f"{yuan / 1_000_000:.6f}".rstrip("0").rstrip(".")
    money = [as_yuan, ""] if chance.random() < 0.5 else ["", as_wan]
    year, month, day = chance.randint(2005, 2025), chance.randint(1, 12), chance.randint(1, 28)
    written = chance.choice((f"{year}-{month:02}-{day:02}", f"{year}/{month}/{day}", f"{year}年{month}月{day}日"))
    origin = chance.choice(("国产", "进口", ""))
    return [f"G{number:06}", chance.choice(NAMES), *money, written, chance.choice(list(owners)), origin, "已贴标签"]


def _spoil(row: Row, chance: Random, first_rows: Sequence[str]) -> str:
    """Makes one thing wrong, and says in which field."""
    ways = ["owner", "accepted_on", "value_wan", "value_both", "asset_no"]
    way = chance.choice(ways if first_rows else ways[:-1])
    if way == "owner":
        row[5] = wrong_code(row[5])
    elif way == "accepted_on":
        row[4] = f"{chance.randint(1, 12)}/{chance.randint(1, 12)}/2024"
    elif way == "value_wan":
        row[2:4] = ["", "235.6万"]
    elif way == "value_both":
        row[2:4] = ["2356000", "23.56"]
        return "value_yuan"
    else:
        row[0] = chance.choice(first_rows)
    return way
