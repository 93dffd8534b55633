"""Triage: what people do to alerts, each change with its entry of the history.

In:   an alert's id, who acts, and which version of the alert they have seen, if they say so.
Out:  the alert after it and its entry, in the caller's database transaction; or an AlertConflict
      that keeps what somebody else did first.
An alert is locked by its row while it changes, so changes to it happen one after another. Somebody
who wants what is so already changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from msgspec.structs import replace

from aether_core.alert import AlertChange, AlertView
from aether_core.database.alerts import ALERT_FIELDS, view_of_alert
from aether_core.database.connection import Session
from aether_core.database.controls import add_orders
from aether_core.database.labels import label_of
from aether_core.database.users import find_user_by_email
from aether_core.errors import (
    AlertAlreadyResolved,
    AlertChanged,
    AlertSettled,
    AlertTaken,
    InvalidInput,
    NotFound,
)
from aether_core.identity.roles import scopes_of
from aether_core.scoring import Label

if TYPE_CHECKING:
    from asyncpg import Record

_NEEDED_SCOPE: Final = "alerts:write"

# $2 who, $4 resolution, $5 assignee, $6 seconds, $7 note. Locks and instants are by the database's
# clock at the moment of the change, not of the transaction's beginning: it may have waited.
_SETS: Final = {
    "take": "taken_by = $2, taken_until = clock_timestamp() + make_interval(secs => $6)",
    "release": "taken_by = NULL, taken_until = NULL",
    "assign": "assignee = $5",
    "note": "",
    "resolve": "status = 'resolved', resolution = $4, resolved_by = $2,"
    " resolved_at = clock_timestamp(), note = $7, taken_by = NULL, taken_until = NULL",
    "reopen": "status = 'open', resolution = NULL, resolved_by = NULL, resolved_at = NULL,"
    " note = NULL",
}

_CHANGE: Final = """
WITH changed AS (
  UPDATE alerts SET {sets} WHERE id = $1 RETURNING *
), noted AS (
  INSERT INTO alert_history (alert_id, version, at, actor, action, resolution, assignee,
                             taken_until, note)
  SELECT id, version,
         CASE WHEN $3::text = 'resolve' THEN resolved_at ELSE clock_timestamp() END,
         $2, $3::text, $4::text, $5::text,
         CASE WHEN $6::double precision IS NOT NULL THEN taken_until END, $7::text
  FROM changed
  RETURNING *
)
SELECT changed.*, now() AS read_at, noted.at AS noted_at, noted.taken_until AS noted_until
FROM changed, noted
"""

_NEXT: Final = """
SELECT id FROM alerts
WHERE status = 'open' AND (taken_until IS NULL OR taken_until <= now())
  AND (assignee IS NULL OR assignee = $1)
