"""Ground: what a container shows of itself, of which one line is drawn for all that are alike."""

from __future__ import annotations

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


class PlainGround(Widget):
    """A container without a pattern: between its upper and lower edge its lines do not differ."""

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw the edges and one line between them."""
        left, top, width, _ = crop
        gutter = self.styles.gutter
        first = max(top, gutter.top)
        last = min(crop.bottom, self.region.height - gutter.bottom)
        if last - first <= 1:
            return super().render_lines(crop)
        above = super().render_lines(Region(left, top, width, first + 1 - top))
        below = Region(left, last, width, crop.bottom - last)
        return [
            *above,
            *above[-1:] * (last - first - 1),
            *(super().render_lines(below) if below else []),
        ]
