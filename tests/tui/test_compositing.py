"""Proves that what the console draws faster than Textual looks as Textual draws it, cell by cell.

Every screen and dialog is drawn both ways, whole and in part; so are the widgets that draw their
own lines, with their frames and scrollbars.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import pytest
from rich.segment import Segment
from rich.style import Style
from textual._compositor import Compositor
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from aether_tui.compositing import FrontCompositor
from aether_tui.palettes import NO_COLOUR
from aether_tui.widgets.detail import Detail
from aether_tui.widgets.key_hints import KeyHints
from aether_tui.widgets.line_view import LineScrollBar, LineView
from aether_tui.widgets.live_table import LiveTable
from aether_tui.widgets.panel import Panel
from aether_tui.widgets.text_line import TextLine
from aether_tui.widgets.text_view import TextView
from tests.running import Account
from tests.tui.driving import STANDARD, WIDE, open_console
from tests.tui.hostile_gateway import served
from tests.tui.still_gateway import EMAIL, PASSWORD, make_still_app

_Cell: TypeAlias = "tuple[str, object, object, object]"

_OWN = (LineView, LineScrollBar, TextLine, Panel)
# Key presses that lead to each screen and dialog, from the one before, and what it shows.
_TOUR = (
    (("1",), "Load and forecast"),
    (("2", "up", "up", "enter"), "REASONS"),
    (("escape", "3", "enter"), "REASONS"),
    (("x",), "Fraud"),
    (("escape", "escape", "4"), "Forecast"),
    (("5",), "Dead letters"),
    (("6",), "Processes"),
    (("7",), "Audit trail"),
    (("question_mark",), "Keys"),
)


@pytest.fixture(scope="module")
def gateway() -> Iterator[str]:
    with served(make_still_app()) as url:
        yield url


@pytest.mark.parametrize("palette", ["dark", "light", NO_COLOUR])
@pytest.mark.parametrize("size", [STANDARD, WIDE])
async def test_every_screen_looks_as_textual_draws_it(
    gateway: str, size: tuple[int, int], palette: str
) -> None:
    async with open_console(gateway, size, palette=palette) as console:
        await console.sign_in(Account(EMAIL, PASSWORD))
        await console.sees("LIVE")
        kinds: set[type] = set()
        for keys, text in _TOUR:
            await console.press(*keys)
            await console.sees(text)
            screen = console.app.screen
            # Both in one breath: nothing may change in between.
            ours, theirs = _drawn(screen, FrontCompositor), _drawn(screen, Compositor)
            assert not (differing := _differing(ours, theirs)), (text, differing)
            _check_parts(screen)
            own = [w for w in screen._compositor.visible_widgets if isinstance(w, _OWN)]
            kinds |= {type(widget) for widget in own}
            for widget in own:
                region = widget.region.reset_offset
                ours = _cells(widget.render_lines(region))
                theirs = _cells(Widget.render_lines(widget, region))
                assert not (differing := _differing(ours, theirs)), (text, widget, differing)
        assert {LiveTable, Detail, TextView, LineScrollBar, KeyHints, Panel} <= kinds


def _differing(ours: list[list[_Cell]], theirs: list[list[_Cell]]) -> Sequence[object]:
    """Return the first cells that differ; a line of ours may end where a scrollbar lies."""
    assert len(ours) == len(theirs)
    return [
        (y, x, mine, other)
        for y, (line, their) in enumerate(zip(ours, theirs, strict=True))
        for x, (mine, other) in enumerate(zip(line, their, strict=False))
        if mine != other and not (y == 0 and _is_age(mine, other))
    ][:3]


def _is_age(mine: _Cell, other: _Cell) -> bool:
    """Whether nothing but the age in the first row has changed in between."""
    return mine[0].isdigit() and other[0].isdigit() and mine[1:] == other[1:]


def _drawn(screen: Screen[object], how: type[Compositor]) -> list[list[_Cell]]:
    compositor, region = screen._compositor, screen.size.region
    chops = how._render_chops(compositor, region, lambda _: True)
    return _cells(Strip.join(line.values()) for line in chops)


def _check_parts(screen: Screen[object]) -> None:
    """A part of the lines is drawn as in the whole, and nothing beside it."""
    compositor = screen._compositor
    assert isinstance(compositor, FrontCompositor)
    width, height = screen.size
    whole = compositor._render_chops(screen.size.region, lambda _: True)
    start, end = width // 3, width // 2
    part = compositor._draw((y, start, end) for y in range(1, height, 2))
    for y, pieces in enumerate(part):
        ends = compositor.cuts[y][1:]
        for (cut, piece), following in zip(pieces.items(), ends, strict=True):
            is_wanted = y % 2 == 1 and cut < end and following > start
            assert (piece is not None) == is_wanted
            if piece is not None:
                assert _cells([piece]) == _cells([whole[y][cut]])


def _cells(strips: Iterable[Strip]) -> list[list[_Cell]]:
    return [[cell for segment in strip for cell in _look(segment)] for strip in strips]


def _look(segment: Segment) -> Iterator[_Cell]:
    style = segment.style or Style.null()
    colour = style.color and style.color.triplet
    ground = style.bgcolor and style.bgcolor.triplet
    signs = (bool(style.bold), bool(style.italic), bool(style.underline), bool(style.reverse))
    for character in segment.text:
        is_bare = character == " " and not (style.underline or style.reverse)
        yield (character, None if is_bare else colour, ground, None if is_bare else signs)
