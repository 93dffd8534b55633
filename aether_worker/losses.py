"""Losses: notices that entries of an owned shard are gone before they were written.

In:   the shards' positions, and what the stream's server says of them, between two batches.
Out:  a record of every loss, and of what the stream had, so that a later look, by whoever owns the
      shard then, knows when it has less.
Counting finds it: entries ever added = committed + dead letters + backlog. XTRIM and XDEL leave the
first number as it was, and the stream knows its oldest entry and the last that was deleted.
"""

from __future__ import annotations

import logging

from aether_core.database.connection import Session
from aether_core.database.losses import Loss, note_look, record_loss
from aether_core.database.positions import Position, find_positions, lock_positions
from aether_core.errors import StreamMismatch
from aether_core.stream.contract import EntryId
from aether_core.stream.incarnation import StreamState, is_same_stream, read_stream_state
from aether_core.stream.publisher import Redis

logger = logging.getLogger(__name__)


async def look_for_losses(redis: Redis, connection: Session, shards: list[int]) -> None:
    """Compare owned shards with their streams. Call it while none of their batches is under way.

    Raises StreamMismatch when a stream is not the one that it was: agree on a new incarnation.
    Raises PositionMoved when a shard has another owner.
    """
    for position in await find_positions(connection, shards):
        state = await read_stream_state(redis, position.shard)
        if not is_same_stream(position, state):
            raise StreamMismatch(position.shard, "the stream was lost, emptied or restored.")
        if state.first is not None and state.first <= position.entry:
            continue  # not trimmed yet: it will be, after the next batch
        missing = missing_count(position, state)
        if missing > 0:
            loss = _loss_of(position, state, missing)
            async with connection.transaction():
                place = (position.incarnation, position.entry)
                await lock_positions(connection, {position.shard: place})
                await record_loss(connection, loss)
                await note_look(connection, position, state.entries_added, state.last)
            logger.critical(
                "shard %d has lost %d entries between %s and %s: %s",
                loss.shard, missing, loss.after, loss.before, loss.cause,
            )  # fmt: skip
        elif (position.seen_count, position.checked) != (state.entries_added, position.entry):
            await note_look(connection, position, state.entries_added, state.last)


def missing_count(position: Position, state: StreamState) -> int:
    """Return how many entries are nowhere and not yet recorded as lost; all are trimmed."""
    return (
        state.entries_added
        - position.base_count
        - position.committed_count
        - position.dead_letter_count
        - position.lost_count
        - state.length
    )


def _loss_of(position: Position, state: StreamState, missing: int) -> Loss:
    # At the last look nothing was missing that is not recorded: it lies after that, before the
    # oldest entry that is left, or it was deleted in the middle.
    before = state.first or EntryId(state.last.ms, state.last.sequence + 1)
    cause = "trimmed by hand before they were written"
    if state.last_deleted > position.checked:
        before = max(before, EntryId(state.last_deleted.ms, state.last_deleted.sequence + 1))
        cause = "deleted by hand before they were written"
    return Loss(
        shard=position.shard,
        incarnation=position.incarnation,
        after=position.checked,
        before=before,
        entry_count=missing,
        is_exact=True,
        cause=cause,
    )
