"""Makes the pictures of the documentation from a running system: `python -m docs.make_pictures`.

It installs an Aether of its own in a temporary home, plays `aether demo` into it until there is a
forecast to see, and takes the console through Textual, screen by screen, and the dashboard through
Chromium. Takes a
quarter of an hour, since a forecast wants ten real minutes of load.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from playwright.async_api import Browser, async_playwright
from textual.widgets import Input

from aether_tui.app import ConsoleApp
from aether_tui.screens.login import LoginScreen
from tests.running import InstalledSystem, clean_environment, installed_system

IMAGES = Path(__file__).parent / "images"
CONSOLE_SIZE = (124, 36)
DASHBOARD_SIZE = (1360, 860)
PATIENCE_S = 60.0
WIDTH_PX = {"console": 1360}
"""Of the README's; the others are smaller."""
WIDTH_OTHERS_PX = 1000

# Key presses that lead to each screen, from the one before, and seconds for it to fill.
SCREENS = {
    "console": ((), 20.0),
    "console-transactions": (("2", "up", "up", "enter"), 5.0),
    "console-alerts": (("escape", "3", "enter"), 5.0),
    "console-forecast": (("escape", "4"), 5.0),
    "console-pipeline": (("5",), 5.0),
    "console-system": (("6",), 5.0),
    "console-audit": (("7",), 5.0),
    "console-rewound": (("5", "b", *"3m", "enter"), 5.0),
}


def main(
    minutes: Annotated[float, typer.Option(help="How long to play traffic before.")] = 13.0,
    rate: Annotated[float, typer.Option(help="Payments a second.")] = 6.0,
) -> None:
    """Start, play, take the pictures, stop."""
    with (
        tempfile.TemporaryDirectory(prefix="aether-pictures-") as directory,
        installed_system(Path(directory) / "home", AETHER_FORECAST__HISTORY_MIN="10") as system,
    ):
        system.up()
        demo = subprocess.Popen(
            [sys.executable, "-m", "aether_cli", "demo", "--rate", str(rate)],
            env=clean_environment(**system.environment),
            stdout=subprocess.DEVNULL,
        )
        try:
            time.sleep(minutes * 60)
            asyncio.run(_take(system))
        finally:
            demo.terminate()
            demo.wait()


async def _take(system: InstalledSystem) -> None:
    IMAGES.mkdir(exist_ok=True)
    drawings = await _draw_console(system)
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        for name, drawing in drawings.items():
            await _print_drawing(browser, name, drawing)
        await _photograph_dashboard(browser, system)
        await browser.close()


async def _draw_console(system: InstalledSystem) -> dict[str, str]:
    """Sign in to the console and return what each screen shows, as SVG."""
    drawings = {}
    app = ConsoleApp(system.base_url)
    async with app.run_test(size=CONSOLE_SIZE) as pilot:
        deadline = time.monotonic() + PATIENCE_S
        while not isinstance(app.screen, LoginScreen) and time.monotonic() < deadline:
            await pilot.pause(0.1)
        await pilot.pause(0.5)
        app.screen.query_one("#email", Input).value = system.admin.email
        app.screen.query_one("#password", Input).value = system.admin.password
        app.screen.query_one("#password").focus()
        await pilot.press("enter")
        for name, (keys, seconds) in SCREENS.items():
            await pilot.press(*keys)
            await pilot.pause(seconds)
            drawings[name] = app.export_screenshot(title="aether tui")
    return drawings


async def _print_drawing(browser: Browser, name: str, drawing: str) -> None:
    page = await browser.new_page(viewport={"width": 1600, "height": 1100})
    # The drawing names a web font; none is fetched, the widths are in the drawing itself.
    await page.route("**/*", lambda route: route.abort())
    width = WIDTH_PX.get(name, WIDTH_OTHERS_PX)
    await page.set_content(f"<style>body{{margin:0}}svg{{width:{width}px}}</style>{drawing}")
    await page.locator("svg").first.screenshot(path=IMAGES / f"{name}.png")
    await page.close()


async def _photograph_dashboard(browser: Browser, system: InstalledSystem) -> None:
    width, height = DASHBOARD_SIZE
    page = await browser.new_page(
        viewport={"width": width, "height": height}, color_scheme="light", locale="en-GB"
    )
    await page.goto(f"{system.base_url}/")
    await page.get_by_label("E-mail").fill(system.admin.email)
    await page.get_by_label("Password", exact=True).fill(system.admin.password)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("navigation", name="Main").wait_for()
    await page.wait_for_timeout(20_000)  # the feed fills the page
    await page.screenshot(path=IMAGES / "dashboard.png")


if __name__ == "__main__":
    typer.run(main)
