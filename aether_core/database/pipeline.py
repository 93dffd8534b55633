"""Questions about the pipeline as a whole: totals over all incarnations, and dead letters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aether_core.database.connection import Session
from aether_core.stream.contract import EntryId


@dataclass(frozen=True, slots=True)
class Totals:
    """What was ever written, over all shards and incarnations."""

    committed_count: int
    flagged_count: int
    dead_letter_count: int


@dataclass(frozen=True, slots=True)
class KeptLetter:
    """A dead letter as it is kept."""

    id: UUID
    shard: int
    incarnation: int
    entry: EntryId
    payload: bytes
    error: str
    created_at: datetime


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


async def find_dead_payload(connection: Session, identifier: UUID) -> bytes | None:
    """Return the bytes of an accepted entry that could not be written."""
    payload: bytes | None = await connection.fetchval(
        "SELECT payload FROM dead_letters WHERE id = $1", identifier
    )
    return payload


async def find_dead_letters(
    connection: Session, *, before: UUID | None, limit: int
) -> list[KeptLetter]:
    """Return up to `limit` dead letters, newest first; before: only ids smaller than this one."""
    rows = await connection.fetch(
        "SELECT id, shard, incarnation, entry_ms, entry_sequence, payload, error, created_at"
        " FROM dead_letters WHERE $1::uuid IS NULL OR id < $1 ORDER BY id DESC LIMIT $2",
        before,
        limit,
    )
    return [
        KeptLetter(
            id=UUID(int=row["id"].int),
            shard=row["shard"],
            incarnation=row["incarnation"],
            entry=EntryId(row["entry_ms"], row["entry_sequence"]),
            payload=row["payload"],
            error=row["error"],
            created_at=row["created_at"],
        )
        for row in rows
    ]
