"""Commands find the server of a cluster that holds their key, also while a slot moves to another.

Three real masters. Slots are moved as an operator moves them, under a client that knows the old
place; a master is frozen, and the others' shards are served meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.crc import key_slot

from aether_core.errors import StreamUnavailable
from aether_core.settings import StreamSettings
from aether_core.stream import contract
from aether_core.stream.connection import load_functions, open_redis
from aether_core.stream.incarnation import open_stream
from aether_core.stream.publisher import Accepted, Redis, StreamPublisher, Submission
from aether_core.stream.reader import read_entries, trim
from tests.valkeys import Valkey, running_cluster

SHARDS = 8
INCARNATIONS = dict.fromkeys(range(SHARDS), 7)
START = contract.parse_entry_id(contract.ENTRY_START)


@pytest.fixture(scope="module")
def masters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Valkey]]:
    with running_cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture
async def stream(masters: list[Valkey]) -> AsyncIterator[Redis]:
    for master in masters:
        master.command("FLUSHALL")
    redis = open_redis(masters[0].url, timeout_s=3)
    await load_functions(redis)
    for shard in range(SHARDS):
        await open_stream(redis, shard, 7)
    yield redis
    await redis.aclose()


async def append(publisher: StreamPublisher, shards: list[int]) -> dict[int, bool]:
    """Append one to each shard; return which have accepted it."""
    outcomes = await publisher.append({s: [Submission(b"%d" % s)] for s in shards}, INCARNATIONS)
    return {shard: isinstance(found[0], Accepted) for shard, found in outcomes.items()}


async def test_shards_are_spread_and_read_together(stream: Redis, masters: list[Valkey]) -> None:
    publisher = StreamPublisher(stream, StreamSettings())
    positions = dict.fromkeys(range(SHARDS), START)
    reading = asyncio.create_task(read_entries(stream, positions, count=10, block_ms=2_000))
    await asyncio.sleep(0)
    assert all((await append(publisher, list(range(SHARDS)))).values())
    assert await reading
    entries = await read_entries(stream, positions, count=10, block_ms=None)
    assert {s: [e.payload for e in found] for s, found in entries.items()} == {
        shard: [b"%d" % shard] for shard in range(SHARDS)
    }
    assert all(master.command("DBSIZE") for master in masters)
    await trim(stream, {shard: found[0].id for shard, found in entries.items()})
    assert await read_entries(stream, positions, count=10, block_ms=20) == {}
    # One call for all or none cannot be on several servers.
    assert not await publisher.can_append_all(2)
    assert await publisher.can_append_all(1)
    await publisher.close()


async def test_a_slot_moves_away_under_a_client_that_knows_it(
    stream: Redis, masters: list[Valkey]
) -> None:
    publisher = StreamPublisher(stream, StreamSettings())
    shard = next(s for s in range(SHARDS) if _owner(masters, s) != masters[0])
    old, new = _owner(masters, shard), masters[0]
    slot = key_slot(contract.stream_key(shard).encode())
    old.command("FLUSHALL")
    # Half moved: the old place sends those on whose key it has not.
    new.command("CLUSTER", "SETSLOT", slot, "IMPORTING", str(_id(old)))
    old.command("CLUSTER", "SETSLOT", slot, "MIGRATING", str(_id(new)))
    assert await stream.execute_command("SET", f"asked:{{{shard}}}", "1") is True
    assert old.command("DBSIZE") == 0
    for master in (new, old):
        master.command("CLUSTER", "SETSLOT", slot, "NODE", str(_id(new)))
    assert await stream.execute_command("GET", f"asked:{{{shard}}}") == b"1"
    batch = stream.pipeline()
    for number in range(SHARDS):
        batch.execute_command("SET", f"moved:{{{number}}}", str(number))
    assert await batch.execute() == [True] * SHARDS
    # Nothing was accepted at the old place; at the new one once it was compared.
    await load_functions(stream)
    await open_stream(stream, shard, 7)
    assert (await append(publisher, [shard]))[shard]
    assert await stream.xlen(contract.stream_key(shard)) == 1
    await publisher.close()


async def test_a_frozen_master_does_not_keep_others_waiting(
    stream: Redis, masters: list[Valkey]
) -> None:
    victim = masters[2]
    shards = [s for s in range(SHARDS) if _owner(masters, s) != victim]
    frozen = next(s for s in range(SHARDS) if s not in shards)
    publisher = StreamPublisher(stream, StreamSettings(timeout_s=1))
    assert all((await append(publisher, list(range(SHARDS)))).values())
    os.kill(victim.pid, signal.SIGSTOP)
    try:
        assert not (await append(publisher, [frozen]))[frozen]
        began = time.monotonic()
        assert all((await append(publisher, shards)).values())
        assert time.monotonic() - began < 3
        victim_gone = await publisher.append({frozen: [Submission(b"x")]}, INCARNATIONS)
        assert not isinstance(victim_gone[frozen][0], Accepted)
    finally:
        os.kill(victim.pid, signal.SIGCONT)
    async with asyncio.timeout(20):
        while not (await append(publisher, [frozen]))[frozen]:  # noqa: ASYNC110 - a server wakes
            await asyncio.sleep(0.05)
    await publisher.close()


async def test_a_cluster_that_is_away_is_unavailable(tmp_path: Path) -> None:
    gone = Valkey(tmp_path, ())
    redis = open_redis(f"{gone.url},{Valkey(tmp_path, ()).url}", timeout_s=1)
    publisher = StreamPublisher(redis, StreamSettings())
    outcomes = await publisher.append({0: [Submission(b"a")]}, INCARNATIONS)
    assert isinstance(outcomes[0][0], StreamUnavailable)
    await publisher.close()
    await redis.aclose()


def _owner(masters: list[Valkey], shard: int) -> Valkey:
    slots = masters[0].command("CLUSTER", "SLOTS")
    assert isinstance(slots, list)
    slot = key_slot(contract.stream_key(shard).encode())
    (port,) = (told[2][1] for told in slots if told[0] <= slot <= told[1])
    return next(master for master in masters if master.port == port)


def _id(master: Valkey) -> str:
    told = master.command("CLUSTER", "MYID")
    assert isinstance(told, bytes)
    return told.decode()
