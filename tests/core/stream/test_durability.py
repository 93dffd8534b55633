"""What a server promises is found out from its real settings, and what needs a wait is waited for.

Each case is a Valkey of its own configuration, as people have them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from aether_core.errors import CannotStart, OutcomeUnknown, StreamUnavailable
from aether_core.settings import StreamSettings
from aether_core.stream import contract
from aether_core.stream.connection import load_functions, open_redis
from aether_core.stream.durability import Durability, Promise, check_server
from aether_core.stream.incarnation import open_stream
from aether_core.stream.publisher import Accepted, Copies, Redis, StreamPublisher, Submission
from tests.valkeys import Valkey, running_valkey

ALWAYS = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")
EVERYSEC = ("--appendonly", "yes", "--appendfsync", "everysec", "--save", "")
SYSTEM = ("--appendonly", "yes", "--appendfsync", "no", "--save", "")
NO_CONFIG = ("--rename-command", "CONFIG", "")
NEVER = StreamSettings(wait_fsync="never")
OWN = Copies(own=1, replicas=0)


@asynccontextmanager
async def client(valkey: Valkey, timeout_s: float = 10) -> AsyncIterator[Redis]:
    redis = open_redis(valkey.url, timeout_s=timeout_s)
    try:
        yield redis
    finally:
        await redis.aclose()


async def checked(valkey: Valkey, settings: StreamSettings) -> Durability:
    async with client(valkey) as redis:
        return await check_server(redis, settings)


@pytest.mark.parametrize(
    ("options", "settings", "promise", "copies", "warning"),
    [
        (ALWAYS, StreamSettings(), Promise.FSYNC, None, None),
        (EVERYSEC, StreamSettings(), Promise.FSYNC, OWN, "wait up to a second"),
        (EVERYSEC, NEVER, Promise.EVERYSEC, None, "can lose a second"),
        (SYSTEM, StreamSettings(), Promise.NO_FSYNC, None, "appendfsync no"),
        (("--save", ""), StreamSettings(), Promise.MEMORY_ONLY, None, "no append-only file"),
        (("--save", "60 1"), StreamSettings(), Promise.MEMORY_ONLY, None, "save 60 1"),
        ((*ALWAYS, "--save", "60 1"), StreamSettings(), Promise.FSYNC, None, "snapshots"),
        (
            (*ALWAYS, "--maxmemory-policy", "allkeys-lru"),
            StreamSettings(), Promise.EVICTING, None, "evicts keys (allkeys-lru)",
        ),
        (
            (*ALWAYS, "--no-appendfsync-on-rewrite", "yes"),
            NEVER, Promise.NO_FSYNC, None, "no-appendfsync-on-rewrite",
        ),
        ((*ALWAYS, *NO_CONFIG), StreamSettings(), Promise.FSYNC, OWN, "wait"),
        ((*SYSTEM, *NO_CONFIG), StreamSettings(), Promise.UNKNOWN, None, "does not tell when"),
        (
            (*NO_CONFIG, "--save", "", "--maxmemory-policy", "volatile-lru"),
            StreamSettings(), Promise.EVICTING, None, "evicts keys (volatile-lru)",
        ),
    ],
)  # fmt: skip
async def test_what_a_server_promises(
    tmp_path: Path,
    options: tuple[str, ...],
    settings: StreamSettings,
    promise: Promise,
    copies: Copies | None,
    warning: str | None,
) -> None:
    with running_valkey(tmp_path, *options) as valkey:
        found = await checked(valkey, settings)
    assert (found.promise, found.copies) == (promise, copies), found
    assert bool(found.warnings) == (warning is not None)
    assert warning is None or any(warning in sentence for sentence in found.warnings), found


async def test_a_wait_that_cannot_be_is_said_at_the_start(tmp_path: Path) -> None:
    with (
        running_valkey(tmp_path, *SYSTEM) as valkey,
        pytest.raises(CannotStart, match="WAIT_FSYNC"),
    ):
        await checked(valkey, StreamSettings(wait_fsync="always"))


async def test_replicas(tmp_path: Path) -> None:
    with (
        running_valkey(tmp_path / "master", *ALWAYS) as master,
        running_valkey(
            tmp_path / "replica", *ALWAYS, "--replicaof", f"127.0.0.1 {master.port}"
        ) as replica,
    ):
        with pytest.raises(StreamUnavailable, match="replica"):
            await checked(replica, StreamSettings())
        master.command("WAIT", 1, 10_000)
        found = await checked(master, StreamSettings())
        assert found.promise is Promise.FSYNC
        assert "failover" in found.warnings[0]
        settings = StreamSettings(replica_copies=1, timeout_s=2)
        found = await checked(master, settings)
        assert (found.warnings, found.copies) == ((), Copies(own=0, replicas=1))
        async with client(master) as redis:
            publisher = await make_publisher(redis, settings)
            assert isinstance(await append(publisher, found.copies), Accepted)
            replica.kill()
            assert isinstance(await append(publisher, found.copies), OutcomeUnknown)
            await publisher.close()


async def make_publisher(redis: Redis, settings: StreamSettings) -> StreamPublisher:
    await load_functions(redis)
    await open_stream(redis, 0, 7)
    return StreamPublisher(redis, settings)


async def append(publisher: StreamPublisher, copies: Copies | None) -> object:
    return (await publisher.append({0: [Submission(b"payload")]}, {0: 7}, copies))[0][0]


async def test_an_append_is_answered_once_it_is_on_disk(tmp_path: Path) -> None:
    """A server that never says so shows that it is waited for: the entry is there, unanswered."""
    with running_valkey(tmp_path, *EVERYSEC) as valkey:
        async with client(valkey) as redis:
            publisher = await make_publisher(redis, StreamSettings(timeout_s=2))
            assert isinstance(await append(publisher, OWN), Accepted)
            valkey.command("CONFIG", "SET", "appendfsync", "no")
            assert isinstance(await append(publisher, OWN), OutcomeUnknown)
            assert await redis.xlen(contract.stream_key(0)) == 2
            valkey.command("CONFIG", "SET", "appendfsync", "everysec")
            assert isinstance(await append(publisher, OWN), Accepted)
            await publisher.close()
