"""A group is accepted with its idempotency keys or not at all, by the real functions in Valkey.

Two shards' groups travel in one call; what the publisher reports is compared with what the
stream holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from aether_core.errors import BacklogFull, OutcomeUnknown, StreamUnavailable
from aether_core.settings import StreamSettings
from aether_core.stream import contract
from aether_core.stream.connection import load_functions, open_redis
from aether_core.stream.durability import Promise, check_server
from aether_core.stream.incarnation import open_stream
from aether_core.stream.publisher import (
    Accepted,
    IncarnationMoved,
    KeyReused,
    Redis,
    StreamPublisher,
    Submission,
)
from aether_core.stream.reader import read_entries, trim

INCARNATIONS = {0: 7, 1: 9}
START = contract.parse_entry_id(contract.ENTRY_START)


@pytest.fixture
async def stream(redis_url: str) -> AsyncIterator[Redis]:
    redis = open_redis(redis_url, timeout_s=5)
    await load_functions(redis)
    for shard, incarnation in INCARNATIONS.items():
        await open_stream(redis, shard, incarnation)
    yield redis
    await redis.aclose()


def submission(name: str, key: str = "") -> Submission:
    """A payload; with a key, its digests."""
    if not key:
        return Submission(name.encode())
    return Submission(name.encode(), key.encode().ljust(12, b"."), name.encode().ljust(8, b"."))


async def test_groups_of_two_shards_are_appended_in_order(stream: Redis) -> None:
    publisher = StreamPublisher(stream, StreamSettings())
    outcomes = await publisher.append(
        {0: [submission("a"), submission("b")], 1: [submission("c")]}, INCARNATIONS
    )
    entries = await read_entries(stream, {0: START, 1: START}, count=10, block_ms=None)
    assert [e.payload for e in entries[0]] == [b"a", b"b"]
    assert [e.payload for e in entries[1]] == [b"c"]
    for shard, found in entries.items():
        assert [Accepted(e.id, INCARNATIONS[shard]) for e in found] == outcomes[shard]
        assert {int(e.field, 16) for e in found} == {INCARNATIONS[shard]}
    await trim(stream, {0: entries[0][0].id})
    left = await read_entries(stream, {0: START}, count=10, block_ms=None)
    assert [e.payload for e in left[0]] == [b"b"]
    await publisher.close()


async def test_a_call_whose_connection_another_one_closes_is_answered_and_the_next_one_goes_on(
    stream: Redis,
) -> None:
    publisher = StreamPublisher(stream, StreamSettings())
    await publisher.append({0: [submission("a")]}, INCARNATIONS)
    link = publisher._links[await stream.master_of(contract.stream_key(0))]
    being_sent = asyncio.create_task(publisher.append({0: [submission("b")]}, INCARNATIONS))
    await asyncio.sleep(0)
    assert link.sending.locked()
    await link.drop()
    assert [type(outcome) for outcome in (await being_sent)[0]] == [OutcomeUnknown]
    (accepted,) = (await publisher.append({0: [submission("c")]}, INCARNATIONS))[0]
    assert isinstance(accepted, Accepted)
    await publisher.close()


async def test_a_key_gives_the_first_id_again_and_refuses_another_body(stream: Redis) -> None:
    publisher = StreamPublisher(stream, StreamSettings())
    first, twin = (
        await publisher.append({0: [submission("a", "k"), submission("a", "k")]}, INCARNATIONS)
    )[0]
    assert isinstance(first, Accepted)
    assert twin == Accepted(first.id, 7, replayed=True)
    again, other = (
        await publisher.append({0: [submission("a", "k"), submission("b", "k")]}, INCARNATIONS)
    )[0]
    assert again == twin
    assert other == KeyReused()
    assert await stream.xlen(contract.stream_key(0)) == 1
    await publisher.close()


async def test_a_full_backlog_refuses_the_group_whole(stream: Redis) -> None:
    publisher = StreamPublisher(stream, StreamSettings(backlog_max=100))
    outcomes = await publisher.append({0: [submission(str(i)) for i in range(101)]}, INCARNATIONS)
    assert all(isinstance(outcome, BacklogFull) for outcome in outcomes[0])
    assert await stream.xlen(contract.stream_key(0)) == 0
    await publisher.close()


async def test_another_incarnation_accepts_nothing(stream: Redis) -> None:
    publisher = StreamPublisher(stream, StreamSettings())
    outcomes = await publisher.append({0: [submission("a")]}, {0: 8})
    assert isinstance(outcomes[0][0], IncarnationMoved)
    assert await stream.xlen(contract.stream_key(0)) == 0
    await publisher.close()


async def test_a_server_out_of_reach_is_unavailable() -> None:
    redis = open_redis("unix:///nonexistent/valkey.sock", timeout_s=1)
    publisher = StreamPublisher(redis, StreamSettings())
    outcomes = await publisher.append({0: [submission("a")]}, INCARNATIONS)
    assert isinstance(outcomes[0][0], StreamUnavailable)
    await publisher.close()
    await redis.aclose()


async def test_the_embedded_server_keeps_every_promise(stream: Redis) -> None:
    durability = await check_server(stream, StreamSettings())
    assert (durability.promise, durability.warnings) == (Promise.FSYNC, ())
    assert durability.copies is None