ORDER BY expected_loss DESC, id DESC LIMIT 1 FOR UPDATE SKIP LOCKED
"""

_HISTORY_FIELDS: Final = "version, at, actor, action, resolution, assignee, taken_until, note"


@dataclass(frozen=True, slots=True)
class By:
    """Who acts, and what they have seen."""

    actor: str
    """What colleagues know them by."""
    version: int | None = None
    """The version of the alert that they decide upon; None: whatever it is."""


@dataclass(frozen=True, slots=True)
class Triaged:
    """An alert after somebody acted, and the entry of it; None: nothing had to change."""

    alert: AlertView
    change: AlertChange | None


async def take_alert(connection: Session, identifier: UUID, by: By, *, lock_s: float) -> Triaged:
    """Lock an open alert for `lock_s` seconds; for one who holds the lock, from now on.

    Raises NotFound, AlertTaken, AlertChanged, AlertAlreadyResolved.
    """
    row = await _lock(connection, identifier)
    await _check_open(connection, row)
    await _check_free(connection, row, by)
    return await _change(connection, row, by, "take", lock_s=lock_s)


async def take_next(connection: Session, by: By, *, lock_s: float) -> Triaged | None:
    """Take the alert with the largest expected loss that nobody has; None when there is none.

    Those that are given to somebody else are left out. Alerts that are being changed at this moment
    are passed over, so that two who ask at once get two and neither waits.
    """
    identifier = await connection.fetchval(_NEXT, by.actor)
    if identifier is None:
        return None
    row = await _lock(connection, identifier)
    return await _change(connection, row, by, "take", lock_s=lock_s)


async def release_alert(connection: Session, identifier: UUID, by: By) -> Triaged:
    """Give up one's lock; one that is over, or that nobody has, changes nothing.

    Raises NotFound, AlertTaken, AlertChanged.
    """
    row = await _lock(connection, identifier)
    if view_of_alert(row).taken_by is None:
        return Triaged(view_of_alert(row), None)
    await _check_free(connection, row, by)
    return await _change(connection, row, by, "release")


async def assign_alert(
    connection: Session, identifier: UUID, by: By, *, assignee: str | None
) -> Triaged:
    """Give an open alert to somebody, or to nobody.

    assignee: the e-mail address of somebody who may decide alerts; None: nobody.
    Raises NotFound, AlertTaken, AlertChanged, AlertAlreadyResolved; InvalidInput for anybody else.
    """
    if assignee is not None:
        await _check_assignee(connection, assignee)
    row = await _lock(connection, identifier)
    if row["assignee"] == assignee:
        return Triaged(view_of_alert(row), None)
    await _check_open(connection, row)
    await _check_free(connection, row, by)
    return await _change(connection, row, by, "assign", assignee=assignee)


async def note_alert(connection: Session, identifier: UUID, by: By, *, note: str) -> Triaged:
    """Add a note for colleagues, whoever works on the alert and whatever became of it.

    Raises NotFound, AlertChanged.
    """
    row = await _lock(connection, identifier)
    await _check_seen(connection, row, by)
    return await _change(connection, row, by, "note", note=note)


async def resolve_alert(
    connection: Session, identifier: UUID, by: By, *, resolution: str, note: str | None
) -> Triaged:
    """Resolve an open alert; the same resolution again changes nothing.

    Raises NotFound, AlertTaken, AlertChanged, AlertAlreadyResolved when it carries the other one.
    """
    row = await _lock(connection, identifier)
    if row["resolution"] == resolution:
        return Triaged(view_of_alert(row), None)
    await _check_open(connection, row)
    await _check_free(connection, row, by)
    await add_orders(connection, await _labels(connection, row, resolution))
    return await _change(connection, row, by, "resolve", resolution=resolution, note=note)


async def reopen_alert(
    connection: Session, identifier: UUID, by: By, *, window_s: float
) -> Triaged:
    """Take a resolution of the last `window_s` seconds back; an open alert stays as it is.

    Raises NotFound, AlertChanged, AlertSettled.
    """
    row = await _lock(connection, identifier)
    if row["status"] == "open":
        return Triaged(view_of_alert(row), None)
    await _check_seen(connection, row, by)
    if row["read_at"] - row["resolved_at"] > timedelta(seconds=window_s):
        raise AlertSettled(window_s, await _last_change(connection, row["id"]))
    labels = await _labels(connection, row, row["resolution"])
    await add_orders(connection, [replace(label, is_withdrawn=True) for label in labels])
    return await _change(connection, row, by, "reopen")


async def find_history(
    connection: Session, identifier: UUID, *, before: int | None, limit: int
) -> list[AlertChange]:
    """Return up to `limit` changes of an alert, newest first. before: a version (the next page)."""
    rows = await connection.fetch(
        f"SELECT {_HISTORY_FIELDS} FROM alert_history"  # noqa: S608 - made of constants
        " WHERE alert_id = $1 AND version < $2 ORDER BY version DESC LIMIT $3",
        identifier,
        2**31 - 1 if before is None else before,
        limit,
    )
    return [AlertChange(**dict(row)) for row in rows]


async def _labels(connection: Session, row: Record, resolution: str) -> list[Label]:
    """Return what scoring learns from a resolution: of each transaction that is still kept.

    Where retention has dropped them all, the alert itself tells of the one that raised it.
    """
    kept = await connection.fetch(
        "SELECT merchant, occurred_at, evidence FROM transactions WHERE id IN"
        " (SELECT transaction_id FROM alert_transactions WHERE alert_id = $1) ORDER BY id",
        row["id"],
    )
    return [
        label_of(row["account_id"], merchant, occurred_at, evidence, resolution)
        for merchant, occurred_at, evidence in kept or [(row["merchant"], row["occurred_at"], None)]
    ]


async def _lock(connection: Session, identifier: UUID) -> Record:
    """Return the alert's row and keep it from changing until the database transaction ends."""
    row: Record | None = await connection.fetchrow(
        f"SELECT {ALERT_FIELDS} FROM alerts WHERE id = $1 FOR UPDATE",  # noqa: S608 - constants
        identifier,
    )
    if row is None:
        raise NotFound("alert")
    return row


async def _check_assignee(connection: Session, email: str) -> None:
    user = await find_user_by_email(connection, email)
    if user is None or not user.is_active or _NEEDED_SCOPE not in scopes_of(user.role):
        raise InvalidInput("assignee", "Nobody with this e-mail address may decide alerts.")


async def _check_open(connection: Session, row: Record) -> None:
    if row["status"] != "open":
        change = await _last_change(connection, row["id"])
        raise AlertAlreadyResolved(row["resolution"], row["resolved_by"], change)


async def _check_free(connection: Session, row: Record, by: By) -> None:
    taken_by = view_of_alert(row).taken_by
    if taken_by not in {None, by.actor}:
        raise AlertTaken(taken_by, await _last_change(connection, row["id"]))
    await _check_seen(connection, row, by)


async def _check_seen(connection: Session, row: Record, by: By) -> None:
    if by.version not in {None, row["version"]}:
        change = await _last_change(connection, row["id"])
        raise AlertChanged(by.version, row["version"], change)


async def _last_change(connection: Session, identifier: UUID) -> AlertChange | None:
    found = await find_history(connection, identifier, before=None, limit=1)
    return found[0] if found else None


async def _change(
    connection: Session,
    row: Record,
    by: By,
    action: str,
    *,
    resolution: str | None = None,
    assignee: str | None = None,
    lock_s: float | None = None,
    note: str | None = None,
) -> Triaged:
    sets = ", ".join(filter(None, ("version = version + 1", _SETS[action])))
    (changed,) = await connection.fetch(
        _CHANGE.format(sets=sets), row["id"], by.actor, action, resolution, assignee, lock_s, note
    )
    change = AlertChange(
        version=changed["version"],
        at=changed["noted_at"],
        actor=by.actor,
        action=action,
        resolution=resolution,
        assignee=assignee,
        taken_until=changed["noted_until"],
        note=note,
    )
    return Triaged(view_of_alert(changed), change)
