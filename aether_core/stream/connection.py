"""Opens the client of the stream's server (Valkey or Redis), with limits on every wait."""

from __future__ import annotations

from redis import exceptions as redis_errors

from aether_core.stream import contract, publisher
from aether_core.stream.client import StreamClient


def open_redis(url: str, *, timeout_s: float) -> publisher.Redis:
    """Make a client that connects when it is first used; close it with `await client.aclose()`.

    url: of a server, or of one or more nodes of a cluster, separated by commas.
    timeout_s: of connecting and of each answer; a blocking read must wait for less.
    It never retries by itself: whether a command may be sent twice is its caller's to know.
    """
    return StreamClient(url, timeout_s=timeout_s)


async def load_functions(redis: publisher.Redis) -> None:
    """Install the server-side functions, or replace them when they are of another version.

    Equal ones stay: loading them needs memory, which writers must do without when it is used up,
    and would close the streams to the gateways until these have agreed on them again.
    """
    source = publisher.functions_source()
    for master in await redis.masters():
        found = await master.execute_command(
            "FUNCTION", "LIST", "LIBRARYNAME", contract.LIBRARY, "WITHCODE"
        )
        if source.encode() not in [part for library in found for part in library]:
            await master.execute_command("FUNCTION", "LOAD", "REPLACE", source)


def refuses_credentials(error: BaseException) -> bool:
    """Whether an error of the client says that the password is wrong: waiting does not help."""
    refusals = (redis_errors.AuthenticationError, redis_errors.NoPermissionError)
    # While it connects the library wraps the refusal in an error of the connection.
    return isinstance(error, refusals) or isinstance(error.__cause__, refusals)
