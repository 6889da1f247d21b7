"""The grade record of a day, from its readings, what bounds them, and what was said: the one way there. Pure.

The collector's deriver, its verification and the auditor gather the same values each in its own way, and end here.
"""

from collections.abc import Iterable, Mapping, Sequence

from protocol import grades
from protocol.attribution import external_within
from protocol.brackets import Log, bracketed
from protocol.derivation import Measured, effective_spans
from protocol.grades import Decided, GradeRecord
from protocol.hours import HourRecord
from protocol.interval import Interval, day_bounds_ms
from protocol.policy import Policy
from protocol.said import Said, claims_of
from protocol.witness import Block


def grade_day(
    record: HourRecord,
    raw: bytes,
    *,
    blocks: Iterable[Block],
    logs: Mapping[str, Log],
    measured: Measured,
    said: Said,
    policy: Policy,
    decisions: Sequence[Decided] = (),
    lost: Sequence[Interval] = (),
) -> GradeRecord:
    """The grades of the record whose bytes are `raw`.

    `blocks` are those that touch the day (day.Gathered), each once, with corrected clocks; `measured`, `said` and
    `policy` are what the record was accounted from; `lost`: UTC ms that the losing branch of a fork shows.
    """
    claims = claims_of(said, record.asset, measured.day, reached=measured.reached).claims
    return grades.grade(
        record,
        raw,
        blocks=bracketed(blocks, logs),
        limits=policy.grades,
        day_start_ms=day_bounds_ms(measured.day)[0],
        effective=effective_spans(record.spans, record.classes, policy),
        external_within=lambda sets: external_within(sets, claims, split=policy.split),
        decisions=decisions,
        lost=lost,
    )
