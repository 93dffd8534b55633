"""Keeps users and service clients.

Whatever voids tokens (another role, another password, disabling) raises `token_version`; the
caller adds the revocation in the same database transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from aether_core.database.connection import LOCK_FIRST_ADMIN, Session

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


@dataclass(frozen=True, slots=True)
class Client:
    """A service that acts for itself."""

    id: str
    name: str
    secret_hash: bytes
    scopes: frozenset[str]
    is_active: bool
    token_version: int
    created_at: datetime


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
    row = await connection.fetchrow("SELECT * FROM users WHERE id = $1 FOR SHARE", identifier)
    return None if row is None else _user(row)


async def find_user_by_email(connection: Session, email: str) -> User | None:
    """Return a user by e-mail address in its normal form."""
    row = await connection.fetchrow("SELECT * FROM users WHERE email = $1", email)
    return None if row is None else _user(row)


async def find_users(connection: Session) -> list[User]:
    """Return all users, by e-mail address."""
    return [_user(row) for row in await connection.fetch("SELECT * FROM users ORDER BY email")]


async def lock_first_admin(connection: Session) -> bool:
    """Whether there is no admin yet; until the database transaction ends nobody else is told so."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK_FIRST_ADMIN)
    return not await connection.fetchval("SELECT EXISTS (SELECT FROM users WHERE role = 'admin')")


async def set_password_hash(
    connection: Session, identifier: UUID, password_hash: str, *, voids_tokens: bool
) -> User | None:
    """Replace a password's hash. voids_tokens: it is another password, not another cost."""
    row = await connection.fetchrow(
        "UPDATE users SET password_hash = $2, token_version = token_version + $3::int"
        " WHERE id = $1 RETURNING *",
        identifier,
        password_hash,
        int(voids_tokens),
    )
    return None if row is None else _user(row)


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


async def add_client(
    connection: Session, *, identifier: str, name: str, secret_hash: bytes, scopes: list[str]
) -> Client | None:
    """Add a service client; None when the name is taken."""
    row = await connection.fetchrow(
        "INSERT INTO clients (id, name, secret_hash, scopes) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (name) DO NOTHING RETURNING *",
        identifier,
        name,
        secret_hash,
        scopes,
    )
    return None if row is None else _client(row)


async def find_client(connection: Session, identifier: str) -> Client | None:
    """Return a client by id."""
    row = await connection.fetchrow("SELECT * FROM clients WHERE id = $1", identifier)
    return None if row is None else _client(row)


async def find_clients(connection: Session) -> list[Client]:
    """Return all clients, by name."""
    return [_client(row) for row in await connection.fetch("SELECT * FROM clients ORDER BY name")]


async def set_client_active(
    connection: Session, name_or_id: str, *, is_active: bool
) -> Client | None:
    """Disable or enable a client, found by its id or its name."""
    row = await connection.fetchrow(
        "UPDATE clients SET is_active = $2, token_version = token_version + 1"
        " WHERE id = $1 OR name = $1 RETURNING *",
        name_or_id,
        is_active,
    )
    return None if row is None else _client(row)


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
    )


def _client(row: Record) -> Client:
    return Client(
        id=row["id"],
        name=row["name"],
        secret_hash=row["secret_hash"],
        scopes=frozenset(row["scopes"]),
        is_active=row["is_active"],
        token_version=row["token_version"],
        created_at=row["created_at"],
    )
