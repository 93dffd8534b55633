"""Line view: what scrolls and draws its own lines, those in sight, with all their colours.

Textual styles every line anew that has moved, and passes it through half a dozen copies; a line
that was drawn here is taken as it is.
"""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.filter import ANSIToTruecolor
from textual.geometry import Region
from textual.scroll_view import ScrollView
from textual.strip import Strip


class LineView(ScrollView):
    """Subclasses draw a line as wide as what the scrollbar leaves."""

    def __init__(
        self,
        *,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._style = Style.null()

    def draw_line(self, y: int) -> Strip:
        """Draw one visible line, over `_style`."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        """Draw one visible line without what is beside it."""
        return self.draw_line(y)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw what is visible; Textual does where a frame or a shade lies over it."""
        self._style = self.rich_style  # which Textual makes anew each time
        gutter = self.styles.gutter
        if self.opacity < 1.0 or gutter.top or gutter.bottom:
            return super().render_lines(crop)
        # The colours are those of a palette, never the sixteen of the terminal.
        filters = [f for f in self.get_line_filters() if not isinstance(f, ANSIToTruecolor)]
        background = self.background_colors[1] if filters else self.styles.background
        before = [Segment(" " * gutter.left, self._style)] if gutter.left else []
        strips = []
        for y in crop.line_range:
            strip = self.draw_line(y)
            after = self.region.width - gutter.left - strip.cell_length
            if before or (after > 0 and not self.show_vertical_scrollbar):
                beside = Segment(" " * after, self._style)
                strip = Strip([*before, *strip, beside], self.region.width)
            for line_filter in filters:
                strip = strip.apply_filter(line_filter, background)
            strips.append(strip.crop(*crop.column_span))
        return strips

    def notify_style_update(self) -> None:
        """Other colours: the scrollbar has the old ones."""
        super().notify_style_update()
        if self.is_mounted and self.show_vertical_scrollbar:
            self.vertical_scrollbar.refresh()
