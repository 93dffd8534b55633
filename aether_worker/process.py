"""Process: starts a writer, keeps it connected, stops it cleanly.

In:   settings with the URLs of both servers.
Out:  a writer that comes back by itself after either server was away. A session is one pair of
      connections: whatever goes wrong on either ends it, and the next one begins from what
      PostgreSQL holds. SIGTERM and SIGINT finish the batch in hand.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import signal
import socket
from collections.abc import AsyncIterator

import uvloop

from aether_core.database.connection import close, connect
from aether_core.database.partitions import ensure_months
from aether_core.database.pooling import refuse_pooler
from aether_core.database.positions import settle_shard_count
from aether_core.errors import CannotStart, PositionMoved, StreamMismatch, StreamUnavailable
from aether_core.settings import Settings
from aether_core.stream.connection import load_functions, open_redis
from aether_core.stream.contract import SHARD_COUNT_DEFAULT
from aether_core.stream.durability import check_server
from aether_core.stream.incarnation import agree_on_incarnations
from aether_worker.shards import ShardHolder
from aether_worker.stores import SERVER_ERRORS, Stores
from aether_worker.writer import Writer

logger = logging.getLogger(__name__)

SESSION_ERRORS = (*SERVER_ERRORS, StreamUnavailable, PositionMoved, StreamMismatch)
"""What ends a session and lets the next one begin."""

_RETRY_FIRST_S = 0.1
_RETRY_MAX_S = 2.0
"""An attempt costs little, and a longer pause makes the backlog wait for a server that is back."""

# A writer that froze is given up by PostgreSQL after so long, and its shards are free. A live one
# asks something at least once in `rebalance_s`.
_FROZEN_S = 10.0


def run_writer(settings: Settings) -> None:
    """Run a writer until SIGTERM or SIGINT. Blocks."""
    uvloop.run(_run(settings))


@contextlib.asynccontextmanager
async def open_stores(settings: Settings) -> AsyncIterator[Stores]:
    """Open both servers for one writer. Raises CannotStart, or one of SESSION_ERRORS."""
    if settings.database_url is None or settings.redis_url is None:
        raise CannotStart("A writer needs AETHER_DATABASE_URL and AETHER_REDIS_URL.")
    redis = open_redis(
        settings.redis_url.get_secret_value(), timeout_s=settings.stream.timeout_s + 1
    )
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(redis.aclose)
        for warning in (await check_server(redis, settings.stream)).warnings:
            logger.warning("%s", warning)
        await load_functions(redis)
        connection = await connect(
            settings.database_url.get_secret_value(),
            statement_timeout_s=settings.writer.statement_timeout_s,
            name="aether writer",
        )
        stack.push_async_callback(close, connection)
        await connection.execute(
            "SELECT set_config('idle_session_timeout', $1, false)", str(int(_FROZEN_S * 1000))
        )
        yield Stores(connection, redis)


async def make_writer(stores: Stores, settings: Settings) -> Writer:
    """Agree with the other processes on shards and incarnations, and announce a writer."""
    await ensure_months(stores.connection)
    shard_count = await settle_shard_count(
        stores.connection, settings.stream.shard_count, SHARD_COUNT_DEFAULT
    )
    await agree_on_incarnations(stores.redis, stores.connection, shard_count, settings.stream)
    thresholds = settings.scoring.thresholds()
    holder = ShardHolder(stores.connection, shard_count, thresholds)
    await holder.announce()
    return Writer(
        stores.connection,
        stores.redis,
        holder,
        owner=f"{socket.gethostname()}:{os.getpid()}",
        thresholds=thresholds,
        stream=settings.stream,
        writer=settings.writer,
        alerts=settings.alerts,
    )


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    pause = _RETRY_FIRST_S
    has_own_sessions = False
    while not stop.is_set():
        began = loop.time()
        try:
            if not has_own_sessions and settings.database_url is not None:
                await refuse_pooler(settings.database_url.get_secret_value())
                has_own_sessions = True
            async with open_stores(settings) as stores:
                await (await make_writer(stores, settings)).run(stop)
        except SESSION_ERRORS as error:
            if loop.time() - began > _RETRY_MAX_S:
                pause = _RETRY_FIRST_S
            logger.warning("the session ended, the next one begins soon: %r", error)
            await _wait(stop, pause * random.uniform(0.8, 1.2))  # noqa: S311 - spreads load
            pause = min(pause * 2, _RETRY_MAX_S)
    logger.info("the writer has stopped")


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
