"""Each minute of the pipeline is recorded once, as it was, whatever is away; old ones are given up.

Real servers, of which some are ended; minutes are named rather than waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from aether_core.database.forecasts import save_forecast
from aether_core.errors import MinuteNotRecorded
from aether_core.pipeline import inspect_pipeline
from aether_core.rewinding import find_past_pipeline
from aether_worker.fitting import FittingProcess
from aether_worker.recorder import record_minute, record_minutes
from tests.conftest import ValkeyServer
from tests.core.test_load_history import report_at
from tests.worker.pipeline import Pipeline, transaction
from tests.worker.test_forecaster import forecaster, history

MINUTE = timedelta(minutes=1)
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DEADLINE_S = 90.0


@contextlib.asynccontextmanager
async def recording(pipeline: Pipeline) -> AsyncIterator[asyncio.Task[None]]:
    """A recorder that runs meanwhile, and ends when it is cancelled."""
    task = asyncio.create_task(record_minutes(pipeline.settings))
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def recorded(pipeline: Pipeline) -> list[datetime]:
    return await pipeline.column("SELECT minute FROM pipeline_minutes ORDER BY minute")


async def await_minute(pipeline: Pipeline, task: asyncio.Task[None] | None = None) -> datetime:
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        assert task is None or not task.done()
        minutes = await recorded(pipeline)
        if minutes:
            return minutes[-1]
        await asyncio.sleep(0.02)
    pytest.fail("no minute was recorded")


async def test_a_minute_is_recorded_as_it_was_and_stays_so(pipeline: Pipeline) -> None:
    record = (pipeline.redis, pipeline.connection)
    await pipeline.accept(*(transaction(account=f"a{n}") for n in range(30)))
    waiting = await inspect_pipeline(*record, None)
    await record_minute(*record, NOON, keep_days=14)
    await pipeline.write_everything()
    await record_minute(*record, NOON + MINUTE, keep_days=14)
    # What comes second says nothing of the minute any more.
    await record_minute(*record, NOON, keep_days=14)
    first = await find_past_pipeline(pipeline.connection, NOON + timedelta(seconds=59))
    second = await find_past_pipeline(pipeline.connection, NOON + MINUTE)
    assert first.identity == waiting.identity
    assert (first.identity.backlog, first.identity.holds) == (30, True)
    assert [s.position for s in first.shards] == [s.position for s in waiting.shards]
    assert first.committed_per_second is None
    assert (second.identity.backlog, second.identity.committed) == (0, 30)
    assert second.committed_per_second is not None
    assert second.committed_per_second == pytest.approx(
        30 / (second.at - first.at).total_seconds(), abs=0.01
    )


async def test_a_minute_that_nobody_recorded_is_missing_and_names_its_neighbours(
    pipeline: Pipeline,
) -> None:
    record = (pipeline.redis, pipeline.connection)
    with pytest.raises(MinuteNotRecorded, match="there is no recorded minute"):
        await find_past_pipeline(pipeline.connection, NOON)
    for minute in (NOON, NOON + 3 * MINUTE):
        await record_minute(*record, minute, keep_days=14)
    with pytest.raises(MinuteNotRecorded, match=r"before it is 2026-03-01 12:00Z.* 12:03Z") as info:
        await find_past_pipeline(pipeline.connection, NOON + MINUTE)
    assert (info.value.before, info.value.after) == (NOON, NOON + 3 * MINUTE)
    # A rate needs the minute before.
    found = await find_past_pipeline(pipeline.connection, NOON + 3 * MINUTE)
    assert found.committed_per_second is None


async def test_what_another_version_recorded_in_another_shape_is_missing(
    pipeline: Pipeline,
) -> None:
    await pipeline.connection.execute(
        "INSERT INTO pipeline_minutes VALUES ($1, $2)", NOON, {"shards": "many"}
    )
    with pytest.raises(MinuteNotRecorded):
        await find_past_pipeline(pipeline.connection, NOON)


async def test_minutes_and_forecasts_older_than_wanted_are_given_up(pipeline: Pipeline) -> None:
    record = (pipeline.redis, pipeline.connection)
    for days in (0, 1, 2, 3):
        await record_minute(*record, NOON + timedelta(days=days), keep_days=2)
        await save_forecast(
            pipeline.connection, report_at(NOON + timedelta(days=days)), keep=timedelta(days=2)
        )
    assert await recorded(pipeline) == [NOON + timedelta(days=days) for days in (1, 2, 3)]
    made = await pipeline.column("SELECT made_at FROM forecasts ORDER BY made_at")
    assert made == await recorded(pipeline)


async def test_the_present_minute_is_recorded_at_once_and_by_one_of_several(
    pipeline: Pipeline,
) -> None:
    before = datetime.now(UTC).replace(second=0, microsecond=0)
    async with recording(pipeline) as one, recording(pipeline) as other:
        assert await await_minute(pipeline, one) >= before
        assert not other.done()
    assert await recorded(pipeline) == sorted(set(await recorded(pipeline)))


async def test_servers_that_are_away_are_waited_for(
    pipeline: Pipeline, valkey: ValkeyServer
) -> None:
    valkey.kill()
    async with recording(pipeline) as task:
        # It tries, and cannot look: nothing is made up.
        end = time.monotonic() + DEADLINE_S
        seen = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'aether recorder'"
        while not await pipeline.connection.fetchval(seen):
            assert time.monotonic() < end
            await asyncio.sleep(0.005)
        assert await recorded(pipeline) == []
        await asyncio.to_thread(valkey.start)
        await await_minute(pipeline, task)


async def test_a_lost_connection_costs_a_minute_at_most(pipeline: Pipeline) -> None:
    async with recording(pipeline) as task:
        end = time.monotonic() + DEADLINE_S
        ended = (
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name = 'aether recorder' AND datname = current_database()"
        )
        while not await pipeline.connection.fetchval(ended) and not await recorded(pipeline):
            assert time.monotonic() < end
        await await_minute(pipeline, task)


async def test_a_fit_that_goes_on_holds_nothing_up(pipeline: Pipeline) -> None:
    fitting = FittingProcess(timeout_s=600)
    # The libraries alone take seconds to load, and this much history longer to fit.
    fit = asyncio.create_task(
        fitting.report(history(20_000), 180, history_min=30, analyzed_at=datetime.now(UTC))
    )
    try:
        async with recording(pipeline) as task:
            await await_minute(pipeline, task)
            assert not fit.done()
    finally:
        fit.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await fit
        fitting.close()


async def test_the_forecasters_process_records(pipeline: Pipeline) -> None:
    with forecaster(pipeline.settings) as process:
        await await_minute(pipeline)
        assert process.stop() == 0
