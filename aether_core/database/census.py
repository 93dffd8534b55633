"""What a census of payments is taken from, and when the last one was taken."""

from __future__ import annotations

from datetime import datetime

import msgspec

from aether_core.database.connection import Session
from aether_core.scoring.census import Paid

_KEY = "census"


class LastCensus(msgspec.Struct, frozen=True):
    """The last census: when it was taken, and how many transactions had been written by then."""

    at: datetime
    committed_count: int


async def find_newest_payments(connection: Session, limit: int) -> list[Paid]:
    """Return up to `limit` transactions, newest first, of all shards."""
    rows = await connection.fetch(
        "SELECT currency, amount_minor_units, evidence FROM transactions ORDER BY id DESC LIMIT $1",
        limit,
    )
    return [Paid(*row) for row in rows]


async def find_last_census(connection: Session) -> LastCensus | None:
    """Return when the last census was taken; None before the first."""
    value = await connection.fetchval("SELECT value FROM system WHERE key = $1", _KEY)
    return None if value is None else msgspec.json.decode(value, type=LastCensus)


async def note_census(connection: Session, census: LastCensus) -> None:
    """Keep when a census was taken."""
    await connection.execute(
        "INSERT INTO system (key, value) VALUES ($1, $2)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        _KEY,
        msgspec.json.encode(census).decode(),
    )
