"""What it costs to know a token, in process: one that was seen before, and one that was not."""

from __future__ import annotations

import asyncio
import statistics
import time

from aether_api.access import Access
from aether_core.database.connection import open_pool
from aether_core.settings import Settings
from aether_core.stream.connection import open_redis
from bench.installation import installation
from bench.results import Result, at_most

_ROUNDS = 7
_CALLS = 50_000
_CALLS_UNCACHED = 500
_PAUSE_S = 0.3


def run() -> list[Result]:
    """Measure token_validation and token_validation_uncached."""
    with installation() as aether:
        token = aether.service_token()
        settings = Settings(home=aether.home)
        cached, uncached = asyncio.run(
            _measure(settings, aether.database_url, aether.redis_url, token)
        )
    return [
        at_most("token_validation", cached * 1e6, "us", 2.0),
        # The signature is nearly all of it.
        at_most("token_validation_uncached", uncached * 1e6, "us", 1000.0),
    ]


async def _measure(
    settings: Settings, database_url: str, redis_url: str, token: str
) -> tuple[float, float]:
    """Return the seconds of a call, for a token that is remembered and for one that is not."""
    header = f"Bearer {token}"
    pool = await open_pool(database_url, size_max=2, statement_timeout_s=10, name="bench")
    redis = open_redis(redis_url, timeout_s=5)
    access = Access(settings, pool, redis)
    following = asyncio.create_task(access.run())
    try:
        await access.authenticate(header)
        cached, uncached = [], []
        for _ in range(_ROUNDS):
            # Who follows the revocations must come to its turn, or every call would ask for them.
            await asyncio.sleep(_PAUSE_S)
            began = time.perf_counter()
            for _ in range(_CALLS):
                await access.authenticate(header)
            cached.append((time.perf_counter() - began) / _CALLS)
            began = time.perf_counter()
            for _ in range(_CALLS_UNCACHED):
                await access.examine(token)
            uncached.append((time.perf_counter() - began) / _CALLS_UNCACHED)
        return statistics.median(cached), statistics.median(uncached)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await redis.aclose()
        await pool.close()
