"""Scoring state, saved now and then so that a new owner need not score all rows again."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from aether_core.database.connection import Session


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A shard's scoring state as it was after a transaction."""

    transaction_id: UUID
    state: bytes


async def save_snapshot(connection: Session, shard: int, snapshot: Snapshot) -> None:
    """Replace the shard's snapshot."""
    await connection.execute(
        "INSERT INTO snapshots (shard, transaction_id, state) VALUES ($1, $2, $3)"
        " ON CONFLICT (shard) DO UPDATE SET transaction_id = excluded.transaction_id,"
        " state = excluded.state, made_at = now()",
        shard,
        snapshot.transaction_id,
        snapshot.state,
    )


async def find_snapshot(connection: Session, shard: int) -> Snapshot | None:
    """Return the shard's snapshot, if there is one."""
    row = await connection.fetchrow(
        "SELECT transaction_id, state FROM snapshots WHERE shard = $1", shard
    )
    return None if row is None else Snapshot(UUID(int=row["transaction_id"].int), row["state"])


async def find_snapshot_ends(connection: Session) -> dict[int, UUID]:
    """Return shard → the last transaction that its snapshot has learnt."""
    rows = await connection.fetch("SELECT shard, transaction_id FROM snapshots")
    return {row["shard"]: UUID(int=row["transaction_id"].int) for row in rows}
