"""Opens connections and pools to PostgreSQL, with limits on every wait.

Also the one list of advisory lock keys, so that no two uses can collide.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
import msgspec

from aether_core.errors import CannotStart, DatabaseUnavailable

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

Session: TypeAlias = "asyncpg.Connection[Any] | PoolConnectionProxy[Any]"
Pool: TypeAlias = "asyncpg.Pool[Any]"

# Advisory locks with one 64-bit key …
LOCK_MIGRATION = 0x4165_7468_6572_0001
LOCK_FORECASTER = 0x4165_7468_6572_0002
LOCK_INCARNATION = 0x4165_7468_6572_0003
LOCK_KEYS = 0x4165_7468_6572_0004
LOCK_ADMINS = 0x4165_7468_6572_0005
LOCK_PARTITIONS = 0x4165_7468_6572_0006
LOCK_AUDIT = 0x4165_7468_6572_0007  # taken by a trigger
# … and with two 32-bit keys: the class, then the shard, or the writer's backend.
LOCK_CLASS_SHARD = 0x4165_0001
LOCK_CLASS_WRITER = 0x4165_0002
LOCK_CLASS_PROBE = 0x4165_0003

BEHIND_A_POOLER = (
    "AETHER_DATABASE_URL leads through a pooler that gives every transaction another session of "
    "PostgreSQL (as PgBouncer does with pool_mode=transaction): the locks by which writers share "
    "their work do not hold there. Give PostgreSQL's own address, or that of a session-mode pool."
)

# A statement that one session has prepared is unknown to another, or is there already.
ANOTHER_SESSION_ERRORS = (
    asyncpg.InvalidSQLStatementNameError,
    asyncpg.DuplicatePreparedStatementError,
)

# PostgreSQL 14 brought what we rely on: pg_stat_wal, reliable idle_session_timeout.
_SERVER_VERSION_MIN = 140_000

DRIVER_ERRORS = (asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What the driver raises by itself: misuse, or surprise at a connection that is lost at the wrong
moment. No base class unites them."""

# A server that froze or was cut off is noticed within about this long, also when it holds locks.
_TCP_USER_TIMEOUT_MS = 10_000


async def connect(
    database_url: str, *, statement_timeout_s: float, name: str, idle_timeout_s: float = 20.0
) -> asyncpg.Connection[Any]:
    """Open one connection.

    name: shown to operators in pg_stat_activity.
    idle_timeout_s: an open transaction that does nothing for so long is ended by the server, so
    that a frozen process frees its locks.
    Raises CannotStart behind a pooler that does not let a session be our own, or have our settings.
    """
    try:
        connection: asyncpg.Connection[Any] = await asyncpg.connect(
            database_url,
            timeout=10,
            command_timeout=statement_timeout_s + 5,
            server_settings=_server_settings(name, statement_timeout_s, idle_timeout_s),
        )
    except asyncpg.ProtocolViolationError as error:
        if "startup parameter" not in str(error):
            raise
        raise CannotStart(
            f"A pooler before PostgreSQL refuses the settings of our sessions ({error}); give "
            "PostgreSQL's own address."
        ) from error
    try:
        await _prepare(connection)
    except ANOTHER_SESSION_ERRORS as error:
        connection.terminate()
        raise CannotStart(BEHIND_A_POOLER) from error
    return connection


async def close(connection: asyncpg.Connection[Any]) -> None:
    """Close a connection; one whose server is frozen or lost is dropped, so that nothing waits."""
    try:
        await connection.close(timeout=2)
    except (asyncpg.PostgresError, *DRIVER_ERRORS, OSError, TimeoutError):
        connection.terminate()


async def open_pool(
    database_url: str, *, size_max: int, statement_timeout_s: float, name: str
) -> Pool:
    """Open a pool that connects when it is first used. Close it with `await pool.close()`."""
    return await asyncpg.create_pool(
        database_url,
        min_size=0,
        max_size=size_max,
        timeout=5,
        command_timeout=statement_timeout_s + 2,
        init=_prepare,
        server_settings=_server_settings(name, statement_timeout_s, 20.0),
    )


@asynccontextmanager
async def borrow(pool: Pool, *, timeout_s: float = 5.0) -> AsyncIterator[Session]:
    """Lend a connection of the pool for a request.

    Raises DatabaseUnavailable when the server is away, restarting, full or too slow, or when no
    connection becomes free in time; mistakes of ours pass through.
    """
    try:
        connection = await pool.acquire(timeout=timeout_s)
    except (OSError, TimeoutError, asyncpg.PostgresError, *DRIVER_ERRORS) as error:
        # Whatever keeps us from connecting, it is not the request's fault.
        raise DatabaseUnavailable from error
    try:
        try:
            yield connection
        finally:
            await pool.release(connection)
    except asyncpg.DataError:
        raise
    except (
        OSError,
        TimeoutError,
        *DRIVER_ERRORS,
        asyncpg.PostgresConnectionError,
        asyncpg.OperatorInterventionError,
        asyncpg.InsufficientResourcesError,
    ) as error:
        raise DatabaseUnavailable from error


async def check_server(connection: Session) -> None:
    """Raise CannotStart when this server cannot keep our promises, saying what is wrong."""
    version = int(await connection.fetchval("SHOW server_version_num"))
    if version < _SERVER_VERSION_MIN:
        raise CannotStart(f"PostgreSQL {version // 10_000} is too old; Aether needs 14 or newer.")
    if await connection.fetchval("SELECT pg_is_in_recovery()"):
        raise CannotStart("This PostgreSQL is a read-only replica; give the primary's URL.")
    for setting in ("fsync", "full_page_writes"):
        if await connection.fetchval(f"SHOW {setting}") != "on":
            raise CannotStart(
                f"PostgreSQL runs with {setting} off: committed rows could be lost in a crash."
            )


async def lock_is_held(connection: Session, key: int) -> bool:
    """Whether somebody holds this advisory lock of one 64-bit key, in the same database."""
    return bool(
        await connection.fetchval(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND classid = ($1::bigint >> 32)::oid AND objid = ($1::bigint & 4294967295)::oid"
            " AND objsubid = 1"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
            key,
        )
    )


def _server_settings(name: str, statement_timeout_s: float, idle_s: float) -> dict[str, str]:
    return {
        "application_name": name,
        "timezone": "UTC",
        "jit": "off",
        "synchronous_commit": "on",
        "statement_timeout": str(int(statement_timeout_s * 1000)),
        "lock_timeout": str(int(min(statement_timeout_s, 10.0) * 1000)),
        "idle_in_transaction_session_timeout": str(int(idle_s * 1000)),
        "tcp_user_timeout": str(_TCP_USER_TIMEOUT_MS),
        "tcp_keepalives_idle": "5",
        "tcp_keepalives_interval": "2",
        "tcp_keepalives_count": "3",
    }


async def _prepare(connection: Session) -> None:
    # Binary, so that COPY can carry it too; the first byte is the version of jsonb's wire form.
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: b"\x01" + msgspec.json.encode(value),
        decoder=lambda data: msgspec.json.decode(data[1:]),
    )
