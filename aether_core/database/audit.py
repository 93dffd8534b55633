"""Keeps the audit trail: who did what, when, from where, each entry sealed by the next.

In:   an act, in the database transaction in which it happens.
Out:  its entry, which nobody can change: a trigger refuses it, and the hash of an entry covers all
      of it and the hash of the entry before (`aether_core.audit` checks them all).
The sequence has no gaps, so entries are numbered one at a time: whoever adds one holds a lock until
its transaction ends. Let it be the transaction's last statement.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Literal, TypeAlias
from uuid import UUID

from aether_core.database.connection import Session
from aether_core.plain_text import escape_controls
from aether_core.telemetry import blank_secrets

if TYPE_CHECKING:
    from asyncpg import Record

ActorKind: TypeAlias = Literal["user", "client", "command", "system", "anonymous"]
AuditOutcome: TypeAlias = Literal["success", "failure"]

NAME_LENGTH_MAX: Final = 254
"""Characters of an actor's or a subject's name: an e-mail address fits."""
DETAIL_LENGTH_MAX: Final = 500
DETAIL_COUNT_MAX: Final = 20
NO_HASH: Final = bytes(32)
"""What the first entry has for the hash of the one before."""

_ADDRESS_LENGTH_MAX: Final = 64
_REQUEST_ID_LENGTH_MAX: Final = 128
_READ_COUNT: Final = 1_000
_TRIGGER_COUNT: Final = 2
_SCHEME: Final = b"aether audit 1"
"""Which encoding is hashed; another one gets another name."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

# The name is looked up by the statement itself, so that nobody forgets it. `id`, `at` and the
# hashes are the trigger's to set.
_ADD: Final = """
INSERT INTO audit (actor_kind, actor_id, actor_name, action, subject, outcome, address, request_id,
                   details)
SELECT $1, $2, coalesce(nullif($3, ''), (SELECT email FROM users WHERE id = $4),
                        (SELECT name FROM clients WHERE $1 = 'client' AND id = $2), ''),
       $5, $6, $7, $8, $9, $10
RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts."""

    kind: ActorKind
    id: str
    """`users.id` as text, `clients.id`, or the machine's user who runs a command."""
    name: str = ""
    """What colleagues know it by; users and clients are looked up when it is left out."""


