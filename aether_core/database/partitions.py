"""Months of transactions: a partition for each, made ahead and dropped by age.

A transaction's id begins with its time of acceptance, so a month is a range of ids, and the primary
key is the partitioning key. What lies outside of all months (a clock that jumped) goes to the
default partition, which is empty otherwise. The partitions live in a schema of their own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from aether_core.database.connection import LOCK_PARTITIONS, Session
from aether_core.transaction import id_floor

SCHEMA: Final = "aether_months"
DEFAULT_PARTITION: Final = f"{SCHEMA}.transactions_other"

MONTHS_AHEAD: Final = 2
"""Months that are made ahead: a system that nobody restarts for so long still finds its place."""

_NAME = re.compile(r"transactions_([0-9]{4})_([0-9]{2})")


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """One calendar month in UTC."""

    year: int
    month: int

    @classmethod
    def of(cls, instant: datetime) -> Month:
        """Return the month of an instant."""
        instant = instant.astimezone(UTC)
        return cls(instant.year, instant.month)

    @property
    def next(self) -> Month:
        """The month after."""
        return Month(self.year + 1, 1) if self.month == 12 else Month(self.year, self.month + 1)

    @property
    def start(self) -> datetime:
        """Its first instant."""
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def floor(self) -> UUID:
        """The smallest id of a transaction that is accepted in this month."""
        return id_floor(self.start)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"

    @property
    def partition(self) -> str:
        """The name of its partition."""
        return f"{SCHEMA}.transactions_{self.year:04d}_{self.month:02d}"


async def ensure_months(connection: Session, *, ahead: int = MONTHS_AHEAD) -> list[Month]:
    """Make the partitions of this month and the next ones; return those that were missing.

    Rows that went to the default partition meanwhile are moved. Runs in database transactions of
    its own; writers go on (attaching takes a lock that does not stand in their way).
    """
    month = Month.of(await connection.fetchval("SELECT now()"))
    made = []
    for _ in range(ahead + 1):
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK_PARTITIONS)
            if month not in await find_months(connection):
                await _make(connection, month)
                made.append(month)
        month = month.next
    return made


async def find_months(connection: Session) -> list[Month]:
    """Return the months that have a partition, oldest first."""
    rows = await connection.fetch(
        "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid"
        " WHERE inhparent = 'transactions'::regclass"
    )
    names = (_NAME.fullmatch(row["relname"]) for row in rows)
    return sorted(Month(int(name[1]), int(name[2])) for name in names if name)


async def drop_month(connection: Session, month: Month) -> int:
    """Drop a month's transactions for good and keep their number; return it.

    Needs an open database transaction.
    """
    counts = await connection.fetch(
        # A name made of two numbers; it cannot be bound.
        f"SELECT shard, count(*) AS count FROM {month.partition} GROUP BY shard"  # noqa: S608
    )
    await connection.executemany(
        "INSERT INTO dropped_rows (month, shard, transaction_count) VALUES ($1, $2, $3)",
        [(str(month), row["shard"], row["count"]) for row in counts],
    )
    await connection.execute(f"DROP TABLE {month.partition}")
    return sum(row["count"] for row in counts)


async def count_dropped(connection: Session) -> dict[int, int]:
    """Return shard → transactions that were dropped by age."""
    rows = await connection.fetch(
        "SELECT shard, sum(transaction_count)::bigint AS count FROM dropped_rows GROUP BY shard"
    )
    return {row["shard"]: row["count"] for row in rows}


async def _make(connection: Session, month: Month) -> None:
    table, first, after = month.partition, month.floor, month.next.floor
    await connection.execute(
        f"CREATE TABLE {table} (LIKE transactions INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
    )
    # What the default partition holds of this month would forbid the attaching.
    await connection.execute(
        f"WITH moved AS (DELETE FROM {DEFAULT_PARTITION}"  # noqa: S608 - constants
        f" WHERE id >= '{first}' AND id < '{after}' RETURNING *)"
        f" INSERT INTO {table} SELECT * FROM moved"
    )
    await connection.execute(
        f"ALTER TABLE transactions ATTACH PARTITION {table} FOR VALUES"
        f" FROM ('{first}') TO ('{after}')"
    )
