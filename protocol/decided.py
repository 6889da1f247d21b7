"""What people decided of an instrument's time, in force: decision facts become disjoint stretches. Pure.

Rules:

 1 A decision that a correction takes out of account does not hold; neither does it where that correction was corrected
   in turn the other way round (said.py, rule 1).
 2 Of two decisions about one instant the one that was approved later holds; of two approved at once the one whose ref
   sorts higher, so that the outcome never depends on the order in which facts came.
 3 What is left of a decision keeps its ref, however it was cut.

The grades read the outcome as plain tuples; nothing here changes a state, an hour or a record.
"""

from collections.abc import Mapping

from protocol.facts import Correction, Decision, Fact, Verdict
from protocol.interval import Interval, subtract, union
from protocol.said import apply_corrections

Decided = tuple[int, int, Verdict, str]
"""UTC ms, half-open; the verdict; the fact's ref (`fact:<sha256>`)."""


def decided(facts: Mapping[str, Fact], asset_no: str) -> list[Decided]:
    """The stretches of one instrument's time that were decided, in order and disjoint.

    `facts` by their refs, more than are needed, in any order: decisions, and whatever corrects them.
    """
    corrections = {ref: fact for ref, fact in facts.items() if isinstance(fact, Correction)}
    _, out = apply_corrections(corrections)
    standing = [
        (fact.approved_at, ref, fact)
        for ref, fact in facts.items()
        if isinstance(fact, Decision) and fact.asset == asset_no and ref not in out
    ]
    taken: list[Interval] = []
    found: list[Decided] = []
    for _, ref, fact in sorted(standing, key=lambda each: each[:2], reverse=True):
        found += [(start, end, fact.verdict, ref) for start, end in subtract([(fact.start, fact.end)], taken)]
        taken = union([*taken, (fact.start, fact.end)])
    return sorted(found)
