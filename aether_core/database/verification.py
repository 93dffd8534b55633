"""Verification: whether the tables agree with one another, counted row by row.

All of it belongs in one database transaction of isolation REPEATABLE READ, so that writers may go
on meanwhile. It reads every transaction: minutes for a hundred million.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from aether_core.database.connection import Session
from aether_core.database.partitions import (
    DEFAULT_PARTITION,
    MONTHS_AHEAD,
    Month,
    count_dropped,
    find_months,
)
from aether_core.transaction import instant_of_ms, place_of

_SHOWN_MAX = 5


@dataclass(frozen=True, slots=True)
class ShardRows:
    """What the tables hold of one shard, over all of its incarnations, and what was counted."""

    shard: int
    rows: int
    dropped: int
    """Rows that `aether retention` has dropped."""
    committed: int
    letters: int
    """Dead letters that are kept."""
    dead_letters: int
    """Dead letters that were counted."""
    rows_of_present: int
    """Rows whose ids name the present incarnation."""
    committed_of_present: int


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold."""

    name: str
    holds: bool
    detail: str


async def count_shard_rows(connection: Session) -> list[ShardRows]:
    """Count the rows and dead letters of every shard."""
    dropped = await count_dropped(connection)
    rows = await connection.fetch(
        "WITH ended AS (SELECT shard, sum(committed_count)::bigint AS committed,"
        " sum(dead_letter_count)::bigint AS dead FROM incarnations WHERE ended_at IS NOT NULL"
        " GROUP BY shard),"
        # The lowest 30 bits of an id are the incarnation (`aether_core.transaction`).
        " counted AS (SELECT shard, ('x' || right(id::text, 8))::bit(32)::bigint & 1073741823"
        " AS incarnation, count(*) AS count FROM transactions GROUP BY 1, 2),"
        " letters AS (SELECT shard, count(*) AS count FROM dead_letters GROUP BY shard)"
        " SELECT p.shard, committed_count, dead_letter_count,"
        " coalesce(ended.committed, 0) AS ended_committed, coalesce(ended.dead, 0) AS ended_dead,"
        " coalesce(letters.count, 0) AS letters, coalesce((SELECT sum(count) FROM counted"
        " WHERE counted.shard = p.shard), 0)::bigint AS rows, coalesce((SELECT count FROM counted"
        " WHERE counted.shard = p.shard AND counted.incarnation = p.incarnation), 0) AS present"
        " FROM positions AS p LEFT JOIN ended USING (shard) LEFT JOIN letters USING (shard)"
        " ORDER BY p.shard"
    )
    return [
        ShardRows(
            shard=row["shard"],
            rows=row["rows"],
            dropped=dropped.get(row["shard"], 0),
            committed=row["committed_count"] + row["ended_committed"],
            letters=row["letters"],
            dead_letters=row["dead_letter_count"] + row["ended_dead"],
            rows_of_present=row["present"],
            committed_of_present=row["committed_count"],
        )
        for row in rows
    ]


async def check_tables(connection: Session, shards: list[ShardRows]) -> list[Check]:
    """Return everything that must hold between the tables, and whether it does."""
    dropped_months = await _dropped_months(connection)
    return [
        _check_rows(shards),
        _check_letters(shards),
        await _check_flagged(connection),
        await _check_alerts(connection, dropped_months),
        await _check_incidents(connection),
        await _check_doubles(connection),
        await _check_replays(connection, dropped_months),
        await _check_partitions(connection),
    ]


def _check_rows(shards: list[ShardRows]) -> Check:
    wrong = [
        f"shard {s.shard} has {s.rows + s.dropped:,} rows and {s.committed:,} were committed"
        for s in shards
        if s.rows + s.dropped != s.committed
    ]
    wrong += [
        f"shard {s.shard} has {s.rows_of_present:,} rows of its present incarnation and"
        f" {s.committed_of_present:,} were committed"
        for s in shards
        if s.rows_of_present > s.committed_of_present
    ]
    return _check("rows are as many as were committed", wrong)


