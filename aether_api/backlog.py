"""The backlog: how much is accepted and not yet written, and how old the oldest of it is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from aether_api.agreement import StreamAgreement
from aether_core.errors import StreamUnavailable
from aether_core.stream.contract import parse_entry_id, stream_key

if TYPE_CHECKING:
    from aether_core.stream.publisher import Redis


class ShardBacklog(msgspec.Struct, frozen=True):
    """One shard's backlog; `oldest_seconds` is None when it is empty."""

    shard: int
    backlog: int
    oldest_seconds: float | None


class Backlog(msgspec.Struct, frozen=True):
    """The backlog of all shards."""

    transactions_in_queue: int
    oldest_seconds: float | None
    shards: tuple[ShardBacklog, ...]


async def measure_backlog(redis: Redis, agreement: StreamAgreement) -> Backlog:
    """Ask the stream's server. Raises StreamUnavailable before the shards are known.

    Entries are removed right after their commit, so that the streams' length is the backlog.
    """
    known = agreement.shards
    if known is None:
        raise StreamUnavailable
    pipeline = redis.pipeline(transaction=False)
    for shard in range(known.count):
        pipeline.execute_command("XLEN", stream_key(shard))
        pipeline.execute_command("XRANGE", stream_key(shard), "-", "+", "COUNT", 1)
    answers = await pipeline.execute()
    now_ms = time.time() * 1000
    shards = tuple(
        ShardBacklog(shard, int(length), _age_s(first, now_ms))
        for shard, (length, first) in enumerate(zip(answers[::2], answers[1::2], strict=True))
    )
    ages = [shard.oldest_seconds for shard in shards if shard.oldest_seconds is not None]
    return Backlog(sum(shard.backlog for shard in shards), max(ages, default=None), shards)


def _age_s(first: list[tuple[bytes, object]], now_ms: float) -> float | None:
    if not first:
        return None
    # The stream's server numbers by its own clock, which may be a little ahead of ours.
    return round(max(0.0, now_ms - parse_entry_id(first[0][0]).ms) / 1000, 3)
