"""Entries that are gone before they were written are counted, and named by where they stood.

On a real Valkey entries are trimmed, deleted and emptied behind the writer's back, and its data is
set back to an older copy; a writer that looks finds out, keeps it in PostgreSQL, and goes on.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest

from aether_core.database.losses import Loss, acknowledge_losses, find_losses
from aether_core.database.positions import find_positions
from aether_core.database.verification import check_tables, count_shard_rows
from aether_core.errors import StreamMismatch
from aether_core.stream.contract import EntryId, stream_key
from aether_core.stream.incarnation import agree_on_incarnations, read_stream_state
from aether_core.transaction import place_of
from aether_worker.losses import missing_count
from tests.conftest import ValkeyServer
from tests.worker.pipeline import Pipeline, run_until_empty, transaction

SHARD = 0
"""Account `a` of three shards."""


async def accept(pipeline: Pipeline, count: int) -> list[EntryId]:
    """Accept entries of one shard; return where they stand."""
    places = [place_of(UUID(i)) for i in await pipeline.accept(*[transaction("a")] * count)]
    assert {place.shard for place in places if place} == {SHARD}
    return [EntryId(place.ms, place.sequence) for place in places if place]


async def losses(pipeline: Pipeline) -> list[Loss]:
    return [kept.loss for kept in await find_losses(pipeline.connection, is_open=True, limit=9)]


async def missing(pipeline: Pipeline) -> int:
    """Entries that are nowhere and that nobody has recorded."""
    (position,) = await find_positions(pipeline.connection, [SHARD])
    return missing_count(position, await read_stream_state(pipeline.redis, SHARD))


def within(loss: Loss, first: EntryId, last: EntryId) -> bool:
    """Whether a loss names at least these entries."""
    return loss.after < first and (loss.before is None or last < loss.before)


async def test_trimmed_ahead_of_the_writer(pipeline: Pipeline) -> None:
    written = await accept(pipeline, 5)
    await pipeline.write_everything()
    waiting = await accept(pipeline, 10)
    await pipeline.redis.execute_command("XTRIM", stream_key(SHARD), "MAXLEN", 4)
    assert await missing(pipeline) == 6
    await pipeline.write_everything()
    (loss,) = await losses(pipeline)
    assert (loss.entry_count, loss.is_exact) == (6, True)
    # Exactly those: from the last that is written to the first that was left.
    assert (loss.after, loss.before) == (written[-1], waiting[6])
    assert "trimmed" in loss.cause
    assert await missing(pipeline) == 0
    assert len(await pipeline.rows()) == 9
    await _acknowledged_it_counts_no_longer(pipeline)


async def _acknowledged_it_counts_no_longer(pipeline: Pipeline) -> None:
    connection = pipeline.connection
    async with connection.transaction():
        assert await acknowledge_losses(connection, acknowledged_by="op", note="known") == 1
    assert await losses(pipeline) == []
    assert await missing(pipeline) == 0
    (position,) = await find_positions(connection, [SHARD])
    assert position.lost_count == 0
    checks = await check_tables(connection, await count_shard_rows(connection))
    assert [check for check in checks if not check.holds] == []


async def test_deleted_in_the_middle_under_a_running_writer(pipeline: Pipeline) -> None:
    async with pipeline.writer() as writer:
        await accept(pipeline, 5)
        await run_until_empty(pipeline, writer)
    async with pipeline.writer() as writer:
        await writer.take_shards()
        waiting = await accept(pipeline, 10)
        deleted = waiting[3:6]
        await pipeline.redis.xdel(stream_key(SHARD), *map(str, deleted))
        entries = await writer.read(asyncio.Event())
        await writer.write(writer.prepare(entries, await writer._known(entries)))
        await writer.take_shards()
        (loss,) = await losses(pipeline)
        assert (loss.entry_count, loss.is_exact) == (3, True)
        assert within(loss, deleted[0], deleted[-1])
        assert "deleted" in loss.cause
        # It is found once.
        await writer.take_shards()
        assert len(await losses(pipeline)) == 1
    assert len(await pipeline.rows()) == 12


async def emptied(pipeline: Pipeline, _valkey: ValkeyServer) -> None:
    await pipeline.redis.execute_command("FLUSHALL")


async def one_stream_deleted(pipeline: Pipeline, _valkey: ValkeyServer) -> None:
    await pipeline.redis.delete(stream_key(SHARD))
    # What is accepted before anybody looks stands in a stream that counts from nothing.
    await accept(pipeline, 1)


async def set_back(pipeline: Pipeline, valkey: ValkeyServer) -> None:
    valkey.kill()
    shutil.rmtree(valkey.home / "valkey")
    shutil.copytree(valkey.home / "copy", valkey.home / "valkey")
    valkey.start()


@pytest.mark.parametrize(("lose", "kept"), [(emptied, 0), (one_stream_deleted, 1), (set_back, 4)])
async def test_a_stream_that_is_another_now(
    pipeline: Pipeline,
    valkey: ValkeyServer,
    lose: Callable[[Pipeline, ValkeyServer], Awaitable[None]],
    kept: int,
) -> None:
    await accept(pipeline, 5)
    await pipeline.write_everything()
    first = await accept(pipeline, 4)
    shutil.copytree(valkey.home / "valkey", valkey.home / "copy", ignore=lambda _d, names: [
        name for name in names if name.endswith((".sock", ".pid"))
    ])  # fmt: skip
    rest = await accept(pipeline, 6)
    async with pipeline.writer() as writer:
        await writer.take_shards()
        await lose(pipeline, valkey)
        with pytest.raises(StreamMismatch):
            await writer.take_shards()
    await agree_on_incarnations(pipeline.redis, pipeline.connection, 3, pipeline.settings.stream)
    of_shard = [loss for loss in await losses(pipeline) if loss.shard == SHARD]
    assert len(of_shard) == 1
    (loss,) = of_shard
    assert (loss.before, loss.is_exact) == (None, False)
    if lose is set_back:
        assert (loss.after, loss.entry_count) == (first[-1], 6)
    else:
        assert within(loss, first[0], rest[-1])
        assert loss.entry_count == 10
    await pipeline.write_everything()
    assert len(await pipeline.rows()) == 5 + kept
    assert await missing(pipeline) == 0
    await agree_on_incarnations(pipeline.redis, pipeline.connection, 3, pipeline.settings.stream)
    assert len([loss for loss in await losses(pipeline) if loss.shard == SHARD]) == 1
