"""Keeps service clients and their secrets.

A client has one secret, or two while the older one is being replaced. Whatever voids its tokens
(disabling, revoking) raises `token_version`; the caller adds the revocation in the same database
transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from aether_core.database.connection import Session

if TYPE_CHECKING:
    from asyncpg import Record


@dataclass(frozen=True, slots=True)
class Client:
    """A service that acts for itself."""

    id: str
    name: str
    scopes: frozenset[str]
    is_active: bool
    token_version: int
    created_at: datetime
    rotated_at: datetime | None
    """When its secret was replaced last."""
    older_secret_until: datetime | None
    """When the secret before the present one ends; None when it has ended or there is none."""
    secret_hashes: tuple[bytes, ...]
    """Of the secrets that are good now, newest first: two at most, none once it was revoked."""


# What is over by PostgreSQL's clock is left out here: nobody can forget to look.
_COLUMNS: Final = """
id, name, scopes, is_active, token_version, created_at, rotated_at, secret_hash,
CASE WHEN older_secret_until > now() THEN older_secret_until END AS older_secret_until,
CASE WHEN older_secret_until > now() THEN older_secret_hash END AS older_secret_hash
"""


async def add_client(
    connection: Session, *, identifier: str, name: str, secret_hash: bytes, scopes: list[str]
) -> Client | None:
    """Add a service client; None when the name is taken."""
    row = await connection.fetchrow(
        "INSERT INTO clients (id, name, secret_hash, scopes) VALUES ($1, $2, $3, $4)"  # noqa: S608
        f" ON CONFLICT (name) DO NOTHING RETURNING {_COLUMNS}",
        identifier,
        name,
        secret_hash,
        scopes,
    )
    return None if row is None else _client(row)


async def find_client(connection: Session, identifier: str) -> Client | None:
    """Return a client by id."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM clients WHERE id = $1",  # noqa: S608 - a constant
        identifier,
    )
    return None if row is None else _client(row)


async def lock_client(connection: Session, name_or_id: str) -> Client | None:
    """Return a client by its id or its name; nobody changes it until the transaction ends."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM clients WHERE id = $1 OR name = $1"  # noqa: S608 - a constant
        " ORDER BY id <> $1 LIMIT 1 FOR UPDATE",
        name_or_id,
    )
    return None if row is None else _client(row)


async def find_clients(
    connection: Session, *, after: str | None = None, limit: int | None = None
) -> list[Client]:
    """Return clients by id; after: only greater ids (the next page)."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM clients WHERE $1::text IS NULL OR id > $1"  # noqa: S608
        " ORDER BY id LIMIT $2",
        after,
        limit,
    )
    return [_client(row) for row in rows]


async def replace_secret(
    connection: Session, identifier: str, secret_hash: bytes, *, overlap_s: int
) -> Client | None:
    """Give a client another secret; the one it has ends after `overlap_s`, any older one now."""
    row = await connection.fetchrow(
        "UPDATE clients SET secret_hash = $2, rotated_at = now(),"  # noqa: S608 - a constant
        " older_secret_hash = CASE WHEN $3 > 0 THEN secret_hash END,"
        " older_secret_until = CASE WHEN $3 > 0 AND secret_hash IS NOT NULL"
        f" THEN now() + make_interval(secs => $3) END WHERE id = $1 RETURNING {_COLUMNS}",
        identifier,
        secret_hash,
        float(overlap_s),
    )
    return None if row is None else _client(row)


async def remove_secrets(connection: Session, identifier: str) -> Client | None:
    """Disable a client and forget its secrets."""
    row = await connection.fetchrow(
        "UPDATE clients SET secret_hash = NULL, older_secret_hash = NULL,"  # noqa: S608
        " older_secret_until = NULL, is_active = false, token_version = token_version + 1"
        f" WHERE id = $1 RETURNING {_COLUMNS}",
        identifier,
    )
    return None if row is None else _client(row)


async def set_client_active(
    connection: Session, identifier: str, *, is_active: bool
) -> Client | None:
    """Disable or enable a client."""
    row = await connection.fetchrow(
        "UPDATE clients SET is_active = $2, token_version = token_version + 1"  # noqa: S608
        f" WHERE id = $1 RETURNING {_COLUMNS}",
        identifier,
        is_active,
    )
    return None if row is None else _client(row)


def _client(row: Record) -> Client:
    hashes = (row["secret_hash"], row["older_secret_hash"])
    return Client(
        id=row["id"],
        name=row["name"],
        scopes=frozenset(row["scopes"]),
        is_active=row["is_active"],
        token_version=row["token_version"],
        created_at=row["created_at"],
        rotated_at=row["rotated_at"],
        older_secret_until=row["older_secret_until"],
        secret_hashes=tuple(known for known in hashes if known is not None),
    )
