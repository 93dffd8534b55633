"""Every row of the attack table is a test that carries its id, and every such id is a row's.

The tests' own sources are read: the ids in their names and in their docstrings.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.attacks import ATTACKS

_GROUPS = "".join(sorted({row[0] for row in ATTACKS}))
_IN_NAME = re.compile(rf"(?<=_)[{_GROUPS.lower()}]\d\d(?=_)")
_IN_DOCSTRING = re.compile(rf"\b[{_GROUPS}]\d\d\b")


def ids_of(source: str) -> Iterator[tuple[str, str]]:
    """Yield each row's id that a test of this source carries, and the test's name."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if node.name.startswith("test_"):
            for row in _IN_NAME.findall(node.name):
                yield row.upper(), node.name
            for row in _IN_DOCSTRING.findall(ast.get_docstring(node) or ""):
                yield row, node.name


def carried() -> dict[str, list[str]]:
    """Return the tests that carry each id."""
    found: dict[str, list[str]] = {}
    for path in sorted(Path(__file__).parent.rglob("test_*.py")):
        for row, name in ids_of(path.read_text()):
            found.setdefault(row, []).append(f"{path.name}::{name}")
    return found


def test_every_row_has_a_test() -> None:
    assert sorted(ATTACKS.keys() - carried().keys()) == []


def test_every_id_is_a_rows() -> None:
    assert {row: names for row, names in carried().items() if row not in ATTACKS} == {}


def test_ids_are_read_from_names_and_docstrings_of_tests() -> None:
    source = '''
def test_m05_a05_both(): ...
async def test_several(): """J08 and (L10), not F13."""
def helper_m01_of_nobody(): """M02"""
def test_am05b(): ...
'''
    assert sorted(row for row, _name in ids_of(source)) == ["A05", "J08", "L10", "M05"]
