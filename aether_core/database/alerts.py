"""Finds alerts. How they are raised is in `incidents.py`, what people do to them in `triage.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID

from aether_core.alert import AlertView
from aether_core.database.connection import Session
from aether_core.database.transactions import reasons_of
from aether_core.money import format_minor_units

if TYPE_CHECKING:
    from asyncpg import Record

ALERT_FIELDS: Final = "alerts.*, now() AS read_at"
"""What `view_of_alert` needs of a row: a lock holds or not by the database's clock."""

STATES: Final = ("open", "taken", "resolved")

_IS_TAKEN: Final = "status = 'open' AND taken_until > now()"
_CONDITION_OF_STATE: Final = {
    "open": "status = 'open' AND (taken_until IS NULL OR taken_until <= now())",
    "taken": _IS_TAKEN,
    "resolved": "status = 'resolved'",
}

_AFTER_BY_LOSS: Final = (
    "(expected_loss, id) < ((SELECT expected_loss FROM alerts WHERE id = {0}), {0})"
)


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts a list shows; None does not restrict.

    before: only ids smaller than this one (the next page).
    """

    status: str | None = None
    account_id: str | None = None
    before: UUID | None = None
    state: str | None = None
    """One of STATES: `status` with the locks that hold at the moment."""
    assignee: str | None = None
    decision: str | None = None
    merchant: str | None = None
    score_min: float | None = None
    by_expected_loss: bool = False
    """Largest expected loss first instead of newest first, of those that are not resolved; the
    next page then begins after `before` in that order."""


async def find_alert(connection: Session, identifier: UUID) -> AlertView | None:
    """Return one alert."""
    row = await connection.fetchrow(
        f"SELECT {ALERT_FIELDS} FROM alerts WHERE id = $1",  # noqa: S608 - made of constants
        identifier,
    )
    return None if row is None else view_of_alert(row)


async def find_alerts(connection: Session, which: AlertFilter, limit: int) -> list[AlertView]:
    """Return up to `limit` alerts, newest first or by expected loss."""
    clause, values = _clause(which)
    order = "expected_loss DESC, id DESC" if which.by_expected_loss else "id DESC"
    rows = await connection.fetch(
        f"SELECT {ALERT_FIELDS} FROM alerts {clause}"  # noqa: S608 - made of constants
        f" ORDER BY {order} LIMIT ${len(values) + 1}",
        *values,
        limit,
    )
    return [view_of_alert(row) for row in rows]


async def find_alerts_between(
    connection: Session, shard: int, after: UUID, until: UUID
) -> list[AlertView]:
    """Return the alerts of a shard's transactions with after < id ≤ until, in order."""
    rows = await connection.fetch(
        f"SELECT {ALERT_FIELDS} FROM alerts WHERE shard = $1 AND id IN"  # noqa: S608 - made of constants
        " (SELECT alert_id FROM alert_transactions"
        " WHERE transaction_id > $2 AND transaction_id <= $3) ORDER BY id",
        shard,
        after,
        until,
    )
    return [view_of_alert(row) for row in rows]


async def delete_resolved_alerts(connection: Session, before: UUID) -> int:
    """Delete resolved alerts all of whose transactions have smaller ids, with their history.

    Open ones stay. Returns how many. In a database transaction of the caller's.
    """
    done = await connection.execute(
        "DELETE FROM alerts WHERE status = 'resolved' AND id < $1 AND NOT EXISTS"
        " (SELECT FROM alert_transactions WHERE alert_id = id AND transaction_id >= $1)",
        before,
    )
    await connection.execute(
        "DELETE FROM alert_history WHERE alert_id < $1"
        " AND NOT EXISTS (SELECT FROM alerts WHERE id = alert_id)",
        before,
    )
    return int(done.split()[-1])


async def count_open_alerts(connection: Session) -> int:
    """Return how many alerts wait for an analyst."""
    return int(await connection.fetchval("SELECT count(*) FROM alerts WHERE status = 'open'"))


async def find_typical_amounts(connection: Session, currencies: set[str]) -> dict[str, float]:
    """Return the geometric mean of all amounts ever committed in each currency, minor units."""
    rows = await connection.fetch(
        "SELECT currency, exp(sum(log_amount_sum) / sum(transaction_count)) AS typical"
        " FROM currency_totals WHERE currency = ANY($1::text[]) GROUP BY currency",
        list(currencies),
    )
    return {row["currency"]: row["typical"] for row in rows}


def view_of_alert(row: Record) -> AlertView:
    """Return a row with ALERT_FIELDS as analysts see it."""
    until = row["taken_until"]
    is_taken = until is not None and until > row["read_at"]
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
        version=row["version"],
        state="taken" if is_taken else row["status"],
        # A lock whose time is over is none.
        taken_by=row["taken_by"] if is_taken else None,
        taken_until=until if is_taken else None,
        assignee=row["assignee"],
        expected_loss=row["expected_loss"],
        transaction_count=row["transaction_count"],
        total_amount=format_minor_units(row["total_minor_units"], row["currency"]),
        last_occurred_at=row["last_occurred_at"],
    )


def _clause(which: AlertFilter) -> tuple[str, list[object]]:
    """Name only what restricts, so that each combination gets the plan of its own index."""
    conditions: list[str] = []
    values: list[object] = []
    for condition, value in (
        ("status = {}", which.status),
        ("account_id = {}", which.account_id),
        (_AFTER_BY_LOSS if which.by_expected_loss else "id < {}", which.before),
        ("assignee = {}", which.assignee),
        ("decision = {}", which.decision),
        ("merchant = {}", which.merchant),
        ("score >= {}", which.score_min),
    ):
        if value is not None:
            values.append(value)
            conditions.append(condition.format(f"${len(values)}"))
    if which.by_expected_loss:
        conditions.append("status = 'open'")  # as a constant: the index has only these
    if which.state is not None:
        conditions.append(_CONDITION_OF_STATE[which.state])
    return (f"WHERE {' AND '.join(conditions)}" if conditions else ""), values
