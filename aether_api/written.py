"""Written: tells requests that wait for it when their transaction is in PostgreSQL.

In:   the batches' events of the live feed, which say how far each shard is committed.
Out:  the rows of those that are waited for, read together in one query when their place is passed.
A writer may die between its commit and the feed, and the feed may be interrupted: while somebody
waits, all that are waited for are looked up now and then besides.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Final
from uuid import UUID

import msgspec

from aether_core.cancellation import heed_cancellation
from aether_core.database.connection import Pool, borrow
from aether_core.database.transactions import find_transactions_by_ids
from aether_core.errors import AetherError
from aether_core.stream.committed import Reached, read_batch_event
from aether_core.stream.contract import EntryId
from aether_core.stream.feed import FeedEvent
from aether_core.transaction import Place, TransactionView

logger = logging.getLogger(__name__)

_LOOK_S: Final = 0.5
"""How often rows are looked for without any news."""

_PAUSE_S: Final = 0.1


class _Waiter:
    """One request that waits."""

    __slots__ = ("found", "identifier", "is_passed", "place")

    def __init__(self, identifier: UUID, place: Place) -> None:
        self.identifier = identifier
        self.place = place
        self.is_passed = False
        """The shard is committed beyond it: it is written, or never will be."""
        self.found: asyncio.Future[TransactionView | None] = (
            asyncio.get_running_loop().create_future()
        )


class Written:
    """All requests of this process that wait for their transaction to be written."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._reached: dict[int, Reached] = {}
        self._waiters: dict[int, set[_Waiter]] = {}
        """By shard."""
        self._to_read: set[_Waiter] = set()
        self._wake = asyncio.Event()
        self._is_ending = False

    @property
    def waiting_count(self) -> int:
        """Requests that wait."""
        return sum(len(waiters) for waiters in self._waiters.values())

    async def wait(
        self, identifier: UUID, place: Place, timeout_s: float, *, may_be_old: bool
    ) -> TransactionView | None:
        """Return a transaction once it is written; None when it is not after so long.

        None also, at once, when it could not be written, and when the process is about to end.
        may_be_old: it may have been written long ago, so look for it first.
        """
        if self._is_ending:
            return None
        waiter = _Waiter(identifier, place)
        waiters = self._waiters.setdefault(place.shard, set())
        waiters.add(waiter)
        reached = self._reached.get(place.shard)
        waiter.is_passed = reached is not None and _is_passed(place, reached)
        if waiter.is_passed or may_be_old:
            self._to_read.add(waiter)
        # Also for the first one that waits without news: it is time to look from time to time.
        self._wake.set()
        try:
            async with asyncio.timeout(timeout_s):
                return await waiter.found
        except TimeoutError:
            return None
        finally:
            self._to_read.discard(waiter)
            waiters.discard(waiter)
            if not waiters and self._waiters.get(place.shard) is waiters:
                del self._waiters[place.shard]

    def hear(self, event: FeedEvent) -> None:
        """Learn from a batch's event how far shards are committed."""
        try:
            news = read_batch_event(event).reached
        except msgspec.DecodeError:
            return
        for reached in news:
            known = self._reached.get(reached.shard, reached)
            # News of two writers may come late: within an incarnation nothing goes backwards.
            if known.incarnation != reached.incarnation or known.entry <= reached.entry:
                self._reached[reached.shard] = reached
            for waiter in self._waiters.get(reached.shard, ()):
                if not waiter.is_passed and _is_passed(waiter.place, reached):
                    waiter.is_passed = True
                    self._to_read.add(waiter)
                    self._wake.set()

    def end(self) -> None:
        """Let all that wait go on without it, and those that come."""
        self._is_ending = True
        for waiters in self._waiters.values():
            for waiter in waiters:
                _settle(waiter, None)

    async def run(self) -> None:
        """Read what is waited for when there is news of it, until cancelled."""
        clock = asyncio.get_running_loop()
        look_at = clock.time() + _LOOK_S
        while True:
            heed_cancellation()
            is_idle = not self._waiters
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(None if is_idle else look_at):
                    await self._wake.wait()
            self._wake.clear()
            if is_idle:
                look_at = clock.time() + _LOOK_S
            if clock.time() >= look_at:
                look_at = clock.time() + _LOOK_S
                self._to_read.update(*self._waiters.values())
            waiters, self._to_read = self._to_read, set()
            if waiters and not await self._read(waiters):
                self._to_read |= {one for one in waiters if not one.found.done()}
                self._wake.set()
                await asyncio.sleep(_PAUSE_S)

    async def _read(self, waiters: set[_Waiter]) -> bool:
        """Tell those whose row is there; returns False when PostgreSQL does not answer."""
        # Only what was passed before the question is known by the answer.
        passed = {waiter for waiter in waiters if waiter.is_passed}
        try:
            async with borrow(self._pool) as connection:
                found = await find_transactions_by_ids(
                    connection, list({waiter.identifier for waiter in waiters})
                )
        except AetherError as error:
            logger.debug("rows that are waited for cannot be read: %s", error)
            return False
        views = {view.id.int: view for view in found}
        for waiter in waiters:
            view = views.get(waiter.identifier.int)
            if view is not None or waiter in passed:
                _settle(waiter, view)
        return True


def _is_passed(place: Place, reached: Reached) -> bool:
    return (
        place.incarnation == reached.incarnation
        and EntryId(place.ms, place.sequence) <= reached.entry
    )


def _settle(waiter: _Waiter, view: TransactionView | None) -> None:
    if not waiter.found.done():
        waiter.found.set_result(view)
