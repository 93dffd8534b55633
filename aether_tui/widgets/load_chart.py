"""Load chart: transactions per minute, past and expected, drawn by plotext.

In:   a Forecast. plotext gets numbers only: what it returns is read as ANSI, so a text from
outside must never enter it. Its figure is global to the process, and is therefore cleared,
filled and built in one synchronous step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

import plotext
from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from aether_tui.theme import FAINT, MUTED, Glyphs
from aether_tui.values import Forecast, ForecastPoint, LoadPoint
from aether_tui.wording import crop_text

# plotext's colours are the 256 of xterm.
_HISTORY_COLOUR = 75
_FORECAST_COLOUR = 215
_BAND_COLOUR = 240
_AXIS_COLOUR = 239
# plotext 6.1.0 paints it behind axes that were given a colour, whatever their pixel says.
_WHITE_BACKGROUND = "\x1b[48;5;15m"
_LABEL_EVERY_CELLS = 10
_LABEL_EVERY_LINES = 4
_TICK_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720)
_WIDTH_MIN = 30
_HEIGHT_MIN = 6

# Otherwise plotext clamps the figure to its own idea of the terminal's size.
plotext.terminal.limit(False, False)


class LoadChart(Widget):
    """History, mean and interval band, with a legend in the first row."""

    forecast: reactive[Forecast | None] = reactive(None)
    history_minutes: reactive[int] = reactive(60)

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._glyphs = glyphs

    def render(self) -> Text:
        """Draw the chart; Textual asks only when the values or the size have changed."""
        width, height = self.size
        if width < _WIDTH_MIN or height < _HEIGHT_MIN:
            return Text(f"The chart needs {_WIDTH_MIN} x {_HEIGHT_MIN} cells.", MUTED)
        if self.forecast is None:
            return Text("")
        history = [p for p in self.forecast.history if math.isfinite(p.value)]
        history, step = _thin(history[-self.history_minutes :], width)
        coming = [p for p in self.forecast.forecast if math.isfinite(p.mean + p.lower + p.upper)]
        if len(history) + len(coming) < 2:
            return Text("No complete minutes to draw yet.", MUTED)
        has_colour = not self.app.no_color
        drawing = Text.from_ansi(
            _build(history, coming, width, height - 1, self._glyphs, has_colour=has_colour)
        )
        legend = crop_text(self._legend(step, has_forecast=bool(coming)), width, self._glyphs)
        return Text.assemble(legend, "\n", drawing)

    def _legend(self, step: int, *, has_forecast: bool) -> Text:
        is_ascii = self._glyphs.is_ascii
        legend = Text(no_wrap=True)
        legend.append("* " if is_ascii else "⣀ ", f"color({_HISTORY_COLOUR})")
        legend.append("actual   ", MUTED)
        if has_forecast:
            legend.append("+ " if is_ascii else "▪ ", f"color({_FORECAST_COLOUR})")
            legend.append("forecast   ", MUTED)
            legend.append(". " if is_ascii else "⣿ ", f"color({_BAND_COLOUR})")
            legend.append("95 %   ", MUTED)
        legend.append("per minute, UTC", FAINT)
        if step > 1:
            legend.append(f", means of {step} minutes", FAINT)
        return legend


def _thin(history: Sequence[LoadPoint], width: int) -> tuple[list[LoadPoint], int]:
    """Means over as many minutes as it takes for no more points than columns, and how many."""
    step = max(1, math.ceil(len(history) / width))
    # From the newest backwards: only the oldest mean may stand for fewer minutes.
    chunks = [history[max(0, end - step) : end] for end in range(len(history), 0, -step)]
    return [
        LoadPoint(chunk[0].at, sum(point.value for point in chunk) / len(chunk))
        for chunk in reversed(chunks)
    ], step


def _build(
    history: Sequence[LoadPoint],
    coming: Sequence[ForecastPoint],
    width: int,
    height: int,
    glyphs: Glyphs,
    *,
    has_colour: bool,
) -> str:
    figure = plotext.figure
    figure.clear()
    figure.plot_size(width, height)
    figure.theme("simple" if has_colour else "colorless")
    figure.canvas("default")

    def marker(shape: str, colour: int) -> object:
        if not has_colour:
            return shape
        return plotext.marker(shape, pixel=plotext.pixel(foreground=colour))

    def draw(times: list[float], values: list[float], shape: object) -> None:
        signal = figure.signal(times, values, marker=shape)
        figure.draw(signal.lines(True) if len(times) > 1 else signal)

    times = [point.at.timestamp() for point in history]
    times_coming = [point.at.timestamp() for point in coming]
    if len(coming) > 1:
        band = marker(glyphs.band_marker, _BAND_COLOUR)
        upper = figure.signal(times_coming, [p.upper for p in coming], marker=band).lines(True)
        lower = figure.signal(times_coming, [_floor(p) for p in coming], marker=band).lines(True)
        upper.fill(lower)
        # The band first: what is drawn later lies above it.
        figure.draw(upper)
        figure.draw(lower)
    if coming:
        draw(
            times_coming,
            [max(0.0, point.mean) for point in coming],
            marker(glyphs.forecast_marker, _FORECAST_COLOUR),
        )
    if history:
        draw(
            times,
            [point.value for point in history],
            marker(glyphs.history_marker, _HISTORY_COLOUR),
        )
    top = max([p.value for p in history] + [p.upper for p in coming])
    # From zero: a load of 98 to 102 is calm, and must not look like a storm.
    highest = max(1.0, top * 1.08)
    figure.ruler("y").lim(0, highest)
    loads = _load_ticks(highest, height)
    figure.ruler("y").ticks(loads, [f"{load:,.0f}" for load in loads])
    every = times + times_coming
    instants = _time_ticks(min(every), max(every), width)
    figure.ruler("x").ticks(
        instants, [datetime.fromtimestamp(at, UTC).strftime("%H:%M") for at in instants]
    )
    if glyphs.is_ascii:
        figure.axes(False)
    elif has_colour:
        figure.axes(True, pixel=_AXIS_COLOUR)
    return str(figure.build()).replace(_WHITE_BACKGROUND, "")


def _floor(point: ForecastPoint) -> float:
    """A load below nothing is not possible, whatever the interval's formula says."""
    return max(0.0, point.lower)


def _load_ticks(highest: float, height: int) -> list[float]:
    """Zero and the multiples of 1, 2 or 5 times a power of ten, as many as the height bears."""
    count_max = max(2, height // _LABEL_EVERY_LINES)
    power = 10.0 ** max(0, math.floor(math.log10(highest / count_max)))
    step = next(s for s in (power, 2 * power, 5 * power, 10 * power) if highest / s <= count_max)
    return [step * number for number in range(int(highest / step) + 1)]


def _time_ticks(first: float, last: float, width: int) -> list[float]:
    """Whole minutes, as round as possible, as many as the width bears."""
    count_max = max(1, width // _LABEL_EVERY_CELLS)
    minutes = next((m for m in _TICK_MINUTES if (last - first) / (60 * m) <= count_max), 1440)
    step = 60.0 * minutes
    start = math.ceil(first / step) * step
    return [start + step * number for number in range(int((last - start) / step) + 1)] or [first]
