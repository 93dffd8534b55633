"""Keeps users.

Whatever voids tokens (another role, another password, disabling) raises `token_version`; the
caller adds the revocation in the same database transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from aether_core.database.connection import LOCK_ADMINS, Session
from aether_core.database.sessions import IS_LIVE

if TYPE_CHECKING:
    from asyncpg import Record


@dataclass(frozen=True, slots=True)
class User:
    """A person who can sign in."""

    id: UUID
    email: str
    password_hash: str
    role: str
    account_id: str
    is_active: bool
    token_version: int
    created_at: datetime
    last_sign_in_at: datetime | None
    totp_secret_sealed: bytes | None
    """The secret of one-time codes, asked for since `totp_since`; None there: not confirmed yet."""
    totp_since: datetime | None
    totp_step: int
    """Time step of the last code that was used (RFC 6238)."""


@dataclass(frozen=True, slots=True)
class ListedUser:
    """A user as administrators see it. session_count: sign-ins that have not ended."""

    id: UUID
    email: str
    role: str
    account_id: str
    is_active: bool
    created_at: datetime
    last_sign_in_at: datetime | None
    has_second_factor: bool
    session_count: int


@dataclass(frozen=True, slots=True)
class UserFilter:
    """Which users a list shows. email: how the address begins, in lower case."""

    role: str | None = None
    is_active: bool | None = None
    email: str | None = None
    before: UUID | None = None
    """Only users that were added before this one (the next page)."""


# Range operators of the pattern index: `LIKE` would use it only with a constant. No address has a
# character beyond the tilde.
_LIST: Final = f"""
SELECT id, email, role, account_id, is_active, created_at, last_sign_in_at,
  totp_since IS NOT NULL AS has_second_factor,
  (SELECT count(*) FROM sessions
   WHERE user_id = users.id AND {IS_LIVE}) AS session_count
FROM users
WHERE ($1::uuid IS NULL OR id = $1) AND ($2::text IS NULL OR role = $2)
  AND ($3::boolean IS NULL OR is_active = $3)
  AND ($4::text IS NULL OR (email ~>=~ $4 AND email ~<~ ($4 || chr(127))))
  AND ($5::uuid IS NULL OR
       (created_at, id) < (SELECT created_at, id FROM users WHERE id = $5))
