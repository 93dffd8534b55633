"""Opens the client of the stream's server (Valkey or Redis), with limits on every wait."""

from __future__ import annotations

from typing import Any

import redis.asyncio as redis_asyncio
from redis import exceptions as redis_errors
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from aether_core.errors import CannotStart, StreamUnavailable
from aether_core.stream import contract, publisher

# Functions came with 7.0; Valkey forked from 7.2 and reports that as its redis_version.
_SERVER_VERSION_MIN = (7, 0)


def open_redis(url: str, *, timeout_s: float) -> publisher.Redis:
    """Make a client that connects when it is first used; close it with `await client.aclose()`.

    timeout_s: of connecting and of each answer; a blocking read must wait for less.
    It never retries by itself: whether a command may be sent twice is its caller's to know.
    """
    client: publisher.Redis = redis_asyncio.Redis.from_url(
        url,
        protocol=2,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
        decode_responses=False,
    )
    # The library would build a dictionary for every entry, which costs more than reading it.
    for command in ("XREAD", "XRANGE", "XREVRANGE"):
        client.set_response_callback(command, _as_it_is)
    return client


async def load_functions(redis: publisher.Redis) -> None:
    """Install the server-side functions, or replace them when they are of another version.

    Equal ones stay: loading them needs memory, which writers must do without when it is used up,
    and would close the streams to the gateways until these have agreed on them again.
    """
    source = publisher.functions_source()
    found = await redis.execute_command(
        "FUNCTION", "LIST", "LIBRARYNAME", contract.LIBRARY, "WITHCODE"
    )
    if source.encode() not in [part for library in found for part in library]:
        await redis.execute_command("FUNCTION", "LOAD", "REPLACE", source)


async def check_server(redis: publisher.Redis) -> list[str]:
    """Say where this server cannot keep our promises.

    Returns warnings, one sentence each; empty when all is well or the server does not tell.
    Raises CannotStart when it cannot serve at all, StreamUnavailable when it is out of reach.
    """
    try:
        info = await redis.info("server")
    except (redis_errors.RedisError, OSError) as error:
        if refuses_credentials(error):
            raise CannotStart(
                "The stream's server refuses the password in AETHER_REDIS_URL."
            ) from error
        raise StreamUnavailable from error
    version = tuple(int(part) for part in str(info["redis_version"]).split(".")[:2])
    if version < _SERVER_VERSION_MIN:
        raise CannotStart(f"The stream's server {info['redis_version']} is older than 7.0.")
    try:
        configured = await redis.config_get("appendonly", "appendfsync", "maxmemory-policy")
    except redis_errors.RedisError:
        return ["The stream's server does not tell its settings; durability is as it was set up."]
    settings = {_text(key): _text(value) for key, value in configured.items()}
    warnings = []
    if settings.get("appendonly") != "yes":
        warnings.append("The stream's server keeps no append-only file: a crash loses entries.")
    elif settings.get("appendfsync") != "always":
        warnings.append(
            f"The stream's server runs with appendfsync {settings.get('appendfsync')}: "
            "a power cut can lose the last second of accepted transactions."
        )
    if settings.get("maxmemory-policy", "noeviction") != "noeviction":
        warnings.append(
            f"The stream's server evicts keys ({settings['maxmemory-policy']}): "
            "entries could be lost; set maxmemory-policy noeviction."
        )
    return warnings


def refuses_credentials(error: BaseException) -> bool:
    """Whether an error of the client says that the password is wrong: waiting does not help."""
    refusals = (redis_errors.AuthenticationError, redis_errors.NoPermissionError)
    # While it connects the library wraps the refusal in an error of the connection.
    return isinstance(error, refusals) or isinstance(error.__cause__, refusals)


def _as_it_is(response: Any, **_options: Any) -> Any:  # noqa: ANN401 - whatever the server sent
    return response


def _text(value: bytes | str | None) -> str:
    if value is None:
        return ""
    return value.decode() if isinstance(value, bytes) else value
