"""Theme: the console's own colours, and the signs that carry meaning without colour.

Dark, low in contrast where nothing happens and high where something does. The three hues of
meaning are Okabe and Ito's bluish green, orange and vermilion, lightened for a dark ground, so
that they stay apart for colour-blind eyes; a word or sign always says the same beside them.
"""

from __future__ import annotations

from dataclasses import dataclass

GROUND = "#0d1015"
SURFACE = "#12161d"
RAISED = "#1a202a"
LINE = "#2b3441"
FAINT = "#758090"
MUTED = "#98a3b2"
TEXT = "#c9d1db"
BRIGHT = "#eef2f6"
BLUE = "#6cb2eb"
GREEN = "#3fbf97"
ORANGE = "#e8a33d"
VERMILION = "#f0764c"
CURSOR = "#1d3347"


@dataclass(frozen=True)
class Glyphs:
    """The signs in use: one set for UTF-8 terminals and one that is plain ASCII."""

    is_ascii: bool
    live: str
    waiting: str
    broken: str
    good: str
    warn: str
    bad: str
    dot: str
    cursor: str
    ellipsis: str
    rule: str
    bar: str
    bar_empty: str
    plus_minus: str
    quote: str
    times: str
    sigma: str
    curve: str
    """Eight or fewer heights, lowest first, for a curve of one line."""
    history_marker: str
    forecast_marker: str
    band_marker: str


UNICODE_GLYPHS = Glyphs(
    is_ascii=False,
    live="●",
    waiting="◌",
    broken="○",
    good="✓",
    warn="!",
    bad="✗",
    dot="·",
    cursor="▌",
    ellipsis="…",
    rule="─",
    bar="━",
    bar_empty="─",
    plus_minus="±",
    quote="│",
    times="×",  # noqa: RUF001 - the sign of multiplication is meant
    sigma="σ",  # noqa: RUF001 - the sign of a standard deviation is meant
    curve="▁▂▃▄▅▆▇█",
    history_marker="braille",
    forecast_marker="▪",
    band_marker="braille",
)
ASCII_GLYPHS = Glyphs(
    is_ascii=True,
    live="*",
    waiting="~",
    broken="o",
    good="+",
    warn="!",
    bad="x",
    dot="-",
    cursor=">",
    ellipsis="~",
    rule="-",
    bar="#",
    bar_empty="-",
    plus_minus="+/-",
    quote="|",
    times="x",
    sigma="sigma",
    curve="_.-=#",
    history_marker="*",
    forecast_marker="+",
    band_marker=".",
)
