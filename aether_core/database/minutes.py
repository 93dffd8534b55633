"""The pipeline of each minute: kept once, found by its minute, given up after some days."""

from __future__ import annotations

from datetime import datetime

from aether_core.database.connection import Session


async def minute_is_kept(connection: Session, minute: datetime) -> bool:
    """Whether somebody has recorded this minute."""
    return bool(
        await connection.fetchval(
            "SELECT EXISTS (SELECT FROM pipeline_minutes WHERE minute = $1)", minute
        )
    )


async def keep_minute(connection: Session, minute: datetime, payload: object) -> None:
    """Keep what was found at a minute's beginning; the first that says so is believed."""
    await connection.execute(
        "INSERT INTO pipeline_minutes (minute, payload) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        minute,
        payload,
    )


async def find_minute(connection: Session, minute: datetime) -> object | None:
    """Return what was kept of a minute, as JSON; None when nothing was."""
    payload: object | None = await connection.fetchval(
        "SELECT payload FROM pipeline_minutes WHERE minute = $1", minute
    )
    return payload


async def find_nearest_minutes(
    connection: Session, minute: datetime
) -> tuple[datetime | None, datetime | None]:
    """Return the last recorded minute before this one, and the first after it."""
    (row,) = await connection.fetch(
        "SELECT (SELECT max(minute) FROM pipeline_minutes WHERE minute < $1),"
        " (SELECT min(minute) FROM pipeline_minutes WHERE minute > $1)",
        minute,
    )
    return row[0], row[1]


async def delete_minutes(connection: Session, before: datetime) -> None:
    """Give up the minutes that began before an instant."""
    await connection.execute("DELETE FROM pipeline_minutes WHERE minute < $1", before)
