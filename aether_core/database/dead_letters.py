"""Keeps what could not be written, with its bytes and its error."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from aether_core.database.connection import Session
from aether_core.stream.contract import EntryId


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An entry of the stream that could not become a row."""

    id: UUID
    shard: int
    incarnation: int
    entry: EntryId
    payload: bytes
    error: str


async def add_dead_letters(connection: Session, letters: list[DeadLetter]) -> None:
    """Keep entries that could not be written, in the batch's own database transaction."""
    await connection.executemany(
        "INSERT INTO dead_letters"
        " (id, shard, incarnation, entry_ms, entry_sequence, payload, error)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        [
            (x.id, x.shard, x.incarnation, x.entry.ms, x.entry.sequence, x.payload, x.error)
            for x in letters
        ],
    )
