"""Driving the console in tests: sign in by keys, wait for what the screen says, read the screen."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from aether_tui.app import ConsoleApp
from aether_tui.memory import Drafts, SignInMemory
from aether_tui.screens.login import LoginScreen
from tests.running import Account, Helpers, ServiceClient

DEADLINE_S = 60.0
WIDE = (120, 40)
STANDARD = (80, 24)


@dataclass
class Console:
    """The console under test and the pilot that presses its keys."""

    app: ConsoleApp
    pilot: Pilot[None]

    def text(self) -> str:
        """What the screen in front shows, line by line, after every filter."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in strips)

    async def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        await self.pilot.press(*keys)

    def burst(self, *keys: str) -> None:
        """Press keys in one breath, as a slow line delivers them: none waits for the one before."""
        for key in keys:
            self.app.post_message(events.Key(key, key if len(key) == 1 else None))

    async def write(self, text: str) -> None:
        """Type a text."""
        names = {" ": "space", ":": "colon", ">": "greater_than_sign", ".": "full_stop"}
        await self.pilot.press(*(names.get(character, character) for character in text))

    async def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a condition; fail with what was awaited and what the screen shows instead."""
        end = time.monotonic() + DEADLINE_S
        while not condition():
            if time.monotonic() > end:
                pytest.fail(f"waited {DEADLINE_S:.0f} s in vain for {what}\n{self.text()}")
            await self.pilot.pause(0.02)

    async def sees(self, *texts: str) -> None:
        """Wait until the screen shows all of these."""
        await self.wait(lambda: all(text in self.text() for text in texts), f"{texts} on screen")

    async def sees_no(self, *texts: str) -> None:
        """Wait until the screen shows none of these."""
        await self.wait(
            lambda: not any(text in self.text() for text in texts), f"{texts} to leave the screen"
        )

    def fill(self, selector: str, text: str) -> None:
        """Put a text into an input, as pasting does."""
        self.app.screen.query_one(selector, Input).value = text

    async def sign_in(self, account: Account) -> None:
        """Fill in the login card and wait for what comes after it."""
        await self.wait(lambda: isinstance(self.app.screen, LoginScreen), "the login card")
        await self.pilot.pause()
        self.fill("#email", account.email)
        self.fill("#password", account.password)
        self.app.screen.query_one("#password").focus()
        await self.press("enter")
        await self.wait(lambda: not isinstance(self.app.screen, LoginScreen), "a screen")


@asynccontextmanager
async def open_console(
    base_url: str,
    size: tuple[int, int] = WIDE,
    *,
    email: str = "",
    is_ascii: bool = False,
    is_read_only: bool = False,
    drafts: Drafts | None = None,
    memory: SignInMemory | None = None,
    exports: Path | None = None,
    palette: str = "dark",
    rewound_to: datetime | None = None,
) -> AsyncIterator[Console]:
    """Run the console without signing in."""
    app = ConsoleApp(
        base_url,
        email=email,
        is_ascii=is_ascii,
        is_read_only=is_read_only,
        drafts=drafts,
        memory=memory,
        exports=exports,
        palette=palette,
        rewound_to=rewound_to,
    )
    async with app.run_test(size=size, notifications=True) as pilot:
        yield Console(app, pilot)


@asynccontextmanager
async def signed_in(
    system: Helpers,
    account: Account,
    size: tuple[int, int] = WIDE,
    *,
    is_ascii: bool = False,
    is_read_only: bool = False,
    drafts: Drafts | None = None,
    exports: Path | None = None,
    palette: str = "dark",
) -> AsyncIterator[Console]:
    """Run the console, sign in and wait until the feed is live."""
    async with open_console(
        system.base_url,
        size,
        is_ascii=is_ascii,
        is_read_only=is_read_only,
        drafts=drafts,
        exports=exports,
        palette=palette,
    ) as console:
        await console.sign_in(account)
        await console.sees("LIVE")
        yield console


def new_merchant() -> str:
    """A merchant that no other test has used, in letters that are keys of their own."""
    return f"m{os.urandom(4).hex()}"


@dataclass
class Traffic:
    """Somebody who submits transactions for any account, over HTTP."""

    system: Helpers
    client: ServiceClient

    async def send(
        self, merchant: str, *, account: str = "acc-console", amounts: tuple[str, ...] = ("12.34",)
    ) -> list[str]:
        """Submit transactions in order; return their ids."""
        return await asyncio.to_thread(self._send, merchant, account, amounts)

    async def raise_alert(
        self, merchant: str, *, account: str | None = None, amount: str = "98765.43"
    ) -> str:
        """Give an account a quiet history, then one enormous amount; return that one's id."""
        name = account or f"acc-{os.urandom(6).hex()}"
        quiet = tuple(f"{10 + number % 3}.{number:02d}" for number in range(40))
        await self.send("Quiet Bakery", account=name, amounts=quiet)
        return (await self.send(merchant, account=name, amounts=(amount,)))[0]

    def _send(self, merchant: str, account: str, amounts: tuple[str, ...]) -> list[str]:
        ids = []
        with self.system.http(self.client) as http:
            for amount in amounts:
                body = {
                    "amount": amount,
                    "currency": "EUR",
                    "merchant": merchant,
                    "account_id": account,
                }
                answer = http.post("/transactions/", json=body)
                assert answer.status_code == httpx.codes.CREATED, answer.text
                ids.append(str(answer.json()["id"]))
        return ids
