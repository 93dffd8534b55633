"""Saves, finds and resolves alerts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from aether_core.alert import AlertView
from aether_core.database.connection import Session
from aether_core.database.transactions import reasons_of
from aether_core.errors import AlertAlreadyResolved, NotFound
from aether_core.money import format_minor_units

if TYPE_CHECKING:
    from asyncpg import Record

ROW_COLUMNS: Final = (
    "id",
    "transaction_id",
    "shard",
    "account_id",
    "merchant",
    "amount_minor_units",
    "currency",
    "score",
    "decision",
    "reasons",
    "occurred_at",
    "created_at",
)
"""What a row for `copy_alerts` holds, in this order."""


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts a list shows. before: only ids smaller than this one (the next page)."""

    status: str | None = None
    account_id: str | None = None
    before: UUID | None = None


async def copy_alerts(connection: Session, rows: list[tuple[Any, ...]]) -> None:
    """Insert alerts, in the order of ROW_COLUMNS."""
    await connection.copy_records_to_table("alerts", records=rows, columns=ROW_COLUMNS)


async def find_alert(connection: Session, identifier: UUID) -> AlertView | None:
    """Return one alert."""
    row = await connection.fetchrow("SELECT * FROM alerts WHERE id = $1", identifier)
    return None if row is None else _view(row)


async def find_alerts(connection: Session, which: AlertFilter, limit: int) -> list[AlertView]:
    """Return up to `limit` alerts, newest first."""
    rows = await connection.fetch(
        "SELECT * FROM alerts WHERE ($1::text IS NULL OR status = $1)"
        " AND ($2::text IS NULL OR account_id = $2) AND ($3::uuid IS NULL OR id < $3)"
        " ORDER BY id DESC LIMIT $4",
        which.status,
        which.account_id,
        which.before,
        limit,
    )
    return [_view(row) for row in rows]


async def find_alerts_between(
    connection: Session, shard: int, after: UUID, until: UUID
) -> list[AlertView]:
    """Return a shard's alerts with after < id ≤ until, in order."""
    rows = await connection.fetch(
        "SELECT * FROM alerts WHERE id > $2 AND id <= $3 AND shard = $1 ORDER BY id",
        shard,
        after,
        until,
    )
    return [_view(row) for row in rows]


async def delete_resolved_alerts(connection: Session, before: UUID) -> int:
    """Delete resolved alerts with smaller ids; open ones stay. Return how many."""
    done = await connection.execute(
        "DELETE FROM alerts WHERE status = 'resolved' AND id < $1", before
    )
    return int(done.split()[-1])


async def count_open_alerts(connection: Session) -> int:
    """Return how many alerts wait for an analyst."""
    return int(await connection.fetchval("SELECT count(*) FROM alerts WHERE status = 'open'"))


async def resolve_alert(
    connection: Session, identifier: UUID, *, resolution: str, resolved_by: str, note: str | None
) -> tuple[AlertView, bool]:
    """Resolve an open alert; the same resolution again changes nothing.

    Returns it, and whether it was open.
    Raises NotFound, AlertAlreadyResolved when it carries the other resolution.
    """
    row = await connection.fetchrow(
        "UPDATE alerts SET status = 'resolved', resolution = $2, resolved_by = $3,"
        " resolved_at = now(), note = $4 WHERE id = $1 AND status = 'open' RETURNING *",
        identifier,
        resolution,
        resolved_by,
        note,
    )
    if row is not None:
        return _view(row), True
    alert = await find_alert(connection, identifier)
    if alert is None:
        raise NotFound("alert")
    if alert.resolution != resolution:
        raise AlertAlreadyResolved(alert.resolution or "", alert.resolved_by or "")
    return alert, False


def _view(row: Record) -> AlertView:
    return AlertView(
        id=row["id"],
        transaction_id=row["transaction_id"],
        account_id=row["account_id"],
        merchant=row["merchant"],
        amount=format_minor_units(row["amount_minor_units"], row["currency"]),
        currency=row["currency"],
        score=row["score"],
        decision=row["decision"],
        reasons=reasons_of(row["reasons"]),
        occurred_at=row["occurred_at"],
        created_at=row["created_at"],
        status=row["status"],
        resolution=row["resolution"],
        resolved_by=row["resolved_by"],
        resolved_at=row["resolved_at"],
        note=row["note"],
    )
