"""Old months go for good, never one whose scoring state could not be rebuilt without its rows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from aether_core.database.connection import connect
from aether_core.database.partitions import Month, ensure_months, find_months
from aether_core.database.positions import begin_incarnation
from aether_core.database.retention import drop_expired, find_expired, find_unsaved_shards
from aether_core.database.snapshots import Snapshot, save_snapshot
from aether_core.database.transactions import copy_transactions
from tests.core.database.test_months import row

NOW = datetime.now(UTC)


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    opened = await connect(database_url, statement_timeout_s=10, name="test")
    yield opened
    await opened.close()


async def test_a_month_goes_only_when_its_states_are_saved(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    month, *_ = await ensure_months(connection)
    for shard in (0, 1, 2):
        await begin_incarnation(connection, shard, 7, base_count=0, reason="test")
    rows = [row(NOW, sequence, shard=sequence % 2) for sequence in range(6)]
    await copy_transactions(connection, rows)

    assert await find_expired(connection, NOW) == []
    later = NOW + timedelta(days=40)
    assert (await find_expired(connection, later))[0] == month
    assert await find_unsaved_shards(connection, month) == [0, 1]
    await save_snapshot(connection, 0, Snapshot(rows[4][0], b""))
    await save_snapshot(connection, 1, Snapshot(rows[3][0], b""))
    assert await find_unsaved_shards(connection, month) == [1]
    await save_snapshot(connection, 1, Snapshot(rows[5][0], b""))
    assert await find_unsaved_shards(connection, month) == []

    dropped = await drop_expired(connection, month)
    assert (dropped.month, dropped.transaction_count) == (Month.of(NOW), 6)
    assert month not in await find_months(connection)
    assert await connection.fetchval("SELECT count(*) FROM transactions") == 0
