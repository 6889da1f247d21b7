"""The golden files are what their maker makes, and the maker shares no code with the project."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "golden"
MAKER = FOLDER / "make_golden.py"


def test_the_maker_imports_nothing_but_the_standard_library() -> None:
    tree = ast.parse(MAKER.read_text("utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "." for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported <= sys.stdlib_module_names


def test_the_files_are_what_the_maker_makes(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl command here to sign with; the golden files themselves are tested everywhere")
    subprocess.run([sys.executable, "-I", str(MAKER), str(tmp_path)], check=True)
    made = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert made == {file.name: file.read_bytes() for file in FOLDER.glob("*.json")}
