"""Taking the census: what is paid in each currency over all shards.

In:   committed transactions.
Out:  an order, which each shard's owner puts into its stream.
Relies on being called by one process at a time: a second one would order the same again, which
costs a few kilobytes and changes nothing.

A young system takes one whenever the number of its transactions has doubled, as the tables of a
population are refreshed; later one an hour is enough for currencies that are new.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Final

from aether_core.database.census import (
    LastCensus,
    find_last_census,
    find_newest_payments,
    note_census,
)
from aether_core.database.connection import Session
from aether_core.database.controls import add_order
from aether_core.database.pipeline import find_totals
from aether_core.database.positions import find_positions
from aether_core.scoring.census import CENSUS_MAX, take_census

logger = logging.getLogger(__name__)

_FIRST: Final = 128
"""Transactions after which the first census is taken."""
_INTERVAL: Final = timedelta(hours=1)


async def take_due_census(connection: Session) -> bool:
    """Take a census if one is due; return whether it was.

    A single shard sees everything by itself: it needs none.
    """
    if len(await find_positions(connection)) < 2:
        return False
    committed = (await find_totals(connection)).committed_count
    now = datetime.now(UTC)
    if not _is_due(await find_last_census(connection), committed, now):
        return False
    census = take_census(await find_newest_payments(connection, CENSUS_MAX))
    async with connection.transaction():
        await add_order(connection, census)
        await note_census(connection, LastCensus(now, committed))
    logger.info("a census of %d currencies was taken", len(census.currencies))
    return True


def _is_due(last: LastCensus | None, committed: int, now: datetime) -> bool:
    if last is None:
        return committed >= _FIRST
    has_doubled = committed >= 2 * last.committed_count
    is_old = committed > last.committed_count and now - last.at >= _INTERVAL
    # A clock that was set back does not put the next one off.
    return has_doubled or is_old or now < last.at - _INTERVAL
