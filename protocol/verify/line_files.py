"""Files of lines in a bundle: each line with its place, and what is wrong with the file told once. Pure."""

from collections.abc import Callable, Iterator

from protocol.errors import ForeignBytesError
from protocol.verify.container import Held

Note = Callable[..., None]
"""note(check, word, where, *, day, origin, **values) writes down what was found."""


def read_lines(held: Held, path: str, note: Note, number: int) -> Iterator[tuple[str, bytes]]:
    """(place, line) of a file; nothing where it is not in the bundle, which check 1 tells of those that are named."""
    if path not in held:
        return
    try:
        for line, raw in enumerate(held.lines(path), 1):
            yield f"{path} line {line}", raw
    except ForeignBytesError as error:
        note(number, "lines-form", path, why=str(error))
