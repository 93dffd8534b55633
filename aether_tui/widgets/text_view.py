"""Text view: lines that scroll, of which those in sight are drawn.

Lines that are too wide are folded, or cut if they say so (`no_wrap`). Textual's Static measures and
draws its whole text, and has the screen laid out anew, before a key that shows it is answered.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip


class TextView(ScrollView, can_focus=True):
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
        self._style = Style.null()

    @property
    def line_count(self) -> int:
        """Rows that it takes at its width."""
        return len(self._fold_to_width())

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

    def notify_style_update(self) -> None:
        """Other colours: the scrollbar has the old ones."""
        super().notify_style_update()
        if self.is_mounted and self.show_vertical_scrollbar:
            self.vertical_scrollbar.refresh()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """A row a line."""
        return len(self._fold(width))

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw what is visible."""
        self._style = self.rich_style  # which Textual makes anew each time
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
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
        strip = Strip(line.render(self.app.console, end=""), line.cell_len)
        strip = strip.adjust_cell_length(self._folded_width).apply_style(self._style)
        return strip.apply_offsets(0, place)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return what is selected, and what ends it."""
        return selection.extract("\n".join(line.plain for line in self._folded)), "\n"

    def selection_updated(self, selection: Selection | None) -> None:  # noqa: ARG002
        """Draw what is selected, and what is not any more."""
        self.refresh()

    def _fold_to_width(self) -> Sequence[Text]:
        width = self.scrollable_content_region.width
        if width != self._folded_width:
            self._folded, self._folded_width = self._fold(width), width
        return self._folded

    def _fold(self, width: int) -> Sequence[Text]:
        if width <= 0:
            return self._lines
        return [
            part
            for line in self._lines
            for part in (
                line.wrap(self.app.console, width)
                if line.cell_len > width or "\n" in line.plain
                else [line]
            )
        ]
