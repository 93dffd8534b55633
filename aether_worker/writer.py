"""Writer: the step between the shards of the stream and PostgreSQL.

In:   the entries after each owned shard's committed position, in order; read again after a crash.
Out:  rows, alerts, load, dead letters and the new positions in one database transaction; then the
      feed; then the stream is trimmed.
Relies on the locked positions: a second owner of a shard finds them moved, and stops. While one
batch is being committed the next is read and scored, so that PostgreSQL and this process work at
the same time; commits themselves never overlap, and a batch is published before the next commits.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
from redis import exceptions as redis_errors

from aether_core.database.alerts import find_alerts_between
from aether_core.database.batches import (
    BatchTimes,
    Told,
    ToldTimes,
    delete_batches,
    tell_batches,
)
from aether_core.database.connection import Session
from aether_core.database.controls import add_control_entries
from aether_core.database.dead_letters import add_dead_letters
from aether_core.database.incidents import raise_alerts
from aether_core.database.partitions import ensure_months
from aether_core.database.positions import advance_positions, lock_positions
from aether_core.database.shadows import add_shadow_notes
from aether_core.database.snapshots import save_snapshot
from aether_core.database.transactions import (
    add_load,
    copy_transactions,
    find_flagged_between,
    find_written,
)
from aether_core.scoring import Thresholds
from aether_core.settings import AlertSettings, StreamSettings, WriterSettings
from aether_core.stream.committed import Reached, batch_event
from aether_core.stream.contract import Entry, EntryId
from aether_core.stream.feed import FeedEvent, alert_event, publish
from aether_core.stream.publisher import Redis
from aether_core.stream.reader import read_entries, trim
from aether_core.transaction import TransactionView, processed_view, transaction_id
from aether_worker.batch import Batch, Scored, Verdicts, foreign_ids, prepare
from aether_worker.losses import look_for_losses
from aether_worker.ordering import put_orders
from aether_worker.poison import DATA_ERRORS, find_poison
from aether_worker.shards import OwnedShard, ShardHolder

logger = logging.getLogger(__name__)

_UPKEEP_S = 3600.0
"""How often the next months' partitions are looked after, and scoring states are saved."""

_LOOK_COUNT = 16
"""Shards whose streams are looked at when the shards are rebalanced: some milliseconds."""

_FORGET_S = 2.0
_FORGET_COUNT = 1_000
"""Records of batches that are deleted at once, for each shard: more than are made in that time."""

_GATHER_S_PER_ENTRY = 1e-4
_GATHER_S_MAX = 0.016

_encoder = msgspec.json.Encoder()


