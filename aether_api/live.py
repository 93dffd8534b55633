"""Live: follows the feed once for this process and fans it out to its consoles.

In:   the feed of what was committed; once a second the counters of the pipeline.
Out:  Server-Sent Events in the buffers of the subscriptions, each with what it may see.
A client that falls behind loses its buffer and is told so by a `gap` event; nobody waits for it.
An event's id is its place in the feed, so a client that comes back says where it was and gets what
it missed, or a gap.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import asyncpg
import msgspec
from redis import exceptions as redis_errors

from aether_api.agreement import StreamAgreement
from aether_api.backlog import measure_backlog
from aether_api.problems import TooManyStreams
from aether_api.subscription import (
    FEED_START,
    Audience,
    Gap,
    Subscription,
    event_frame,
    frame_of,
    hello_frame,
    topics_of,
)
from aether_api.written import Written
from aether_core.cancellation import heed_cancellation
from aether_core.database.connection import Pool, borrow
from aether_core.database.pipeline import find_totals
from aether_core.errors import AetherError, Unavailable
from aether_core.settings import Settings
from aether_core.stream.committed import KIND as BATCH
from aether_core.stream.contract import ENTRY_START, parse_entry_id
from aether_core.stream.feed import FeedEvent, follow, has_all_since, newest_id, replay

if TYPE_CHECKING:
    from aether_core.stream.publisher import Redis

logger = logging.getLogger(__name__)

HEARTBEAT_S: Final = 10.0
"""A client hears something at least so often."""

_COUNTERS_S: Final = 1.0
_RATE_WINDOW_S: Final = 5.0
_PAUSE_S_MAX: Final = 1.0
_RESUMES_MAX: Final = 4
"""Clients that are given their missed events at the same time; each may be megabytes."""


class _Counters(msgspec.Struct, frozen=True):
    backlog: int
    rate_per_second: float
    at: datetime
    committed_total: int
    flagged_total: int


class Live:
    """The live feed of one gateway process."""

    def __init__(
        self,
        redis: Redis,
        pool: Pool,
        agreement: StreamAgreement,
        settings: Settings,
        written: Written,
    ) -> None:
        """redis: a client of its own, for its reads block. written: hears of committed batches."""
        self._redis = redis
        self._pool = pool
        self._agreement = agreement
        self._written = written
        self._settings = settings.gateway
        self._block_ms = int(min(1.0, settings.stream.timeout_s / 2) * 1000)
        self._position: str | None = None
        self._subscriptions: set[Subscription] = set()
        self._interested: dict[str, set[Subscription]] = {}
        self._open_count: Counter[str] = Counter()
        self._is_ending = False
        self._resumes = asyncio.Semaphore(_RESUMES_MAX)
        self._committed: deque[tuple[float, int]] = deque()
        self.rate_per_second: float | None = None
        """Transactions committed per second over the last seconds; None when it is not known."""
        self.events_sent = 0
        self.gaps = 0

    @property
    def open_count(self) -> int:
        """Clients that are connected."""
        return len(self._subscriptions)

    @asynccontextmanager
    async def subscribe(
        self, audience: Audience, last_event_id: str | None
    ) -> AsyncIterator[Subscription]:
        """Open a subscription that begins with `hello`, and with what was missed.

        Raises TooManyStreams, Unavailable; redis errors pass.
        """
        if self._position is None or self._is_ending:
            raise Unavailable("The live feed is not open at the moment.")
        if len(self._subscriptions) >= self._settings.event_streams_max:
            raise Unavailable("Too many live feeds are open here.", 5)
        if self._open_count[audience.subject] >= self._settings.event_streams_per_user_max:
            raise TooManyStreams(self._settings.event_streams_per_user_max)
        subscription = Subscription(audience, self._settings.event_buffer_max)
        with self._registered(subscription):
            await self._begin(subscription, self._position, last_event_id)
            yield subscription

    def heartbeat(self, subscription: Subscription) -> bytes:
        """Return a comment for a client whose buffer is empty, to show that the line lives.

        It moves the client's last id on, so that one for whom nothing happened can still resume.
        """
        position = max(parse_entry_id(self._position or ENTRY_START), subscription.skip_until)
        return f": heartbeat\nid: {position}\n\n".encode()

    def end(self) -> None:
        """End all subscriptions, and take no new ones."""
        self._is_ending = True
        for subscription in self._subscriptions:
            subscription.end()

    async def run(self) -> None:
        """Follow the feed and count, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(), name="live-follow")
            group.create_task(self._count(), name="live-count")

    # --- one client ---

    @contextmanager
    def _registered(self, subscription: Subscription) -> Iterator[None]:
        subject = subscription.audience.subject
        self._subscriptions.add(subscription)
        self._open_count[subject] += 1
        for topic in subscription.topics:
            self._interested.setdefault(topic, set()).add(subscription)
        try:
            yield
        finally:
            self._subscriptions.discard(subscription)
            self._open_count[subject] -= 1
            if not self._open_count[subject]:
                del self._open_count[subject]
            for topic in subscription.topics:
                self._interested[topic].discard(subscription)
                if not self._interested[topic]:
                    del self._interested[topic]

    async def _begin(
        self, subscription: Subscription, position: str, last_event_id: str | None
    ) -> None:
        """Put `hello` first, then what was missed up to `position`; later events are buffered."""
        followed = parse_entry_id(position)
        if last_event_id is None:
            subscription.put_first([hello_frame(position, resumed=False)])
            return
        try:
            after = parse_entry_id(last_event_id)
        except ValueError:
            missed: list[FeedEvent] = []
            is_complete = False
        else:
            # Another process may have shown the client more than this one has followed yet.
            subscription.skip_until = max(after, followed)
            async with self._resumes:
                missed, is_complete = await replay(
                    self._redis, str(after), count=self._settings.event_resume_max
                )
        if is_complete:
            frames = [
                event_frame(event)
                for event in missed
                if parse_entry_id(event.id) <= followed
                and not subscription.topics.isdisjoint(topics_of(event))
            ]
            subscription.put_first([hello_frame(str(after), resumed=True), *frames])
            return
        self.gaps += 1
        subscription.skip_until = FEED_START
        gap = frame_of("gap", Gap("Events since your last visit are missing."), None)
        subscription.put_first([hello_frame(position, resumed=False), gap])

    # --- the feed ---

    async def _follow(self) -> None:
        pause_s = 0.0
        was_away = False
        while True:
            heed_cancellation()
            try:
                if self._position is None:
                    self._position = await newest_id(self._redis)
                elif was_away:
                    await self._notice_losses(self._position)
                was_away = False
                events = await follow(self._redis, self._position, block_ms=self._block_ms)
            except (redis_errors.RedisError, OSError, TimeoutError) as error:
                if not was_away:
                    logger.warning("the feed cannot be followed: %s", type(error).__name__)
                was_away = True
                pause_s = min(max(pause_s * 2, 0.05), _PAUSE_S_MAX)
                await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
                continue
            pause_s = 0.0
            for event in events:
                self._dispatch(event)

    async def _notice_losses(self, position: str) -> None:
        """After an interruption, tell all clients when the feed lost what we had not read."""
        if await has_all_since(self._redis, position):
            return
        self._position = await newest_id(self._redis)
        gap = frame_of("gap", Gap("The live feed was interrupted."), self._position)
        for subscription in self._subscriptions:
            self.gaps += 1
            # A feed that began anew may number lower than before.
            subscription.skip_until = FEED_START
            subscription.push(gap)

    def _dispatch(self, event: FeedEvent) -> None:
        self._position = event.id
        if event.kind == BATCH:
            self._written.hear(event)
            return
        position = parse_entry_id(event.id)
        frame: bytes | None = None
        for topic in topics_of(event):
            for subscription in self._interested.get(topic, ()):
                frame = frame or event_frame(event)
                subscription.offer(frame, position)
                self.events_sent += 1

    # --- the counters ---

    async def _count(self) -> None:
        while True:
            heed_cancellation()
            started = time.monotonic()
            try:
                await self._tell_counters()
            except (
                AetherError,
                asyncpg.PostgresError,
                redis_errors.RedisError,
                OSError,
                TimeoutError,
            ) as error:
                # Silence says that they are not known; consoles then show their age.
                logger.debug("the counters are not known: %s", type(error).__name__)
                self.rate_per_second = None
                self._committed.clear()
            await asyncio.sleep(max(0.1, _COUNTERS_S - (time.monotonic() - started)))

    async def _tell_counters(self) -> None:
        async with borrow(self._pool) as connection:
            totals = await find_totals(connection)
        self.rate_per_second = self._rate(totals.committed_count)
        listeners = self._interested.get("counters")
        if not listeners or self._position is None:
            return
        backlog = await measure_backlog(self._redis, self._agreement)
        counters = _Counters(
            backlog=backlog.transactions_in_queue,
            rate_per_second=self.rate_per_second,
            at=datetime.now(UTC),
            committed_total=totals.committed_count,
            flagged_total=totals.flagged_count,
        )
        frame = frame_of("counters", counters, None)
        for subscription in listeners:
            subscription.push(frame)

    def _rate(self, committed: int) -> float:
        now = time.monotonic()
        self._committed.append((now, committed))
        while self._committed[0][0] < now - _RATE_WINDOW_S:
            self._committed.popleft()
        began_at, began_with = self._committed[0]
        if now <= began_at:
            return 0.0
        return round(max(0, committed - began_with) / (now - began_at), 1)
