"""The one place where an examination may fail for a reason that nobody foresaw: it becomes a finding."""

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from agent.finding import Finding

_About = TypeVar("_About")

log = logging.getLogger(__name__)


def supervise(what: str, examine: Callable[[_About], Iterable[Finding]], about: _About) -> Iterator[Finding]:
    """Yield what an examination finds, and what it raises as `could not be told`, so that the others go on."""
    try:
        yield from examine(about)
    except Exception as problem:  # a third party may have written it, and what it looks at may be broken in any way
        log.debug("examination failed", exc_info=True)
        found = f"the examination failed ({type(problem).__name__}: {problem})"
        yield Finding(what, "unknown", found, "", "tell whoever made this kind of watcher, or jishi's makers")
