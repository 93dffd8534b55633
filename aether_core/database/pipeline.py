"""Questions about the pipeline as a whole: totals over all incarnations, and troubles."""

from __future__ import annotations

from dataclasses import dataclass

from aether_core.database.connection import Session
from aether_core.database.dead_letters import count_open_letters
from aether_core.database.losses import count_losses


@dataclass(frozen=True, slots=True)
class Totals:
    """What was ever written, over all shards and incarnations."""

    committed_count: int
    flagged_count: int
    dead_letter_count: int


@dataclass(frozen=True, slots=True)
class Troubles:
    """What waits for an operator."""

    open_letter_count: int
    lost_range_count: int
    lost_counts: dict[int, int]
    """Shard → entries that are known to be lost; 0 for a shard that has lost none."""


async def find_totals(connection: Session) -> Totals:
    """Add up the shards' present counts and those of incarnations that have ended."""
    (row,) = await connection.fetch(
        "SELECT (SELECT coalesce(sum(committed_count), 0) FROM positions)"
        " + (SELECT coalesce(sum(committed_count), 0) FROM incarnations"
        " WHERE ended_at IS NOT NULL) AS committed,"
        " (SELECT coalesce(sum(flagged_count), 0) FROM positions)"
        " + (SELECT coalesce(sum(flagged_count), 0) FROM incarnations"
        " WHERE ended_at IS NOT NULL) AS flagged,"
        " (SELECT coalesce(sum(dead_letter_count), 0) FROM positions)"
        " + (SELECT coalesce(sum(dead_letter_count), 0) FROM incarnations"
        " WHERE ended_at IS NOT NULL) AS dead"
    )
    return Totals(int(row["committed"]), int(row["flagged"]), int(row["dead"]))


async def find_troubles(connection: Session) -> Troubles:
    """Count the dead letters that are open, and the losses that nobody has acknowledged."""
    lost = await count_losses(connection)
    rows = await connection.fetch("SELECT shard FROM positions ORDER BY shard")
    return Troubles(
        open_letter_count=await count_open_letters(connection),
        lost_range_count=int(
            await connection.fetchval(
                "SELECT count(*) FROM lost_ranges WHERE acknowledged_at IS NULL"
            )
        ),
        lost_counts={row["shard"]: lost.get(row["shard"], 0) for row in rows},
    )
