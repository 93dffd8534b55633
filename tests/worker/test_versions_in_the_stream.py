"""A version decides from its place in the stream on, whoever writes; its shadow is counted once.

A real writer on real servers, which is replaced between batches and dies between its commit and
its trim.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from aether_core.database.shadows import EXAMPLES_PER_BATCH
from aether_core.scoring import Arrangement, Thresholds, Version
from aether_core.settings import Settings
from aether_worker.batch import Verdicts
from tests.worker.pipeline import Pipeline, run_until_empty, transaction
from tests.worker.test_labels_in_the_stream import one_shard, opened, order_and_deliver
from tests.worker.test_writing_a_batch import DAY_US, habit

__all__ = ["one_shard"]

EAGER = Version(1, Thresholds(0.0001, 1.0))
DEAF = Version(2, Thresholds(1.0, 1.0))


async def decisions(pipeline: Pipeline) -> list[str]:
    return [row["decision"] for row in await pipeline.rows()]


async def counted(pipeline: Pipeline) -> dict[tuple[str, str], int]:
    rows = await pipeline.connection.fetch("SELECT * FROM shadow_counts WHERE run = 5")
    return {(row["live"], row["shadow"]): row["transaction_count"] for row in rows}


@pytest.fixture
async def pipeline(one_shard: Settings) -> AsyncIterator[Pipeline]:
    opened_one = await opened(one_shard)
    await opened_one.connection.execute("TRUNCATE shadow_counts, shadow_differences")
    yield opened_one
    await opened_one.close()


async def test_what_is_written_after_it_is_decided_by_it(pipeline: Pipeline) -> None:
    await pipeline.accept(transaction(), transaction())
    await pipeline.write_everything()
    await order_and_deliver(pipeline, Arrangement(EAGER))
    await pipeline.accept(transaction(), transaction())
    await pipeline.write_everything()
    # The next writer rebuilds its state from the rows and the orders between them.
    await pipeline.connection.execute("TRUNCATE snapshots")
    await pipeline.accept(transaction())
    await pipeline.write_everything()
    await order_and_deliver(pipeline, Arrangement())
    await pipeline.accept(transaction())
    await pipeline.write_everything()
    assert await decisions(pipeline) == [*["approve"] * 2, *["review"] * 3, "approve"]


async def test_both_decisions_are_counted_once_whoever_dies(pipeline: Pipeline) -> None:
    await pipeline.write_everything()
    await order_and_deliver(pipeline, Arrangement(None, DEAF, 5))
    identifiers = await pipeline.accept(*habit("a"))
    async with pipeline.writer() as writer:
        await writer.take_shards()
        batch = writer.prepare(await writer.read(asyncio.Event()), Verdicts())
        await writer.commit(batch)  # and dies before it publishes and trims
    async with pipeline.writer() as writer:
        await run_until_empty(pipeline, writer)
    flagged = sum(decision != "approve" for decision in await decisions(pipeline))
    assert flagged == 1
    found = await counted(pipeline)
    assert found.pop(("approve", "approve")) == len(identifiers) - 1
    ((live, shadow),) = found
    assert (found[live, shadow], shadow) == (1, "approve")
    (row,) = await pipeline.connection.fetch("SELECT * FROM shadow_differences")
    assert row["transaction_id"] == UUID(identifiers[-1])
    assert (row["run"], row["live"], row["decision"]) == (5, live, "approve")


async def test_of_what_only_the_shadow_flags_examples_are_kept(pipeline: Pipeline) -> None:
    await pipeline.write_everything()
    await order_and_deliver(pipeline, Arrangement(None, EAGER, 5))
    count = EXAMPLES_PER_BATCH * 3
    await pipeline.accept(
        *(
            transaction(f"account-{i}", occurred_at_us=1_700_000_000_000_000 + i * DAY_US)
            for i in range(count)
        )
    )
    async with pipeline.writer() as writer:
        await writer.take_shards()
        await writer.write(writer.prepare(await writer.read(asyncio.Event()), Verdicts()))
    assert await counted(pipeline) == {("approve", "review"): count}
    kept = await pipeline.column("SELECT count(*) FROM shadow_differences")
    assert kept == [EXAMPLES_PER_BATCH]
