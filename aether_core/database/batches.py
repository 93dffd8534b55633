"""When each batch of a shard was read, scored, committed and published; kept for some days.

The last batch's record stands in its shard's position, which is updated for every batch anyway. The
next batch moves it here, so that each costs one small row that is never changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeAlias
from uuid import UUID

from aether_core.database.connection import Session
from aether_core.stream.contract import EntryId
from aether_core.transaction import id_floor, instant_of_ms, transaction_id

if TYPE_CHECKING:
    from asyncpg import Record

TOLD: Final = (
    "SELECT * FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::timestamptz[],"
    " $5::timestamptz[]) AS told(shard, ms, sequence, committed, published)"
)
"""What `told_columns` gives, as a relation."""


_ENDS: Final = """
SELECT positions.shard,
  CASE WHEN positions.committed_at <= $2 THEN entry_ms ELSE done.last_ms END AS ms,
  CASE WHEN positions.committed_at <= $2 THEN entry_sequence ELSE done.last_sequence END
    AS sequence,
  coalesce(first.after_ms, previous_ms) AS after_ms,
  coalesce(first.after_sequence, previous_sequence) AS after_sequence
FROM positions
LEFT JOIN LATERAL (
  SELECT last_ms, last_sequence FROM batches
  WHERE batches.shard = positions.shard AND last_ms <= $1 AND batches.committed_at <= $2
  ORDER BY last_ms DESC, last_sequence DESC LIMIT 1
) AS done ON true
LEFT JOIN LATERAL (
  SELECT after_ms, after_sequence FROM batches WHERE batches.shard = positions.shard
  ORDER BY last_ms, last_sequence LIMIT 1
) AS first ON true
"""


@dataclass(frozen=True, slots=True)
class BatchTimes:
    """When the entries of a batch were read, and when they were scored and laid out."""

    read_at: datetime
    scored_at: datetime


@dataclass(frozen=True, slots=True)
class ToldTimes:
    """When the batch up to `last` was known to be committed, and when the feed had it."""

    last: EntryId
    committed_at: datetime | None
    """None: its own writer died before it could say so; what it wrote is nearly right."""
    published_at: datetime


Told: TypeAlias = "dict[int, ToldTimes]"
"""Shard → the times of its last batch that are known only after its commit."""


@dataclass(frozen=True, slots=True)
class KeptBatch:
    """One shard's part of a batch: the entries after `after`, up to `last`."""

    after: EntryId
    last: EntryId
    entry_count: int
    read_at: datetime
    scored_at: datetime
    committed_at: datetime
    published_at: datetime | None


async def find_batch(connection: Session, shard: int, entry: EntryId) -> KeptBatch | None:
    """Return the batch that an entry was committed in, while it is kept."""
    row = await connection.fetchrow(
        "SELECT * FROM (SELECT after_ms, after_sequence, last_ms, last_sequence, entry_count,"
        " read_at, scored_at, committed_at, published_at FROM batches WHERE shard = $1"
        " AND (last_ms, last_sequence) >= ($2::bigint, $3::bigint)"
        " ORDER BY last_ms, last_sequence LIMIT 1) AS kept"
        " UNION ALL SELECT previous_ms, previous_sequence, entry_ms, entry_sequence, entry_count,"
        " read_at, scored_at, committed_at, published_at FROM positions WHERE shard = $1"
        " AND read_at IS NOT NULL AND (entry_ms, entry_sequence) >= ($2::bigint, $3::bigint)"
        " ORDER BY last_ms, last_sequence LIMIT 1",
        shard,
        entry.ms,
        entry.sequence,
    )
    batch = None if row is None else _batch(row)
    return None if batch is None or entry <= batch.after else batch


async def find_last_batches(connection: Session) -> dict[int, KeptBatch]:
    """Return the last batch of each shard that has committed one."""
    rows = await connection.fetch(
        "SELECT shard, previous_ms AS after_ms, previous_sequence AS after_sequence,"
        " entry_ms AS last_ms, entry_sequence AS last_sequence, entry_count, read_at, scored_at,"
        " committed_at, published_at FROM positions WHERE read_at IS NOT NULL"
    )
    return {row["shard"]: _batch(row) for row in rows}


