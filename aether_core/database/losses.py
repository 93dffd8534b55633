"""What streams have lost: entries that somebody removed before they were written.

A loss is found by counting, and named by the ids between which it lies. It stays here for good,
also when the stream that lost it is gone; an operator acknowledges it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from aether_core.database.connection import Session
from aether_core.database.positions import Position
from aether_core.stream.contract import EntryId

if TYPE_CHECKING:
    from asyncpg import Record


@dataclass(frozen=True, slots=True)
class Loss:
    """Entries of one shard that are missing: those between two ids, neither included."""

    shard: int
    incarnation: int
    after: EntryId
    before: EntryId | None
    """None: nobody can know how far it goes."""
    entry_count: int
    """How many; at least so many where it is not exact."""
    is_exact: bool
    cause: str


@dataclass(frozen=True, slots=True)
class KeptLoss:
    """A loss as it is kept."""

    id: int
    loss: Loss
    found_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    note: str | None


async def record_loss(connection: Session, loss: Loss) -> None:
    """Keep a loss. What is counted of it belongs to the shard's present incarnation."""
    await connection.execute(
        "INSERT INTO lost_ranges (shard, incarnation, after_ms, after_sequence, before_ms,"
        " before_sequence, entry_count, is_exact, cause)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        loss.shard,
        loss.incarnation,
        *loss.after,
        *(loss.before or (None, None)),
        loss.entry_count,
        loss.is_exact,
        loss.cause,
    )
    await connection.execute(
        "UPDATE positions SET lost_count = lost_count + $3 WHERE shard = $1 AND incarnation = $2",
        loss.shard,
        loss.incarnation,
        loss.entry_count,
    )


async def note_look(connection: Session, position: Position, added: int, last: EntryId) -> None:
    """Note what a stream had when its shard stood at a position, without waiting for the disk."""
    await connection.execute(
        "UPDATE positions SET checked_ms = entry_ms, checked_sequence = entry_sequence,"
        " seen_count = $5, seen_ms = $6, seen_sequence = $7"
        " FROM (SELECT set_config('synchronous_commit', 'off', true)) AS relaxed"
        " WHERE shard = $1 AND incarnation = $2 AND entry_ms = $3 AND entry_sequence = $4",
        position.shard,
        position.incarnation,
        *position.entry,
        added,
        *last,
    )


async def find_losses(connection: Session, *, is_open: bool, limit: int) -> list[KeptLoss]:
    """Return losses, newest first. is_open: only those that nobody has acknowledged."""
    rows = await connection.fetch(
        "SELECT * FROM lost_ranges WHERE NOT $1 OR acknowledged_at IS NULL"
        " ORDER BY id DESC LIMIT $2",
        is_open,
        limit,
    )
    return [_loss(row) for row in rows]


async def count_losses(connection: Session) -> dict[int, int]:
    """Return shard → entries that are known to be lost and that nobody has acknowledged.

    A shard that is there with 0 may have lost something that nobody can count.
    """
    rows = await connection.fetch(
        "SELECT shard, sum(entry_count)::bigint AS count FROM lost_ranges"
        " WHERE acknowledged_at IS NULL GROUP BY shard"
    )
    return {row["shard"]: row["count"] for row in rows}


async def acknowledge_losses(connection: Session, *, acknowledged_by: str, note: str) -> int:
    """Say that all losses are known to somebody; return how many were not yet.

    The shards' identity no longer counts them. Needs an open database transaction.
    """
    rows = await connection.fetch(
        "UPDATE lost_ranges SET acknowledged_at = now(), acknowledged_by = $1, note = $2"
        " WHERE acknowledged_at IS NULL RETURNING shard, incarnation, entry_count",
        acknowledged_by,
        note,
    )
    for row in sorted(rows, key=lambda row: int(row["shard"])):
        await connection.execute(
            "UPDATE positions SET base_count = base_count + $3, lost_count = lost_count - $3"
            " WHERE shard = $1 AND incarnation = $2",
            row["shard"],
            row["incarnation"],
            row["entry_count"],
        )
    return len(rows)


def _loss(row: Record) -> KeptLoss:
    before = None
    if row["before_ms"] is not None:
        before = EntryId(row["before_ms"], row["before_sequence"])
    return KeptLoss(
        id=row["id"],
        loss=Loss(
            shard=row["shard"],
            incarnation=row["incarnation"],
            after=EntryId(row["after_ms"], row["after_sequence"]),
            before=before,
            entry_count=row["entry_count"],
            is_exact=row["is_exact"],
            cause=row["cause"],
        ),
        found_at=row["found_at"],
        acknowledged_at=row["acknowledged_at"],
        acknowledged_by=row["acknowledged_by"],
        note=row["note"],
    )
