"""Browsing in tests: a real Chromium on a running gateway, and what no page may do in it.

`browsing` opens the browser inside of the test and closes it there: the browser's driver occupies
the thread's event loop for as long as it is open. A `Visitor` is one person with a window of
their own; whatever the browser complains of while they are there fails the test.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    expect,
    sync_playwright,
)

from tests.running import Account, System

FRONTEND = Path(__file__).parents[3] / "frontend"
DEADLINE_MS = 30_000

expect.set_options(timeout=DEADLINE_MS)

Theme = Literal["light", "dark"]

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_STATUS = re.compile(r"Failed to load resource: the server responded with a status of (\d+)")
_NO_ANSWER = re.compile(r"Failed to load resource: net::ERR_\w+|net::ERR_INCOMPLETE_CHUNKED")


@dataclass
class Visitor:
    """One person in a window of their own."""

    page: Page
    base_url: str
    expected_statuses: set[int] = field(default_factory=set)
    """Refusals that the test provokes; any other one is a complaint."""
    expects_outages: bool = False
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str, heading: str | None = None) -> None:
        """Open an address by hand, as a bookmark would, and wait for the page."""
        self.page.goto(self.base_url + path)
        if heading is not None:
            self.sees_heading(heading)

    def sees_heading(self, heading: str) -> None:
        """Wait for a page's heading."""
        self.page.get_by_role("heading", name=heading, level=1, exact=True).wait_for()

    def sees(self, text: str | re.Pattern[str], *, within_s: float | None = None) -> None:
        """Wait for a text, as long as for anything else unless told."""
        timeout_ms = None if within_s is None else within_s * 1000
        self.page.get_by_text(text).first.wait_for(timeout=timeout_ms)

    def sign_in(self, account: Account) -> None:
        """Fill in the form that is open, and wait for what comes after it."""
        self.page.get_by_label("E-mail").fill(account.email)
        self.page.get_by_label("Password", exact=True).fill(account.password)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("navigation", name="Main").wait_for()

    def row(self, merchant: str) -> Locator:
        """The rows of a merchant in the history."""
        return self.page.get_by_role("row").filter(
            has=self.page.get_by_role("link", name=merchant, exact=True)
        )

    def watch(self) -> None:
        """Collect what the browser complains of from now on."""
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(f"crash: {error}"))
        self.page.on("request", self._asked)

    def axe(self) -> list[str]:
        """Return what axe finds wrong with the page as it stands."""
        # Evaluated by the debugger, which the page's content policy does not bind.
        self.page.evaluate(_axe())
        found = self.page.evaluate(
            "async () => (await axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a',"
            " 'wcag21aa', 'wcag22aa', 'best-practice']})).violations.map(v =>"
            " ({id: v.id, help: v.help, nodes: v.nodes.map(n => n.html.slice(0, 200))}))"
        )
        return [json.dumps(violation) for violation in found]

    def is_too_wide(self) -> bool:
        """Whether the page must be scrolled sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > innerWidth"))

    def account_of_the_page(self) -> str:
        """What somebody who finds a failed test wants to know."""
        shown = self.page.locator("body").inner_text(timeout=2_000)[:1_500]
        return "\n".join([f"--- {self.page.url}", *self.complaints, shown])

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type not in {"error", "warning"}:
            return
        status = _STATUS.match(message.text)
        if status and int(status[1]) in self.expected_statuses:
            return
        if self.expects_outages and _NO_ANSWER.search(message.text):
            return
        self.complaints.append(f"{message.type}: {message.text} ({message.location})")

    def _asked(self, request: Request) -> None:
        url = urlsplit(request.url)
        if f"{url.scheme}://{url.netloc}" != self.base_url and url.scheme != "data":
            self.complaints.append(f"asked somebody else: {request.url}")


@dataclass
class Browsing:
    """A browser on a gateway."""

    browser: Browser
    base_url: str
    visitors: list[Visitor] = field(default_factory=list)

    def visitor(
        self, account: Account | None = None, *, width: int = 1280, theme: Theme = "light"
    ) -> Visitor:
        """Let somebody in, signed in when an account is given."""
        context = self.browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=theme, reduced_motion="reduce"
        )
        context.set_default_timeout(DEADLINE_MS)
        visitor = Visitor(context.new_page(), self.base_url)
        visitor.watch()
        self.visitors.append(visitor)
        if account is not None:
            visitor.open("/login", "Sign in")
            visitor.sign_in(account)
        return visitor


@contextmanager
def browsing(system: System) -> Iterator[Browsing]:
    """Open a browser, and fail when it had to complain of a page."""
    if not (FRONTEND / "dist" / "index.html").is_file():
        pytest.fail("the dashboard is not built: make dashboard")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=_chromium(), args=_ARGUMENTS)
        opened = Browsing(browser, system.base_url)
        try:
            yield opened
            complaints = [text for visitor in opened.visitors for text in visitor.complaints]
            assert complaints == []
        except Exception as error:
            for visitor in opened.visitors:
                error.add_note(visitor.account_of_the_page())
            raise
        finally:
            browser.close()


@cache
def _axe() -> str:
    return (FRONTEND / "node_modules" / "axe-core" / "axe.min.js").read_text()


def _chromium() -> str:
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.fail("there is no Chromium: tests/install_tools")
    return found
