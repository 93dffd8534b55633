"""Entries of the stream become rows, alerts, load and positions, each exactly once.

A real writer on real PostgreSQL and Valkey; what it leaves behind is compared with what was
accepted.
"""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from msgspec.structs import replace

from aether_core.errors import PositionMoved
from aether_core.stream.contract import FEED_KEY
from aether_core.stream.feed import FeedEvent, follow
from aether_core.transaction import Transaction
from tests.worker.pipeline import Pipeline, run_until_empty, transaction

DAY_US = 86_400_000_000


def habit(account: str, count: int = 20) -> list[Transaction]:
    """Ordinary payments, one a day, then one that is far too large."""
    usual = [
        transaction(account, 1_000 + i * 10, occurred_at_us=1_700_000_000_000_000 + i * DAY_US)
        for i in range(count)
    ]
    late = 1_700_000_000_000_000 + count * DAY_US
    return [*usual, transaction(account, 900_000, occurred_at_us=late)]


async def feed_of(pipeline: Pipeline) -> list[FeedEvent]:
    """Everything in the feed."""
    return await follow(pipeline.redis, "0-0", block_ms=10, count=10_000)


async def test_entries_become_rows_with_their_content(pipeline: Pipeline) -> None:
    ids = await pipeline.accept(
        transaction("a", 1_234, metadata={"order": 7, "gift": True}, location="Köln"),
        transaction("b", 10**15, currency="JPY", description="all of it", kind="transfer"),
    )
    await pipeline.write_everything()
    first, second = await pipeline.rows()
    assert [str(first["id"]), str(second["id"])] == ids
    assert first["amount_minor_units"] == 1_234
    assert first["metadata"] == {"order": 7, "gift": True}
    assert first["location"] == "Köln"
    assert second["amount_minor_units"] == 10**15
    assert (second["currency"], second["kind"]) == ("JPY", "transfer")
    assert await pipeline.backlog() == 0


async def test_an_unusual_amount_raises_one_alert_and_is_told(pipeline: Pipeline) -> None:
    ids = await pipeline.accept(*habit("a"))
    await pipeline.write_everything()
    assert [str(i) for i in await pipeline.column("SELECT id FROM alerts")] == [ids[-1]]
    flagged = await pipeline.column("SELECT id FROM transactions WHERE decision <> 'approve'")
    assert [str(i) for i in flagged] == [ids[-1]]
    events = await feed_of(pipeline)
    alerts = [msgspec.json.decode(e.data) for e in events if e.kind == "alert"]
    assert [a["id"] for a in alerts] == [ids[-1]]
    assert alerts[0]["reasons"][0]["detector"] == "amount"
    counts = [msgspec.json.decode(e.data) for e in events if e.kind == "batch"]
    assert sum(c["committed"] for c in counts) == len(ids)
    assert sum(c["flagged"] for c in counts) == 1


async def test_alerts_are_compared_in_typical_amounts_of_their_currencies(
    pipeline: Pipeline,
) -> None:
    euros = habit("a")
    # The same habit in a currency whose amounts are a hundred and sixty times as large.
    yen = [replace(one, account_id="b", currency="JPY", minor_units=160 * one.minor_units)
           for one in euros]  # fmt: skip
    await pipeline.accept(*euros, *yen)
    await pipeline.write_everything()
    found = await pipeline.connection.fetch(
        "SELECT score, amount_minor_units AS amount, expected_loss,"
        " (SELECT exp(avg(ln(amount_minor_units::float8))) FROM transactions AS t"
        "  WHERE t.currency = alerts.currency) AS typical FROM alerts ORDER BY currency"
    )
    assert len(found) == 2
    for alert in found:
        loss = alert["score"] * alert["amount"] / alert["typical"]
        assert alert["expected_loss"] == pytest.approx(loss, rel=1e-9)
    assert found[0]["expected_loss"] == pytest.approx(found[1]["expected_loss"], rel=1e-9)
    told = [msgspec.json.decode(e.data) for e in await feed_of(pipeline) if e.kind == "alert"]
    assert sorted(alert["expected_loss"] for alert in told) == sorted(
        alert["expected_loss"] for alert in found
    )


async def test_the_load_of_all_minutes_is_the_number_of_rows(pipeline: Pipeline) -> None:
    await pipeline.accept(*habit("a"), *habit("b"), transaction("c", 5, currency="KWD"))
    await pipeline.write_everything()
    load = await pipeline.connection.fetch(
        "SELECT currency, sum(transaction_count)::bigint AS count,"
        " sum(amount_minor_units)::bigint AS amount, sum(decline_count + review_count)::bigint"
        " AS flagged FROM load_buckets GROUP BY currency ORDER BY currency"
    )
    rows = await pipeline.connection.fetch(
        "SELECT currency, count(*) AS count, sum(amount_minor_units)::bigint AS amount,"
        " count(*) FILTER (WHERE decision <> 'approve') AS flagged"
        " FROM transactions GROUP BY currency ORDER BY currency"
    )
    assert [tuple(row) for row in load] == [tuple(row) for row in rows]


async def test_positions_count_every_entry(pipeline: Pipeline) -> None:
    await pipeline.accept(*habit("a"), *habit("b"))
    await pipeline.write_everything()
    counts = await pipeline.connection.fetchrow(
        "SELECT sum(committed_count)::bigint, sum(flagged_count)::bigint,"
        " sum(dead_letter_count)::bigint FROM positions"
    )
    assert counts is not None
    assert tuple(counts) == (42, 2, 0)


async def test_an_entry_read_twice_is_written_once(pipeline: Pipeline) -> None:
    await pipeline.accept(*(transaction("a", 100 + i) for i in range(5)))
    async with pipeline.writer() as first:
        await first.take_shards()
        stop = asyncio.Event()
        batch = first.prepare(await first.read(stop), await first._known({}))
        await first.commit(batch)
        # The same entries again, as from a writer that did not notice that it lost the shard.
        with pytest.raises(PositionMoved):
            await first.commit(batch)
    assert len(await pipeline.rows()) == 5


async def test_alerts_of_a_writer_that_died_after_its_commit_are_told(pipeline: Pipeline) -> None:
    ids = await pipeline.accept(*habit("a"))
    async with pipeline.writer() as dies:
        await dies.take_shards()
        batch = dies.prepare(await dies.read(asyncio.Event()), await dies._known({}))
        await dies.commit(batch)
    assert await pipeline.redis.xlen(FEED_KEY) == 0
    await pipeline.write_everything()
    events = await feed_of(pipeline)
    alerts = [msgspec.json.decode(e.data)["id"] for e in events if e.kind == "alert"]
    assert alerts == [ids[-1]]
    assert len(await pipeline.rows()) == len(ids)


async def test_a_batch_is_never_larger_than_its_limit(pipeline: Pipeline) -> None:
    pipeline.settings = pipeline.settings.model_copy(
        update={"writer": pipeline.settings.writer.model_copy(update={"batch_size_max": 7})}
    )
    await pipeline.accept(*(transaction(f"account {i}", 100) for i in range(40)))
    async with pipeline.writer() as writer:
        await writer.take_shards()
        entries = await writer.read(asyncio.Event())
        assert sum(map(len, entries.values())) == 7
        await run_until_empty(pipeline, writer)
    assert len(await pipeline.rows()) == 40