def _check_letters(shards: list[ShardRows]) -> Check:
    wrong = [
        f"shard {s.shard} has {s.letters:,} and counted {s.dead_letters:,}"
        for s in shards
        if s.letters != s.dead_letters
    ]
    return _check("dead letters are as many as were counted", wrong)


async def _check_flagged(connection: Session) -> Check:
    rows = await connection.fetch(
        "SELECT id FROM transactions WHERE decision <> 'approve' AND NOT EXISTS"
        " (SELECT FROM alert_transactions WHERE transaction_id = id) ORDER BY id"
    )
    return _check("every flagged row has its alert", [str(row["id"]) for row in rows])


async def _check_alerts(connection: Session, dropped: set[Month]) -> Check:
    rows = await connection.fetch(
        "SELECT id FROM alerts WHERE NOT EXISTS"
        " (SELECT FROM transactions WHERE transactions.id = alerts.id) ORDER BY id"
    )
    wrong = [str(row["id"]) for row in rows if not _is_dropped(row["id"], dropped)]
    return _check("every alert has its row", wrong)


async def _check_incidents(connection: Session) -> Check:
    rows = await connection.fetch(
        "SELECT id FROM alerts WHERE transaction_count <>"
        " (SELECT count(*) FROM alert_transactions WHERE alert_id = id) ORDER BY id"
    )
    return _check("every alert counts its transactions", [str(row["id"]) for row in rows])


async def _check_doubles(connection: Session) -> Check:
    rows = await connection.fetch(
        "SELECT id FROM dead_letters JOIN transactions USING (id) ORDER BY id"
    )
    return _check("nothing is a row and a dead letter", [str(row["id"]) for row in rows])


async def _check_replays(connection: Session, dropped: set[Month]) -> Check:
    """Whatever was replayed is a row, a dead letter again, or not yet reached by the writers."""
    rows = await connection.fetch(
        "SELECT id, replayed_as FROM dead_letters AS d WHERE replayed_as IS NOT NULL"
        " AND NOT EXISTS (SELECT FROM transactions WHERE transactions.id = d.replayed_as)"
        " AND NOT EXISTS (SELECT FROM dead_letters AS n WHERE n.id = d.replayed_as) ORDER BY id"
    )
    positions = {
        row["shard"]: (row["incarnation"], (row["entry_ms"], row["entry_sequence"]))
        for row in await connection.fetch(
            "SELECT shard, incarnation, entry_ms, entry_sequence FROM positions"
        )
    }
    wrong = []
    for row in rows:
        place = place_of(UUID(int=row["replayed_as"].int))
        if place is None or _is_dropped(row["replayed_as"], dropped):
            continue
        incarnation, reached = positions.get(place.shard, (0, (0, 0)))
        if place.incarnation != incarnation or (place.ms, place.sequence) <= reached:
            wrong.append(f"{row['id']}, replayed as {row['replayed_as']}")
    return _check("whatever was replayed has arrived", wrong)


async def _check_partitions(connection: Session) -> Check:
    months = await find_months(connection)
    month = Month.of(await connection.fetchval("SELECT now()"))
    wrong = []
    for _ in range(MONTHS_AHEAD + 1):
        if month not in months:
            wrong.append(f"{month} has no partition")
        month = month.next
    outside = await connection.fetchval(f"SELECT count(*) FROM {DEFAULT_PARTITION}")  # noqa: S608
    if outside:
        wrong.append(f"{outside:,} rows lie outside of all months")
    return _check("every month has its partition", wrong)


async def _dropped_months(connection: Session) -> set[Month]:
    rows = await connection.fetch("SELECT DISTINCT month FROM dropped_rows")
    return {Month(*map(int, row["month"].split("-"))) for row in rows}


def _is_dropped(identifier: UUID, dropped: set[Month]) -> bool:
    place = place_of(UUID(int=identifier.int))
    return place is not None and Month.of(instant_of_ms(place.ms)) in dropped


def _check(name: str, wrong: list[str]) -> Check:
    shown = "; ".join(wrong[:_SHOWN_MAX])
    more = len(wrong) - _SHOWN_MAX
    return Check(name, not wrong, f"{shown} and {more:,} more" if more > 0 else shown)
