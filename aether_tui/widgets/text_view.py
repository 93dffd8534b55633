"""Text view: lines that scroll, of which those in sight are drawn.

Lines that are too wide are folded, or cut if they say so (`no_wrap`). Textual's Static measures and
draws its whole text, and has the screen laid out anew, before a key that shows it is answered.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.geometry import Size
from textual.selection import Selection
from textual.strip import Strip

from aether_tui.segments import line_of, segments_of
from aether_tui.widgets.line_view import LineView


class TextView(LineView, can_focus=True):
    """Plain or styled lines, never markup; the mouse selects of them what is to be copied."""

    ALLOW_SELECT = True

    def __init__(
        self,
        lines: Sequence[Text] = (),
        *,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._lines = tuple(lines)
        self._folded: Sequence[Text] = ()
        self._folded_width = -1

    @property
    def line_count(self) -> int:
        """Rows that it takes at its width."""
        return len(self._fold_to_width())

    @property
    def plain(self) -> str:
        """What it says, folded as it is."""
        return "\n".join(line.plain for line in self._folded)

    def show_lines(self, lines: Sequence[Text]) -> None:
        """Show these lines; where one is in them stays."""
        fresh = tuple(lines)
        if fresh == self._lines:
            return
        self._lines = fresh
        self._folded_width = -1
        if self.size:
            self.virtual_size = Size(0, self.line_count)
        self.refresh()

    def on_resize(self) -> None:
        """Let it scroll as far as its lines go at this width."""
        self.virtual_size = Size(0, self.line_count)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """A row a line."""
        return len(self._fold(width - self.scrollbar_gutter.width))

    def render_line(self, y: int) -> Strip:
        """Draw one visible line, with its places, which the mouse asks for."""
        return self.draw_line(y).apply_offsets(0, self.scroll_offset.y + y)

    def draw_line(self, y: int) -> Strip:
        """Draw one visible line."""
        place = self.scroll_offset.y + y
        folded = self._fold_to_width()
        if place >= len(folded):
            return Strip.blank(self._folded_width, self._style)
        line = folded[place]
        selection = self.text_selection
        span = None if selection is None else selection.get_span(place)
        if span is not None:
            start, end = span
            line = line.copy()
            colours = self.screen.get_component_rich_style("screen--selection")
            line.stylize(colours, start, len(line) if end < 0 else end)
        segments = segments_of(line, self.app.console, self._style)
        return line_of(segments, self._folded_width, self._style)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return what is selected, and what ends it."""
        return selection.extract(self.plain), "\n"

    def selection_updated(self, selection: Selection | None) -> None:  # noqa: ARG002
        """Draw what is selected, and what is not any more."""
        self.refresh()

    def _fold_to_width(self) -> Sequence[Text]:
        return self._fold(self.scrollable_content_region.width)

    def _fold(self, width: int) -> Sequence[Text]:
        if width != self._folded_width:
            self._folded_width = width
            self._folded = [
                part
                for line in self._lines
                for part in (
                    line.wrap(self.app.console, width)
                    if width > 0 and (line.cell_len > width or "\n" in line.plain)
                    else [line]
                )
            ]
        return self._folded
