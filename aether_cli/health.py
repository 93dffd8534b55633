"""Health: what works in an installation, asked of each part itself.

In:   settings with both servers' URLs resolved.
Out:  one frozen value: which part answers, who owns the shards, how long the backlog is.
Nothing here waits or mends; `up`, `status` and `down` decide what to do with it.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import asyncpg
import httpx
from redis import exceptions as redis_errors

from aether_core.database.connection import LOCK_FORECASTER, connect, lock_is_held
from aether_core.database.positions import count_writers, find_owned_shards, find_positions
from aether_core.database.schema import schema_is_current
from aether_core.settings import Settings
from aether_core.stream.connection import open_redis
from aether_core.stream.incarnation import read_stream_state

_ANSWER_S_MAX = 5.0


@dataclass(frozen=True, slots=True)
class DatabaseHealth:
    """What PostgreSQL says; `trouble` is None when it answers."""

    trouble: str | None
    is_migrated: bool = False
    writer_count: int = 0
    forecaster_runs: bool = False
    shard_count: int = 0
    owned_shard_count: int = 0


@dataclass(frozen=True, slots=True)
class StreamHealth:
    """What Valkey says; `trouble` is None when it answers."""

    trouble: str | None
    backlog: int = 0
    """Entries that are not yet written."""
    lag_s: float = 0.0
    """Age of the oldest of them."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an installation; `trouble` is None when it works."""

    name: str
    trouble: str | None


@dataclass(frozen=True, slots=True)
class Health:
    """What works at one moment."""

    database: DatabaseHealth
    stream: StreamHealth
    gateway_trouble: str | None

    def parts(self, settings: Settings) -> list[Part]:
        """Say of each part whether it works, in the order in which they start."""
        database = self.database
        return [
            Part("PostgreSQL", database.trouble),
            Part("Valkey", self.stream.trouble),
            Part("tables", None if database.is_migrated else "not migrated yet"),
            Part("writers", self._writer_trouble(settings)),
            Part("forecaster", None if database.forecaster_runs else "not ready"),
            Part("gateway", self.gateway_trouble),
        ]

    def _writer_trouble(self, settings: Settings) -> str | None:
        database = self.database
        wanted = settings.writer.process_count
        if database.writer_count < wanted:
            return f"{database.writer_count} of {wanted} ready"
        free = database.shard_count - database.owned_shard_count
        if database.shard_count == 0 or free > 0:
            return f"{free} shards without an owner"
        return None


async def find_health(settings: Settings, *, gateway_s: float = 3.0) -> Health:
    """Ask every part; takes at most some seconds when one does not answer.

    gateway_s: longest wait for the gateway, whose port is open long before it serves.
    """
    database = await _database_health(settings)
    stream, gateway = await asyncio.gather(
        _stream_health(settings, database.shard_count), _gateway_trouble(settings, gateway_s)
    )
    return Health(database, stream, gateway)


async def _database_health(settings: Settings) -> DatabaseHealth:
    assert settings.database_url is not None  # noqa: S101 - resolved by the caller
    try:
        async with asyncio.timeout(_ANSWER_S_MAX):
            connection = await connect(
                settings.database_url.get_secret_value(), statement_timeout_s=3, name="aether"
            )
            try:
                if not await schema_is_current(connection):
                    return DatabaseHealth(None)
                return DatabaseHealth(
                    trouble=None,
                    is_migrated=True,
                    writer_count=await count_writers(connection),
                    forecaster_runs=await lock_is_held(connection, LOCK_FORECASTER),
                    shard_count=len(await find_positions(connection)),
                    owned_shard_count=len(await find_owned_shards(connection)),
                )
            finally:
                await connection.close()
    except TimeoutError:
        return DatabaseHealth(f"no answer within {_ANSWER_S_MAX:.0f} s")
    except FileNotFoundError:
        return DatabaseHealth("it does not run")
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return DatabaseHealth(str(error) or type(error).__name__)


async def _stream_health(settings: Settings, shard_count: int) -> StreamHealth:
    assert settings.redis_url is not None  # noqa: S101 - resolved by the caller
    redis = open_redis(settings.redis_url.get_secret_value(), timeout_s=_ANSWER_S_MAX)
    try:
        await redis.execute_command("PING")
        states = await asyncio.gather(*(read_stream_state(redis, n) for n in range(shard_count)))
    except redis_errors.TimeoutError:
        return StreamHealth(f"no answer within {_ANSWER_S_MAX:.0f} s")
    except (redis_errors.RedisError, OSError) as error:
        missing = "No such file" in str(error) or "refused" in str(error)
        return StreamHealth("it does not run" if missing else str(error))
    finally:
        await redis.aclose()
    oldest_ms = min((state.first.ms for state in states if state.first), default=None)
    return StreamHealth(
        trouble=None,
        backlog=sum(state.length for state in states),
        lag_s=0.0 if oldest_ms is None else max(0.0, time.time() - oldest_ms / 1000),
    )


async def _gateway_trouble(settings: Settings, answer_s: float) -> str | None:
    try:
        async with httpx.AsyncClient(timeout=answer_s, trust_env=False) as client:
            answer = await client.get(f"{settings.base_url}/health/ready")
    except httpx.ConnectError:
        return "it does not listen"
    except httpx.TimeoutException:
        return f"no answer within {answer_s:.0f} s"
    except httpx.TransportError as error:
        return str(error) or type(error).__name__
    return None if answer.is_success else f"it answers {answer.status_code}"
