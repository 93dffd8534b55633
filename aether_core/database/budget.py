"""The budget of alerts: how many an hour people can look at, and which score that cuts at.

In:   alerts of the last day, and the budget.
Out:  the score from which they would have been no more than the budget allows.
Nothing is taken away by it: an alert below the cut is raised, listed and kept like any other.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from math import floor
from typing import Final

import msgspec

from aether_core.database.connection import Session
from aether_core.transaction import id_floor

_ROUNDING: Final = 1e-9

WINDOW_HOURS: Final = 24
"""A day, so that quiet nights make up for busy noons."""


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """What the budget comes to now.

    score_cut: alerts of at least this score are within the budget; None when all are, or there is
    no budget. open_within, open_below: open alerts on either side of it, however old.
    """

    budget_per_hour: float
    """0: there is none."""
    window_hours: int
    raised_per_hour: float
    score_cut: float | None
    open_within: int
    open_below: int


async def find_budget(connection: Session, per_hour: float) -> Budget:
    """Return what a budget comes to. per_hour: alerts, 0 for no budget."""
    now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    since = id_floor(now - timedelta(hours=WINDOW_HOURS))
    raised: int = await connection.fetchval("SELECT count(*) FROM alerts WHERE id >= $1", since)
    allowed = floor(per_hour * WINDOW_HOURS + _ROUNDING)
    cut: float | None = None
    if per_hour > 0 and raised > allowed:
        # Of equal scores at the edge all are within: none of them is better than another.
        cut = await connection.fetchval(
            "SELECT score FROM alerts WHERE id >= $1 ORDER BY score DESC OFFSET $2 LIMIT 1",
            since,
            max(0, allowed - 1),
        )
    (row,) = await connection.fetch(
        "SELECT count(*) FILTER (WHERE score >= $1) AS within, count(*) AS open"
        " FROM alerts WHERE status = 'open'",
        0.0 if cut is None else cut,
    )
    return Budget(
        budget_per_hour=per_hour,
        window_hours=WINDOW_HOURS,
        raised_per_hour=raised / WINDOW_HOURS,
        score_cut=cut,
        open_within=row["within"],
        open_below=row["open"] - row["within"],
    )
