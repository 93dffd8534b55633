"""Live feed: keeps the console's one connection to `GET /events` alive.

In:   batches of events from the client.
Out:  the same events, once each, and word of how the connection stands.
A broken connection is tried again after 1, 2, 4 … 30 s with jitter, or at once when asked; one
that the gateway closed in good order (its token had run out) is opened again silently. It goes
on after the last event seen (`Last-Event-ID`), so nothing is shown twice and a gap is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from aether_tui.client import GatewayClient
from aether_tui.problems import GatewayError, SignedOut
from aether_tui.values import Event

RETRY_FIRST_S = 1.0
RETRY_MAX_S = 30.0
# Apart by up to a fifth, so that consoles do not come back in one wave after a restart.
_JITTER = 0.2
# A feed that is closed sooner than this waits like a broken one, or it would be a tight loop.
_SHORT_S = 2.0


class Phase(Enum):
    """How the live feed stands."""

    CONNECTING = "connecting"
    LIVE = "live"
    RECONNECTING = "reconnecting"
    SIGNED_OUT = "signed out"


@dataclass(frozen=True)
class Connection:
    """The connection as shown. Instants are those of `time.monotonic`.

    attempt: tries since the feed was last live. retry_at: when the next one is made.
    """

    phase: Phase
    attempt: int = 0
    retry_at: float | None = None
    reason: str = ""


class LiveFeed:
    """Follows the feed for as long as `run` runs."""

    def __init__(
        self,
        client: GatewayClient,
        on_event: Callable[[Event], None],
        on_connection: Callable[[Connection], None],
    ) -> None:
        self._client = client
        self._on_event = on_event
        self._on_connection = on_connection
        self._retry_now = asyncio.Event()
        self._last_event_id: str | None = None
        self.heard_at: float | None = None
        """When anything, a heartbeat included, was last heard (`time.monotonic`)."""

    def retry_now(self) -> None:
        """Do not wait for the countdown."""
        self._retry_now.set()

    async def run(self) -> None:
        """Follow until cancelled. Raises SignedOut when the session has ended."""
        attempt = 0
        self._on_connection(Connection(Phase.CONNECTING))
        while True:
            opened_at = time.monotonic()
            heard_before = self.heard_at
            try:
                await self._follow()
                reason = "The gateway closed the live feed."
                if time.monotonic() - opened_at > _SHORT_S:
                    attempt = 0
                    continue
            except SignedOut:
                raise
            except GatewayError as error:
                reason = str(error)
            attempt = 1 if self.heard_at != heard_before else attempt + 1
            await self._wait(attempt, reason)

    async def _follow(self) -> None:
        is_first = True
        async with contextlib.aclosing(self._client.events(self._last_event_id)) as batches:
            async for batch in batches:
                self.heard_at = time.monotonic()
                if is_first:
                    self._on_connection(Connection(Phase.LIVE))
                    is_first = False
                for event, event_id in batch:
                    self._last_event_id = event_id or self._last_event_id
                    self._on_event(event)

    async def _wait(self, attempt: int, reason: str) -> None:
        pause = min(RETRY_FIRST_S * 2 ** min(attempt - 1, 10), RETRY_MAX_S)
        pause *= 1 + random.uniform(-_JITTER, _JITTER)  # noqa: S311 - spreads load, no secret
        self._retry_now.clear()
        self._on_connection(
            Connection(Phase.RECONNECTING, attempt, time.monotonic() + pause, reason)
        )
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._retry_now.wait()
