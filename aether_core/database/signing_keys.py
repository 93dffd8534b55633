"""Keeps the keys that sign access tokens; their private halves are sealed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from aether_core.database.connection import LOCK_KEYS, Session


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A signing key as PostgreSQL has it. age_s: since it was made, by PostgreSQL's clock."""

    kid: str
    public_key: bytes
    private_key_sealed: bytes
    created_at: datetime
    retired_at: datetime | None
    age_s: float
    is_retired: bool


async def lock_signing_keys(connection: Session) -> None:
    """Let one process at a time make keys, until the database transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK_KEYS)


async def find_signing_keys(connection: Session, *, kept_s: int) -> list[StoredKey]:
    """Return the keys that sign or verify, newest first.

    kept_s: how long a retired key goes on verifying.
    """
    rows = await connection.fetch(
        "SELECT *, extract(epoch FROM now() - created_at)::float8 AS age_s,"
        " coalesce(retired_at <= now(), false) AS is_retired FROM signing_keys"
        " WHERE retired_at IS NULL OR retired_at > now() - make_interval(secs => $1)"
        " ORDER BY created_at DESC, kid",
        float(kept_s),
    )
    return [
        StoredKey(
            row["kid"],
            row["public_key"],
            row["private_key_sealed"],
            row["created_at"],
            row["retired_at"],
            row["age_s"],
            row["is_retired"],
        )
        for row in rows
    ]


async def add_signing_key(
    connection: Session, kid: str, public_key: bytes, private_key_sealed: bytes
) -> None:
    """Keep a new key."""
    await connection.execute(
        "INSERT INTO signing_keys (kid, public_key, private_key_sealed) VALUES ($1, $2, $3)",
        kid,
        public_key,
        private_key_sealed,
    )


async def retire_signing_keys(connection: Session, *, except_kid: str, after_s: int) -> None:
    """Let every key but one sign nothing any more, from `after_s` seconds on."""
    await connection.execute(
        "UPDATE signing_keys SET retired_at = now() + make_interval(secs => $2)"
        " WHERE kid <> $1 AND (retired_at IS NULL"
        " OR retired_at > now() + make_interval(secs => $2))",
        except_kid,
        float(after_s),
    )


async def delete_signing_keys(connection: Session, *, except_kid: str) -> None:
    """Forget every key but one: what they signed is void at once."""
    await connection.execute("DELETE FROM signing_keys WHERE kid <> $1", except_kid)


async def delete_expired_signing_keys(connection: Session, *, kept_s: int) -> None:
    """Forget keys whose last token has expired."""
    await connection.execute(
        "DELETE FROM signing_keys WHERE retired_at < now() - make_interval(secs => $1)",
        float(kept_s),
    )
