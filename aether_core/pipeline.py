"""The pipeline's identity: entries ever added = committed + dead letters + backlog, per shard.

In:   the stream's server and PostgreSQL, as they are at this moment.
Out:  a Pipeline, for whoever shows it now and for the record of each minute (`rewinding.py`).
The two sides stand in two servers and move all the time. A shard is looked at until its position
was the same before and after the stream's server answered; only then do the numbers belong to one
moment, and a difference is a loss.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from aether_core.database.batches import KeptBatch, find_last_batches
from aether_core.database.connection import Session
from aether_core.database.losses import KeptLoss, find_losses
from aether_core.database.positions import Position, find_positions
from aether_core.stream.contract import ENTRY_START, incarnation_field, stream_key
from aether_core.stream.incarnation import StreamState, read_stream_state
from aether_core.transaction import instant_of_ms

if TYPE_CHECKING:
    from aether_core.stream.publisher import Redis

LOST_COUNT_MAX: Final = 100
"""Lost ranges that are shown."""

_LOOKS_MAX: Final = 20
_PAUSE_S: Final = 0.01


class LastBatch(msgspec.Struct, frozen=True):
    """The last entries of a shard that were committed together."""

    entries: int
    commit_ms: float
    """Milliseconds from the first one's reading until all were committed."""
    committed_at: datetime


class ShardState(msgspec.Struct, frozen=True):
    """One shard: how far it is committed, and by whom. Counts are of this incarnation."""

    shard: int
    incarnation: str
    position: str
    entries_added: int
    committed: int
    dead_letters: int
    backlog: int
    lost: int
    """Entries that are known to be lost, and that nobody has acknowledged."""
    oldest_seconds: float | None
    owner: str | None
    updated_at: datetime
    last_batch: LastBatch | None = None
    """None: this shard has not committed any yet."""

    @property
    def difference(self) -> int:
        """Entries that were added and are nowhere: 0, or something was lost."""
        return self.entries_added - self.committed - self.dead_letters - self.backlog


class PipelineIdentity(msgspec.Struct, frozen=True):
    """The sums over all shards; `holds` is about each of them."""

    entries_added: int
    committed: int
    dead_letters: int
    backlog: int
    difference: int
    holds: bool


class LostRange(msgspec.Struct, frozen=True):
    """Entries of one shard that are missing: those between two ids, neither included."""

    shard: int
    incarnation: str
    after: str
    before: str | None
    """None: nobody can know how far it goes."""
    accepted_after: datetime | None
    accepted_before: datetime | None
    entries: int
    """How many; at least so many where it is not exact."""
    is_exact: bool
    cause: str
    found_at: datetime
    acknowledged_by: str | None
    note: str | None


class Pipeline(msgspec.Struct, frozen=True):
    """The pipeline from the stream to the database."""

    identity: PipelineIdentity
    shards: tuple[ShardState, ...]
    lost: tuple[LostRange, ...]
    """What was lost and nobody has acknowledged, newest first, at most so many."""
    at: datetime
    committed_per_second: float | None

    @property
    def is_settled(self) -> bool:
        """Every difference is a known loss; else entries moved while it was looked, or are gone."""
        return all(shard.difference in {0, shard.lost} for shard in self.shards)


def rate_between(before: Pipeline, after: Pipeline) -> float | None:
    """Return what was committed in a second between two looks; None when a stream began anew."""
    seconds = (after.at - before.at).total_seconds()
    is_the_same = [s.incarnation for s in before.shards] == [s.incarnation for s in after.shards]
    committed = after.identity.committed - before.identity.committed
    if not is_the_same or seconds <= 0 or committed < 0:
        return None
    return round(committed / seconds, 3)


