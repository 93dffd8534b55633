"""Proves that no text can move the terminal, the markup or the console, on any screen.

Every text that a gateway may choose is taken from a corpus of attacks: markup, links and actions in
markup, ESC, OSC, C1, bidirectional overrides, ten kilobytes, NUL. All screens are opened on them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from aether_tui.screens.login import LoginScreen
from tests.running import Account, RunningSystem
from tests.tui.driving import STANDARD, WIDE, Console, Traffic, open_console, signed_in
from tests.tui.hostile_gateway import PASSWORD, hostile_gateway
from tests.tui.test_cleaning import is_harmless

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def gateway() -> Iterator[str]:
    with hostile_gateway() as url:
        yield url


def check(console: Console, size: tuple[int, int]) -> None:
    """Nothing on screen is an order, wider than the window, clickable, or a link."""
    width, height = size
    strips = console.app.screen._compositor.render_strips()
    assert len(strips) == height
    for strip in strips:
        assert strip.cell_length == width
        for segment in strip:
            assert is_harmless(segment.text), repr(segment.text)
            if segment.style is not None:
                assert segment.style.link is None
                # Textual's own footer and scrollbars have actions; ours never come from a text.
                assert "quit" not in str(segment.style.meta.get("@click", "")), segment


@pytest.mark.parametrize("size", [STANDARD, WIDE])
async def test_t03_t05_no_screen_obeys_a_text(gateway: str, size: tuple[int, int]) -> None:
    async with open_console(gateway, size) as console:
        await console.sign_in(Account("ada@example.com", PASSWORD))
        for digit, title in {
            "1": "Load and forecast",
            "2": "Transactions",
            "3": "Open alerts",
            "4": "UNUSUAL",
            "5": "Dead letters",
            "6": "Log",
            "7": "Audit trail",
        }.items():
            await console.press(digit)
            await console.sees(title)
            check(console, size)
            # Rows are chosen, opened, and clicked where a text stands.
            for key in ("up", "down", "enter", "n", "N", "end", "home", "enter"):
                await console.press(key)
                check(console, size)
            for place in ((10, 6), (30, 8), (50, 10)):
                await console.pilot.click(offset=place)
                check(console, size)
            await console.press("escape", "escape")
        assert console.app.is_running
        assert not isinstance(console.app.screen, LoginScreen)


async def test_no_screen_of_the_past_obeys_a_text(gateway: str) -> None:
    then = datetime.now(UTC) - timedelta(minutes=5)
    async with open_console(gateway, STANDARD, rewound_to=then) as console:
        await console.sign_in(Account("ada@example.com", PASSWORD))
        for digit, title in {"5": "Dead letters", "2": "accepted", "3": "Open", "4": "U"}.items():
            await console.press(digit)
            await console.sees("REWOUND", title)
            for key in ("down", "enter", "n", "escape", "comma", "full_stop"):
                await console.press(key)
                check(console, STANDARD)


@pytest.mark.parametrize("size", [STANDARD, WIDE])
async def test_dialogs_and_notices_show_texts_as_they_are(
    gateway: str, size: tuple[int, int]
) -> None:
    async with open_console(gateway, size) as console:
        await console.sign_in(Account("ada@example.com", PASSWORD))
        await console.press("3")
        await console.sees("Open alerts")
        await console.wait(lambda: "25" in console.text(), "alerts")
        for _ in range(4):
            await console.press("down", "x")
            await console.sees("Confirm fraud?")
            check(console, size)
            await console.write("[bold]why[/]")
            await console.press("enter", "enter")
            await console.sees("Not decided")
            check(console, size)
        await console.press("v")
        await console.sees("Decided alerts")
        check(console, size)


async def test_a_failing_sign_in_shows_its_sentence_and_no_more(gateway: str) -> None:
    async with open_console(gateway, STANDARD) as console:
        await console.sees("password")
        console.fill("#email", "ada@example.com")
        console.fill("#password", "wrong")
        console.app.screen.query_one("#password").focus()
        await console.press("enter")
        await console.sees("[bold red]x[/]")
        check(console, STANDARD)


async def test_a_role_that_nobody_knows_is_shown_and_changes_nothing() -> None:
    with hostile_gateway("[@click=app.quit]\x1b]0;root\x07[/]") as url:
        async with open_console(url, WIDE) as console:
            await console.sign_in(Account("ada@example.com", PASSWORD))
            await console.sees("[@CLICK=APP.QUIT]")
            check(console, WIDE)


async def test_markup_of_a_real_merchant_is_only_text(
    system: RunningSystem, traffic: Traffic, operator: Account
) -> None:
    async with signed_in(system, operator) as console:
        await console.press("2")
        for merchant in ("[bold red]x[/]", "acct[/acct]", "[@click=app.quit]me[/]", "[link=a]b[/]"):
            await traffic.send(merchant)
            await console.sees(merchant)
        check(console, WIDE)
