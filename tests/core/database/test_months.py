"""Months are partitions: made ahead, filled by id, dropped by age with their number kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from aether_core.database.connection import connect
from aether_core.database.partitions import (
    DEFAULT_PARTITION,
    MONTHS_AHEAD,
    Month,
    count_dropped,
    drop_month,
    ensure_months,
    find_months,
)
from aether_core.database.transactions import copy_transactions
from aether_core.transaction import transaction_id

NOW = datetime.now(UTC)


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    opened = await connect(database_url, statement_timeout_s=10, name="test")
    yield opened
    await opened.close()


def row(at: datetime, sequence: int, shard: int = 0) -> tuple[Any, ...]:
    identifier: UUID = transaction_id(int(at.timestamp() * 1000), sequence, shard, 7)
    start = (identifier, shard, "u", "a", 100, "USD", "m", None, "purchase", None, None, at, at)
    return (*start, 0.1, "approve", None, None, None, None)


async def test_this_month_and_the_next_ones_are_made_once(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    made = await ensure_months(connection)
    assert made[0] == Month.of(NOW)
    assert len(made) == MONTHS_AHEAD + 1
    assert await ensure_months(connection) == []
    assert await find_months(connection) == made


async def test_rows_lie_in_the_month_of_their_acceptance(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    first, second, *_ = await ensure_months(connection)
    start = datetime(second.year, second.month, 1, tzinfo=UTC)
    rows = [row(start - timedelta(milliseconds=1), 1), row(start, 2)]
    await copy_transactions(connection, rows)
    for month, expected in ((first, rows[0]), (second, rows[1])):
        found = await connection.fetch(f"SELECT id FROM {month.partition}")
        assert [r["id"] for r in found] == [expected[0]]


async def test_rows_that_came_before_their_month_was_made_move_into_it(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    rows = [row(NOW, sequence) for sequence in range(5)]
    await copy_transactions(connection, rows)
    assert await connection.fetchval(f"SELECT count(*) FROM {DEFAULT_PARTITION}") == 5
    await ensure_months(connection)
    assert await connection.fetchval(f"SELECT count(*) FROM {DEFAULT_PARTITION}") == 0
    found = await connection.fetch("SELECT id FROM transactions ORDER BY id")
    assert [r["id"] for r in found] == [r[0] for r in rows]
    # A second write of the same entry stays impossible.
    with pytest.raises(asyncpg.UniqueViolationError):
        await copy_transactions(connection, rows[:1])


async def test_a_dropped_month_is_still_counted(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    month, *_ = await ensure_months(connection)
    rows = [row(NOW, sequence, shard) for shard in (0, 1) for sequence in range(shard + 1)]
    await copy_transactions(connection, rows)
    async with connection.transaction():
        assert await drop_month(connection, month) == 3
    assert await connection.fetchval("SELECT count(*) FROM transactions") == 0
    assert await count_dropped(connection) == {0: 1, 1: 2}
    assert month not in await find_months(connection)


async def test_a_newest_first_page_neither_sorts_nor_scans(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    await ensure_months(connection)
    await copy_transactions(connection, [row(NOW, sequence) for sequence in range(2_000)])
    await connection.execute("ANALYZE transactions")
    plan = await connection.fetch(
        "EXPLAIN (ANALYZE, TIMING off) SELECT * FROM transactions ORDER BY id DESC LIMIT 50"
    )
    text = "\n".join(r[0] for r in plan)
    assert "->  Sort" not in text, text
    assert "Seq Scan" not in text, text
