"""Inserts batches of transactions, finds transactions, keeps the load they make."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec

from aether_core.database.connection import Session
from aether_core.money import format_minor_units
from aether_core.scoring.decision import Reason
from aether_core.transaction import Place, TransactionView, id_floor, place_of

if TYPE_CHECKING:
    from asyncpg import Record

ROW_COLUMNS: Final = (
    "id",
    "shard",
    "user_id",
    "account_id",
    "amount_minor_units",
    "currency",
    "merchant",
    "location",
    "kind",
    "description",
    "metadata",
    "occurred_at",
    "created_at",
    "score",
    "decision",
    "reasons",
    "idempotency_digest",
    "body_digest",
    "evidence",
)
"""What a row for `copy_transactions` holds, in this order."""

_VIEW_COLUMNS = (
    "id, user_id, account_id, amount_minor_units, currency, merchant, location, kind,"
    " description, metadata, occurred_at, created_at, score, decision, reasons"
)


@dataclass(frozen=True, slots=True)
class TransactionFilter:
    """Which transactions a list shows; None leaves a condition out.

    amount_min, amount_max: minor units of `currency`, inclusive. since, until: acceptance,
    since ≤ created_at < until. before: only ids smaller than this one (the next page).
    """

    account_id: str | None = None
    merchant: str | None = None
    currency: str | None = None
    decision: str | None = None
    is_flagged: bool | None = None
    amount_min: int | None = None
    amount_max: int | None = None
    score_min: float | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: UUID | None = None


@dataclass(frozen=True, slots=True)
class LoadBucket:
    """What one shard and currency contributed to one minute."""

    minute: datetime
    shard: int
    currency: str
    transaction_count: int
    review_count: int
    decline_count: int
    amount_minor_units: int
    log_amount_sum: float


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A key under which a transaction was accepted."""

    place: Place
    digest: bytes
    body_digest: bytes


@dataclass(frozen=True, slots=True)
class ScoredRow:
    """What scoring needs to learn a committed transaction again."""

    id: UUID
    account_id: str
    merchant: str
    currency: str
    minor_units: int
    occurred_at: datetime
    location: str | None


async def copy_transactions(connection: Session, rows: list[tuple[Any, ...]]) -> None:
    """Insert rows in the order of ROW_COLUMNS, in the stream's order."""
    await connection.copy_records_to_table("transactions", records=rows, columns=ROW_COLUMNS)


async def add_load(connection: Session, buckets: list[LoadBucket]) -> None:
    """Add a batch to the minutes' load, and to what amounts of its currencies are like."""
    await connection.executemany(
        "WITH total AS ("
        "INSERT INTO currency_totals AS t (shard, currency, transaction_count, log_amount_sum)"
        " VALUES ($2, $3, $4, $8) ON CONFLICT (shard, currency) DO UPDATE SET"
        " transaction_count = t.transaction_count + excluded.transaction_count,"
        " log_amount_sum = t.log_amount_sum + excluded.log_amount_sum) "
        "INSERT INTO load_buckets AS b (minute, shard, currency, transaction_count, review_count,"
        " decline_count, amount_minor_units, log_amount_sum)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        " ON CONFLICT (minute, shard, currency) DO UPDATE SET"
        " transaction_count = b.transaction_count + excluded.transaction_count,"
        " review_count = b.review_count + excluded.review_count,"
        " decline_count = b.decline_count + excluded.decline_count,"
        " amount_minor_units = b.amount_minor_units + excluded.amount_minor_units,"
        " log_amount_sum = b.log_amount_sum + excluded.log_amount_sum",
        [
            (
                b.minute,
                b.shard,
                b.currency,
                b.transaction_count,
                b.review_count,
                b.decline_count,
                b.amount_minor_units,
                b.log_amount_sum,
            )
            for b in buckets
        ],
    )


async def delete_load(connection: Session, before: datetime) -> None:
    """Delete the load of minutes before an instant."""
    await connection.execute("DELETE FROM load_buckets WHERE minute < $1", before)


async def find_transaction(connection: Session, identifier: UUID) -> TransactionView | None:
    """Return one written transaction."""
    row = await connection.fetchrow(
        f"SELECT {_VIEW_COLUMNS} FROM transactions WHERE id = $1",  # noqa: S608 - a constant
        identifier,
    )
    return None if row is None else view_of_row(row)


async def find_transactions_by_ids(
    connection: Session, identifiers: list[UUID]
) -> list[TransactionView]:
    """Return those of these transactions that are written, in no order."""
    rows = await connection.fetch(
        f"SELECT {_VIEW_COLUMNS} FROM transactions WHERE id = ANY($1::uuid[])",  # noqa: S608 - a constant
        identifiers,
    )
    return [view_of_row(row) for row in rows]