async def inspect_pipeline(
    redis: Redis, connection: Session, committed_per_second: float | None
) -> Pipeline:
    """Look at every shard. Errors of either server pass through."""
    positions = await find_positions(connection)
    batches = await find_last_batches(connection)
    shards = tuple(
        [
            msgspec.structs.replace(
                await _inspect_shard(redis, connection, position),
                last_batch=_last_batch(batches.get(position.shard)),
            )
            for position in positions
        ]
    )
    differences = [shard.difference for shard in shards]
    return Pipeline(
        identity=PipelineIdentity(
            entries_added=sum(shard.entries_added for shard in shards),
            committed=sum(shard.committed for shard in shards),
            dead_letters=sum(shard.dead_letters for shard in shards),
            backlog=sum(shard.backlog for shard in shards),
            difference=sum(differences),
            holds=not any(differences),
        ),
        shards=shards,
        lost=await find_lost_ranges(connection, is_open=True),
        at=datetime.now(UTC),
        committed_per_second=committed_per_second,
    )


def _last_batch(batch: KeptBatch | None) -> LastBatch | None:
    if batch is None:
        return None
    took = batch.committed_at - batch.read_at
    return LastBatch(
        entries=batch.entry_count,
        commit_ms=round(max(0.0, took.total_seconds() * 1000), 1),
        committed_at=batch.committed_at,
    )


async def find_lost_ranges(connection: Session, *, is_open: bool) -> tuple[LostRange, ...]:
    """Return what was lost, newest first. is_open: only what nobody has acknowledged."""
    losses = await find_losses(connection, is_open=is_open, limit=LOST_COUNT_MAX)
    return tuple(_lost_range(kept) for kept in losses)


def _lost_range(kept: KeptLoss) -> LostRange:
    loss = kept.loss
    return LostRange(
        shard=loss.shard,
        incarnation=incarnation_field(loss.incarnation),
        after=str(loss.after),
        before=None if loss.before is None else str(loss.before),
        accepted_after=None if loss.after.ms == 0 else instant_of_ms(loss.after.ms),
        accepted_before=(kept.found_at if loss.before is None else instant_of_ms(loss.before.ms)),
        entries=loss.entry_count,
        is_exact=loss.is_exact,
        cause=loss.cause,
        found_at=kept.found_at,
        acknowledged_by=kept.acknowledged_by,
        note=kept.note,
    )


async def _inspect_shard(redis: Redis, connection: Session, before: Position) -> ShardState:
    state: ShardState | None = None
    for _ in range(_LOOKS_MAX):
        stream = await read_stream_state(redis, before.shard)
        untrimmed = await _count_untrimmed(redis, before, stream)
        (after,) = await find_positions(connection, [before.shard])
        is_one_moment = (after.incarnation, after.entry) == (before.incarnation, before.entry)
        state = _state(after, stream, untrimmed)
        if is_one_moment and state.difference in {0, state.lost}:
            return state
        # Busy, or trimmed in the middle of our look. What is really lost stays lost.
        before = after
        await asyncio.sleep(_PAUSE_S)
    assert state is not None  # noqa: S101 - the loop ran
    return state


async def _count_untrimmed(redis: Redis, position: Position, stream: StreamState) -> int:
    """Count the entries that are committed and not yet removed: those of the last batch."""
    if stream.first is None or stream.first > position.entry:
        return 0
    entries = await redis.execute_command(
        "XRANGE", stream_key(position.shard), ENTRY_START, str(position.entry)
    )
    return len(entries)


def _state(position: Position, stream: StreamState, untrimmed: int) -> ShardState:
    backlog = stream.length - untrimmed
    first_ms = None if stream.first is None else stream.first.ms
    return ShardState(
        shard=position.shard,
        incarnation=incarnation_field(position.incarnation),
        position=str(position.entry),
        entries_added=stream.entries_added - position.base_count,
        committed=position.committed_count,
        dead_letters=position.dead_letter_count,
        backlog=backlog,
        lost=position.lost_count,
        oldest_seconds=(
            None
            if first_ms is None or backlog == 0
            else round(max(0.0, time.time() - first_ms / 1000), 3)
        ),
        owner=position.owner,
        updated_at=position.updated_at,
    )
