"""Navigation: the screens that this person may open, and which one is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text
from textual.events import Click
from textual.reactive import reactive

from aether_tui.messages import ScreenChosen
from aether_tui.theme import BLUE, BRIGHT, FAINT, MUTED, ORANGE, RAISED
from aether_tui.widgets.text_line import TextLine

# How long names may be and what stands between them, from the widest on.
_FITS: tuple[tuple[int | None, str], ...] = ((None, " "), (None, ""), (8, ""), (6, ""), (4, ""))


@dataclass(frozen=True)
class Place:
    """A screen: its digit, its name, its title, and what it takes to be let in."""

    digit: str
    name: str
    title: str
    scope: str | None = None


class Navigation(TextLine):
    """One row of screen names; the open one stands in brackets and on a lighter ground."""

    open_alerts: reactive[int] = reactive(0)

    def __init__(self, places: Sequence[Place], here: str) -> None:
        super().__init__()
        self._places = tuple(places)
        self._here = here
        self._spans: list[tuple[int, int, str]] = []

    def render(self) -> Text:
        """Draw the row; where it does not fit, only the open screen keeps its whole name."""
        for name_length_max, gap in _FITS:
            line = self._draw(name_length_max, gap)
            if line.cell_len <= self.size.width:
                break
        return line

    def _draw(self, name_length_max: int | None, gap: str) -> Text:
        line = Text(no_wrap=True)
        self._spans = []
        for place in self._places:
            start = line.cell_len
            is_here = place.name == self._here
            opening, closing = ("[", "]") if is_here else (" ", " ")
            title = place.title if is_here else place.title[:name_length_max]
            label = Text.assemble(
                (opening, FAINT),
                (place.digit, BLUE if is_here else FAINT),
                (f" {title}", f"bold {BRIGHT}" if is_here else MUTED),
            )
            if place.name == "alerts" and self.open_alerts:
                label.append(f" {self.open_alerts}", f"bold {ORANGE}")
            label.append(closing, FAINT)
            if is_here:
                label.stylize(f"on {RAISED}")
            line.append_text(label)
            self._spans.append((start, line.cell_len, place.name))
            line.append(gap)
        line.rstrip()
        return line

    def on_click(self, event: Click) -> None:
        """Open the screen whose name was clicked."""
        for start, end, name in self._spans:
            if start <= event.x < end:
                self.post_message(ScreenChosen(name))
