"""Keeps what devices without a keyboard ask for, until somebody has decided and they have heard.

Whoever decides or collects locks the row first: a code is decided once and collected once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeAlias
from uuid import UUID

from aether_core.database.connection import Session

if TYPE_CHECKING:
    from asyncpg import Record

DeviceState: TypeAlias = Literal["pending", "approved", "denied", "used"]


@dataclass(frozen=True, slots=True)
class DeviceAuthorization:
    """What one device asks for, and what has become of it."""

    device_code_hash: bytes
    user_code: str
    client_id: str
    client_name: str | None
    """What people know the client by; None for our own, which is in no table."""
    wanted_scope: str | None
    granted_scope: str | None
    address: str
    """Where the device asked from."""
    state: DeviceState
    interval_s: int
    created_at: datetime
    expires_at: datetime
    is_expired: bool
    """By PostgreSQL's clock, as are the two below."""
    polled_s: float | None
    """Since the device asked last; None when it has not."""
    user_id: UUID | None
    token_version: int | None
    session_id: UUID | None


# Not now(): that is when the transaction began, and two questions of a device may wait for one
# another.
_SELECT = (
    "SELECT d.*, c.name AS client_name, d.expires_at <= clock_timestamp() AS is_expired,"
    " extract(epoch FROM clock_timestamp() - d.polled_at)::float8 AS polled_s"
    " FROM device_authorizations d LEFT JOIN clients c ON c.id = d.client_id"
)


async def add_device_authorization(
    connection: Session,
    *,
    device_code_hash: bytes,
    user_code: str,
    client_id: str,
    wanted_scope: str | None,
    address: str,
    interval_s: int,
    life_s: int,
) -> bool:
    """Keep a new request of a device; False when its user code is taken."""
    status = await connection.execute(
        "INSERT INTO device_authorizations"
        " (device_code_hash, user_code, client_id, wanted_scope, address, interval_s, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))"
        " ON CONFLICT (user_code) DO NOTHING",
        device_code_hash,
        user_code,
        client_id,
        wanted_scope,
        address,
        interval_s,
        float(life_s),
    )
    return status == "INSERT 0 1"


async def find_device_by_user_code(
    connection: Session, user_code: str
) -> DeviceAuthorization | None:
    """Return a request by the code that people type."""
    row = await connection.fetchrow(f"{_SELECT} WHERE d.user_code = $1", user_code)
    return None if row is None else _device(row)


async def lock_device_by_user_code(
    connection: Session, user_code: str
) -> DeviceAuthorization | None:
    """The same, and keep others from changing it until the database transaction ends."""
    row = await connection.fetchrow(f"{_SELECT} WHERE d.user_code = $1 FOR UPDATE OF d", user_code)
    return None if row is None else _device(row)


async def lock_device(connection: Session, device_code_hash: bytes) -> DeviceAuthorization | None:
    """Return a request by its device code, and keep others from changing it."""
    row = await connection.fetchrow(
        f"{_SELECT} WHERE d.device_code_hash = $1 FOR UPDATE OF d", device_code_hash
    )
    return None if row is None else _device(row)


async def decide_device(
    connection: Session,
    device_code_hash: bytes,
    *,
    state: Literal["approved", "denied"],
    granted_scope: str | None,
    user_id: UUID,
    token_version: int,
) -> None:
    """Note what a user decided about a request that is locked and pending."""
    await connection.execute(
        "UPDATE device_authorizations SET state = $2, granted_scope = $3, user_id = $4,"
        " token_version = $5 WHERE device_code_hash = $1",
        device_code_hash,
        state,
        granted_scope,
        user_id,
        token_version,
    )


async def note_poll(connection: Session, device_code_hash: bytes, *, interval_s: int) -> None:
    """Note that a device asked just now, and how long it must wait before it asks again."""
    await connection.execute(
        "UPDATE device_authorizations SET polled_at = clock_timestamp(), interval_s = $2"
        " WHERE device_code_hash = $1",
        device_code_hash,
        interval_s,
    )


async def use_device(connection: Session, device_code_hash: bytes, session_id: UUID) -> None:
    """Note that a device has collected its tokens."""
    await connection.execute(
        "UPDATE device_authorizations SET state = 'used', session_id = $2"
        " WHERE device_code_hash = $1",
        device_code_hash,
        session_id,
    )


async def delete_expired_devices(connection: Session) -> None:
    """Forget what expired more than an hour ago; until then devices are told that it did."""
    await connection.execute(
        "DELETE FROM device_authorizations WHERE expires_at < now() - interval '1 hour'"
    )


def _device(row: Record) -> DeviceAuthorization:
    return DeviceAuthorization(
        device_code_hash=row["device_code_hash"],
        user_code=row["user_code"],
        client_id=row["client_id"],
        client_name=row["client_name"],
        wanted_scope=row["wanted_scope"],
        granted_scope=row["granted_scope"],
        address=row["address"],
        state=row["state"],
        interval_s=row["interval_s"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        is_expired=row["is_expired"],
        polled_s=row["polled_s"],
        user_id=row["user_id"],
        token_version=row["token_version"],
        session_id=row["session_id"],
    )
