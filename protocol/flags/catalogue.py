"""The rules by name: version, weight, and the sentence for people in two languages. Pure.

`weight` (1 to 100) orders on-site checks: by how much a finding of the rule speaks for a lie that the log cannot see,
times how rarely an honest instrument trips it (docs/flags.md has the measured rates). `version` goes up whenever a
threshold or a figure changes: a flag that was kept says by which rule it was found.
"""

from typing import Literal, NamedTuple

from protocol.flags.flag import Figure, Finding, Flag

Language = Literal["zh", "en"]


class Rule(NamedTuple):
    """A rule; {places} in its sentences are its figures as people read them, and `about`."""

    name: str
    version: int
    weight: int
    title_zh: str
    title_en: str
    zh: str
    en: str


def _rules(*rules: Rule) -> dict[str, Rule]:
    return {rule.name: rule for rule in rules}


RULES = _rules(
    Rule(
        "feeder-idle", 1, 90, "馈线无负荷", "Feeder idle",
        "仪器计量显示运行，而其馈线电表在比对的 {compared} 中有 {idle} 没有相应负荷",
        "the instrument's meter shows a run, and of {compared} compared its feeder shows no such load for {idle}",
    ),
    Rule(
        "replayed-trace", 1, 85, "功率曲线重放", "Replayed trace",
        "一段 {length} 的运行与 {about} 的运行差异仅 {distance}，该仪器平时为 {usual}（{compared}）",
        "a run of {length} differs from one of {about} by {distance}; usual here is {usual} ({compared})",
    ),
    Rule(
        "same-pattern", 1, 85, "两台仪器曲线相同", "Same pattern on two instruments",
        "一段 {length} 的运行与仪器 {about} 当日的运行差异仅 {distance}，平时为 {usual}（{compared}）",
        "a run of {length} differs from one of {about} on the same day by {distance}; usual is {usual} ({compared})",
    ),
    Rule(
        "constant-load", 1, 70, "负荷恒定", "Constant load",
        "运行 {run} 中功率波动为 {spread}，平时为 {usual}，最平稳的一天为 {stillest}（{compared}）",
        "in {run} of run the power moved by {spread}; usual is {usual}, on the stillest day {stillest} ({compared})",
    ),
    Rule(
        "silent-when-used", 1, 60, "使用时静默", "Silent when used",
        "{silences} 次静默中有 {in_use} 次始于登记的使用期间，使用期间共静默 {silent_in_use}（登记使用 {used}）",
        "{in_use} of {silences} silences began inside a declared use; {silent_in_use} of {used} of use are silent",
    ),
    Rule(
        "ratio-changed", 1, 55, "变比改变", "Meter ratio changed",
        "{levels}",
        "{levels}",
    ),
    Rule(
        "external-unproved", 1, 50, "对外机时无凭证", "External hours without proof",
        "对外服务 {external} 中有 {unproved}（{orders} 个订单）既无凭证也无收入：{about}",
        "{unproved} of {external} external time, in {orders} orders, have neither a document nor an income: {about}",
    ),
    Rule(
        "run-without-product", 1, 45, "运行无产出", "Run without product",
        "连续 {barren} 共运行 {run}，产出计数 {product}；平时每小时 {usual_an_hour}（{compared}）",
        "{run} of run on {barren} in a row with a product of {product}; usual is {usual_an_hour} an hour ({compared})",
    ),
    Rule(
        "low-energy", 1, 45, "单位机时能耗偏低", "Little energy for its hours",
        "运行 {run}，每小时耗电 {an_hour}；同型号 {compared} 台的中位数为 {usual}",
        "{an_hour} for each of its hours ({run} of run); the median of {compared} others of its model is {usual}",
    ),
    Rule(
        "two-places", 1, 40, "一人两地", "One operator in two places",
        "{operators} 名操作人员同时在本仪器与 {about} 登记使用 {at_once}，两处不在一地",
        "{operators} operators were signed in here and at {about}, which stands elsewhere, for the same {at_once}",
    ),
    Rule(
        "bulk-entry", 1, 35, "集中补录", "Bulk entry",
        "{about} 一天录入 {uses} 条使用共 {entered}，距使用时间中位数 {age}（当月共录入 {month}）{deadline}",
        "{uses} uses of {entered} were recorded on {about}, the median {age} later (that month: {month}){deadline}",
    ),
    Rule(
        "regular-hours", 1, 30, "机时规整", "Regular hours",
        "{counted} 中有 {round} 的机时为整半小时，{same} 的机时彼此相同（相差不到一分钟）",
        "of {counted} {round} have hours round to a half, and {same} have the same hours to the minute",
    ),
)  # fmt: skip


def flag_of(finding: Finding, asset: str, *, first_day: str, last_day: str) -> Flag:
    """The flag that a finding is for an instrument's days."""
    about = tuple(each[:64] for each in finding.about if each)
    version = RULES[finding.rule].version
    return Flag(1, asset, finding.rule, version, first_day, last_day, finding.figures, about)


def tell(flag: Flag, language: Language) -> str:
    """The sentence of a flag; one whose rule is not known (any more) tells its figures."""
    rule = RULES.get(flag.rule)
    if rule is None or rule.version != flag.version:
        return ", ".join(f"{figure.name} {spell(figure, language)}" for figure in flag.figures)
    places = {figure.name: spell(figure, language) for figure in flag.figures}
    about = ("、" if language == "zh" else ", ").join(flag.about)
    template = rule.zh if language == "zh" else rule.en
    return template.format(
        **places, about=about, levels=_levels(places, language), deadline=_deadline(places, language)
    )


def spell(figure: Figure, language: Language) -> str:
    """A figure with its unit, as people read it."""
    value = figure.value
    match figure.unit:
        case "s":
            hours, minutes = divmod(abs(value) // 60, 60)
            return f"{hours} 小时 {minutes} 分" if language == "zh" else f"{hours} h {minutes} min"
        case "days":
            return f"{value} 天" if language == "zh" else f"{value} days"
        case "mW":
            return f"{value / 1000:.1f} W"
        case "mWh":
            return f"{value / 1e6:.3f} kWh"
        case "ppm":
            return f"{value / 1e4:.3f} %"
        case "ppb":
            return f"{value / 1e7:.5f} %"
        case "fen":
            return f"{value / 100:.2f} CNY"
        case _:
            return f"{value} {figure.unit}".rstrip()


def _levels(places: dict[str, str], language: Language) -> str:
    """What a change of ratio says: of the policy, or of the levels."""
    if "ratio" in places:
        was, now = places["ratio_before"], places["ratio"]
        return (
            f"规则中的变比由 {was} 改为 {now}" if language == "zh" else f"the policy's ratio went from {was} to {now}"
        )
    if "standby_before" not in places:
        return ""
    run, standby = (f"{places[name + '_before']} → {places[name]}" for name in ("run", "standby"))
    if language == "zh":
        return f"运行功率 {run}，空载功率 {standby}，为同一倍数"
    return f"run power went {run} and standby power {standby}, by the same factor"


def _deadline(places: dict[str, str], language: Language) -> str:
    if "before_deadline" not in places:
        return ""
    days = places["before_deadline"]
    return f"，截止日前 {days}" if language == "zh" else f", {days} before a deadline"
