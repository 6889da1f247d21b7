"""The files that take longest begin first, and the list of them names files that are there."""

import types

import pytest

from tests.long_files import LONG_FILES, ROOT, begin_with_long_files


@pytest.mark.parametrize("file", LONG_FILES)
def test_each_file_is_there(file: str) -> None:
    assert (ROOT / file).is_dir() if file.endswith("/") else (ROOT / file).is_file()


def test_long_files_come_first_and_nothing_else_is_moved() -> None:
    long, longest = LONG_FILES[1], LONG_FILES[0]
    names = ["tests/a.py::two", "tests/a.py::one", f"{long}::z", f"{long}::a", "tests/b.py::x", f"{longest}::one[a::b]"]
    items = [types.SimpleNamespace(nodeid=name) for name in names]
    begin_with_long_files(items)  # type: ignore[arg-type]
    assert [item.nodeid for item in items] == [names[5], names[2], names[3], names[0], names[1], names[4]]
