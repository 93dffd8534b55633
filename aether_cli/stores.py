"""Both servers of an installation, opened for one command of an operator."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import asyncpg
import typer
from redis import exceptions as redis_errors

from aether_core.database.audit import Actor, add_audit_entry
from aether_core.database.connection import Session, connect
from aether_core.database.schema import schema_is_current
from aether_core.errors import AetherError, CannotStart, DatabaseUnavailable, StreamUnavailable
from aether_core.settings import Settings
from aether_core.stream.connection import open_redis

if TYPE_CHECKING:
    from aether_core.stream.publisher import Redis

_STATEMENT_TIMEOUT_S: Final = 10.0
_NOTE_TIMEOUT_S: Final = 5.0


def operator_name() -> str:
    """Return who acts by the command line, as it is kept: the machine's user."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):  # a container's user without a name
        return "command line"


def operator() -> Actor:
    """Return who acts by the command line, for the audit trail."""
    try:
        return Actor("command", getpass.getuser(), operator_name())
    except (KeyError, OSError):
        return Actor("command", "", operator_name())


async def note_command(
    connection: Session, command: str, details: Mapping[str, str | int | bool] | None = None
) -> None:
    """Add the audit trail's entry of a command that changes something and has no word of its own.

    In the database transaction of what it changes, as its last statement.
    """
    await add_audit_entry(
        connection, action="command.run", actor=operator(), subject=command, details=details
    )


def try_to_note_command(settings: Settings, command: str) -> None:
    """Add the entry of a command that must do its work also while the database is away."""

    async def note() -> None:
        async with asyncio.timeout(_NOTE_TIMEOUT_S), open_database(settings) as connection:
            await check_migrated(connection)
            await note_command(connection, command)

    try:
        asyncio.run(note())
    except (AetherError, asyncpg.PostgresError, OSError, TimeoutError) as error:
        typer.echo(f"The audit trail does not know of this: {type(error).__name__}.", err=True)


@asynccontextmanager
async def open_database(
    settings: Settings, *, statement_timeout_s: float = _STATEMENT_TIMEOUT_S
) -> AsyncIterator[Session]:
    """Open a connection for one piece of work. Raises CannotStart when there is no server."""
    if settings.database_url is None:
        raise CannotStart("There is no database; set AETHER_DATABASE_URL.")
    try:
        connection = await connect(
            settings.database_url.get_secret_value(),
            statement_timeout_s=statement_timeout_s,
            name="aether command",
        )
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise CannotStart(
            f"PostgreSQL does not answer ({type(error).__name__}); start Aether with `aether up`."
        ) from error
    try:
        yield connection
    except (asyncpg.PostgresConnectionError, asyncpg.InterfaceError) as error:
        raise DatabaseUnavailable from error
    finally:
        await connection.close()


async def check_migrated(connection: Session) -> None:
    """Raise CannotStart when the tables are not those that this code was written for."""
    if not await schema_is_current(connection):
        raise CannotStart("The database is not migrated; run `aether up` first.")


@asynccontextmanager
async def open_stream(settings: Settings) -> AsyncIterator[Redis]:
    """Open the stream's server for one piece of work; its being away is StreamUnavailable."""
    if settings.redis_url is None:
        raise CannotStart("There is no stream; set AETHER_REDIS_URL.")
    redis = open_redis(settings.redis_url.get_secret_value(), timeout_s=settings.stream.timeout_s)
    try:
        yield redis
    except redis_errors.ConnectionError as error:
        raise StreamUnavailable from error
    finally:
        await redis.aclose()