async def find_written(connection: Session, identifiers: list[UUID]) -> set[UUID]:
    """Return those of the ids that are rows or dead letters already."""
    rows = await connection.fetch(
        "SELECT id FROM transactions WHERE id = ANY($1::uuid[])"
        " UNION ALL SELECT id FROM dead_letters WHERE id = ANY($1::uuid[])",
        identifiers,
    )
    return {UUID(int=row["id"].int) for row in rows}


async def find_transactions(
    connection: Session, which: TransactionFilter, limit: int
) -> list[TransactionView]:
    """Return up to `limit` transactions, newest first."""
    conditions: list[str] = []
    values: list[object] = []

    def where(condition: str, value: object) -> None:
        values.append(value)
        conditions.append(condition.format(f"${len(values)}"))

    for condition, value in (
        ("id < {}", which.before),
        ("id >= {}", None if which.since is None else id_floor(which.since)),
        ("id < {}", None if which.until is None else id_floor(which.until)),
        ("account_id = {}", which.account_id),
        ("merchant = {}", which.merchant),
        ("currency = {}", which.currency),
        ("decision = {}", which.decision),
        ("amount_minor_units >= {}", which.amount_min),
        ("amount_minor_units <= {}", which.amount_max),
        ("score >= {}", which.score_min),
    ):
        if value is not None:
            where(condition, value)
    if which.is_flagged is not None:
        conditions.append("decision <> 'approve'" if which.is_flagged else "decision = 'approve'")
    clause = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    values.append(limit)
    rows = await connection.fetch(
        # Only the constant conditions above reach the text; every value is bound.
        f"SELECT {_VIEW_COLUMNS} FROM transactions {clause}"  # noqa: S608
        f" ORDER BY id DESC LIMIT ${len(values)}",
        *values,
    )
    return [view_of_row(row) for row in rows]


async def find_flagged_between(
    connection: Session, shard: int, after: UUID, until: UUID
) -> list[TransactionView]:
    """Return a shard's flagged transactions with after < id ≤ until, in order."""
    rows = await connection.fetch(
        f"SELECT {_VIEW_COLUMNS} FROM transactions"  # noqa: S608 - a constant
        " WHERE decision <> 'approve' AND id > $2 AND id <= $3 AND shard = $1 ORDER BY id",
        shard,
        after,
        until,
    )
    return [view_of_row(row) for row in rows]


async def find_rows_to_score(
    connection: Session, shard: int, after: UUID | None, page: int
) -> AsyncIterator[list[ScoredRow]]:
    """Read a shard's transactions after an id in the stream's order, in pages.

    Needs an open database transaction (a server-side cursor).
    """
    cursor = await connection.cursor(
        "SELECT id, account_id, merchant, currency, amount_minor_units, occurred_at, location"
        " FROM transactions"
        " WHERE shard = $1 AND id > $2 ORDER BY id",
        shard,
        after or UUID(int=0),
    )
    while rows := await cursor.fetch(page):
        yield [ScoredRow(*row) for row in rows]


async def find_recent_idempotency_keys(
    connection: Session, shard: int, *, window_s: int, page: int
) -> AsyncIterator[list[IdempotencyKey]]:
    """Read the keys of a shard's transactions accepted within the window, in pages.

    Needs an open database transaction (a server-side cursor).
    """
    since: datetime = await connection.fetchval(
        "SELECT now() - make_interval(secs => $1)", float(window_s)
    )
    cursor = await connection.cursor(
        "SELECT id, idempotency_digest, body_digest FROM transactions"
        " WHERE id >= $2 AND shard = $1 AND idempotency_digest IS NOT NULL ORDER BY id",
        shard,
        id_floor(since),
    )
    while rows := await cursor.fetch(page):
        yield [
            IdempotencyKey(place, row["idempotency_digest"], row["body_digest"])
            for row in rows
            if (place := place_of(UUID(int=row["id"].int))) is not None
        ]


def view_of_row(row: Record) -> TransactionView:
    """Show a written transaction."""
    decision = row["decision"]
    return TransactionView(
        id=row["id"],
        user_id=row["user_id"],
        account_id=row["account_id"],
        amount=format_minor_units(row["amount_minor_units"], row["currency"]),
        currency=row["currency"],
        merchant=row["merchant"],
        location=row["location"],
        kind=row["kind"],
        description=row["description"],
        metadata=row["metadata"],
        occurred_at=row["occurred_at"],
        created_at=row["created_at"],
        status="processed",
        is_flagged=decision != "approve",
        score=row["score"],
        decision=decision,
        reasons=reasons_of(row["reasons"]),
    )


def reasons_of(raw: Any) -> tuple[Reason, ...]:  # noqa: ANN401 - decoded JSON
    """Read reasons from their JSON column."""
    return msgspec.convert(raw or (), tuple[Reason, ...])
