"""Both servers, open: what each loop behind the stream works with.

In:   settings with the URLs of both.
Out:  a pair of connections that are closed with their context, and what goes wrong on either.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import asyncpg
from redis import exceptions as redis_errors

from aether_core.database.connection import DRIVER_ERRORS, Session, close, connect
from aether_core.errors import CannotStart
from aether_core.settings import Settings
from aether_core.stream.connection import open_redis
from aether_core.stream.publisher import Redis

SERVER_ERRORS: Final = (
    asyncpg.PostgresError,
    *DRIVER_ERRORS,
    redis_errors.RedisError,
    OSError,
    TimeoutError,
)
"""What a server that is away, restarting or too slow makes of a question."""


@dataclass(frozen=True, slots=True)
class Stores:
    """Both servers, open."""

    connection: Session
    redis: Redis


@contextlib.asynccontextmanager
async def open_stores(
    settings: Settings, *, name: str, statement_timeout_s: float
) -> AsyncIterator[Stores]:
    """Open both servers. name: of who asks, as PostgreSQL lists it after `aether`.

    Raises CannotStart, or one of SERVER_ERRORS.
    """
    if settings.database_url is None or settings.redis_url is None:
        raise CannotStart(f"A {name} needs AETHER_DATABASE_URL and AETHER_REDIS_URL.")
    async with contextlib.AsyncExitStack() as stack:
        redis = open_redis(
            settings.redis_url.get_secret_value(), timeout_s=settings.stream.timeout_s
        )
        stack.push_async_callback(redis.aclose)
        connection = await connect(
            settings.database_url.get_secret_value(),
            statement_timeout_s=statement_timeout_s,
            name=f"aether {name}",
        )
        stack.push_async_callback(close, connection)
        yield Stores(connection, redis)
