"""Subscriptions: one client of the live feed, and the frames that it is sent."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec

from aether_core.stream.contract import ENTRY_START, EntryId, parse_entry_id
from aether_core.stream.feed import FeedEvent

FEED_START: Final = parse_entry_id(ENTRY_START)
"""Before every event of the feed."""


class _Hello(msgspec.Struct, frozen=True):
    """The feed is open; `resumed`: it goes on where the client was."""

    at: datetime
    resumed: bool


class Gap(msgspec.Struct, frozen=True):
    """Events were left out."""

    reason: str


@dataclass(frozen=True, slots=True)
class Audience:
    """What one client may see."""

    subject: str
    account_id: str | None
    """Their own account, if they see its transactions."""
    sees_all_transactions: bool
    sees_alerts: bool
    sees_counters: bool

    @property
    def topics(self) -> frozenset[str]:
        """The topics under which events reach them."""
        found = set()
        if self.sees_all_transactions:
            found.add("transaction")
        elif self.account_id is not None:
            found.add(f"transaction/{self.account_id}")
        if self.sees_alerts:
            found.add("alert")
        if self.sees_counters:
            found.add("counters")
        return frozenset(found)


class Subscription:
    """One client's buffer: frames that are ready to be sent, in the feed's order."""

    def __init__(self, audience: Audience, buffer_max: int) -> None:
        self.audience = audience
        self.topics = audience.topics
        self.is_ended = False
        self._buffer_max = buffer_max
        self._first: list[bytes] = []
        self._frames: deque[bytes] = deque()
        self.skip_until = FEED_START
        """The client has the feed's events up to here."""
        self._wake = asyncio.Event()

    def offer(self, frame: bytes, position: EntryId) -> None:
        """Add an event of the feed, unless the client has it."""
        if position > self.skip_until:
            self.push(frame)

    def push(self, frame: bytes) -> None:
        """Add a frame; when the client is too far behind, drop its buffer and tell it."""
        if len(self._frames) >= self._buffer_max:
            self._frames.clear()
            # Without an id: should it come back now, it gets what it missed.
            self._frames.append(frame_of("gap", Gap("You were too slow."), None))
        self._frames.append(frame)
        self._wake.set()

    def put_first(self, frames: list[bytes]) -> None:
        """Put what comes before everything else; it does not count as falling behind."""
        self._first = frames
        self._wake.set()

    def take(self) -> bytes:
        """Return what is there, joined, and empty the buffer."""
        taken = b"".join([*self._first, *self._frames])
        self._first = []
        self._frames.clear()
        self._wake.clear()
        return taken

    async def wait(self, timeout_s: float) -> None:
        """Wait for a frame or the end, for so long at most."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._wake.wait()
        except TimeoutError:
            pass

    def end(self) -> None:
        """Let the client's loop end, after what is in the buffer."""
        self.is_ended = True
        self._wake.set()


def hello_frame(position: str, *, resumed: bool) -> bytes:
    """Return what a client hears first; position: the id that it may come back with."""
    return frame_of("hello", _Hello(datetime.now(UTC), resumed), position)


def topics_of(event: FeedEvent) -> tuple[str, ...]:
    """Return the topics under which an event of the feed is of interest."""
    if event.kind == "transaction":
        return ("transaction", f"transaction/{event.account}")
    return ("alert",) if event.kind == "alert" else ()


def event_frame(event: FeedEvent) -> bytes:
    """Return an event of the feed as it is sent; its id is its place there."""
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (
        event.id.encode(),
        event.kind.encode(),
        event.data,
    )


def frame_of(kind: str, value: msgspec.Struct, identifier: str | None) -> bytes:
    """Return an event of our own; without an id it leaves the client's last one as it is."""
    head = "" if identifier is None else f"id: {identifier}\n"
    return f"{head}event: {kind}\ndata: ".encode() + msgspec.json.encode(value) + b"\n\n"
