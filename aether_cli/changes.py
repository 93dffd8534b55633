"""Changes of an operator's: in PostgreSQL, noted in the audit trail, then told to gateways.

In:   what to do with a connection, in one database transaction.
Out:  its result. Works while no gateway runs; where tokens were made void, every running gateway
      knows within a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final, TypeVar

from redis import exceptions as redis_errors

from aether_cli.embedded import resolve_servers
from aether_cli.stores import check_migrated, open_database, operator
from aether_cli.supervisor import load_running_settings
from aether_core.database.audit import add_audit_entry
from aether_core.database.connection import Session
from aether_core.database.revocations import Revocation
from aether_core.identity.revocation import announce_revocation
from aether_core.settings import Settings
from aether_core.stream.connection import open_redis

_T = TypeVar("_T")

_ANNOUNCE_TIMEOUT_S: Final = 2.0


def running_settings() -> Settings:
    """Return the settings of the installation, with the URLs of its servers."""
    return resolve_servers(load_running_settings())


def change(work: Callable[[Session], Awaitable[_T]], settings: Settings | None = None) -> _T:
    """Do something in one database transaction."""
    wanted = settings or running_settings()

    async def in_transaction() -> _T:
        async with open_database(wanted) as connection, connection.transaction():
            await check_migrated(connection)
            return await work(connection)

    return asyncio.run(in_transaction())


def change_and_announce(
    work: Callable[[Session], Awaitable[tuple[_T, Revocation | None]]],
) -> _T:
    """Do something that may void tokens, and tell the gateways."""
    settings = running_settings()
    result, revocation = change(work, settings)
    if revocation is not None and settings.redis_url is not None:
        # Who cannot be told finds it in PostgreSQL within a second.
        with suppress(redis_errors.RedisError, OSError, TimeoutError):
            asyncio.run(_announce(settings.redis_url.get_secret_value(), revocation))
    return result


async def note(
    connection: Session, action: str, subject: str, details: Mapping[str, str | int | bool]
) -> None:
    """Add the audit trail's entry of an act, as the last statement of its transaction."""
    await add_audit_entry(
        connection, action=action, actor=operator(), subject=subject, details=details
    )


async def _announce(redis_url: str, revocation: Revocation) -> None:
    redis = open_redis(redis_url, timeout_s=_ANNOUNCE_TIMEOUT_S)
    try:
        await announce_revocation(redis, revocation)
    finally:
        await redis.aclose()