NOBODY: Final = Actor("anonymous", "")
"""Somebody who has not shown who it is."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An entry as it is kept."""

    id: int
    """Its place in the sequence, from 1 on, without gaps."""
    at: datetime
    actor_kind: ActorKind
    actor_id: str
    actor_name: str
    action: str
    subject: str
    """The id of what was acted upon."""
    outcome: AuditOutcome
    address: str
    request_id: str
    details: str
    """A JSON object of texts, whole numbers and booleans, as it was written."""
    previous_hash: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries; None does not restrict. actor: an id or a name."""

    action: str | None = None
    actor: str | None = None
    subject: str | None = None
    outcome: AuditOutcome | None = None
    since: datetime | None = None
    """At this instant or later."""
    until: datetime | None = None
    """Before this instant."""


async def add_audit_entry(
    connection: Session,
    *,
    action: str,
    actor: Actor,
    subject: str = "",
    outcome: AuditOutcome = "success",
    address: str = "",
    request_id: str = "",
    details: Mapping[str, str | int | bool] | None = None,
) -> int:
    """Add an entry in the caller's database transaction and return its sequence.

    action: two words with a dot between, such as `user.role`.
    details: no secrets. Texts may be anybody's: they are cut and made harmless here.
    """
    number: int = await connection.fetchval(
        _ADD,
        actor.kind,
        escape_controls(actor.id, NAME_LENGTH_MAX),
        escape_controls(actor.name, NAME_LENGTH_MAX),
        UUID(actor.id) if actor.kind == "user" else None,
        action,
        escape_controls(subject, NAME_LENGTH_MAX),
        outcome,
        escape_controls(address, _ADDRESS_LENGTH_MAX),
        escape_controls(request_id, _REQUEST_ID_LENGTH_MAX),
        _details_text(details or {}),
    )
    return number


async def find_audit_entries(
    connection: Session, which: AuditFilter, *, before: int | None, limit: int
) -> list[AuditEntry]:
    """Return up to `limit` entries, newest first. before: only smaller ids (the next page)."""
    clause, values = _clause(which, before)
    rows = await connection.fetch(
        f"SELECT * FROM audit {clause}"  # noqa: S608 - made of constants
        f" ORDER BY id DESC LIMIT ${len(values) + 1}",
        *values,
        limit,
    )
    return [entry_of(row) for row in rows]


async def read_audit(
    connection: Session, which: AuditFilter | None = None
) -> AsyncIterator[AuditEntry]:
    """Yield all entries, oldest first, some at a time. Needs an open database transaction."""
    clause, values = _clause(which or AuditFilter(), None)
    statement = f"SELECT * FROM audit {clause} ORDER BY id"  # noqa: S608 - made of constants
    async for row in connection.cursor(statement, *values, prefetch=_READ_COUNT):
        yield entry_of(row)


async def audit_is_guarded(connection: Session) -> bool:
    """Whether the triggers that number, seal and protect the entries are in place and on."""
    count = await connection.fetchval(
        "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'audit'::regclass"
        " AND ((tgname = 'audit_is_chained' AND tgenabled IN ('O', 'A'))"
        " OR (tgname = 'audit_is_append_only' AND tgenabled = 'A'))"
    )
    return bool(count == _TRIGGER_COUNT)


def hash_entry(entry: AuditEntry) -> bytes:
    """Return the hash that an entry must have: SHA-256 of its fields, each after its length.

    The trigger in `migrations/versions/0002_identity.py` makes it in the same way.
    """
    texts = (
        str(entry.id),
        # Microseconds: what PostgreSQL keeps.
        str((entry.at - _EPOCH) // timedelta(microseconds=1)),
        entry.actor_kind,
        entry.actor_id,
        entry.actor_name,
        entry.action,
        entry.subject,
        entry.outcome,
        entry.address,
        entry.request_id,
        entry.details,
    )
    parts = [_SCHEME, *(text.encode() for text in texts), entry.previous_hash]
    return sha256(b"".join(len(part).to_bytes(4) + part for part in parts)).digest()


def entry_of(row: Record) -> AuditEntry:
    """Return a row of the table as a value."""
    return AuditEntry(
        id=row["id"],
        at=row["at"],
        actor_kind=row["actor_kind"],
        actor_id=row["actor_id"],
        actor_name=row["actor_name"],
        action=row["action"],
        subject=row["subject"],
        outcome=row["outcome"],
        address=row["address"],
        request_id=row["request_id"],
        details=row["details"],
        previous_hash=row["previous_hash"],
        hash=row["hash"],
    )


def _clause(which: AuditFilter, before: int | None) -> tuple[str, list[object]]:
    conditions: list[str] = []
    values: list[object] = []
    for condition, value in (
        ("id < {}", before),
        ("action = {}", which.action),
        ("(actor_id = {0} OR actor_name = {0})", which.actor),
        ("subject = {}", which.subject),
        ("outcome = {}", which.outcome),
        ("at >= {}", which.since),
        ("at < {}", which.until),
    ):
        if value is not None:
            values.append(value)
            conditions.append(condition.format(f"${len(values)}"))
    return (f"WHERE {' AND '.join(conditions)}" if conditions else ""), values


def _details_text(details: Mapping[str, str | int | bool]) -> str:
    if len(details) > DETAIL_COUNT_MAX:
        raise ValueError(f"an audit entry has at most {DETAIL_COUNT_MAX} details")
    plain = {
        name: escape_controls(blank_secrets(value), DETAIL_LENGTH_MAX)
        if isinstance(value, str)
        else value
        for name, value in details.items()
    }
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
