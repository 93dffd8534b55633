"""The load chart paints lines and signs, never a background: it suits every terminal's theme."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from rich.style import Style
from rich.text import Text

from aether_tui.theme import ASCII_GLYPHS, UNICODE_GLYPHS, Glyphs
from aether_tui.values import ForecastPoint, LoadPoint
from aether_tui.widgets import load_chart


@pytest.mark.parametrize("glyphs", [UNICODE_GLYPHS, ASCII_GLYPHS])
def test_nothing_has_a_background(glyphs: Glyphs) -> None:
    start = datetime(2026, 1, 5, tzinfo=UTC)
    minute = timedelta(minutes=1)
    history = [LoadPoint(start + minute * n, 100.0 + n) for n in range(10)]
    coming = [
        ForecastPoint(at=start + minute * n, mean=110.0, lower=90.0, upper=130.0)
        for n in range(10, 20)
    ]
    drawing = load_chart._build(history, coming, 80, 20, glyphs, has_colour=True)
    styles = [span.style for span in Text.from_ansi(drawing).spans]
    assert styles
    assert all(isinstance(style, Style) and style.bgcolor is None for style in styles)
