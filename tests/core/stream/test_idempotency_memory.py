"""Keys take at most 64 bytes each, are known for as long as the window, and go without a stall.

The real functions in a real Valkey: a hundred thousand keys are accepted while older ones are
forgotten by time and for want of memory, and the server's own log of slow commands is read.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from aether_core.settings import StreamSettings
from aether_core.stream import contract
from aether_core.stream.connection import load_functions, open_redis
from aether_core.stream.incarnation import open_stream
from aether_core.stream.key_memory import measure_keys
from aether_core.stream.publisher import (
    Accepted,
    KeyReused,
    Outcome,
    Redis,
    StreamPublisher,
    Submission,
)

GROUP = 1_000
SLOW_US = 250_000
"""What freeing a million keys at once took; a busy machine may hold a server up for a while."""


@pytest.fixture
async def stream(redis_url: str) -> AsyncIterator[Redis]:
    redis = open_redis(redis_url, timeout_s=10)
    await load_functions(redis)
    await open_stream(redis, 0, 7)
    yield redis
    await redis.aclose()


def new_submission() -> Submission:
    return Submission(b"payload", os.urandom(12), os.urandom(8))


async def wait(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        for pause_s in itertools.repeat(0.05):
            if await condition():
                return
            await asyncio.sleep(pause_s)


async def append(publisher: StreamPublisher, group: list[Submission]) -> list[Outcome]:
    return (await publisher.append({0: group}, {0: 7}))[0]


async def measured(stream: Redis) -> list[tuple[int, int, int]]:
    """Return beginning, keys and bytes of each part, oldest first."""
    answer = await stream.execute_command(
        "FCALL_RO", contract.FUNCTION_KEYS, 1, contract.idempotency_key_prefix(0)
    )
    return list(zip(answer[1::3], answer[2::3], answer[3::3], strict=True))


async def test_a_hundred_thousand_keys_in_little_memory_and_without_a_stall(stream: Redis) -> None:
    await stream.execute_command("CONFIG", "SET", "slowlog-log-slower-than", SLOW_US)
    # Room for 32,768 keys in each of five parts: older ones are forgotten on the way.
    settings = StreamSettings(idempotency_memory_max_mb=10)
    publisher = StreamPublisher(stream, settings)
    began = time.monotonic()
    groups = [[new_submission() for _ in range(GROUP)] for _ in range(200)]
    for group in groups:
        outcomes = await append(publisher, group)
        assert all(isinstance(o, Accepted) and not o.replayed for o in outcomes)
        assert len({o.id for o in outcomes if isinstance(o, Accepted)}) == GROUP
    parts = await measured(stream)
    count, size = sum(part[1] for part in parts), sum(part[2] for part in parts)
    assert 100_000 <= count <= 10 * 1024 * 1024 // 64 + 5 * GROUP
    assert size / count <= contract.IDEMPOTENCY_KEY_BYTES
    told = await measure_keys(stream, 1, settings, None)
    assert (told.count, told.bytes) == (count, size)
    # Memory, and not the day that is configured, says how far back they are known.
    assert 0 < told.window_s < time.monotonic() - began
    await append(publisher, groups[-1] + [new_submission() for _ in range(GROUP)])
    later = await measure_keys(stream, 1, settings, told)
    assert later.per_second is not None
    assert later.per_second > 0
    day_of_keys = later.per_second * settings.idempotency_window_s * later.bytes_per_key
    assert later.forecast_bytes == int(day_of_keys) > 10 * 1024 * 1024
    # The youngest hundred groups lie in several parts, and all of them are known.
    for group in groups[100::20]:
        assert all(isinstance(o, Accepted) and o.replayed for o in await append(publisher, group))
    # What is forgotten goes hash by hash, and none of them is large.
    hashes = [key async for key in stream.scan_iter("aether:idem:*:[0-9]*")]
    sizes = [await stream.hlen(key) for key in hashes]
    assert len(hashes) >= 4 * 16
    assert max(sizes) < 2 * sum(sizes) / len(sizes)

    async def are_gone() -> bool:
        return int(await stream.dbsize()) <= 5 * 16 + 4

    await wait(are_gone)
    slow = await stream.execute_command("SLOWLOG", "GET", 10)
    assert [entry for entry in slow if "FCALL" in str(entry)] == []
    await publisher.close()


async def test_i08_keys_leave_after_the_window_and_not_before(stream: Redis) -> None:
    settings = StreamSettings().model_copy(update={"idempotency_window_s": 2})
    publisher = StreamPublisher(stream, settings)
    first, later = new_submission(), new_submission()
    began = time.monotonic()
    (accepted,) = await append(publisher, [first])
    assert isinstance(accepted, Accepted)
    while time.monotonic() < began + 1.9:
        again, _ = await append(publisher, [first, new_submission()])
        if time.monotonic() < began + 1.9:
            assert again == Accepted(accepted.id, 7, replayed=True)
        await asyncio.sleep(0.1)

    async def is_forgotten() -> bool:
        return (await append(publisher, [later, first]))[1] != Accepted(accepted.id, 7, True)

    await wait(is_forgotten)
    assert time.monotonic() - began < 2 + 0.5 + 16 * 0.25 + 2
    await publisher.close()


async def test_one_group_of_everything(stream: Redis) -> None:
    """New ones with and without keys, twins, repeats and misuse: each its own outcome, in order."""
    publisher = StreamPublisher(stream, StreamSettings())
    old, twin, plain = new_submission(), new_submission(), Submission(b"plain")
    (first,) = await append(publisher, [old])
    assert isinstance(first, Accepted)
    misused = Submission(b"other", old.digest, b"another!")
    misused_twin = Submission(b"other", twin.digest, b"another!")
    group = [plain, plain, old, twin, twin, misused, plain, misused_twin, new_submission()]
    outcomes = await append(publisher, group)
    fresh = [outcomes[index] for index in (0, 1, 3, 6, 8)]
    assert all(isinstance(o, Accepted) and not o.replayed for o in fresh)
    ids = [o.id for o in fresh if isinstance(o, Accepted)]
    assert ids == sorted(set(ids))
    entries = await stream.execute_command("XRANGE", contract.stream_key(0), str(ids[0]), "+")
    assert [contract.parse_entry_id(entry[0]) for entry in entries] == ids
    assert outcomes[2] == Accepted(first.id, 7, replayed=True)
    assert outcomes[4] == Accepted(ids[2], 7, replayed=True)
    assert outcomes[5] == outcomes[7] == KeyReused()
    await publisher.close()


async def test_a_call_that_is_sent_twice_is_carried_out_once(stream: Redis) -> None:
    publisher = StreamPublisher(stream, StreamSettings())
    call = [
        "FCALL", contract.FUNCTION_ACCEPT, 4, contract.stream_key(0), contract.meta_key(0),
        contract.calls_key(0), contract.idempotency_key_prefix(0),
        b"gateway1", b"t" * 12, 100, 60_000, 4, 1_000, "00000007",
        b"", b"", b"one", b"d" * 12, b"b" * 8, b"two",
    ]  # fmt: skip
    answer = await stream.execute_command(*call)
    assert await stream.execute_command(*call) == answer
    assert await stream.xlen(contract.stream_key(0)) == 2
    await publisher.close()


async def test_a_server_that_took_over_in_between_is_compared_again(stream: Redis) -> None:
    """What another master agreed to meanwhile shows in the data: memory of before is not enough."""
    publisher = StreamPublisher(stream, StreamSettings())
    assert isinstance((await append(publisher, [Submission(b"a")]))[0], Accepted)
    await stream.execute_command("HSET", contract.meta_key(0), "agreed", "by another one")
    assert not isinstance((await append(publisher, [Submission(b"b")]))[0], Accepted)
    await open_stream(stream, 0, 7)
    assert isinstance((await append(publisher, [Submission(b"b")]))[0], Accepted)
    await publisher.close()
