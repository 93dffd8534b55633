"""Completing: what the word under the cursor of the filter line may become."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual.suggester import Suggester

from aether_tui.filtering import Field


def complete(text: str, fields: Mapping[str, Field[Any]]) -> str | None:
    """Return the text with its last word completed: a field's name, or one of its values."""
    if text.count('"') % 2:
        return None
    start = max(text.rfind(" "), text.rfind("!")) + 1
    word = text[start:]
    name, colon, value = word.partition(":")
    if not word:
        return None
    if not colon:
        found = next((field for field in fields if field.startswith(name.lower())), None)
        return None if found is None else f"{text[:start]}{found}:"
    field = fields.get(name.lower())
    values = field.values if field is not None else ()
    wanted = value.lower()
    completed = next((one for one in values if one.startswith(wanted) and one != wanted), None)
    return None if completed is None or not value else f"{text[:start]}{name}:{completed}"


class FilterSuggester(Suggester):
    """Offers the completion behind the cursor, as Textual's Input shows it."""

    def __init__(self, fields: Mapping[str, Field[Any]]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._fields = fields

    async def get_suggestion(self, value: str) -> str | None:
        """Return the completed text."""
        return complete(value, self._fields)
