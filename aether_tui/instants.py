"""Instants: how people write a past moment, read into one.

In:   `14:07`, `15m` or RFC 3339, as typed into the console or behind `--at`.
Out:  an instant in UTC that is over, or InstantNotUnderstood with a sentence for who typed.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

EXAMPLES = "14:07, 15m, or 2026-01-31T14:07Z"

_TIME_OF_DAY = re.compile(r"(\d{1,2}):(\d{2})Z?", re.IGNORECASE)
_AGE = re.compile(r"(\d{1,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DAY = timedelta(days=1)


class InstantNotUnderstood(ValueError):
    """The text is no past instant; `str(error)` says why."""


def read_age(text: str) -> timedelta | None:
    """Return the length of time that `90s`, `15m`, `2h` or `1d` names; None for anything else."""
    match = _AGE.fullmatch(text.lower())
    return None if match is None else timedelta(seconds=int(match[1]) * _SECONDS[match[2]])


def start_of_minute(instant: datetime) -> datetime:
    """The beginning of the minute that an instant lies in."""
    return instant.replace(second=0, microsecond=0)


def read_past(text: str, now: datetime) -> datetime:
    """Return the past instant that is meant. now: by the clock that decides what is past.

    A time of day is today's, or yesterday's while today's is still to come; an instant without a
    zone is in UTC. Raises InstantNotUnderstood.
    """
    try:
        instant = _read(text.strip(), now)
    except (ValueError, OverflowError) as error:
        raise InstantNotUnderstood(f"An instant is written like {EXAMPLES}.") from error
    if instant > now:
        raise InstantNotUnderstood("This instant lies in the future.")
    return instant


def _read(text: str, now: datetime) -> datetime:
    now = now.astimezone(UTC)
    age = read_age(text)
    if age is not None:
        return now - age
    if time := _TIME_OF_DAY.fullmatch(text):
        instant = now.replace(hour=int(time[1]), minute=int(time[2]), second=0, microsecond=0)
        return instant if instant <= now else instant - _DAY
    instant = datetime.fromisoformat(text)
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
