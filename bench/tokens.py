"""What it costs to know again a token that was seen before, in process."""

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


def run() -> list[Result]:
    """Measure token_validation."""
    with installation() as aether:
        token = f"Bearer {aether.service_token()}"
        settings = Settings(home=aether.home)
        seconds = asyncio.run(_measure(settings, aether.database_url, aether.redis_url, token))
    return [at_most("token_validation", seconds * 1e6, "us", 2.0)]


async def _measure(settings: Settings, database_url: str, redis_url: str, header: str) -> float:
    pool = await open_pool(database_url, size_max=2, statement_timeout_s=10, name="bench")
    redis = open_redis(redis_url, timeout_s=5)
    access = Access(settings, pool, redis)
    following = asyncio.create_task(access.run())
    try:
        await access.authenticate(header)
        rounds = []
        for _ in range(_ROUNDS):
            began = time.perf_counter()
            for _ in range(_CALLS):
                await access.authenticate(header)
            rounds.append((time.perf_counter() - began) / _CALLS)
        return statistics.median(rounds)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await redis.aclose()
        await pool.close()
