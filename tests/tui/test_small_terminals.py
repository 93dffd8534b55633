"""Proves that every screen fits its window, and that a window that is too small says so.

The same without colour (NO_COLOR) and without more than ASCII (`--ascii`).
"""

from __future__ import annotations

import pytest

from aether_tui.widgets.help import collect_keys
from aether_tui.widgets.text_view import TextView
from tests.running import Account, RunningSystem
from tests.tui.driving import STANDARD, WIDE, Console, Traffic, new_merchant, signed_in

_PLACES = {
    "1": "Load and forecast",
    "2": "Transactions",
    "3": "Open alerts",
    "4": "Forecast",
    "5": "every accepted transaction",
    "6": "Processes",
    "7": "Audit",
}


async def _look_at_everything(console: Console) -> list[str]:
    texts = []
    for digit, title in _PLACES.items():
        await console.press(digit)
        await console.sees(title)
        texts.append(console.text())
    await console.press("question_mark")
    await console.sees("Keys")
    texts.append(console.text())
    await console.press("escape", "ctrl+p")
    await console.sees("Search for commands")
    texts.append(console.text())
    await console.press("escape")
    return texts


@pytest.mark.parametrize("size", [STANDARD, WIDE, (60, 18), (200, 60)])
async def test_every_screen_fits(
    system: RunningSystem, traffic: Traffic, admin: Account, size: tuple[int, int]
) -> None:
    await traffic.raise_alert(new_merchant())
    width, height = size
    async with signed_in(system, admin, size) as console:
        for digit, title in _PLACES.items():
            await console.press(digit)
            # At 60 columns the last hints may be cut; help and palette still open by their keys.
            await console.sees(title, *(("? Help", "q Quit") if width >= 80 else ()))
            lines = console.text().splitlines()
            assert len(lines) == height
            assert {len(line.rstrip()) <= width for line in lines} == {True}
            # The first row and the places are whole.
            assert lines[0].rstrip().endswith("Z")
            assert "ADMIN" in lines[0]
            assert "5 Pipe" in lines[1]
            # Frames are closed: nothing was drawn beyond its panel.
            framed = [line.rstrip() for line in lines if line.startswith(("│", "╭", "╰"))]
            assert framed
            assert {line[-1] for line in framed} <= {"│", "╮", "╯"}


@pytest.mark.parametrize("size", [STANDARD, (60, 18)])
async def test_the_help_shows_every_word_and_scrolls_to_its_end(
    system: RunningSystem, admin: Account, size: tuple[int, int]
) -> None:
    async with signed_in(system, admin, size) as console:
        await console.press("3")
        await console.sees("Open alerts")
        keys = collect_keys(console.app.screen)
        await console.press("question_mark")
        await console.sees("Keys")
        card = console.app.screen.query_one("#help", TextView)
        await console.wait(lambda: card.virtual_size.height == card.line_count, "its layout")
        pages: list[str] = []
        for top in range(card.max_scroll_y + 1):
            card.scroll_to(y=top, animate=False, immediate=True)
            pages.append(console.text())
        shown = "\n".join(pages)
        wanted = {word for key in keys for word in (*key.name.split(), *key.tooltip.split())}
        assert {word for word in wanted if word not in shown} == set()
        assert {len(line) for page in pages for line in page.splitlines()} == {size[0]}
        await console.press("home")
        await console.sees("Keys")
        await console.press("end")
        await console.wait(lambda: card.is_vertical_scroll_end, "its end")
        await console.sees("above it.")


async def test_a_window_that_is_too_small_says_so_and_grows_without_loss(
    system: RunningSystem, admin: Account
) -> None:
    async with signed_in(system, admin, STANDARD) as console:
        await console.press("3")
        await console.sees("Open alerts")
        for size in ((59, 24), (80, 17), (20, 5)):
            await console.pilot.resize_terminal(*size)
            await console.sees("Make the window")
            assert "Open alerts" not in console.text()
        await console.pilot.resize_terminal(*WIDE)
        await console.sees("Open alerts", "Detail", "LIVE")


async def test_ascii_draws_nothing_else(
    system: RunningSystem, traffic: Traffic, admin: Account
) -> None:
    await traffic.send("Café 東京 ✓")
    async with signed_in(system, admin, STANDARD, is_ascii=True) as console:
        for text in await _look_at_everything(console):
            assert text.isascii()
            assert {len(line) for line in text.splitlines()} == {80}
        await console.press("2")
        await console.sees("Cafe ???? ", "enter Open")


async def test_without_colour_nothing_but_greys_is_drawn_and_meaning_stays(
    system: RunningSystem, traffic: Traffic, admin: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    await traffic.raise_alert(new_merchant())
    async with signed_in(system, admin, STANDARD) as console:
        assert console.app.no_color
        for digit, title in _PLACES.items():
            await console.press(digit)
            await console.sees(title)
            for strip in console.app.screen._compositor.render_strips():
                for segment in strip:
                    colour = segment.style.color if segment.style else None
                    if colour is not None and colour.triplet is not None:
                        assert len({*colour.triplet}) == 1, segment
        await console.press("3")
        assert "✗ decline" in console.text() or "! review" in console.text()
