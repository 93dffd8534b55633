"""Suppressions: which detector is silent for which account, until when, and who wanted it so.

In:   what an analyst wants silenced, or heard again.
Out:  the suppression as it is now, with an order for every shard's stream in the same database
      transaction: scoring honours it from the place where the order enters the stream.
At most one suppression of a detector and an account is in force; a new one takes its place. They
change one after another, under the lock of the orders.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec

from aether_core.database.connection import Session
from aether_core.database.controls import add_order, lock_orders
from aether_core.errors import InvalidInput, NotFound
from aether_core.scoring import DETECTORS, Suppression
from aether_core.transaction import us_of_instant

if TYPE_CHECKING:
    from asyncpg import Record

DURATION_S_MIN: Final = 60
DURATION_S_MAX: Final = 90 * 86_400
"""Nothing is silent for ever: what is normal for an account by then, the detectors have learnt."""

_IN_FORCE: Final = "ended_at IS NULL AND expires_at > clock_timestamp()"
_FIELDS: Final = f"*, {_IN_FORCE} AS is_in_force"


class KeptSuppression(msgspec.Struct, frozen=True, kw_only=True):
    """One suppression, in force or over."""

    id: int
    account_id: str
    detector: str
    note: str | None
    created_at: datetime
    created_by: str
    expires_at: datetime
    ended_at: datetime | None
    """When somebody ended it, or another one took its place, before it expired."""
    ended_by: str | None
    is_in_force: bool


def audit_details(suppression: KeptSuppression) -> dict[str, str | int | bool]:
    """Return what the audit trail keeps of one that was begun or ended."""
    return {
        "account_id": suppression.account_id,
        "detector": suppression.detector,
        "expires_at": suppression.expires_at.isoformat(),
    }


async def add_suppression(
    connection: Session,
    *,
    account_id: str,
    detector: str,
    duration_s: int,
    note: str | None,
    by: str,
) -> KeptSuppression:
    """Silence a detector for an account; what is in force of the two is replaced.

    Raises InvalidInput for a detector that there is none of, and for durations beyond the limits.
    """
    if detector not in DETECTORS:
        raise InvalidInput("detector", f"A detector is one of {', '.join(DETECTORS)}.")
    if not DURATION_S_MIN <= duration_s <= DURATION_S_MAX:
        raise InvalidInput(
            "duration_s",
            f"A suppression lasts {DURATION_S_MIN} to {DURATION_S_MAX:,} seconds (90 days).",
        )
    await lock_orders(connection)
    expires_at: datetime = await connection.fetchval(
        "SELECT date_trunc('milliseconds', clock_timestamp()) + make_interval(secs => $1)",
        float(duration_s),
    )
    await add_order(
        connection, Suppression(account_id, detector, us_of_instant(expires_at) // 1000)
    )
    await connection.execute(
        "UPDATE suppressions SET ended_at = least(clock_timestamp(), expires_at), ended_by = $3"
        " WHERE account_id = $1 AND detector = $2 AND ended_at IS NULL",
        account_id,
        detector,
        by,
    )
    (row,) = await connection.fetch(
        "INSERT INTO suppressions (account_id, detector, note, created_at, created_by, expires_at)"  # noqa: S608 - made of constants
        f" VALUES ($1, $2, $3, clock_timestamp(), $4, $5) RETURNING {_FIELDS}",
        account_id,
        detector,
        note,
        by,
        expires_at,
    )
    return _view(row)


async def end_suppression(
    connection: Session, identifier: int, *, by: str
) -> tuple[KeptSuppression, bool]:
    """Let a detector be heard again; False beside it: it was over already, nothing changed.

    Raises NotFound.
    """
    await lock_orders(connection)
    row = await connection.fetchrow(
        f"SELECT {_FIELDS} FROM suppressions WHERE id = $1",  # noqa: S608 - made of constants
        identifier,
    )
    if row is None:
        raise NotFound("suppression")
    if not row["is_in_force"]:
        return _view(row), False
    await add_order(connection, Suppression(row["account_id"], row["detector"], 0))
    (row,) = await connection.fetch(
        "UPDATE suppressions SET ended_at = clock_timestamp(), ended_by = $2"  # noqa: S608 - constants
        f" WHERE id = $1 RETURNING {_FIELDS}",
        identifier,
        by,
    )
    return _view(row), True


async def find_suppressions(
    connection: Session,
    *,
    account_id: str | None,
    only_in_force: bool,
    before: int | None,
    limit: int,
) -> list[KeptSuppression]:
    """Return up to `limit`, newest first. before: an id (the next page)."""
    rows = await connection.fetch(
        f"SELECT {_FIELDS} FROM suppressions"  # noqa: S608 - made of constants
        " WHERE ($1::text IS NULL OR account_id = $1) AND ($2::bigint IS NULL OR id < $2)"
        f" AND (NOT $3 OR {_IN_FORCE}) ORDER BY id DESC LIMIT $4",
        account_id,
        before,
        only_in_force,
        limit,
    )
    return [_view(row) for row in rows]


def _view(row: Record) -> KeptSuppression:
    return KeptSuppression(**dict(row))
