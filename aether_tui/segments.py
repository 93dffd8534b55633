"""Segments: styled text as the pieces that Textual draws.

Rich's `Text.render` sorts where styles begin and end, as they may overlap. In nearly all of the
console's texts one follows the other, and a screenful is hundreds of pieces.
"""

from __future__ import annotations

from functools import lru_cache

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.filter import ANSIToTruecolor
from textual.strip import Strip
from textual.widget import Widget


@lru_cache(maxsize=4096)
def layer(*styles: str | Style) -> Style:
    """Return these styles as one, each over those before it."""
    layered = Style.null()
    for style in styles:
        layered += Style.parse(style) if isinstance(style, str) else style
    return layered


def segments_of(text: Text, console: Console, below: Style, above: str = "") -> list[Segment]:
    """Return the segments of one line, in its own styles over one and under another."""
    segments: list[Segment] = []
    plain, place = text.plain, 0
    for start, end, style in text.spans:
        if start < place:
            return [
                Segment(piece, layer(below, style or "", above))
                for piece, style, _ in text.render(console)
                if piece
            ]
        if start > place:
            segments.append(Segment(plain[place:start], layer(below, text.style, above)))
        if end > start:
            segments.append(Segment(plain[start:end], layer(below, text.style, style, above)))
        place = end
    if place < len(plain):
        segments.append(Segment(plain[place:], layer(below, text.style, above)))
    return segments


def line_of(segments: list[Segment], width: int, style: Style) -> Strip:
    """Return the segments as a line of this width, with as much of a style as is missing.

    As `Strip.adjust_cell_length`, without a line in between.
    """
    drawn = sum(segment.cell_length for segment in segments)
    if drawn < width:
        segments.append(Segment(" " * (width - drawn), style))
    return Strip(segments, max(drawn, width)).crop(0, width)


def filtered(widget: Widget, strips: list[Strip]) -> list[Strip]:
    """Return lines without colours where there are none.

    Colours are those of a palette, never the sixteen of the terminal.
    """
    filters = [f for f in widget.get_line_filters() if not isinstance(f, ANSIToTruecolor)]
    if not filters:
        return strips
    background = widget.background_colors[1]
    for line_filter in filters:
        strips = [strip.apply_filter(line_filter, background) for strip in strips]
    return strips
