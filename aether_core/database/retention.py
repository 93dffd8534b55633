"""Retention: gives up whole months of transactions that are older than somebody wants to keep.

A month goes only when every shard's scoring state is saved beyond it: the state could not be
rebuilt from rows that are gone, and scores would change.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aether_core.database.alerts import delete_resolved_alerts
from aether_core.database.connection import LOCK_PARTITIONS, Session
from aether_core.database.labels import delete_labels
from aether_core.database.partitions import Month, drop_month, find_months
from aether_core.database.positions import find_positions
from aether_core.database.shadows import delete_shadow_differences
from aether_core.database.snapshots import find_snapshot_ends
from aether_core.database.transactions import delete_load


@dataclass(frozen=True, slots=True)
class Dropped:
    """What was given up of one month."""

    month: Month
    transaction_count: int
    alert_count: int


async def find_expired(connection: Session, keep_since: datetime) -> list[Month]:
    """Return the months that ended before `keep_since`, oldest first."""
    first_kept = Month.of(keep_since)
    return [month for month in await find_months(connection) if month < first_kept]


async def find_unsaved_shards(connection: Session, month: Month) -> list[int]:
    """Return the shards whose saved scoring state does not reach the end of a month.

    A shard that never wrote a transaction has no state to save.
    """
    ends = await find_snapshot_ends(connection)
    after = month.next.floor
    unsaved = []
    for position in await find_positions(connection):
        end = ends.get(position.shard)
        reaches = end is not None and end >= after
        if not reaches and await _has_rows(connection, position.shard, month, ends):
            unsaved.append(position.shard)
    return unsaved


async def drop_expired(connection: Session, month: Month) -> Dropped:
    """Drop a month's transactions, resolved alerts and load, in one database transaction."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK_PARTITIONS)
        transaction_count = await drop_month(connection, month)
        alert_count = await delete_resolved_alerts(connection, month.next.floor)
        await delete_load(connection, month.next.start)
        await delete_labels(connection, month.next.floor)
        await delete_shadow_differences(connection, month.next.floor)
    return Dropped(month, transaction_count, alert_count)


async def _has_rows(connection: Session, shard: int, month: Month, ends: dict[int, UUID]) -> bool:
    """Whether the shard has rows of the month that its snapshot has not learnt."""
    end = ends.get(shard) or month.floor
    return bool(
        await connection.fetchval(
            f"SELECT EXISTS (SELECT FROM {month.partition}"  # noqa: S608 - a constant name
            " WHERE shard = $1 AND id > $2)",
            shard,
            end,
        )
    )
