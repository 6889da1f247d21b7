"""A stretch of work during which Python does not look for cycles of garbage.

A day of an instrument is some thousand tuples that all live until its record is made. They are in no cycle, and to look
through them again and again is a sixth of the work. What a cycle holds is found when the stretch has ended.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def undisturbed() -> Iterator[None]:
    """Pause the search for cycles in this process, unless somebody else has paused it; for short stretches only."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
