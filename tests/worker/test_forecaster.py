"""The forecaster forecasts complete minutes only, alone, and outlives its connections.

Real forecaster processes on real servers; load is added as a writer adds it. What must hold after
a kill is awaited, not slept for.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import asyncpg
import numpy as np
import psutil
import pytest

from aether_core.database.connection import LOCK_FORECASTER, connect
from aether_core.database.forecasts import find_newest_forecast
from aether_core.database.transactions import LoadBucket, add_load
from aether_core.forecasting.report import MINUTE, CurrencyLoad, LoadHistory, LoadReport
from aether_core.settings import Settings
from aether_core.stream import contract
from aether_core.transaction import encode_transaction, us_of_instant
from aether_worker.fitting import FitAborted, FittingProcess
from tests.running import RunningProcess
from tests.worker.pipeline import Pipeline, transaction

DEADLINE_S = 60.0


@contextmanager
def forecaster(settings: Settings, name: str = "forecaster") -> Iterator[RunningProcess]:
    """A forecaster process that looks for a new minute five times a second."""
    assert settings.database_url is not None
    assert settings.redis_url is not None
    settings.home.mkdir(parents=True, exist_ok=True)
    process = RunningProcess(
        name,
        "forecaster",
        settings.home,
        {
            "AETHER_HOME": str(settings.home),
            "AETHER_DATABASE_URL": settings.database_url.get_secret_value(),
            "AETHER_REDIS_URL": settings.redis_url.get_secret_value(),
            "AETHER_FORECAST__INTERVAL_S": "0.2",
        },
    )
    process.start()
    try:
        yield process
    finally:
        if process.is_running():
            process.kill()


@pytest.fixture
async def connection(pipeline: Pipeline) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    assert pipeline.settings.database_url is not None
    opened = await connect(
        pipeline.settings.database_url.get_secret_value(), statement_timeout_s=10, name="test"
    )
    yield opened
    await opened.close()


async def add_minutes(
    connection: asyncpg.Connection[asyncpg.Record], count: int, *, until: datetime | None = None
) -> datetime:
    """Add load to every second one of the `count` minutes before now; return the first."""
    end = (until or datetime.now(UTC)).replace(second=0, microsecond=0)
    first = end - count * MINUTE
    loads = np.random.default_rng(1).poisson(40, count)
    await add_load(
        connection,
        [
            LoadBucket(first + i * MINUTE, 0, "EUR", int(loads[i]), 0, 0, 100, 8.0 * int(loads[i]))
            for i in range(0, count, 2)
        ],
    )
    return first


async def await_forecast(
    connection: asyncpg.Connection[asyncpg.Record], process: RunningProcess
) -> LoadReport:
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        process.check()
        report = await find_newest_forecast(connection)
        if report is not None:
            return report
        await asyncio.sleep(0.05)
    pytest.fail(f"there was no forecast:\n{process.log}")


async def holder_of_lock(connection: asyncpg.Connection[asyncpg.Record]) -> int | None:
    """The backend of the active forecaster."""
    holder: int | None = await connection.fetchval(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
        " AND (classid::bigint << 32) + objid::bigint = $1"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        LOCK_FORECASTER,
    )
    return holder


async def await_holder(
    connection: asyncpg.Connection[asyncpg.Record], other_than: int | None = None
) -> int:
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        holder = await holder_of_lock(connection)
        if holder is not None and holder != other_than:
            return holder
        await asyncio.sleep(0.05)
    pytest.fail("no forecaster became active")


async def test_complete_minutes_are_forecast_and_stored(
    pipeline: Pipeline, connection: asyncpg.Connection[asyncpg.Record]
) -> None:
    first = await add_minutes(connection, 60)
    # The minute that is under way: whatever it has so far is not its load.
    await add_minutes(connection, 1, until=datetime.now(UTC) + MINUTE)
    with forecaster(pipeline.settings) as process:
        report = await await_forecast(connection, process)
        assert report.first_minute == first
        assert report.end <= report.analyzed_at
        assert len(report.counts) in (60, 61)
        assert report.counts[1:60:2] == (0,) * 30
        assert all(report.counts[:60:2])
        assert len(report.points) == pipeline.settings.forecast.horizon
        assert report.points[0].at == report.end
        assert report.accuracy.evaluated_points > 0
        assert process.stop() == 0


async def test_a_minute_that_waits_in_the_stream_is_not_complete(
    pipeline: Pipeline, connection: asyncpg.Connection[asyncpg.Record]
) -> None:
    await add_minutes(connection, 60)
    late = datetime.now(UTC) - 10 * MINUTE
    await pipeline.redis.xadd(
        contract.stream_key(0),
        {contract.incarnation_field(pipeline.incarnations[0]): encode_transaction(transaction())},
        id=f"{us_of_instant(late) // 1000}-0",
    )
    with forecaster(pipeline.settings) as process:
        report = await await_forecast(connection, process)
    assert report.end == late.replace(second=0, microsecond=0)


async def test_only_one_forecaster_is_active_and_another_takes_over(
    pipeline: Pipeline, connection: asyncpg.Connection[asyncpg.Record]
) -> None:
    with (
        forecaster(pipeline.settings, "first") as first,
        forecaster(pipeline.settings, "second") as second,
    ):
        active = await await_holder(connection)
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1"
        end = time.monotonic() + DEADLINE_S
        while await connection.fetchval(waiting, "aether forecaster") < 2:
            assert time.monotonic() < end
            await asyncio.sleep(0.05)
        assert await holder_of_lock(connection) == active
        killed = first if "active one" in first.log else second
        killed.kill()
        assert await await_holder(connection, other_than=active) != active


async def test_a_lost_connection_is_made_again_and_forecasting_goes_on(
    pipeline: Pipeline, connection: asyncpg.Connection[asyncpg.Record]
) -> None:
    await add_minutes(connection, 60)
    with forecaster(pipeline.settings) as process:
        await await_forecast(connection, process)
        await connection.execute("DELETE FROM forecasts")
        active = await holder_of_lock(connection)
        assert await connection.fetchval("SELECT pg_terminate_backend($1)", active)
        await await_holder(connection, other_than=active)
        await await_forecast(connection, process)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_no_process_is_left_behind(
    pipeline: Pipeline, connection: asyncpg.Connection[asyncpg.Record], number: signal.Signals
) -> None:
    await add_minutes(connection, 40)
    with forecaster(pipeline.settings) as process:
        await await_forecast(connection, process)
        children = psutil.Process(process.pid).children(recursive=True)
        assert children
        process.signal(number)
        _, alive = psutil.wait_procs(children, timeout=20)
        assert not alive
        status = process.stop()
    assert status == (0 if number == signal.SIGTERM else -signal.SIGKILL)


def history(minutes: int = 60) -> LoadHistory:
    counts = tuple(int(n) for n in np.random.default_rng(2).poisson(30, minutes))
    amounts = CurrencyLoad("EUR", counts, tuple(8.0 * n for n in counts))
    return LoadHistory(datetime(2026, 3, 1, tzinfo=UTC), counts, (amounts,))


async def test_a_fit_that_takes_too_long_is_given_up() -> None:
    fitting = FittingProcess(timeout_s=0.05)
    with pytest.raises(FitAborted, match=r"took more than"):
        await fitting.report(history(), 10, history_min=30, analyzed_at=datetime.now(UTC))
    assert fitting.pid is None


async def test_a_fit_that_fails_says_why_and_one_that_dies_is_replaced() -> None:
    fitting = FittingProcess(timeout_s=60)
    now = datetime.now(UTC)
    try:
        with pytest.raises(FitAborted, match="HistoryTooShort"):
            await fitting.report(history(20), 10, history_min=30, analyzed_at=now)
        assert fitting.pid is not None
        psutil.Process(fitting.pid).kill()
        with pytest.raises(FitAborted, match="died"):
            await fitting.report(history(), 10, history_min=30, analyzed_at=now)
        report = await fitting.report(history(), 10, history_min=30, analyzed_at=now)
        assert len(report.points) == 10
    finally:
        fitting.close()
