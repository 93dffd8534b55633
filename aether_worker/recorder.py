"""Recorder: keeps the pipeline of each minute, so that it can be looked back upon.

In:   the stream's server and PostgreSQL, looked at when a minute begins.
Out:  one row of `pipeline_minutes` for each minute; those older than some days are given up.
It runs beside the forecaster and knows nothing of it: a fit that takes long holds nothing up, and
two recorders do no harm, since the first row of a minute stands. Each minute has connections of its
own. While a server is away it is tried again until the minute is over; a minute that could not be
looked at is missing, and is never made up from others.
"""

from __future__ import annotations

import asyncio
import logging
import random
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec.structs import replace

from aether_core.cancellation import heed_cancellation
from aether_core.database.connection import Session
from aether_core.database.minutes import delete_minutes, keep_minute, minute_is_kept
from aether_core.forecasting.report import MINUTE
from aether_core.pipeline import Pipeline, inspect_pipeline, rate_between
from aether_core.rewinding import find_recorded_pipeline, start_of_minute
from aether_core.settings import Settings
from aether_core.stream.publisher import Redis
from aether_worker.stores import SERVER_ERRORS, open_stores

logger = logging.getLogger(__name__)

_STATEMENT_TIMEOUT_S: Final = 10.0
# Opening, looking and keeping: a look that takes longer says nothing of one moment.
_LOOK_TIMEOUT_S: Final = 20.0
_RETRY_FIRST_S: Final = 0.2
_RETRY_MAX_S: Final = 5.0
# Looks until the numbers of a busy pipeline belong to one moment; then they are kept as they are.
_LOOKS_MAX: Final = 3


async def record_minutes(settings: Settings) -> None:
    """Record each minute, beginning with the present one, until cancelled."""
    last: datetime | None = None
    while True:
        heed_cancellation()
        minute = start_of_minute(datetime.now(UTC))
        if minute == last:
            # Never past the next minute by more than a timer's trembling.
            await asyncio.sleep(max(0.001, (minute + MINUTE - datetime.now(UTC)).total_seconds()))
            continue
        await _record(settings, minute)
        last = minute


async def _record(settings: Settings, minute: datetime) -> None:
    """Record a minute; try again while it lasts."""
    pause_s = _RETRY_FIRST_S
    while start_of_minute(datetime.now(UTC)) == minute:
        heed_cancellation()
        try:
            async with (
                asyncio.timeout(_LOOK_TIMEOUT_S),
                open_stores(
                    settings, name="recorder", statement_timeout_s=_STATEMENT_TIMEOUT_S
                ) as stores,
            ):
                await record_minute(
                    stores.redis, stores.connection, minute, keep_days=settings.rewind.keep_days
                )
        except SERVER_ERRORS as error:
            logger.warning("%s is not recorded yet: %r", minute, error)
        else:
            return
        await asyncio.sleep(pause_s * random.uniform(0.8, 1.2))  # noqa: S311 - spreads load
        pause_s = min(2 * pause_s, _RETRY_MAX_S)
    logger.warning("%s was not recorded", minute)


async def record_minute(
    redis: Redis, connection: Session, minute: datetime, *, keep_days: int
) -> None:
    """Look at the pipeline and keep it as that of `minute`, unless that one is kept already.

    Its rate is that since the minute before, if that was recorded. Errors of either server pass.
    """
    if await minute_is_kept(connection, minute):
        return
    found = await _look(redis, connection)
    before = await find_recorded_pipeline(connection, minute - MINUTE)
    if before is not None:
        found = replace(found, committed_per_second=rate_between(before, found))
    await keep_minute(connection, minute, found)
    await delete_minutes(connection, minute - timedelta(days=keep_days))


async def _look(redis: Redis, connection: Session) -> Pipeline:
    for _ in range(_LOOKS_MAX):
        found = await inspect_pipeline(redis, connection, None)
        if found.is_settled:
            break
    return found