async def find_committed_ends(connection: Session, at: datetime) -> dict[int, UUID]:
    """Return, for each shard, the smallest id that was not committed yet at an instant.

    By the records of its batches; where those are kept no longer, what was accepted by then is
    taken for committed. Reads the batches that were waiting then, and one more.
    """
    ms = max(0, int(at.timestamp() * 1000))
    rows = await connection.fetch(_ENDS, ms, at)
    accepted_end = id_floor(instant_of_ms(ms + 1))
    return {row["shard"]: min(_end_of(row) or accepted_end, accepted_end) for row in rows}


def _end_of(row: Record) -> UUID | None:
    """Return the id after the last that was committed; None when nobody knows any more."""
    if row["ms"] is not None:
        return transaction_id(row["ms"], row["sequence"] + 1, 0, 0)
    # No batch is known to have been committed by then, so nothing that the first one holds was.
    if not row["after_ms"]:
        return None
    return transaction_id(row["after_ms"], row["after_sequence"] + 1, 0, 0)


async def tell_batches(connection: Session, told: Told) -> None:
    """Note when the last batches were committed and published, without waiting for the disk."""
    await connection.execute(
        "UPDATE positions SET committed_at = coalesce(told.committed, committed_at),"  # noqa: S608
        " published_at = coalesce(published_at, told.published)"
        f" FROM ({TOLD}) AS told, (SELECT set_config('synchronous_commit', 'off', true)) AS relaxed"
        " WHERE positions.shard = told.shard AND entry_ms = told.ms"
        " AND entry_sequence = told.sequence",
        *told_columns(told),
    )


async def keep_last_batch(connection: Session, shard: int) -> None:
    """Move the record of a shard's last batch out of its position, which begins anew."""
    await connection.execute(
        "INSERT INTO batches (shard, last_ms, last_sequence, incarnation, after_ms,"
        " after_sequence, entry_count, read_at, scored_at, committed_at, published_at)"
        " SELECT shard, entry_ms, entry_sequence, incarnation, previous_ms, previous_sequence,"
        " entry_count, read_at, scored_at, committed_at, published_at"
        " FROM positions WHERE shard = $1 AND read_at IS NOT NULL ON CONFLICT DO NOTHING",
        shard,
    )


async def delete_batches(
    connection: Session, shards: list[int], before: datetime, limit: int
) -> None:
    """Delete records of entries accepted before an instant, at most `limit` of each shard.

    Does not wait for the disk: what a crash brings back is deleted again.
    """
    await connection.execute(
        "WITH relaxed AS (SELECT set_config('synchronous_commit', 'off', true))"
        " DELETE FROM batches USING relaxed WHERE ctid = ANY(ARRAY("
        "SELECT old.ctid FROM unnest($1::int[]) AS owned(shard) CROSS JOIN LATERAL ("
        "SELECT ctid FROM batches WHERE batches.shard = owned.shard AND last_ms < $2"
        " ORDER BY last_ms, last_sequence LIMIT $3) AS old))",
        shards,
        int(before.timestamp() * 1000),
        limit,
    )


def told_columns(
    told: Told,
) -> tuple[list[int], list[int], list[int], list[datetime | None], list[datetime]]:
    """Return the columns of TOLD."""
    return (
        list(told),
        [times.last.ms for times in told.values()],
        [times.last.sequence for times in told.values()],
        [times.committed_at for times in told.values()],
        [times.published_at for times in told.values()],
    )


def _batch(row: Record) -> KeptBatch:
    return KeptBatch(
        after=EntryId(row["after_ms"], row["after_sequence"]),
        last=EntryId(row["last_ms"], row["last_sequence"]),
        entry_count=row["entry_count"],
        read_at=row["read_at"],
        scored_at=row["scored_at"],
        committed_at=row["committed_at"],
        published_at=row["published_at"],
    )
