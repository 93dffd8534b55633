"""What is paid in one shard becomes known in the others, at a place of their streams.

A real writer on real servers writes three shards; the census is taken as the forecaster takes it.
The states of the running writer and of one that rebuilds them from rows and orders are compared
byte by byte. Another test has a forecaster process take one by itself.
"""

from __future__ import annotations

import asyncio
import itertools
import time

from aether_core.rebuilding import rebuild_state
from aether_core.stream.contract import shard_of
from aether_worker.batch import Verdicts
from aether_worker.census import take_due_census
from tests.worker.pipeline import Pipeline, transaction
from tests.worker.test_forecaster import DEADLINE_S, forecaster
from tests.worker.test_labels_in_the_stream import run_until_taken

HOUR_US = 3_600_000_000


def accounts_of(shard: int, count: int) -> list[str]:
    """Accounts of a shard, of three."""
    names = (f"account-{i}" for i in itertools.count())
    return list(itertools.islice((n for n in names if shard_of(n, 3) == shard), count))


async def pay(pipeline: Pipeline, shard: int, count: int, minor_units: int = 2_500) -> None:
    """Have accounts of a shard pay about as much."""
    await pipeline.accept(
        *(
            transaction(name, minor_units + i, occurred_at_us=1_700_000_000_000_000 + i * HOUR_US)
            for i, name in enumerate(accounts_of(shard, count))
        )
    )


async def deliver(pipeline: Pipeline) -> None:
    """Have a writer put the newest order into every shard's stream and take it."""
    number = (await pipeline.column("SELECT max(number) FROM control_orders"))[0]
    async with pipeline.writer() as writer:
        await run_until_taken(pipeline, writer, number)


async def test_what_one_shard_knows_flags_a_first_payment_in_another(pipeline: Pipeline) -> None:
    await pay(pipeline, 0, 130)
    await pipeline.write_everything()
    assert await take_due_census(pipeline.connection)
    await deliver(pipeline)
    (first,) = accounts_of(1, 1)
    await pipeline.accept(transaction(first, 900_000_000))
    await pipeline.write_everything()
    rows = await pipeline.connection.fetch(
        "SELECT decision FROM transactions WHERE account_id = $1", first
    )
    assert [row["decision"] for row in rows] != ["approve"]


async def test_a_rebuilt_state_is_the_same_to_the_byte(pipeline: Pipeline) -> None:
    await pay(pipeline, 0, 130)
    await pipeline.write_everything()
    assert await take_due_census(pipeline.connection)
    await deliver(pipeline)
    await pay(pipeline, 1, 20, minor_units=40_000)
    async with pipeline.writer() as writer:
        await writer.take_shards()
        while entries := await writer.read(asyncio.Event()):
            await writer.write(writer.prepare(entries, Verdicts()))
        kept = {shard: owned.state.to_bytes() for shard, owned in writer._holder.owned.items()}
    await pipeline.connection.execute("TRUNCATE snapshots")
    thresholds = pipeline.settings.scoring.thresholds()
    for shard, state in kept.items():
        async with pipeline.connection.transaction():
            rebuilt = await rebuild_state(pipeline.connection, shard, thresholds)
        assert rebuilt.state.to_bytes() == state
    assert set(kept) == {0, 1, 2}


async def test_the_next_one_is_due_when_twice_as_much_is_written(pipeline: Pipeline) -> None:
    await pay(pipeline, 0, 127)
    await pipeline.write_everything()
    assert not await take_due_census(pipeline.connection)
    await pay(pipeline, 1, 1)
    await pipeline.write_everything()
    assert await take_due_census(pipeline.connection)
    await pay(pipeline, 2, 127)
    await pipeline.write_everything()
    assert not await take_due_census(pipeline.connection)
    await pay(pipeline, 1, 1)
    await pipeline.write_everything()
    assert await take_due_census(pipeline.connection)
    # An hour later whatever is new is enough.
    await pay(pipeline, 1, 1)
    await pipeline.write_everything()
    assert not await take_due_census(pipeline.connection)
    await pipeline.connection.execute(
        "UPDATE system SET value = jsonb_set(value::jsonb, '{at}',"
        " to_jsonb(now() - interval '61 minutes'))::text WHERE key = 'census'"
    )
    assert await take_due_census(pipeline.connection)


async def test_a_forecaster_takes_it_by_itself(pipeline: Pipeline) -> None:
    await pay(pipeline, 0, 130)
    await pipeline.write_everything()
    end = time.monotonic() + DEADLINE_S
    with forecaster(pipeline.settings):
        while not await pipeline.column("SELECT 1 FROM control_orders"):
            assert time.monotonic() < end
            await asyncio.sleep(0.05)
    assert await pipeline.column("SELECT count(*) FROM control_orders") == [1]