class Writer:
    """Writes the batches of the shards that `holder` owns, on the holder's own connection."""

    def __init__(
        self,
        connection: Session,
        redis: Redis,
        holder: ShardHolder,
        *,
        owner: str,
        thresholds: Thresholds,
        stream: StreamSettings,
        writer: WriterSettings,
        alerts: AlertSettings,
    ) -> None:
        self._connection = connection
        self._redis = redis
        self._holder = holder
        self._owner = owner
        self._thresholds = thresholds
        self._stream = stream
        self._settings = writer
        self._alerts = alerts
        self._pace = FeedPace(writer.feed_transactions_per_s)
        self._busy_shards = 1
        self._last_count = 0
        self._writing: asyncio.Task[None] | None = None
        self._under_way = Batch()
        self._read_at = datetime.now(UTC)
        self._told: Told = {}
        self._forget_at = 0.0
        self._look_count = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Write until `stop` is set; then finish the batch and give the shards back."""
        rebalance_at, upkeep_at = 0.0, time.monotonic() + _UPKEEP_S
        try:
            while not stop.is_set():
                if time.monotonic() >= rebalance_at:
                    await self._settle()
                    await self._keep_records()
                    await self.take_shards()
                    await put_orders(
                        self._redis, self._connection, self._holder.owned, self._stream
                    )
                    rebalance_at = time.monotonic() + self._settings.rebalance_s
                if time.monotonic() >= upkeep_at:
                    await self._settle()
                    await ensure_months(self._connection)
                    await self._holder.save()
                    upkeep_at = time.monotonic() + _UPKEEP_S
                await self._gather()
                entries = await self.read(stop)
                self._last_count = sum(map(len, entries.values()))
                if not entries:
                    await self._settle()
                    await self._keep_records()
                    continue
                batch = await self._prepare_beside(entries, await self._known(entries))
                if await self._settle():
                    self._writing = asyncio.create_task(self.write(batch), name="write")
                    self._under_way = batch
            await self._settle()
        finally:
            if self._writing is not None:
                self._writing.cancel()
                await asyncio.gather(self._writing, return_exceptions=True)
        await self._keep_records()
        await self._holder.save()
        await look_for_losses(self._redis, self._connection, list(self._holder.owned))
        for shard in list(self._holder.owned):
            await self._holder.give_back(shard)

    async def take_shards(self) -> None:
        """Rebalance; publish again what the last owner of a taken shard may have left unsaid.

        Then see whether the streams still have all that is to be written.
        """
        taken = await self._holder.rebalance()
        for owned in taken:
            await self._publish_last_batch(owned)
        # Those that are new before anything of them is read; of the others some at a time.
        shards = list(self._holder.owned)
        turn = self._look_count % max(1, len(shards))
        looked_at = {*(shards + shards)[turn : turn + _LOOK_COUNT], *(one.shard for one in taken)}
        await look_for_losses(self._redis, self._connection, sorted(looked_at))
        self._look_count += _LOOK_COUNT

    async def read(self, stop: asyncio.Event) -> dict[int, list[Entry]]:
        """Read the entries after what was prepared, at most a batch of them."""
        owned = self._holder.owned
        if not owned:
            # Another writer has all shards: wait for one of them, or for the end.
            try:
                async with asyncio.timeout(self._settings.rebalance_s):
                    await stop.wait()
            except TimeoutError:
                pass
            return {}
        entries = await read_entries(
            self._redis,
            {shard: one.prepared for shard, one in owned.items()},
            # As if all of the batch came from as many shards as last time.
            count=max(1, self._settings.batch_size_max // self._busy_shards),
            block_ms=self._settings.idle_wait_ms,
        )
        self._read_at = datetime.now(UTC)
        self._busy_shards = max(1, len(entries))
        return _at_most(entries, self._settings.batch_size_max)

    def prepare(self, entries: dict[int, list[Entry]], verdicts: Verdicts) -> Batch:
        """Score the entries and lay out their rows."""
        batch = Batch(entries=entries)
        for _ in self._parts(batch, verdicts):
            pass
        return batch

    async def _prepare_beside(self, entries: dict[int, list[Entry]], verdicts: Verdicts) -> Batch:
        """Do as `prepare`, while the batch before is written.

        Its rows go to PostgreSQL between the parts: otherwise either would wait for the other.
        """
        batch = Batch(entries=entries)
        for _ in self._parts(batch, verdicts):
            await asyncio.sleep(0)
        return batch

    def _parts(self, batch: Batch, verdicts: Verdicts) -> Iterator[None]:
        """Prepare a batch part by part; then it is timed."""
        yield from prepare(
            batch, self._holder.owned, self._thresholds, verdicts, self._settings.snapshot_entries
        )
        batch.times = BatchTimes(self._read_at, datetime.now(UTC))

    async def write(self, batch: Batch) -> None:
        """Commit a batch, publish it and trim the stream.

        Raises PositionMoved when a shard has another owner; nothing was written then.
        """
        await self.commit(batch)
        committed_at = datetime.now(UTC)
        await self.publish(batch)
        published_at = datetime.now(UTC)
        for advance in batch.advances:
            self._told[advance.shard] = ToldTimes(advance.reached, committed_at, published_at)
        await trim(self._redis, {a.shard: a.reached for a in batch.advances})

    async def commit(self, batch: Batch) -> None:
        """Write everything and move the positions, in one database transaction."""
        connection = self._connection
        async with connection.transaction():
            await lock_positions(
                connection, {a.shard: (a.incarnation, a.expected) for a in batch.advances}
            )
            if batch.rows:
                await copy_transactions(connection, batch.rows)
                await add_load(connection, batch.load)
            if batch.flagged:
                batch.alerts = await raise_alerts(
                    connection, batch.flagged, apart_s=self._alerts.joins_within_s
                )
            if batch.shadow.counts:
                await add_shadow_notes(connection, batch.shadow)
            if batch.control_rows:
                await add_control_entries(connection, batch.control_rows)
            if batch.dead_letters:
                await add_dead_letters(connection, batch.dead_letters)
            for shard, snapshot in batch.snapshots.items():
                await save_snapshot(connection, shard, snapshot)
            told = {a.shard: self._told[a.shard] for a in batch.advances if a.shard in self._told}
            await advance_positions(connection, batch.advances, self._owner, batch.times, told)
        for owned, advance in zip(batch.owned, batch.advances, strict=True):
            owned.previous, owned.committed = owned.committed, advance.reached

    async def publish(self, batch: Batch) -> None:
        """Tell the consoles: every alert, the flagged, and as many others as people can follow."""
        events = []
        for scored in self._pace.choose(batch.scored):
            view = processed_view(scored.id, scored.ms, scored.transaction, scored.assessment)
            events.append(_transaction_event(view))
        events += map(alert_event, batch.alerts)
        events.append(
            batch_event(
                [Reached(a.shard, a.incarnation, *a.reached) for a in batch.advances],
                committed=len(batch.rows),
                flagged=len(batch.flagged),
                dead_letters=len(batch.dead_letters),
            )
        )
        await self._announce(events, {a.shard: a.reached for a in batch.advances})

    async def _gather(self) -> None:
        """Let entries gather, where that makes one batch of many small ones.

        Behind a backlog the next batch is prepared while the last is written. Otherwise it begins
        when the last is written, and a little later the more that one held: a transaction of the
        database costs as much as a hundred rows.
        """
        last = self._last_count
        if self._writing is None or last >= self._settings.batch_size_max // 4:
            return
        await asyncio.wait([self._writing])
        await asyncio.sleep(min(_GATHER_S_MAX, last * _GATHER_S_PER_ENTRY))

    async def _keep_records(self) -> None:
        """Note when the last batches were published; delete what is too old. Between batches."""
        if self._told:
            await tell_batches(self._connection, self._told)
            self._told.clear()
        if time.monotonic() >= self._forget_at and self._holder.owned:
            oldest = datetime.now(UTC) - timedelta(days=self._settings.trace_days)
            await delete_batches(self._connection, list(self._holder.owned), oldest, _FORGET_COUNT)
            self._forget_at = time.monotonic() + _FORGET_S

    async def _settle(self) -> bool:
        """Wait for the batch that is being written.

        Returns False when it was refused: its culprits have been set aside, and what was prepared
        after it must be forgotten, since it was scored as if they had been written.
        """
        writing, self._writing = self._writing, None
        if writing is None:
            return True
        try:
            await writing
        except DATA_ERRORS as error:
            logger.warning("a batch was refused, looking for the culprit: %s", error)
            await self._write_without_poison(self._under_way, error)
            return False
        return True

    async def _write_without_poison(self, batch: Batch, error: Exception) -> None:
        """Set the culprits aside and write the rest, scored as if they had never been there."""
        poison = await find_poison(self._connection, batch)
        if not poison:
            raise error
        for identifier, reason in poison.items():
            logger.error("entry %s becomes a dead letter: %s", identifier, reason)
        # The others too: a batch that was prepared after this one is forgotten.
        for shard in list(self._holder.owned):
            await self._holder.reload(shard)
        foreign = _foreign_ids(self._holder.owned, batch.entries)
        written = await find_written(self._connection, foreign)
        await self.write(self.prepare(batch.entries, Verdicts(frozenset(written), poison)))

    async def _known(self, entries: dict[int, list[Entry]]) -> Verdicts:
        """Look up the entries of other incarnations: the one before may have written them."""
        foreign = _foreign_ids(self._holder.owned, entries)
        if not foreign:
            return Verdicts()
        if self._writing is not None:
            await asyncio.wait([self._writing])  # the connection serves one at a time
        return Verdicts(frozenset(await find_written(self._connection, foreign)))

    async def _publish_last_batch(self, owned: OwnedShard) -> None:
        if owned.committed == EntryId(0, 0):
            return
        after = _bound(owned, owned.previous)
        until = _bound(owned, owned.committed)
        flagged = await find_flagged_between(self._connection, owned.shard, after, until)
        alerts = await find_alerts_between(self._connection, owned.shard, after, until)
        reached = Reached(owned.shard, owned.incarnation, *owned.committed)
        events = [*map(_transaction_event, flagged), *map(alert_event, alerts)]
        events.append(batch_event([reached]))
        await self._announce(events, {owned.shard: owned.committed})
        self._told[owned.shard] = ToldTimes(owned.committed, None, datetime.now(UTC))
        await trim(self._redis, {owned.shard: owned.committed})

    async def _announce(self, events: list[FeedEvent], committed: dict[int, EntryId]) -> None:
        length_max = self._stream.feed_length_max
        try:
            await publish(self._redis, events, length_max=length_max)
        except redis_errors.OutOfMemoryError:
            # Only removing what is committed makes room. It need not wait for its announcement:
            # a successor announces it from the rows.
            await trim(self._redis, committed)
            await publish(self._redis, events, length_max=length_max)


class FeedPace:
    """Lets flagged transactions through always, others up to a rate (a token bucket)."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._budget = float(per_second)
        self._filled_at = time.monotonic()

    def choose(self, scored: list[Scored]) -> Iterable[Scored]:
        """Return what is shown, in order: the newest where not all can be."""
        now = time.monotonic()
        self._budget = min(
            float(self._per_second), self._budget + (now - self._filled_at) * self._per_second
        )
        self._filled_at = now
        first = max(0, len(scored) - int(self._budget))
        self._budget -= len(scored) - first
        return (
            one
            for index, one in enumerate(scored)
            if index >= first or one.assessment.decision != "approve"
        )


def _at_most(entries: dict[int, list[Entry]], limit: int) -> dict[int, list[Entry]]:
    kept = {}
    for shard, of_shard in entries.items():
        if limit <= 0:
            break
        kept[shard] = of_shard[:limit]
        limit -= len(kept[shard])
    return kept


def _foreign_ids(owned: dict[int, OwnedShard], entries: dict[int, list[Entry]]) -> list[UUID]:
    return [i for shard, of_shard in entries.items() for i in foreign_ids(owned[shard], of_shard)]


def _bound(owned: OwnedShard, entry: EntryId) -> UUID:
    return transaction_id(*entry, owned.shard, owned.incarnation)


def _transaction_event(view: TransactionView) -> FeedEvent:
    return FeedEvent("transaction", view.account_id, _encoder.encode(view))
