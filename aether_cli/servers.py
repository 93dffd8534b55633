"""Waits for the servers that a process relies on, and says what is wrong with them.

A server that is away may come back: waiting has no end, backs off and is logged. A set-up that
waiting cannot mend (a refused password, a server that is too old) raises CannotStart at once.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable

import asyncpg
from redis import exceptions as redis_errors

from aether_core.database.connection import check_server, connect
from aether_core.database.schema import schema_is_current
from aether_core.errors import CannotStart, StreamUnavailable
from aether_core.settings import Settings
from aether_core.stream import connection as stream_connection
from aether_core.stream.durability import check_server as durability_of

logger = logging.getLogger(__name__)

_BACK_OFF_S_MIN = 0.05
_BACK_OFF_S_MAX = 2.0
_LOG_AFTER_S = 3.0
_LOG_EVERY_S = 30.0


class NotYet(Exception):
    """What is waited for is not there; `str(error)` is the reason."""


async def wait_for_database(settings: Settings) -> None:
    """Wait until PostgreSQL answers. Raises CannotStart when waiting is in vain."""
    await _wait(lambda: _try_database(settings, migrated=False), "PostgreSQL")


async def wait_for_servers(settings: Settings) -> None:
    """Wait until both servers answer and the database is migrated.

    settings: with both URLs resolved.
    Raises CannotStart when waiting is in vain.
    """
    await _wait(lambda: _try_database(settings, migrated=True), "PostgreSQL")
    await _wait(lambda: _try_stream(settings), "the stream's server")


async def check_external_servers(settings: Settings) -> None:
    """Try once the servers whose URLs were given. Raises CannotStart that says what to do."""
    try:
        if settings.database_url is not None:
            await _try_database(settings, migrated=False)
    except NotYet as error:
        raise CannotStart(
            f"PostgreSQL at AETHER_DATABASE_URL cannot be reached: {error}. "
            "Start it or mend the URL; without the variable Aether brings its own."
        ) from error
    try:
        if settings.redis_url is not None:
            await _try_stream(settings)
    except NotYet as error:
        raise CannotStart(
            f"Valkey or Redis at AETHER_REDIS_URL cannot be reached: {error}. "
            "Start it or mend the URL; without the variable Aether brings its own."
        ) from error


async def _wait(attempt: Callable[[], Awaitable[None]], what: str) -> None:
    started = time.monotonic()
    next_log = started + _LOG_AFTER_S
    pause = _BACK_OFF_S_MIN
    while True:
        try:
            await attempt()
        except NotYet as error:
            if time.monotonic() >= next_log:
                waited = time.monotonic() - started
                logger.warning("waiting for %s for %.0f s: %s", what, waited, error)
                next_log += _LOG_EVERY_S
        else:
            return
        # Jitter keeps many processes from asking in step.
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
        pause = min(pause * 1.5, _BACK_OFF_S_MAX)


async def _try_database(settings: Settings, *, migrated: bool) -> None:
    if settings.database_url is None:
        raise CannotStart("There is no database; set AETHER_DATABASE_URL.")
    url = settings.database_url.get_secret_value()
    try:
        connection = await connect(url, statement_timeout_s=10, name="aether start")
    except (
        asyncpg.InvalidPasswordError,
        asyncpg.InvalidAuthorizationSpecificationError,
        asyncpg.InvalidCatalogNameError,
    ) as error:
        raise CannotStart(f"PostgreSQL refuses AETHER_DATABASE_URL: {error}.") from error
    except (ValueError, asyncpg.InterfaceError) as error:
        # The library's text may quote the URL, and with it the password.
        raise CannotStart(
            "AETHER_DATABASE_URL is not a usable URL; "
            "it looks like postgresql://user:password@host:5432/database."
        ) from error
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise NotYet(_reason(error)) from error
    try:
        await check_server(connection)
        if migrated and not await schema_is_current(connection):
            raise NotYet("the tables are not migrated yet; `aether run migrate` does it")
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise NotYet(_reason(error)) from error
    finally:
        await connection.close()


async def _try_stream(settings: Settings) -> None:
    if settings.redis_url is None:
        raise CannotStart("There is no stream server; set AETHER_REDIS_URL.")
    try:
        redis = stream_connection.open_redis(
            settings.redis_url.get_secret_value(), timeout_s=settings.stream.timeout_s
        )
    except ValueError as error:
        raise CannotStart(
            "AETHER_REDIS_URL is not a usable URL; it looks like redis://:password@host:6379/0."
        ) from error
    try:
        await redis.execute_command("PING")
        durability = await durability_of(redis, settings.stream)
        logger.info("the stream's server promises: %s", durability.promise.text)
        for warning in durability.warnings:
            logger.warning("%s", warning)
    except StreamUnavailable as error:
        raise NotYet(_reason(error.__cause__ or error)) from error
    except (redis_errors.RedisError, OSError, TimeoutError) as error:
        if stream_connection.refuses_credentials(error):
            raise CannotStart(
                "The stream's server refuses the password in AETHER_REDIS_URL."
            ) from error
        raise NotYet(_reason(error)) from error
    finally:
        await redis.aclose()


def _reason(error: BaseException) -> str:
    return (str(error) or type(error).__name__).rstrip(".")
