"""The one place where an examination may fail for a reason that nobody foresaw: it becomes a finding."""

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar, get_args

from agent.finding import Finding, Verdict

REMEDY = "tell whoever made this kind of watcher, or jishi's makers; the other findings hold"

_About = TypeVar("_About")

log = logging.getLogger(__name__)


def supervise(what: str, examine: Callable[[_About], Iterable[Finding]], about: _About) -> Iterator[Finding]:
    """Yield what an examination finds, and what it raises as `could not be told`, so that the others go on."""
    try:
        for finding in examine(about):
            yield _checked(what, finding)
    except (Exception, SystemExit) as problem:  # a third party may have written it, and anything may be broken
        log.debug("examination failed", exc_info=True)
        found = f"the examination failed ({type(problem).__name__}: {problem})"
        yield Finding(what, "unknown", found, "", REMEDY)


def _checked(what: str, finding: object) -> Finding:
    """The finding, or one that says that it is none."""
    if isinstance(finding, Finding) and finding.verdict in get_args(Verdict):
        return Finding(*map(str, finding))  # type: ignore[arg-type]
    return Finding(what, "unknown", f"the examination gave no finding, but {finding!r:.100}", "", REMEDY)
