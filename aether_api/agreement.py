"""Agreement: what this gateway knows of the shards' streams, kept true.

In:   PostgreSQL (how many shards, which incarnations) and the stream's server.
Out:  the shards that acceptance may append to; None until both servers have been reached once.
The gateway starts without its servers and waits for them here, with a growing pause; when a
stream turns out to be another incarnation, or its server has lost our functions, it agrees again.
"""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import asyncpg
from redis import exceptions as redis_errors

from aether_core.cancellation import heed_cancellation
from aether_core.database.connection import Pool, borrow
from aether_core.database.connection import check_server as check_database
from aether_core.database.positions import settle_shard_count
from aether_core.errors import AetherError, CannotStart
from aether_core.settings import StreamSettings
from aether_core.stream.connection import load_functions
from aether_core.stream.contract import SHARD_COUNT_DEFAULT
from aether_core.stream.durability import Durability
from aether_core.stream.durability import check_server as check_stream
from aether_core.stream.incarnation import agree_on_incarnations

if TYPE_CHECKING:
    from aether_core.stream.publisher import Redis

logger = logging.getLogger(__name__)

_PAUSE_S_MIN: Final = 0.05
_PAUSE_S_MAX: Final = 2.0
_LIMIT_S: Final = 120.0
"""A new incarnation first reloads a day's idempotency keys."""


@dataclass(frozen=True, slots=True)
class Shards:
    """How many shards there are, and each one's incarnation."""

    count: int
    incarnations: dict[int, int]
    durability: Durability
    """What the stream's server keeps of what it has acknowledged."""


class StreamAgreement:
    """Agrees with PostgreSQL on the streams at start and whenever one has moved."""

    def __init__(self, pool: Pool, redis: Redis, settings: StreamSettings) -> None:
        self._pool = pool
        self._redis = redis
        self._settings = settings
        self._wanted = asyncio.Event()
        self._wanted.set()
        self._known = asyncio.Event()
        self.shards: Shards | None = None

    @property
    def is_settled(self) -> bool:
        """Whether the streams are known, and no new agreement is wanted."""
        return self.shards is not None and not self._wanted.is_set()

    def renew(self) -> None:
        """Agree again, soon; until then the stream's server refuses what must not be appended."""
        self._wanted.set()

    async def wait(self, timeout_s: float) -> None:
        """Wait until the streams are known, for so long at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._known.wait()

    async def run(self) -> None:
        """Agree whenever it is wanted, until cancelled. Raises CannotStart for a wrong set-up."""
        pause_s = _PAUSE_S_MIN
        while True:
            heed_cancellation()
            await self._wanted.wait()
            try:
                async with asyncio.timeout(_LIMIT_S):
                    self.shards = await self._agree()
            except CannotStart:
                raise
            except (
                AetherError,
                OSError,
                TimeoutError,
                redis_errors.RedisError,
                asyncpg.PostgresError,
            ) as error:
                logger.warning("the streams cannot be agreed on yet: %s", error)
                # With jitter, so that several gateways do not come back in step.
                await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
                pause_s = min(pause_s * 2, _PAUSE_S_MAX)
                continue
            pause_s = _PAUSE_S_MIN
            self._wanted.clear()
            self._known.set()
            logger.info("%d shards agreed on", self.shards.count)

    async def _agree(self) -> Shards:
        durability = await check_stream(self._redis, self._settings)
        logger.info("the stream's server promises: %s", durability.promise.text)
        for warning in durability.warnings:
            logger.warning("%s", warning)
        await load_functions(self._redis)
        async with borrow(self._pool) as connection:
            await check_database(connection)
            count = await settle_shard_count(
                connection, self._settings.shard_count, SHARD_COUNT_DEFAULT
            )
            incarnations = await agree_on_incarnations(
                self._redis, connection, count, self._settings
            )
        return Shards(count, incarnations, durability)
