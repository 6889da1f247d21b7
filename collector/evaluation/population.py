"""Which instruments and facilities a round counts, and why. Pure.

Each thing that a unit held in the round's year is judged once, as the registry describes it on the round's date, and
gets one reason. The first line that fits decides:

    no-owner         out  nobody owned it on that date; of a facility: nobody runs it
    value-unknown    out  nobody said what it cost: no share could be computed over it
    excluded         out  fraud of its unit was proved, and its exclusion runs (指引八)
    rectifying       out  its unit was rated poor in an earlier round, and its case is not closed (指引十)
    unit-left-out    out  a person left its unit out of the round, and said why
    by-choice        in or out, a person decided, and said why
    exempt           out  it is reported instead of shared, by a document (意见二(一))
    below-value      out  its original value is below the round's limit (指引二: 200 000 CNY)
    funding-unknown  out  nobody said what public money paid
    funding-other    out  public money paid no more than the round's share (指引二、意见二(一): wholly or mainly)
    meets-rules      in

What a choice cannot bring in is what no arithmetic can be done with, and a unit that may take no part; everything else
a person may decide otherwise.
Money is in fen.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple, get_args

Kind = Literal["instrument", "facility"]
Verdict = Literal["include", "exclude"]
Reason = Literal[
    "no-owner",
    "value-unknown",
    "excluded",
    "rectifying",
    "unit-left-out",
    "by-choice",
    "exempt",
    "below-value",
    "funding-unknown",
    "funding-other",
    "meets-rules",
]
REASONS: tuple[Reason, ...] = get_args(Reason)


class Rules(NamedTuple):
    """The limits of a round: value in fen from which on, and the percentage of public money above which it counts."""

    min_value_fen: int = 20_000_000
    over_government_percent: int = 50

    def faults(self) -> list[str]:
        """What is impossible about them."""
        found = []
        if not 0 < self.min_value_fen < 10**13:
            found.append(f"min_value_fen is {self.min_value_fen}: give the smallest value in fen, as 20000000")
        if not 0 <= self.over_government_percent < 100:
            found.append(
                f"over_government_percent is {self.over_government_percent}: give 0 to 99, as 50 for more than half"
            )
        return found


class Candidate(NamedTuple):
    """What the registry says of an instrument or a facility on the round's date; None where nobody said.

    `shareable` False: exempt, by `document`. `bookable`: open for booking.
    """

    kind: Kind
    name: str
    uscc: str | None
    value_fen: int | None
    government_fen: int | None
    shareable: bool | None = None
    document: str = ""
    bookable: bool | None = None

    @property
    def subject(self) -> str:
        return f"{self.kind}:{self.name}"


class Choice(NamedTuple):
    """What a person decided of `instrument:A001`, `facility:F01` or `unit:USCC`."""

    subject: str
    verdict: Verdict
    why: str


class Bar(NamedTuple):
    """Why a unit takes no part in the round, whatever anybody chose; `note` names the case."""

    uscc: str
    reason: Literal["excluded", "rectifying"]
    note: str


class Member(NamedTuple):
    """A candidate with what became of it; `note` is the document or the person's words, where there are any."""

    kind: Kind
    name: str
    uscc: str | None
    value_fen: int | None
    government_fen: int | None
    shareable: bool | None
    is_in: bool
    reason: Reason
    note: str
    bookable: bool | None = None


def judge_all(
    candidates: Iterable[Candidate], rules: Rules, choices: Iterable[Choice], *, bars: Iterable[Bar] = ()
) -> list[Member]:
    """Every candidate with its reason, by kind and name; of two choices about one subject the later one holds.

    Of several bars of one unit, exclusion says more than a case that is open.
    """
    chosen = {choice.subject: choice for choice in choices}
    barred = {bar.uscc: bar for bar in sorted(bars, key=lambda bar: (bar.reason != "rectifying", bar.note))}
    found = (judge(each, rules, chosen, barred=barred) for each in candidates)
    return sorted(found, key=lambda member: (member.kind, member.name))


def judge(candidate: Candidate, rules: Rules, chosen: Mapping[str, Choice], *, barred: Mapping[str, Bar]) -> Member:
    """One candidate with its reason; the lines at the top of the file, in their order."""
    is_in, reason, note = _reason(candidate, rules, chosen, barred=barred)
    return Member(*candidate[:6], is_in, reason, note, candidate.bookable)


def _reason(
    candidate: Candidate, rules: Rules, chosen: Mapping[str, Choice], *, barred: Mapping[str, Bar]
) -> tuple[bool, Reason, str]:
    if candidate.uscc is None:
        return False, "no-owner", ""
    if candidate.value_fen is None:
        return False, "value-unknown", ""
    bar = barred.get(candidate.uscc)
    if bar is not None:
        return False, bar.reason, bar.note
    of_unit = chosen.get(f"unit:{candidate.uscc}")
    if of_unit is not None and of_unit.verdict == "exclude":
        return False, "unit-left-out", of_unit.why
    of_itself = chosen.get(candidate.subject)
    if of_itself is not None:
        return of_itself.verdict == "include", "by-choice", of_itself.why
    if candidate.shareable is False:
        return False, "exempt", candidate.document
    if candidate.value_fen < rules.min_value_fen:
        return False, "below-value", ""
    if candidate.government_fen is None:
        return False, "funding-unknown", ""
    if candidate.government_fen * 100 <= rules.over_government_percent * candidate.value_fen:
        return False, "funding-other", ""
    return True, "meets-rules", ""
