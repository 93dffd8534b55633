"""Questions about the pipeline as a whole: totals over all incarnations."""

from __future__ import annotations

from dataclasses import dataclass

from aether_core.database.connection import Session


@dataclass(frozen=True, slots=True)
class Totals:
    """What was ever written, over all shards and incarnations."""

    committed_count: int
    flagged_count: int
    dead_letter_count: int


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
