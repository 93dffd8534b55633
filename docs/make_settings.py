"""Makes docs/settings.md from `aether_core/settings.py`: `python -m docs.make_settings`.

A test compares the two, so that the page never says what the program does not do.
"""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from aether_core import settings
from aether_core.settings import Settings

PAGE = Path(__file__).parent / "settings.md"

_HEAD = """\
# Settings

Made by `python -m docs.make_settings` from `aether_core/settings.py`; do not edit.

Every setting is an environment variable, read once at start. A wrong value stops the start with a
sentence that names it. Units are in the names: `_s` seconds, `_ms` milliseconds, `_mb` megabytes.
"""


def make_page() -> str:
    """Return the page: one table for the installation, one for each group."""
    texts = _texts()
    groups: list[tuple[str, str, type[BaseModel]]] = []
    rows = []
    for name, field in Settings.model_fields.items():
        kind = field.annotation
        if inspect.isclass(kind) and issubclass(kind, BaseModel):
            groups.append((name, inspect.getdoc(kind) or "", kind))
        else:
            rows.append(_row(f"AETHER_{name.upper()}", field, texts["Settings", name]))
    parts = [_HEAD, _table("The installation", rows)]
    for group, title, kind in groups:
        prefix = f"AETHER_{group.upper()}__"
        parts.append(
            _table(
                title.splitlines()[0].rstrip("."),
                [
                    _row(f"{prefix}{name.upper()}", field, texts[kind.__name__, name])
                    for name, field in kind.model_fields.items()
                ],
            )
        )
    return "\n".join(parts)


def _table(title: str, rows: list[str]) -> str:
    head = "| variable | default | bounds | meaning |\n|---|---|---|---|"
    return f"## {title}\n\n{head}\n" + "\n".join(rows) + "\n"


def _row(variable: str, field: FieldInfo, meaning: str) -> str:
    return f"| `{variable}` | {_default(field)} | {_bounds(field)} | {meaning} |"


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None or isinstance(value, SecretStr):
        return "unset"
    if isinstance(value, Path):
        checkout = Path(settings.__file__).parents[1]
        value = value.relative_to(checkout)
    return f"`{value}`" if value != "" else "empty"


def _bounds(field: FieldInfo) -> str:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<", "min_length": "length ≥"}
    found = []
    for constraint in field.metadata:
        for name, sign in signs.items():
            bound = getattr(constraint, name, None)
            if bound is not None:
                found.append(f"{sign} {bound}")
    return ", ".join(found)


def _texts() -> dict[tuple[str, str], str]:
    """Return (class, field) → the docstring under the field, in one line."""
    found = {}
    tree = ast.parse(inspect.getsource(settings))
    for node in tree.body:
        if not isinstance(node, ast.ClassDef):
            continue
        for field, text in zip(node.body, node.body[1:], strict=False):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
            ):
                found[node.name, field.target.id] = " ".join(str(text.value.value).split())
    return found


if __name__ == "__main__":
    PAGE.write_text(make_page())
