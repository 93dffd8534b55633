"""Bulk: HTTP accept → scored → committed, everything on the machine's own cores.

The clock runs from the first byte of the first request until the last row is committed. The
ceiling is a plain producer → COPY into the same table with the same indexes, in the same run.
"""

from __future__ import annotations

import asyncio
import statistics
import time

import asyncpg
import uvloop

from bench.ceiling import copy
from bench.installation import Installation, installation
from bench.load import bulk_bodies, send_bulk
from bench.results import Result, at_least

_ROUNDS = 3
_COUNT = 200_000
_LINES = 2_000


def run() -> list[Result]:
    """Measure bulk_rate and bulk_vs_copy."""
    rates, ceilings = [], []
    with installation() as aether:
        token = aether.service_token()
        for _ in range(_ROUNDS):
            rates.append(uvloop.run(committed_per_second(aether, token, _COUNT)))
            ceilings.append(copy.run(aether.redis_url, aether.database_url, _COUNT))
    rate = statistics.median(rates)
    return [
        at_least("bulk_rate", rate, "transactions/s", 25_000),
        at_least("bulk_vs_copy", rate, "transactions/s", 0.5, statistics.median(ceilings)),
    ]


async def committed_per_second(aether: Installation, token: str, count: int) -> float:
    """Send `count` transactions and wait until they are committed."""
    bodies = bulk_bodies(count, _LINES, 10_000)
    connection = await asyncpg.connect(aether.database_url)
    try:
        before = await committed(connection)
        began = time.perf_counter()
        sent = await send_bulk(aether.port, token, bodies)
        if sent.refused:
            raise RuntimeError(f"{sent.refused} were refused")
        while await committed(connection) < before + count:  # noqa: ASYNC110 - a benchmark
            await asyncio.sleep(0.02)
        return count / (time.perf_counter() - began)
    finally:
        await connection.close()


async def committed(connection: asyncpg.Connection[asyncpg.Record]) -> int:
    """Return how many transactions the positions stand for."""
    return int(await connection.fetchval("SELECT sum(committed_count)::bigint FROM positions"))
