"""Keeps what was revoked for as long as a token of it could still be presented."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeAlias

from aether_core.database.connection import Session

if TYPE_CHECKING:
    from asyncpg import Record

RevocationKind: TypeAlias = Literal["token", "session", "subject"]


@dataclass(frozen=True, slots=True)
class Revocation:
    """What is void: a token by its jti, a sign-in, or a subject's tokens below a version."""

    kind: RevocationKind
    subject: str
    version: int
    expires_at: float
    """Epoch seconds by which every token that it voids has expired by itself."""


async def add_revocation(
    connection: Session, kind: RevocationKind, subject: str, *, version: int = 0, life_s: int
) -> Revocation:
    """Make a revocation durable. life_s: how long a token of it could live from now on."""
    expires_at: datetime = await connection.fetchval(
        "INSERT INTO revocations (kind, subject, version, expires_at)"
        " VALUES ($1, $2, $3, now() + make_interval(secs => $4)) RETURNING expires_at",
        kind,
        subject,
        version,
        float(life_s),
    )
    return Revocation(kind, subject, version, expires_at.timestamp())


async def find_live_revocations(
    connection: Session, *, within_s: float | None = None
) -> list[Revocation]:
    """Return what is revoked at present; within_s: only what was added in the last so many."""
    rows = await connection.fetch(
        "SELECT kind, subject, version, expires_at FROM revocations WHERE expires_at > now()"
        " AND ($1::float8 IS NULL OR created_at > now() - make_interval(secs => $1))",
        within_s,
    )
    return [_revocation(row) for row in rows]


async def delete_expired_revocations(connection: Session) -> None:
    """Forget revocations of tokens that have expired by themselves, with a minute to spare."""
    await connection.execute(
        "DELETE FROM revocations WHERE expires_at < now() - interval '1 minute'"
    )


def _revocation(row: Record) -> Revocation:
    return Revocation(row["kind"], row["subject"], row["version"], row["expires_at"].timestamp())
