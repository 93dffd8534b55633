"""Plain producer → stream → COPY into the same table with the same indexes: nothing else.

No HTTP, no validation, no scores, no positions, no feed: what is left when all that makes the
pipeline safe and useful is taken away. Producer and consumer are two processes, as in Aether.
"""

from __future__ import annotations

import os
import random
import time
from datetime import UTC, datetime

import asyncpg
import msgspec
import redis.asyncio as redis_asyncio
import uvloop

from aether_core.database.transactions import ROW_COLUMNS
from aether_core.stream.connection import open_redis
from aether_core.transaction import transaction_id

_KEY = "bench:copy"
_GROUP = 500
_BATCH = 5_000
# What the last columns hold of an ordinary transaction: nothing.
_NOTHING = (None,) * (len(ROW_COLUMNS) - 1 - ROW_COLUMNS.index("decision"))


async def produce(redis_url: str, count: int) -> None:
    """Append `count` entries in pipelines."""
    redis = redis_asyncio.Redis.from_url(redis_url)
    chance = random.Random(1)  # noqa: S311 - a benchmark
    encode = msgspec.msgpack.Encoder().encode
    for start in range(0, count, _GROUP):
        pipeline = redis.pipeline(transaction=False)
        for number in range(start, min(start + _GROUP, count)):
            account = f"account-{chance.randrange(10_000)}"
            payload = encode([account, chance.randrange(100, 20_000), f"merchant {number % 500}"])
            pipeline.execute_command("XADD", _KEY, "*", "p", payload)
        await pipeline.execute()
    await redis.aclose()


async def consume(redis_url: str, database_url: str, count: int) -> None:
    """Read batches and COPY them until `count` rows are committed."""
    redis = open_redis(redis_url, timeout_s=5)
    connection = await asyncpg.connect(database_url)
    decode = msgspec.msgpack.Decoder().decode
    last, done = b"0-0", 0
    while done < count:
        answer = await redis.execute_command(
            "XREAD", "COUNT", _BATCH, "BLOCK", 1000, "STREAMS", _KEY, last
        )
        if not answer:
            continue
        rows = []
        for identifier, fields in answer[0][1]:
            ms, _, sequence = identifier.partition(b"-")
            account, amount, merchant = decode(fields[1])
            at = datetime.fromtimestamp(int(ms) / 1000, UTC)
            rows.append(
                (transaction_id(int(ms), int(sequence), 0, 1), 0, "user", account, amount, "EUR",
                 merchant, None, "purchase", None, None, at, at, 0.1, "approve",
                 *_NOTHING)
            )  # fmt: skip
        last = answer[0][1][-1][0]
        await connection.copy_records_to_table("transactions", records=rows, columns=ROW_COLUMNS)
        done += len(rows)
        await redis.execute_command("XTRIM", _KEY, "MINID", last)
    await redis.delete(_KEY)
    await connection.close()
    await redis.aclose()


def run(redis_url: str, database_url: str, count: int) -> float:
    """Move `count` entries from producer to committed rows; return transactions per second."""
    began = time.perf_counter()
    child = os.fork()
    if child == 0:
        uvloop.run(produce(redis_url, count))
        os._exit(0)
    uvloop.run(consume(redis_url, database_url, count))
    took = time.perf_counter() - began
    os.waitpid(child, 0)
    return count / took
