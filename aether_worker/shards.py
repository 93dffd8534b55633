"""Shards: which of them this writer owns, and what it keeps of each.

In:   advisory locks of PostgreSQL, which end with the connection that holds them.
Out:  owned shards, each with its committed position and the scoring state as of that position.
Locks and writes share one connection: a writer that has lost its locks has lost the means to
write. The locks only keep writers out of one another's way; what protects the rows is the fence
in `positions`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from uuid import UUID

from aether_core.database.connection import Session
from aether_core.database.positions import (
    Position,
    announce_writer,
    count_writers,
    disown_shard,
    find_positions,
    try_own_shard,
)
from aether_core.database.snapshots import Snapshot, save_snapshot
from aether_core.errors import PositionMoved
from aether_core.rebuilding import rebuild_state
from aether_core.scoring import ShardState, Thresholds
from aether_core.stream.contract import EntryId

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class OwnedShard:
    """A shard of this writer, changed in place as its batches are prepared and committed."""

    shard: int
    incarnation: int
    committed: EntryId
    """The last entry that is in PostgreSQL."""
    prepared: EntryId
    """The last entry that `state` has seen; ahead of `committed` while a batch is under way."""
    previous: EntryId
    """Where the last committed batch began: its alerts may not have been published."""
    state: ShardState
    last_scored: UUID | None = None
    """The last entry, transaction or control, that `state` has learnt."""
    last_ordered: int = 0
    """Number of the last order that this writer has put into the shard's stream."""
    unsaved_count: int = 0
    """Transactions scored since the last snapshot."""

    def snapshot(self) -> Snapshot | None:
        """Return the state as it is after the last prepared entry; None when it is empty."""
        if self.last_scored is None:
            return None
        self.unsaved_count = 0
        return Snapshot(self.last_scored, self.state.to_bytes())


class ShardHolder:
    """The shards of one writer, shared out fairly among all that are announced."""

    def __init__(self, connection: Session, shard_count: int, thresholds: Thresholds) -> None:
        self._connection = connection
        self._shard_count = shard_count
        self._thresholds = thresholds
        self.owned: dict[int, OwnedShard] = {}

    async def announce(self) -> None:
        """Let the other writers count this one."""
        await announce_writer(self._connection)

    async def rebalance(self) -> list[OwnedShard]:
        """Take free shards up to a fair share, give back what is above it.

        Must be called between batches. Returns the shards that were taken just now.
        Raises PositionMoved when an owned shard's stream has begun another incarnation.
        """
        await self._check_incarnations()
        writer_count = max(1, await count_writers(self._connection))
        share = -(-self._shard_count // writer_count)
        if len(self.owned) > share:
            await self.save()
        for shard in sorted(self.owned)[share:]:
            await self.give_back(shard)
        taken = []
        for shard in range(self._shard_count):
            if len(self.owned) >= share:
                break
            if shard not in self.owned and await try_own_shard(self._connection, shard):
                self.owned[shard] = await self._load(shard)
                taken.append(self.owned[shard])
        return taken

    async def save(self) -> None:
        """Save the scoring states that have moved. Must be called between batches."""
        for owned in self.owned.values():
            if owned.unsaved_count and owned.prepared == owned.committed:
                snapshot = owned.snapshot()
                if snapshot is not None:
                    await save_snapshot(self._connection, owned.shard, snapshot)

    async def give_back(self, shard: int) -> None:
        """Let another writer have the shard."""
        del self.owned[shard]
        await disown_shard(self._connection, shard)
        logger.info("gave shard %d back", shard)

    async def reload(self, shard: int) -> None:
        """Go back to the committed position: forget what was prepared after it."""
        self.owned[shard] = await self._load(shard)

    async def _check_incarnations(self) -> None:
        if not self.owned:
            return
        for position in await find_positions(self._connection, list(self.owned)):
            if position.incarnation != self.owned[position.shard].incarnation:
                raise PositionMoved(position.shard)

    async def _load(self, shard: int) -> OwnedShard:
        """Read the position and rebuild the scoring state: a snapshot, then the rows after it."""
        async with self._connection.transaction():
            position = await self._position(shard)
            rebuilt = await rebuild_state(self._connection, shard, self._thresholds)
        logger.info(
            "own shard %d at %s, %d accounts, %d rows scored again",
            shard,
            position.entry,
            len(rebuilt.state),
            rebuilt.row_count,
        )
        return OwnedShard(
            shard=shard,
            incarnation=position.incarnation,
            committed=position.entry,
            prepared=position.entry,
            previous=position.previous,
            state=rebuilt.state,
            last_scored=rebuilt.last_scored,
            unsaved_count=rebuilt.row_count,
            last_ordered=rebuilt.state.last_order,
        )

    async def _position(self, shard: int) -> Position:
        found = await find_positions(self._connection, [shard])
        if not found:
            raise PositionMoved(shard)
        return found[0]
