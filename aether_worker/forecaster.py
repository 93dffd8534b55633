"""Forecaster: the step from the load of complete minutes to a forecast.

In:   load buckets, as the writers committed them.
Out:  after each complete minute a forecast, with accuracy and anomalies, in PostgreSQL. Beside it
      the recorder keeps the pipeline of each minute (`recorder.py`).
It also takes the census of what is paid (`census.py`), which nobody else needs to do at the same
time. Only one forecaster works at a time: it holds an advisory lock on the connection that it also
writes with, so one that lost its lock cannot write. A minute is complete when it is over and
nothing that was accepted in it waits in the stream any more: a backlog delays the forecast, and
never looks like a lull.
"""

from __future__ import annotations

import asyncio
import logging
import random
import signal
from datetime import UTC, datetime, timedelta

from aether_core.cancellation import heed_cancellation
from aether_core.database.connection import LOCK_FORECASTER, Session
from aether_core.database.forecasts import (
    find_load_history,
    find_newest_forecast,
    save_forecast,
)
from aether_core.database.positions import find_positions
from aether_core.errors import HistoryTooShort
from aether_core.settings import ForecastSettings, Settings
from aether_core.stream.reader import read_entries
from aether_core.transaction import instant_of_ms
from aether_worker.census import take_due_census
from aether_worker.fitting import FitAborted, FittingProcess
from aether_worker.recorder import record_minutes
from aether_worker.stores import SERVER_ERRORS, Stores, open_stores

logger = logging.getLogger(__name__)

_RETRY_FIRST_S = 0.1
_RETRY_MAX_S = 10.0
_STATEMENT_TIMEOUT_S = 30.0

# How often a forecaster that waits tries for the lock.
_LOCK_WAIT_S = 5.0

_MINUTE_MS = 60_000


def run_forecaster(settings: Settings) -> None:
    """Run a forecaster until SIGTERM or SIGINT. Blocks."""
    asyncio.run(_run(settings))


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    fitting = FittingProcess(settings.forecast.fit_timeout_s)
    try:
        async with asyncio.TaskGroup() as group:
            working = group.create_task(_work(settings, fitting), name="forecaster")
            recording = group.create_task(record_minutes(settings), name="recorder")
            await stop.wait()
            # A fit in hand is given up; the next forecaster makes it again.
            working.cancel()
            recording.cancel()
    finally:
        fitting.close()
    logger.info("the forecaster has stopped")


async def _work(settings: Settings, fitting: FittingProcess) -> None:
    """Hold sessions, one after another, until cancelled."""
    loop = asyncio.get_running_loop()
    pause = _RETRY_FIRST_S
    while True:
        heed_cancellation()
        began = loop.time()
        try:
            async with open_stores(
                settings, name="forecaster", statement_timeout_s=_STATEMENT_TIMEOUT_S
            ) as stores:
                await _hold_lock(stores.connection, settings.forecast)
                logger.info("this forecaster is the active one")
                await _forecast_minutes(stores, settings, fitting)
        except SERVER_ERRORS as error:
            if loop.time() - began > _RETRY_MAX_S:
                pause = _RETRY_FIRST_S
            logger.warning("the session ended, the next one begins soon: %r", error)
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - spreads load
            pause = min(pause * 2, _RETRY_MAX_S)


async def _hold_lock(connection: Session, settings: ForecastSettings) -> None:
    """Wait until this forecaster is the active one, for as long as the connection lasts."""
    # One that froze is given up by PostgreSQL, and another takes over.
    frozen_s = 30.0 + 2 * settings.interval_s + settings.fit_timeout_s
    await connection.execute(
        "SELECT set_config('idle_session_timeout', $1, false)", str(int(frozen_s * 1000))
    )
    # Not a blocking wait: it would run into the statement's time limit.
    while not await connection.fetchval(  # noqa: ASYNC110 - the lock is another process's
        "SELECT pg_try_advisory_lock($1)", LOCK_FORECASTER
    ):
        await asyncio.sleep(min(settings.interval_s, _LOCK_WAIT_S))


async def _forecast_minutes(stores: Stores, settings: Settings, fitting: FittingProcess) -> None:
    """Make a forecast whenever there is a new complete minute."""
    newest = await find_newest_forecast(stores.connection)
    done = None if newest is None else newest.end
    while True:
        heed_cancellation()
        await take_due_census(stores.connection)
        end = await _find_complete_end(stores)
        if end != done:
            await _forecast(stores.connection, settings, fitting, end)
            # Also when it failed: the next minute brings another history.
            done = end
        await asyncio.sleep(settings.forecast.interval_s)


async def _find_complete_end(stores: Stores) -> datetime:
    """Return the end of the last minute of which everything is written.

    The order matters: what was accepted before the server was asked for its time is either still
    found in the stream, or is committed before the load is read.
    """
    seconds, microseconds = await stores.redis.time()
    end_ms = seconds * 1000 + microseconds // 1000
    positions = await find_positions(stores.connection)
    waiting = await read_entries(
        stores.redis, {p.shard: p.entry for p in positions}, count=1, block_ms=None
    )
    for entries in waiting.values():
        end_ms = min(end_ms, entries[0].id.ms)
    return instant_of_ms(end_ms - end_ms % _MINUTE_MS)


async def _forecast(
    connection: Session, settings: Settings, fitting: FittingProcess, end: datetime
) -> None:
    """Forecast what follows `end`, if there is enough history, and keep it."""
    wanted = settings.forecast
    history = await find_load_history(connection, end, wanted.history_max)
    length = 0 if history is None else len(history.counts)
    if history is None or length < wanted.history_min:
        logger.info("%s", HistoryTooShort(length, wanted.history_min))
        return
    try:
        report = await fitting.report(
            history,
            wanted.horizon,
            history_min=wanted.history_min,
            analyzed_at=datetime.now(UTC),
        )
    except FitAborted as error:
        logger.warning("there is no new forecast: %s", error)
    else:
        keep = timedelta(days=settings.rewind.keep_days)
        await save_forecast(connection, report, keep=keep)
