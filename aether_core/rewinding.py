"""Rewinding: the pipeline as it was recorded at a past minute.

In:   an instant, and the minutes that the recorder has kept in PostgreSQL.
Out:  the pipeline as it was found when that minute began, or MinuteNotRecorded with the nearest
      minutes that are kept. A minute that nobody recorded is missing; none is made up.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from aether_core.database.connection import Session
from aether_core.database.minutes import find_minute, find_nearest_minutes
from aether_core.errors import MinuteNotRecorded
from aether_core.pipeline import Pipeline


def start_of_minute(instant: datetime) -> datetime:
    """Return the beginning of the minute that an instant lies in."""
    return instant.replace(second=0, microsecond=0)


async def find_past_pipeline(connection: Session, at: datetime) -> Pipeline:
    """Return the pipeline of the minute that `at` lies in; its own `at` says when it was found.

    Raises MinuteNotRecorded.
    """
    found = await find_recorded_pipeline(connection, start_of_minute(at))
    if found is None:
        raise await not_recorded(connection, at)
    return found


async def find_recorded_pipeline(connection: Session, minute: datetime) -> Pipeline | None:
    """Return what is kept of a minute; None also when another version kept it in another shape."""
    payload = await find_minute(connection, minute)
    try:
        return None if payload is None else msgspec.convert(payload, Pipeline)
    except msgspec.ValidationError:
        return None


async def not_recorded(connection: Session, at: datetime) -> MinuteNotRecorded:
    """Return the error for an instant of which nothing is kept."""
    minute = start_of_minute(at)
    return MinuteNotRecorded(minute, *await find_nearest_minutes(connection, minute))
