"""The feed gives every reader the same events in order, and says when some are missing."""

from __future__ import annotations

from aether_core.stream.connection import open_redis
from aether_core.stream.feed import FeedEvent, follow, newest_id, publish, replay


def event(number: int) -> FeedEvent:
    return FeedEvent("transaction", f"account {number}", str(number).encode())


async def test_a_reader_goes_on_where_it_stopped(redis_url: str) -> None:
    redis = open_redis(redis_url, timeout_s=5)
    assert await newest_id(redis) == "0-0"
    await publish(redis, [event(1), event(2)], length_max=1_000)
    first = await follow(redis, "0-0", block_ms=100)
    assert [(e.kind, e.account, e.data) for e in first] == [
        ("transaction", "account 1", b"1"),
        ("transaction", "account 2", b"2"),
    ]
    await publish(redis, [event(3)], length_max=1_000)
    assert [e.data for e in await follow(redis, first[-1].id, block_ms=100)] == [b"3"]
    assert await follow(redis, await newest_id(redis), block_ms=10) == []
    await redis.aclose()


async def test_a_replay_tells_whether_anything_is_missing(redis_url: str) -> None:
    redis = open_redis(redis_url, timeout_s=5)
    await publish(redis, [event(n) for n in range(10)], length_max=1_000)
    events = await follow(redis, "0-0", block_ms=100)
    replayed, is_whole = await replay(redis, events[3].id, count=100)
    assert ([e.data for e in replayed], is_whole) == ([e.data for e in events[4:]], True)
    # More than asked for: the rest is a gap.
    replayed, is_whole = await replay(redis, events[3].id, count=2)
    assert ([e.data for e in replayed], is_whole) == ([e.data for e in events[4:6]], False)
    # The feed is capped and no longer reaches back.
    await publish(redis, [event(n) for n in range(2_000)], length_max=100)
    _, is_whole = await replay(redis, events[3].id, count=10_000)
    assert not is_whole
    await redis.aclose()


async def test_an_empty_feed_promises_nothing(redis_url: str) -> None:
    """What followed the moment when a reader saw it empty may have come and been lost since."""
    redis = open_redis(redis_url, timeout_s=5)
    assert await replay(redis, await newest_id(redis), count=100) == ([], False)
    await redis.aclose()
