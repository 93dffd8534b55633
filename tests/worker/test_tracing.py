"""The way of every entry is known: when it was accepted, read, scored, committed and published.

A real writer leaves one record a batch; what it says is held against the entries themselves, also
where a writer died between commit and publication, and after the records are too old to be kept.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from aether_core.database.batches import delete_batches
from aether_core.tracing import Trace, find_trace
from tests.worker.pipeline import Pipeline, run_until_empty, transaction

STEPS = ["accepted", "read", "scored", "committed", "published"]


async def trace(pipeline: Pipeline, identifier: str) -> Trace:
    found = await find_trace(pipeline.redis, pipeline.connection, UUID(identifier))
    assert found is not None
    return found


def names(found: Trace) -> list[str]:
    return [step.name for step in found.steps]


async def test_every_entry_of_every_batch_has_its_steps_in_order(pipeline: Pipeline) -> None:
    writer_settings = pipeline.settings.writer.model_copy(update={"batch_size_max": 7})
    pipeline.settings = pipeline.settings.model_copy(update={"writer": writer_settings})
    ids = await pipeline.accept(*(transaction(f"account {i % 9}") for i in range(60)))
    dead = (await pipeline.accept_payloads([("account 1", b"\xc1")]))[0]
    assert (await trace(pipeline, ids[0])).state == "pending"
    before = datetime.now(UTC)
    await pipeline.write_everything()
    for identifier in [*ids, dead]:
        found = await trace(pipeline, identifier)
        assert found.state == ("dead_letter" if identifier == dead else "processed")
        assert names(found) == STEPS
        instants = [step.at for step in found.steps]
        assert instants == sorted(instants)
        assert before - timedelta(seconds=1) < instants[1] <= datetime.now(UTC)
        assert found.steps[-1].after_ms >= found.steps[1].after_ms >= 0
        assert found.batch_entry_count is not None
        assert 1 <= found.batch_entry_count <= 7
    # The records tile the stream: each entry is in one of them, and they count all of them.
    kept = await pipeline.column("SELECT sum(entry_count)::bigint FROM batches")
    last = await pipeline.column("SELECT sum(entry_count)::bigint FROM positions")
    assert kept[0] + last[0] == len(ids) + 1
    assert await find_trace(pipeline.redis, pipeline.connection, uuid4()) is None


async def test_a_writer_that_died_before_it_published(pipeline: Pipeline) -> None:
    (identifier,) = await pipeline.accept(transaction("a"))
    async with pipeline.writer() as dies:
        await dies.take_shards()
        entries = await dies.read(asyncio.Event())
        await dies.commit(dies.prepare(entries, await dies._known(entries)))
    found = await trace(pipeline, identifier)
    assert (found.state, names(found)) == ("processed", STEPS[:-1])
    async with pipeline.writer() as next_one:
        await run_until_empty(pipeline, next_one)
    assert names(await trace(pipeline, identifier)) == STEPS


async def test_records_are_deleted_by_age_in_pieces(pipeline: Pipeline) -> None:
    writer_settings = pipeline.settings.writer.model_copy(update={"batch_size_max": 1})
    pipeline.settings = pipeline.settings.model_copy(update={"writer": writer_settings})
    ids = await pipeline.accept(*(transaction("a") for _ in range(20)))
    await pipeline.write_everything()
    shards = list(pipeline.incarnations)
    now = datetime.now(UTC)
    await delete_batches(pipeline.connection, shards, now - timedelta(hours=1), 5)
    assert await pipeline.column("SELECT count(*) FROM batches") == [19]
    await delete_batches(pipeline.connection, shards, now + timedelta(hours=1), 5)
    assert await pipeline.column("SELECT count(*) FROM batches") == [14]
    first = await trace(pipeline, ids[0])
    assert (first.state, names(first)) == ("processed", ["accepted"])
    assert "no longer kept" in first.detail
    assert names(await trace(pipeline, ids[5])) == STEPS
