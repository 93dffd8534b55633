"""The load per minute, its forecasts, and the counts that summaries show.

All of it rests on `load_buckets`, which the writers fill in the transaction that writes the rows:
what is counted here is what is written. A bucket belongs to the minute of acceptance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from aether_core.database.connection import Session
from aether_core.forecasting.report import MINUTE, CurrencyLoad, LoadHistory, LoadReport
from aether_core.transaction import id_floor

if TYPE_CHECKING:
    from asyncpg import Record


@dataclass(frozen=True, slots=True)
class LoadCount:
    """Written transactions of some time, by decision."""

    transaction_count: int
    review_count: int
    decline_count: int

    @property
    def flagged_count(self) -> int:
        """Those that somebody should look at."""
        return self.review_count + self.decline_count


@dataclass(frozen=True, slots=True)
class CurrencyVolume:
    """Written transactions of one currency, and their sum in minor units."""

    currency: str
    amount_minor_units: int
    load: LoadCount


async def find_load_history(
    connection: Session, end: datetime, minute_count_max: int
) -> LoadHistory | None:
    """Return the load of the minutes before `end`, empty ones as zeros; None when there are none.

    end: the start of the first minute that is left out. It begins with the first minute that
    ever had a transaction, or `minute_count_max` minutes before `end`.
    """
    began: datetime | None = await connection.fetchval("SELECT min(minute) FROM load_buckets")
    if began is None or began >= end:
        return None
    first = max(began, end - minute_count_max * MINUTE)
    rows = await connection.fetch(
        "SELECT minute, currency, sum(transaction_count)::bigint AS transaction_count,"
        " sum(log_amount_sum) AS log_amount_sum FROM load_buckets"
        " WHERE minute >= $1 AND minute < $2 GROUP BY minute, currency",
        first,
        end,
    )
    return _history(rows, first, (end - first) // MINUTE)


async def save_forecast(connection: Session, report: LoadReport, *, keep: timedelta) -> None:
    """Keep a forecast as the newest, and delete those made longer than `keep` before it.

    Those from after it, made by a clock that was set back since, would hide it: they go, too. The
    one before it is asked for only by who looks back, so the load that it rests on is left to the
    buckets: of 720 minutes a day of forecasts then takes 3 MB instead of 5.
    """
    async with connection.transaction():
        await connection.execute(
            "INSERT INTO forecasts (made_at, payload) VALUES ($1, $2)"
            " ON CONFLICT (made_at) DO UPDATE SET payload = excluded.payload",
            report.analyzed_at,
            report,
        )
        await connection.execute(
            "UPDATE forecasts SET payload = (payload - 'counts') || jsonb_build_object("
            "'count', jsonb_array_length(payload -> 'counts'))"
            " WHERE made_at = (SELECT max(made_at) FROM forecasts WHERE made_at < $1)"
            " AND jsonb_typeof(payload -> 'counts') = 'array'",
            report.analyzed_at,
        )
        await connection.execute(
            "DELETE FROM forecasts WHERE made_at < $1 OR made_at > $2",
            report.analyzed_at - keep,
            report.analyzed_at,
        )


async def find_newest_forecast(connection: Session) -> LoadReport | None:
    """Return the newest forecast; None also when another version made it, in another shape."""
    payload = await connection.fetchval(
        "SELECT payload FROM forecasts ORDER BY made_at DESC LIMIT 1"
    )
    # One that was stripped of its load is the newest when those after it were deleted by hand.
    return await _report(connection, payload)


async def find_forecast_at(connection: Session, at: datetime) -> LoadReport | None:
    """Return the newest forecast that had been made at an instant, with the load of its time."""
    payload = await connection.fetchval(
        "SELECT payload FROM forecasts WHERE made_at <= $1 ORDER BY made_at DESC LIMIT 1", at
    )
    return await _report(connection, payload)


class _Stripped(msgspec.Struct, frozen=True):
    """What a stripped forecast says of its load. count: of minutes; None: it is not stripped."""

    first_minute: datetime
    count: int | None = None


async def _report(connection: Session, payload: dict[str, object] | None) -> LoadReport | None:
    """Read a forecast, and what it was stripped of; None for none, or another version's."""
    if payload is None:
        return None
    try:
        stripped = msgspec.convert(payload, _Stripped)
        if stripped.count is not None:
            payload = payload | await _load_of(connection, stripped.first_minute, stripped.count)
        return msgspec.convert(payload, LoadReport)
    except msgspec.ValidationError:
        return None


async def _load_of(connection: Session, first: datetime, count: int) -> dict[str, object]:
    """Return the load of so many minutes; of one that was given up since, what is left."""
    end = first + count * MINUTE
    history = await find_load_history(connection, end, count)
    if history is None:
        return {"first_minute": end, "counts": ()}
    return {"first_minute": history.first_minute, "counts": history.counts}


async def count_load(connection: Session, since: datetime) -> LoadCount:
    """Count what was accepted in minutes that began at `since` or later."""
    (row,) = await connection.fetch(
        "SELECT coalesce(sum(transaction_count), 0)::bigint,"
        " coalesce(sum(review_count), 0)::bigint, coalesce(sum(decline_count), 0)::bigint"
        " FROM load_buckets WHERE minute >= $1",
        since,
    )
    return LoadCount(*row)


async def count_accepted_since(connection: Session, since: datetime) -> LoadCount:
    """Count the written transactions accepted at `since` or later, to the millisecond.

    Reads each of them: only for a short time.
    """
    (row,) = await connection.fetch(
        "SELECT count(*), count(*) FILTER (WHERE decision = 'review'),"
        " count(*) FILTER (WHERE decision = 'decline') FROM transactions WHERE id >= $1",
        id_floor(since),
    )
    return LoadCount(*row)


async def find_volumes(connection: Session) -> list[CurrencyVolume]:
    """Return what was ever written of each currency, the most frequent first."""
    rows = await connection.fetch(
        "SELECT currency, sum(amount_minor_units) AS amount_minor_units,"
        " sum(transaction_count)::bigint AS transaction_count,"
        " sum(review_count)::bigint AS review_count, sum(decline_count)::bigint AS decline_count"
        " FROM load_buckets GROUP BY currency ORDER BY transaction_count DESC, currency"
    )
    return [
        CurrencyVolume(
            row["currency"],
            int(row["amount_minor_units"]),
            LoadCount(row["transaction_count"], row["review_count"], row["decline_count"]),
        )
        for row in rows
    ]


def _history(rows: Sequence[Record], first: datetime, minute_count: int) -> LoadHistory:
    """Lay the buckets out minute by minute."""
    counts = [0] * minute_count
    by_currency: dict[str, tuple[list[int], list[float]]] = {}
    for row in rows:
        minute = (row["minute"] - first) // MINUTE
        counts[minute] += row["transaction_count"]
        own_counts, own_sums = by_currency.setdefault(
            row["currency"], ([0] * minute_count, [0.0] * minute_count)
        )
        own_counts[minute] = row["transaction_count"]
        own_sums[minute] = row["log_amount_sum"]
    return LoadHistory(
        first_minute=first,
        counts=tuple(counts),
        currencies=tuple(
            CurrencyLoad(currency, tuple(own_counts), tuple(own_sums))
            for currency, (own_counts, own_sums) in sorted(by_currency.items())
        ),
    )
