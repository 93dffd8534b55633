"""Keeps sign-ins (sessions) and the refresh tokens that descend from each.

Whoever rotates or ends a session locks its row first: the successor of a token and the end of its
family cannot miss one another.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from aether_core.database.connection import Session

if TYPE_CHECKING:
    from asyncpg import Record


@dataclass(frozen=True, slots=True)
class SignIn:
    """One sign-in of one user through one client."""

    id: UUID
    user_id: UUID
    client_id: str
    scope: str | None
    """What was granted, with spaces between; None: all that the user's role may do."""
    created_at: datetime
    expires_at: datetime
    is_live: bool
    """Neither ended, nor expired, nor idle for too long, by PostgreSQL's clock."""


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A sign-in that goes on, as its user sees it."""

    id: UUID
    client_id: str
    created_at: datetime
    last_used_at: datetime
    ends_at: datetime
    """When it ends by itself, unless it is used before."""
    address: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a sign-in is used from. Texts that are fit to be kept and shown."""

    address: str = ""
    user_agent: str = ""


NOWHERE: Final = Origin()
"""An origin that nobody knows."""


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token, known by its hash. used_s: since it was used; None when it was not."""

    session_id: UUID
    used_s: float | None
    successor_sealed: bytes | None


IS_LIVE: Final = (
    "(ended_at IS NULL AND expires_at > now()"
    " AND last_used_at > now() - make_interval(secs => idle_s))"
)
"""What holds of a row of `sessions` that goes on."""

_SELECT: Final = f"SELECT *, {IS_LIVE} AS is_live FROM sessions WHERE id = $1"  # noqa: S608


async def add_session(
    connection: Session,
    *,
    identifier: UUID,
    user_id: UUID,
    client_id: str,
    scope: str | None,
    life_s: int,
    idle_s: int,
    origin: Origin,
) -> None:
    """Begin a session. life_s: its absolute end, however often it is refreshed.

    idle_s: how long it goes on without being refreshed.
    """
    await connection.execute(
        "INSERT INTO sessions"
        " (id, user_id, client_id, scope, expires_at, address, user_agent, idle_s)"
        " VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5), $6, $7, $8)",
        identifier,
        user_id,
        client_id,
        scope,
        float(life_s),
        origin.address,
        origin.user_agent,
        idle_s,
    )


async def find_session(connection: Session, identifier: UUID) -> SignIn | None:
    """Return a session."""
    row = await connection.fetchrow(_SELECT, identifier)
    return None if row is None else _sign_in(row)


async def note_use(connection: Session, identifier: UUID, origin: Origin) -> None:
    """Note that a session is used now, and from where."""
    await connection.execute(
        "UPDATE sessions SET last_used_at = now(), address = $2, user_agent = $3 WHERE id = $1",
        identifier,
        origin.address,
        origin.user_agent,
    )


async def find_live_sessions(
    connection: Session, user_id: UUID, *, before: UUID | None, limit: int
) -> list[LiveSession]:
    """Return up to `limit` sessions of a user that have not ended, those begun last first.

    before: only those begun before this one (the next page).
    """
    rows = await connection.fetch(
        "SELECT *, least(expires_at, last_used_at + make_interval(secs => idle_s)) AS ends_at"  # noqa: S608 - a constant
        f" FROM sessions WHERE user_id = $1 AND {IS_LIVE}"
        " AND ($2::uuid IS NULL OR"
        " (created_at, id) < (SELECT created_at, id FROM sessions WHERE id = $2))"
        " ORDER BY created_at DESC, id DESC LIMIT $3",
        user_id,
        before,
        limit,
    )
    return [_live_session(row) for row in rows]


async def lock_session(connection: Session, identifier: UUID) -> SignIn | None:
    """Return a session and keep others from changing it until the database transaction ends."""
    row = await connection.fetchrow(f"{_SELECT} FOR UPDATE", identifier)
    return None if row is None else _sign_in(row)


async def find_session_of_token(connection: Session, token_hash: bytes) -> UUID | None:
    """Return the session that a refresh token belongs to, whatever has become of either."""
    found: UUID | None = await connection.fetchval(
        "SELECT session_id FROM refresh_tokens WHERE token_hash = $1", token_hash
    )
    return found


async def end_session(connection: Session, identifier: UUID) -> bool:
    """End a session; False when there is none that could end."""
    status = await connection.execute(
        "UPDATE sessions SET ended_at = now() WHERE id = $1 AND ended_at IS NULL", identifier
    )
    return status == "UPDATE 1"


async def end_session_of(connection: Session, identifier: UUID, user_id: UUID) -> bool:
    """End a session if it is this user's; False when there is none of theirs that could end."""
    status = await connection.execute(
        f"UPDATE sessions SET ended_at = now() WHERE id = $1 AND user_id = $2 AND {IS_LIVE}",  # noqa: S608 - a constant
        identifier,
        user_id,
    )
    return status == "UPDATE 1"


async def end_sessions_of(connection: Session, user_id: UUID) -> None:
    """End every session of a user."""
    await connection.execute(
        "UPDATE sessions SET ended_at = now() WHERE user_id = $1 AND ended_at IS NULL", user_id
    )


async def add_refresh_token(connection: Session, token_hash: bytes, session_id: UUID) -> None:
    """Keep a new refresh token."""
    await connection.execute(
        "INSERT INTO refresh_tokens (token_hash, session_id) VALUES ($1, $2)",
        token_hash,
        session_id,
    )


async def find_refresh_token(connection: Session, token_hash: bytes) -> RefreshToken | None:
    """Return a refresh token; lock its session first."""
    row = await connection.fetchrow(
        "SELECT session_id, successor_sealed,"
        " extract(epoch FROM clock_timestamp() - used_at)::float8 AS used_s"
        " FROM refresh_tokens WHERE token_hash = $1",
        token_hash,
    )
    if row is None:
        return None
    return RefreshToken(row["session_id"], row["used_s"], row["successor_sealed"])


async def use_refresh_token(
    connection: Session, token_hash: bytes, successor_sealed: bytes
) -> None:
    """Note that a token was used, and what took its place."""
    await connection.execute(
        "UPDATE refresh_tokens SET used_at = clock_timestamp(), successor_sealed = $2"
        " WHERE token_hash = $1",
        token_hash,
        successor_sealed,
    )


async def delete_expired_sessions(connection: Session) -> None:
    """Forget sessions, with their tokens, that ended or expired more than a day ago."""
    await connection.execute(
        "DELETE FROM sessions WHERE expires_at < now() - interval '1 day'"
        " OR ended_at < now() - interval '1 day'"
        " OR last_used_at < now() - make_interval(secs => idle_s) - interval '1 day'"
    )


def _sign_in(row: Record) -> SignIn:
    return SignIn(
        id=row["id"],
        user_id=row["user_id"],
        client_id=row["client_id"],
        scope=row["scope"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        is_live=row["is_live"],
    )


def _live_session(row: Record) -> LiveSession:
    return LiveSession(
        id=row["id"],
        client_id=row["client_id"],
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
        ends_at=row["ends_at"],
        address=row["address"],
        user_agent=row["user_agent"],
    )
