"""What was written is what is counted: load per minute, its summary, and the newest forecast.

Buckets are added as a writer adds them, to a migrated PostgreSQL.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from msgspec.structs import replace

from aether_core.database.connection import connect
from aether_core.database.forecasts import (
    CurrencyVolume,
    LoadCount,
    count_load,
    find_forecast_at,
    find_load_history,
    find_newest_forecast,
    find_volumes,
    save_forecast,
)
from aether_core.database.transactions import LoadBucket, add_load
from aether_core.forecasting.report import (
    MINUTE,
    Accuracy,
    Anomaly,
    ForecastPoint,
    LoadReport,
    Model,
)

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    opened = await connect(database_url, statement_timeout_s=10, name="test")
    yield opened
    await opened.close()


def bucket(minute: int, count: int, *, shard: int = 0, currency: str = "EUR") -> LoadBucket:
    return LoadBucket(
        minute=NOON + minute * MINUTE,
        shard=shard,
        currency=currency,
        transaction_count=count,
        review_count=1,
        decline_count=0,
        amount_minor_units=100 * count,
        log_amount_sum=2.0 * count,
    )


def report_at(instant: datetime) -> LoadReport:
    return LoadReport(
        analyzed_at=instant,
        first_minute=NOON,
        counts=(1, 2, 3),
        points=(ForecastPoint(NOON + 3 * MINUTE, 2.0, 0.5, 4.0),),
        model=Model("ARIMA(0, 1, 1)", (0, 1, 1), 12.5, instant),
        accuracy=Accuracy(1.0, 1.5, None, 0.9, 10),
        velocity_anomaly=Anomaly(False, 0.3),
        amount_anomaly=Anomaly(False),
    )


async def test_empty_minutes_are_zeros_and_shards_and_currencies_are_added(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    await add_load(
        connection,
        [
            bucket(0, 5),
            bucket(0, 2, shard=1),
            bucket(3, 4, currency="JPY"),
            bucket(3, 1),
            bucket(5, 9),
        ],
    )
    history = await find_load_history(connection, NOON + 5 * MINUTE, 720)
    assert history is not None
    assert history.first_minute == NOON
    assert history.counts == (7, 0, 0, 5, 0)
    assert history.end == NOON + 5 * MINUTE
    assert [load.currency for load in history.currencies] == ["EUR", "JPY"]
    assert history.currencies[0].counts == (7, 0, 0, 1, 0)
    assert history.currencies[1].log_amount_sums == (0.0, 0.0, 0.0, 8.0, 0.0)


async def test_history_reaches_back_as_far_as_wanted_also_over_a_pause(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    await add_load(connection, [bucket(0, 5), bucket(100, 6)])
    history = await find_load_history(connection, NOON + 101 * MINUTE, 10)
    assert history is not None
    assert history.counts == (0,) * 9 + (6,)


async def test_before_the_first_complete_minute_there_is_no_history(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    assert await find_load_history(connection, NOON, 10) is None
    await add_load(connection, [bucket(0, 5)])
    assert await find_load_history(connection, NOON, 10) is None


async def test_summary_counts_decisions_and_volumes_of_currencies(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    assert await count_load(connection, NOON) == LoadCount(0, 0, 0)
    assert await find_volumes(connection) == []
    await add_load(connection, [bucket(0, 5), bucket(1, 3), bucket(1, 9, currency="JPY")])
    assert await count_load(connection, NOON) == LoadCount(17, 3, 0)
    assert await count_load(connection, NOON + MINUTE) == LoadCount(12, 2, 0)
    assert await find_volumes(connection) == [
        CurrencyVolume("JPY", 900, LoadCount(9, 1, 0)),
        CurrencyVolume("EUR", 800, LoadCount(8, 2, 0)),
    ]


async def test_the_newest_forecast_is_found_and_old_ones_are_deleted(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    assert await find_newest_forecast(connection) is None
    for hours in range(4):
        report = report_at(NOON + timedelta(hours=hours))
        await save_forecast(connection, report, keep=timedelta(hours=2))
    assert await find_newest_forecast(connection) == report_at(NOON + timedelta(hours=3))
    assert await connection.fetchval("SELECT count(*) FROM forecasts") == 3


async def test_a_past_forecast_is_found_with_the_load_of_its_time(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    await add_load(connection, [bucket(minute, minute + 1) for minute in range(3)])
    made = [report_at(NOON + timedelta(minutes=3, seconds=n)) for n in range(3)]
    for report in made:
        await save_forecast(connection, report, keep=timedelta(days=1))
    # What was written after it was made is none of its load.
    await add_load(connection, [bucket(3, 99)])
    stripped = "SELECT NOT payload ? 'counts' FROM forecasts ORDER BY made_at"
    assert [row[0] for row in await connection.fetch(stripped)] == [True, True, False]
    for report in made:
        assert await find_forecast_at(connection, report.analyzed_at) == report
        later = report.analyzed_at + timedelta(milliseconds=999)
        assert await find_forecast_at(connection, later) == report
    assert await find_forecast_at(connection, NOON) is None
    # Also where it has become the newest again.
    await connection.execute("DELETE FROM forecasts WHERE payload ? 'counts'")
    assert await find_newest_forecast(connection) == made[1]


async def test_a_past_forecast_outlives_its_load(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    await add_load(connection, [bucket(minute, minute + 1) for minute in range(3)])
    first, second = report_at(NOON + 4 * MINUTE), report_at(NOON + 5 * MINUTE)
    await save_forecast(connection, first, keep=timedelta(days=1))
    await save_forecast(connection, second, keep=timedelta(days=1))
    await connection.execute("DELETE FROM load_buckets WHERE minute < $1", NOON + 2 * MINUTE)
    found = await find_forecast_at(connection, first.analyzed_at)
    assert found == replace(first, first_minute=NOON + 2 * MINUTE, counts=(3,))
    await connection.execute("DELETE FROM load_buckets")
    found = await find_forecast_at(connection, first.analyzed_at)
    assert found == replace(first, first_minute=NOON + 3 * MINUTE, counts=())


async def test_a_clock_that_was_set_back_hides_no_forecast(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    await save_forecast(connection, report_at(NOON + timedelta(days=9)), keep=timedelta(days=1))
    await save_forecast(connection, report_at(NOON), keep=timedelta(days=1))
    assert await find_newest_forecast(connection) == report_at(NOON)


async def test_a_forecast_in_another_versions_shape_counts_as_none(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    await connection.execute(
        "INSERT INTO forecasts (made_at, payload) VALUES (now(), $1)", {"of": "another version"}
    )
    assert await find_newest_forecast(connection) is None