ORDER BY created_at DESC, id DESC LIMIT $6
"""  # noqa: S608 - a constant


async def add_user(
    connection: Session,
    *,
    identifier: UUID,
    email: str,
    password_hash: str,
    role: str,
    account_id: str,
) -> User | None:
    """Add a user; None when the e-mail address is taken. email: in its normal form."""
    row = await connection.fetchrow(
        "INSERT INTO users (id, email, password_hash, role, account_id)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (email) DO NOTHING RETURNING *",
        identifier,
        email,
        password_hash,
        role,
        account_id,
    )
    return None if row is None else _user(row)


async def find_user(connection: Session, identifier: UUID) -> User | None:
    """Return a user by id."""
    row = await connection.fetchrow("SELECT * FROM users WHERE id = $1", identifier)
    return None if row is None else _user(row)


async def lock_user(connection: Session, identifier: UUID) -> User | None:
    """Return a user and keep it from changing until the database transaction ends."""
    row = await connection.fetchrow(
        "SELECT * FROM users WHERE id = $1 FOR NO KEY UPDATE", identifier
    )
    return None if row is None else _user(row)


async def find_user_by_email(connection: Session, email: str) -> User | None:
    """Return a user by e-mail address in its normal form."""
    row = await connection.fetchrow("SELECT * FROM users WHERE email = $1", email)
    return None if row is None else _user(row)


async def find_users(connection: Session) -> list[User]:
    """Return all users, by e-mail address."""
    return [_user(row) for row in await connection.fetch("SELECT * FROM users ORDER BY email")]


async def list_users(connection: Session, which: UserFilter, limit: int) -> list[ListedUser]:
    """Return up to `limit` users, those added last first."""
    rows = await connection.fetch(
        _LIST, None, which.role, which.is_active, which.email, which.before, limit
    )
    return [_listed(row) for row in rows]


async def find_listed_user(connection: Session, identifier: UUID) -> ListedUser | None:
    """Return a user as administrators see it."""
    row = await connection.fetchrow(_LIST, identifier, None, None, None, None, 1)
    return None if row is None else _listed(row)


async def lock_first_admin(connection: Session) -> bool:
    """Whether there is no admin yet; until the database transaction ends nobody else is told so."""
    await _lock_admins(connection)
    return not await connection.fetchval("SELECT EXISTS (SELECT FROM users WHERE role = 'admin')")


async def lock_other_admins(connection: Session, identifier: UUID) -> bool:
    """Whether there is an active admin besides this user, until the transaction ends.

    Whoever takes admins away comes through here one at a time, so that two cannot remove each
    other.
    """
    await _lock_admins(connection)
    return bool(
        await connection.fetchval(
            "SELECT EXISTS (SELECT FROM users WHERE role = 'admin' AND is_active AND id <> $1)",
            identifier,
        )
    )


async def set_password_hash(
    connection: Session,
    identifier: UUID,
    password_hash: str,
    *,
    voids_tokens: bool,
    instead_of: str | None = None,
) -> User | None:
    """Replace a password's hash. voids_tokens: it is another password, not another cost.

    instead_of: the hash that it must have; None when somebody else has changed it.
    """
    row = await connection.fetchrow(
        "UPDATE users SET password_hash = $2, token_version = token_version + $3::int"
        " WHERE id = $1 AND ($4::text IS NULL OR password_hash = $4) RETURNING *",
        identifier,
        password_hash,
        int(voids_tokens),
        instead_of,
    )
    return None if row is None else _user(row)


async def raise_token_version(connection: Session, identifier: UUID) -> User | None:
    """Let every access token that a user has be one of an earlier version."""
    row = await connection.fetchrow(
        "UPDATE users SET token_version = token_version + 1 WHERE id = $1 RETURNING *", identifier
    )
    return None if row is None else _user(row)


async def note_sign_in(connection: Session, identifier: UUID) -> None:
    """Note that a user signs in now."""
    await connection.execute("UPDATE users SET last_sign_in_at = now() WHERE id = $1", identifier)


async def set_role(connection: Session, identifier: UUID, role: str) -> User | None:
    """Give a user another role."""
    row = await connection.fetchrow(
        "UPDATE users SET role = $2, token_version = token_version + 1 WHERE id = $1 RETURNING *",
        identifier,
        role,
    )
    return None if row is None else _user(row)


async def set_user_active(connection: Session, identifier: UUID, *, is_active: bool) -> User | None:
    """Disable or enable a user."""
    row = await connection.fetchrow(
        "UPDATE users SET is_active = $2, token_version = token_version + 1"
        " WHERE id = $1 RETURNING *",
        identifier,
        is_active,
    )
    return None if row is None else _user(row)


async def _lock_admins(connection: Session) -> None:
    await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK_ADMINS)


def _user(row: Record) -> User:
    return User(
        id=row["id"],
        email=row["email"],
        password_hash=row["password_hash"],
        role=row["role"],
        account_id=row["account_id"],
        is_active=row["is_active"],
        token_version=row["token_version"],
        created_at=row["created_at"],
        last_sign_in_at=row["last_sign_in_at"],
        totp_secret_sealed=row["totp_secret_sealed"],
        totp_since=row["totp_since"],
        totp_step=row["totp_step"],
    )


def _listed(row: Record) -> ListedUser:
    return ListedUser(
        id=row["id"],
        email=row["email"],
        role=row["role"],
        account_id=row["account_id"],
        is_active=row["is_active"],
        created_at=row["created_at"],
        last_sign_in_at=row["last_sign_in_at"],
        has_second_factor=row["has_second_factor"],
        session_count=row["session_count"],
    )
