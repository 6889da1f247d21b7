"""Silent when used: watchers and agents fall silent while somebody says that he uses the instrument. Pure.

A PC that is switched off at night is silent when nobody works, and a network that fails does so at any time. Silence
that begins in the middle of declared uses, again and again, begins because of them.

Threshold: five silences of ten minutes or more in a month, a third of them beginning inside a declared use, half
an hour at least before its end, and that so often by chance only once in ten thousand months. Half an hour, because
whoever leaves early switches off early.
"""

from collections.abc import Iterable

from protocol.flags.flag import Figure, Finding
from protocol.flags.robust import is_rare
from protocol.interval import Interval, clip, intersect, length, union

MIN_SILENCE_MS = 600_000
LEAVES_EARLY_MS = 1_800_000
MIN_SILENCES = 5
ONE_IN = 10_000


def find_silence(silent: Iterable[Interval], used: Iterable[Interval], *, within: Interval) -> Finding | None:
    """`silent`: unobserved stretches; `used`: declared uses and stays; both in UTC ms. `within`: the month."""
    silences = [each for each in clip(union(silent), *within) if each[1] - each[0] >= MIN_SILENCE_MS]
    uses = clip(union(used), *within)
    counts = union((start, end - LEAVES_EARLY_MS) for start, end in uses)
    hits = sum(bool(clip(counts, start, start + 1)) for start, _ in silences)
    if len(silences) < MIN_SILENCES or 3 * hits < len(silences):
        return None
    if not is_rare(hits, len(silences), chance=(length(counts), within[1] - within[0]), one_in=ONE_IN):
        return None
    figures = (
        Figure("silences", len(silences)),
        Figure("in_use", hits),
        Figure("silent_in_use", length(intersect(union(silences), uses)) // 1000, "s"),
        Figure("used", length(uses) // 1000, "s"),
    )
    return Finding("silent-when-used", figures)
