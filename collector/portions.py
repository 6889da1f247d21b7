"""What comes one by one, some at a time: `itertools.batched` of Python 3.12, with lists."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


def portions(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size` items, in order; the last one may be shorter, and none is empty."""
    iterator = iter(items)
    while portion := list(islice(iterator, size)):
        yield portion
