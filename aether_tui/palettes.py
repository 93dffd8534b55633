"""Palettes: the console in other colours, by repainting every line that is about to be drawn.

In:   lines in the colours of `theme.py`, which widgets name without asking which palette is on.
Out:  the same lines in the chosen palette; what Textual's own style sheet mixes (dimmed content,
      tinted borders) comes from a theme of the same palette.
Every palette keeps the hues of meaning apart for colour-blind eyes, and words say them as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.theme import Theme

from aether_tui import theme


@dataclass(frozen=True)
class Palette:
    """One colour for each of the names in `theme.py`, and for the chart's three lines."""

    name: str
    title: str
    is_dark: bool
    ground: str
    surface: str
    raised: str
    line: str
    faint: str
    muted: str
    text: str
    bright: str
    blue: str
    green: str
    orange: str
    vermilion: str
    cursor: str
    chart_history: str
    chart_forecast: str
    chart_band: str


DARK = Palette(
    name="dark",
    title="Dark",
    is_dark=True,
    ground=theme.GROUND,
    surface=theme.SURFACE,
    raised=theme.RAISED,
    line=theme.LINE,
    faint=theme.FAINT,
    muted=theme.MUTED,
    text=theme.TEXT,
    bright=theme.BRIGHT,
    blue=theme.BLUE,
    green=theme.GREEN,
    orange=theme.ORANGE,
    vermilion=theme.VERMILION,
    cursor=theme.CURSOR,
    # The chart's colours are of xterm's 256: plotext knows no others.
    chart_history="#00afff",
    chart_forecast="#ffaf00",
    chart_band="#585858",
)
LIGHT = Palette(
    name="light",
    title="Light",
    is_dark=False,
    ground="#f7f8fa",
    surface="#eef1f4",
    raised="#e0e6ec",
    line="#bcc6d1",
    faint="#5f6a77",
    muted="#4a5562",
    text="#1f2730",
    bright="#080b0f",
    blue="#0b5fa5",
    green="#006e54",
    orange="#8a5100",
    vermilion="#ac3605",
    cursor="#cfe3f6",
    chart_history="#0072b2",
    chart_forecast="#b35a00",
    chart_band="#a5afba",
)
CONTRAST = Palette(
    name="contrast",
    title="High contrast",
    is_dark=True,
    ground="#000000",
    surface="#050505",
    raised="#262626",
    line="#8f8f8f",
    faint="#c6c6c6",
    muted="#dedede",
    text="#f8f8f8",
    bright="#ffffff",
    blue="#79d2ff",
    green="#64ffb4",
    orange="#ffd34d",
    vermilion="#ff9f80",
    cursor="#00406e",
    chart_history="#4fd0ff",
    chart_forecast="#ffd34d",
    chart_band="#a8a8a8",
)
NO_COLOUR = "none"
"""The name of the choice that draws in greys, as the variable NO_COLOR does."""

PALETTES: Mapping[str, Palette] = {palette.name: palette for palette in (DARK, LIGHT, CONTRAST)}
THEME_NAMES = (*PALETTES, NO_COLOUR)

_COLOURS = tuple(f.name for f in fields(Palette) if f.name not in {"name", "title", "is_dark"})


def theme_of(palette: Palette) -> Theme:
    """Return Textual's theme of a palette, for the style sheet."""
    return Theme(
        name=f"aether-{palette.name}",
        primary=palette.blue,
        secondary=palette.muted,
        warning=palette.orange,
        error=palette.vermilion,
        success=palette.green,
        accent=palette.blue,
        foreground=palette.text,
        background=palette.ground,
        surface=palette.surface,
        panel=palette.raised,
        dark=palette.is_dark,
        variables={
            "line": palette.line,
            "faint": palette.faint,
            "muted": palette.muted,
            "bright": palette.bright,
            "border": palette.line,
            "border-blurred": palette.line,
            "input-selection-background": f"{palette.blue} 35%",
            "block-cursor-text-style": "none",
            "scrollbar": palette.line,
            "scrollbar-hover": palette.faint,
            "scrollbar-active": palette.muted,
            "scrollbar-background": palette.ground,
            "scrollbar-background-hover": palette.ground,
            "scrollbar-background-active": palette.ground,
            "scrollbar-corner-color": palette.ground,
        },
    )


class Repaint(LineFilter):
    """Replaces the dark palette's colours by another palette's, wherever a line names one."""

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        colours = {
            RichColor.parse(getattr(DARK, name)).get_truecolor(): RichColor.parse(
                getattr(palette, name)
            )
            for name in _COLOURS
        }

        def other(colour: RichColor | None) -> RichColor | None:
            if colour is None or colour.is_default:
                return colour
            return colours.get(colour.get_truecolor(), colour)

        @lru_cache(maxsize=2048)
        def repaint(style: Style) -> Style:
            changed = Style.from_color(other(style.color), other(style.bgcolor))
            return style + changed

        self._repaint = repaint

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments in the other colours."""
        del background
        return [
            segment
            if segment.style is None or segment.control
            else Segment(segment.text, self._repaint(segment.style))
            for segment in segments
        ]
