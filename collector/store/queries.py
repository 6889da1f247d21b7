"""SQL lives in queries/*.sql; this loads it by name.

A file is a list of queries, each of the form

    -- name: load_journal
    -- The state held of one journal, by its origin.
    SELECT ...

`load("ingest").load_journal` is the statement as bytes, which psycopg takes as it is. A query without a
sentence, without a body or with a name given twice is a programming error and raises ValueError.
"""

import functools
import re
from importlib import resources

_HEADER = re.compile(r"^-- name: (?P<name>[a-z][a-z0-9_]*)\n-- (?P<sentence>[A-Z][^\n]*)\n", re.MULTILINE)


class Queries:
    """The statements of one file, as attributes."""

    def __init__(self, file: str, statements: dict[str, bytes]) -> None:
        self._file = file
        self._statements = statements

    def __getattr__(self, name: str) -> bytes:
        try:
            return self._statements[name]
        except KeyError:
            raise AttributeError(f"queries/{self._file}.sql holds no query named {name}") from None

    def names(self) -> list[str]:
        return list(self._statements)


def parse(file: str, text: str) -> Queries:
    """Splits the text of a query file; raises ValueError where it breaks the form above."""
    headers = list(_HEADER.finditer(text))
    if len(headers) != text.count("-- name:"):
        raise ValueError(f"queries/{file}.sql: each '-- name: verb_object' needs a sentence in the next line")
    statements: dict[str, bytes] = {}
    for header, following in zip(headers, [*headers[1:], None], strict=True):
        body = text[header.end() : following.start() if following else len(text)].strip().rstrip(";")
        name = header["name"]
        if not body or name in statements:
            raise ValueError(f"queries/{file}.sql: {name} is empty or given twice")
        statements[name] = body.encode()
    return Queries(file, statements)


@functools.cache
def load(file: str) -> Queries:
    """The queries of collector/store/queries/<file>.sql."""
    path = resources.files("collector.store").joinpath("queries", f"{file}.sql")
    return parse(file, path.read_text(encoding="utf-8"))
