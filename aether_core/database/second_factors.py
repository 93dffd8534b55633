"""Keeps what second factors rest on: secrets of one-time codes, sealed, and recovery codes.

Whoever changes them has locked the user's row first: a code is good once, whoever sends it twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from aether_core.database.connection import Session


async def set_totp_secret(connection: Session, user_id: UUID, sealed: bytes) -> None:
    """Keep a secret that waits to be confirmed, in place of one that waited before."""
    await connection.execute(
        "UPDATE users SET totp_secret_sealed = $2, totp_since = NULL, totp_step = 0 WHERE id = $1",
        user_id,
        sealed,
    )


async def begin_totp(connection: Session, user_id: UUID, step: int) -> None:
    """Ask for codes of the secret from now on. step: of the code that confirmed it."""
    await connection.execute(
        "UPDATE users SET totp_since = now(), totp_step = $2 WHERE id = $1", user_id, step
    )


async def note_totp_step(connection: Session, user_id: UUID, step: int) -> None:
    """Note the time step of a code that was used: it and earlier ones are good no more."""
    await connection.execute("UPDATE users SET totp_step = $2 WHERE id = $1", user_id, step)


async def delete_totp(connection: Session, user_id: UUID) -> None:
    """Forget a user's secret and recovery codes."""
    await connection.execute(
        "UPDATE users SET totp_secret_sealed = NULL, totp_since = NULL, totp_step = 0"
        " WHERE id = $1",
        user_id,
    )
    await connection.execute("DELETE FROM recovery_codes WHERE user_id = $1", user_id)


async def replace_recovery_codes(
    connection: Session, user_id: UUID, hashes: Iterable[bytes]
) -> None:
    """Keep these recovery codes of a user and no others."""
    await connection.execute("DELETE FROM recovery_codes WHERE user_id = $1", user_id)
    await connection.executemany(
        "INSERT INTO recovery_codes (code_hash, user_id) VALUES ($1, $2)",
        [(code_hash, user_id) for code_hash in hashes],
    )


async def use_recovery_code(connection: Session, user_id: UUID, code_hash: bytes) -> bool:
    """Use a recovery code up; False when the user has no such code."""
    status = await connection.execute(
        "DELETE FROM recovery_codes WHERE user_id = $1 AND code_hash = $2", user_id, code_hash
    )
    return status == "DELETE 1"
