"""Both servers of an installation, opened for one command of an operator."""

from __future__ import annotations

import getpass
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import asyncpg
from redis import exceptions as redis_errors

from aether_core.database.connection import Session, connect
from aether_core.database.schema import schema_is_current
from aether_core.errors import CannotStart, DatabaseUnavailable, StreamUnavailable
from aether_core.settings import Settings
from aether_core.stream.connection import open_redis

if TYPE_CHECKING:
    from aether_core.stream.publisher import Redis

_STATEMENT_TIMEOUT_S: Final = 10.0


def operator_name() -> str:
    """Return who acts by the command line, as it is kept: the machine's user."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):  # a container's user without a name
        return "command line"


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
