"""News of revocations: heard from Valkey within milliseconds, looked up in PostgreSQL besides.

In:   the stream of announcements and the table of revocations.
Out:  what is void at present, and how old that knowledge is. Who decides about a token asks for
      fresh news first; when there are none to be had, nothing is decided (`Unavailable`).
After any interruption everything is read afresh from PostgreSQL: Valkey may have lost what it knew.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from typing import Final

import asyncpg
from redis import exceptions as redis_errors

from aether_core.cancellation import heed_cancellation
from aether_core.database.connection import DRIVER_ERRORS, Pool
from aether_core.database.devices import delete_expired_devices
from aether_core.database.revocations import (
    Revocation,
    delete_expired_revocations,
    find_live_revocations,
)
from aether_core.database.sessions import delete_expired_sessions
from aether_core.errors import Unavailable
from aether_core.identity.revocation import (
    RevocationSet,
    announce_revocation,
    find_last_announcement,
    read_announcements,
)
from aether_core.stream.publisher import Redis

logger = logging.getLogger(__name__)

AGE_MAX_S: Final = 0.9
"""A revocation is to be known everywhere within a second: older news decide nothing."""

TROUBLES: Final = (
    redis_errors.RedisError,
    asyncpg.PostgresError,
    *DRIVER_ERRORS,
    OSError,
    TimeoutError,
)
"""What the servers raise when they are away, restarting, full or too slow."""

_WAIT_MS: Final = 300
_ANSWER_MAX_S: Final = 1.0
# Announcements can be lost (Valkey's memory is full, say), so PostgreSQL is asked as well.
_RECONCILE_S: Final = 0.9
_RECONCILE_WITHIN_S: Final = 60.0
_HOUSEKEEPING_S: Final = 600.0
_LONG_AGO: Final = -1e9


class RevocationNews:
    """What is void, kept fresh by `follow` and `reconcile`, which run beside the requests."""

    def __init__(self, pool: Pool, redis: Redis) -> None:
        self.revoked = RevocationSet()
        self.heard_at = _LONG_AGO
        """When what is known was true, by `time.monotonic`."""
        self._pool = pool
        self._redis = redis
        self._is_loaded = False
        self._position = b"0-0"
        self._failed_at = _LONG_AGO
        self._lock = asyncio.Lock()

    async def catch_up(self) -> None:
        """Ask Valkey what was revoked since we last heard. Raises Unavailable.

        Those who come while one is asking share its answer.
        """
        came_at = time.monotonic()
        async with self._lock:
            if self.heard_at >= came_at:
                return
            if self._failed_at >= came_at:
                raise Unavailable("Access cannot be checked at the moment.")
            try:
                async with asyncio.timeout(_ANSWER_MAX_S):
                    await self._hear(wait_ms=None)
            except TROUBLES as error:
                self._fail(error)
                raise Unavailable("Access cannot be checked at the moment.") from error

    async def spread(self, revocation: Revocation) -> None:
        """Let a revocation that is durable take effect: here at once, elsewhere by the stream."""
        self.revoked.add(revocation)
        try:
            async with asyncio.timeout(_ANSWER_MAX_S):
                await announce_revocation(self._redis, revocation)
        except (redis_errors.RedisError, OSError, TimeoutError) as error:
            # Who cannot hear Valkey refuses; who can finds it in PostgreSQL within a second.
            logger.warning("A revocation could not be announced: %s", type(error).__name__)

    async def follow(self) -> None:
        """Hear news as they come, until cancelled."""
        attempt = 0
        while True:
            heed_cancellation()
            try:
                async with asyncio.timeout(_WAIT_MS / 1000 + _ANSWER_MAX_S):
                    await self._hear(wait_ms=_WAIT_MS)
                attempt = 0
            except TROUBLES as error:
                self._fail(error)
                attempt = min(attempt + 1, 4)
                await asyncio.sleep(random.uniform(0.05, 0.06 * 2**attempt))  # noqa: S311

    async def reconcile(self) -> None:
        """Look for revocations that were never announced, and forget old ones, until cancelled."""
        done_at, cleaned_at = _LONG_AGO, time.monotonic()
        while True:
            heed_cancellation()
            began = time.monotonic()
            # After a pause of PostgreSQL's all of them: the last minute would not do.
            within_s = _RECONCILE_WITHIN_S if began - done_at < _RECONCILE_WITHIN_S / 2 else None
            try:
                async with (
                    asyncio.timeout(5),
                    self._pool.acquire(timeout=_ANSWER_MAX_S) as connection,
                ):
                    self.revoked.add_all(await find_live_revocations(connection, within_s=within_s))
                    if began - cleaned_at > _HOUSEKEEPING_S:
                        await delete_expired_revocations(connection)
                        await delete_expired_sessions(connection)
                        await delete_expired_devices(connection)
                        cleaned_at = began
                done_at = began
            except TROUBLES as error:
                logger.debug("PostgreSQL does not tell of revocations: %s", type(error).__name__)
            self.revoked.forget_expired()
            await asyncio.sleep(_RECONCILE_S)

    async def _hear(self, *, wait_ms: int | None) -> None:
        """Take in news; after an interruption everything afresh."""
        asked_at = time.monotonic()
        if not self._is_loaded:
            # First the place, then the rows: what is announced later is committed later.
            position = await find_last_announcement(self._redis)
            async with self._pool.acquire(timeout=_ANSWER_MAX_S) as connection:
                self.revoked.add_all(await find_live_revocations(connection))
            self._position, self._is_loaded = position, True
        else:
            news, position = await read_announcements(self._redis, self._position, wait_ms=wait_ms)
            if wait_ms is not None:
                asked_at = time.monotonic()
            while news:
                self.revoked.add_all(news)
                news, position = await read_announcements(self._redis, position, wait_ms=None)
            self._position = max(self._position, position, key=_place)
        self.heard_at = max(self.heard_at, asked_at)

    def _fail(self, error: BaseException) -> None:
        if self._is_loaded:
            logger.warning("Revocations cannot be followed: %s", type(error).__name__)
        self._is_loaded = False
        self.heard_at = _LONG_AGO
        self._failed_at = time.monotonic()


def _place(position: bytes) -> tuple[int, int]:
    ms, _, sequence = position.partition(b"-")
    return int(ms), int(sequence or 0)
