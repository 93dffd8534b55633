"""Tile: one number that matters, what it is, and a line about it."""

from __future__ import annotations

from dataclasses import dataclass

from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from aether_tui.theme import BRIGHT, FAINT, MUTED, Glyphs
from aether_tui.wording import crop_text, join_lines


@dataclass(frozen=True)
class Figure:
    """What a tile shows."""

    value: str = "-"
    detail: str = ""
    style: str = BRIGHT
    is_old: bool = False


class Tile(Widget):
    """Title, number and detail; on a low screen they share one line."""

    figure: reactive[Figure] = reactive(Figure())

    def __init__(self, title: str, glyphs: Glyphs, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._title = title
        self._glyphs = glyphs

    def render(self) -> Text:
        """Draw the tile."""
        width, height = self.size
        figure = self.figure
        value = Text(figure.value, FAINT if figure.is_old else f"bold {figure.style}")
        if height < 3:
            head = Text.assemble((f"{self._title} ", FAINT), value)
            rest = Text(figure.detail, MUTED)
            return join_lines(crop_text(part, width, self._glyphs) for part in (head, rest))
        parts = (Text(self._title, FAINT), value, Text(figure.detail, MUTED))
        return join_lines(crop_text(part, width, self._glyphs) for part in parts)
