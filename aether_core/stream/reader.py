"""Reader: the entries of shards after their positions; trims what is committed.

In:   positions as PostgreSQL holds them.
Out:  entries in order, with their payloads still encoded.
Nothing here remembers anything: the same position always gives the same entries.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aether_core.stream import contract
from aether_core.stream.contract import Entry, EntryId

if TYPE_CHECKING:
    from aether_core.stream.publisher import Redis


_PAUSE_S_MIN: Final = 0.001
_PAUSE_S_MAX: Final = 0.016


async def read_entries(
    redis: Redis, positions: dict[int, EntryId], *, count: int, block_ms: int | None
) -> dict[int, list[Entry]]:
    """Read up to `count` entries of each shard after its position.

    block_ms: how long to wait while there are none; None: not at all. Must be shorter than the
        client's socket timeout.
    Returns only the shards that have entries.
    """
    if not positions:
        return {}
    if await redis.is_cluster():
        return await _read_cluster(redis, positions, count=count, block_ms=block_ms)
    shards = list(positions)
    command: list[bytes | str | int] = ["XREAD", "COUNT", count]
    if block_ms is not None:
        command += ["BLOCK", block_ms]
    command.append("STREAMS")
    command += [contract.stream_key(shard) for shard in shards]
    command += [str(positions[shard]) for shard in shards]
    by_key = {contract.stream_key(shard).encode(): shard for shard in shards}
    answer = await redis.execute_command(*command)
    return {by_key[bytes(key)]: _entries(raw) for key, raw in answer or ()}


async def trim(redis: Redis, committed: dict[int, EntryId]) -> None:
    """Remove the entries up to each shard's committed position. Call it only after the commit."""
    pipeline = redis.pipeline(transaction=False)
    for shard, position in committed.items():
        pipeline.execute_command("XTRIM", contract.stream_key(shard), "MINID", position.next)
    await pipeline.execute()


async def _read_cluster(
    redis: Redis, positions: dict[int, EntryId], *, count: int, block_ms: int | None
) -> dict[int, list[Entry]]:
    """Ask each shard's server, again and again with growing pauses while there is nothing.

    In a cluster one command reads the streams of one slot only, and so cannot wait for several.
    """
    clock = asyncio.get_running_loop()
    end = clock.time() + (block_ms or 0) / 1000
    pause_s = _PAUSE_S_MIN
    while True:
        batch = redis.pipeline()
        for shard, position in positions.items():
            batch.execute_command(
                "XREAD", "COUNT", count, "STREAMS", contract.stream_key(shard), str(position)
            )
        answers = zip(positions, await batch.execute(), strict=True)
        found = {shard: _entries(answer[0][1]) for shard, answer in answers if answer}
        if found or clock.time() + pause_s > end:
            return found
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, _PAUSE_S_MAX)


def _entries(raw: list[tuple[bytes, list[bytes]]]) -> list[Entry]:
    return [_entry(identifier, fields) for identifier, fields in raw]


def _entry(identifier: bytes, fields: list[bytes]) -> Entry:
    ms, _, sequence = identifier.partition(b"-")
    return Entry(EntryId(int(ms), int(sequence)), fields[0], fields[1])
