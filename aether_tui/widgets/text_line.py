"""Text line: one row of text, which Textual would measure, fold and style in half a dozen steps."""

from __future__ import annotations

from rich.segment import Segment
from rich.text import Text
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from aether_tui.segments import filtered, line_of, segments_of


class TextLine(Widget):
    """Subclasses render a text of one line that fits their width."""

    def render(self) -> Text:
        """Return the text."""
        raise NotImplementedError

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw the row; whatever lies beneath it is bare."""
        style, width = self.rich_style, self.region.width
        margin = Segment(" " * self.styles.gutter.left, style)
        segments = [margin, *segments_of(self.render(), self.app.console, style)]
        line, blank = line_of(segments, width, style), Strip.blank(width, style)
        strips = [blank if y else line for y in crop.line_range]
        return filtered(self, [strip.crop(*crop.column_span) for strip in strips])
