"""Acceptance: gathers concurrent requests into one durable append.

In:   checked submissions, from any number of requests at once.
Out:  for each its own outcome: where it is in the stream, or why it is not.
Group commit: what arrives while one append is under way waits a moment and shares the next one.
Under load two are under way, one behind the other: entries keep the order of their arrival.
One refused submission never harms its neighbours, and an append whose answer was lost is an
unknown outcome: never a success, and never tried again by us.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec

from aether_api.agreement import Shards, StreamAgreement
from aether_api.pressure import Pressure
from aether_core.cancellation import heed_cancellation
from aether_core.errors import (
    AetherError,
    BacklogFull,
    BacklogReason,
    IdempotencyKeyReused,
    OutcomeUnknown,
    StreamUnavailable,
    Unavailable,
)
from aether_core.settings import GatewaySettings
from aether_core.stream.contract import shard_of
from aether_core.stream.publisher import (
    Accepted,
    IncarnationMoved,
    KeyReused,
    Outcome,
    StreamPublisher,
    Submission,
)

logger = logging.getLogger(__name__)

_APPENDS_AT_ONCE: Final = 2
_SECOND_COUNT_MIN: Final = 16
"""Submissions that must wait before a second append begins beside the first."""

_TOO_MANY_WAIT: Final = "Too many transactions wait to be accepted; nothing was accepted."


class Placed(msgspec.Struct, frozen=True, gc=False):
    """An accepted transaction and its shard."""

    accepted: Accepted
    shard: int


@dataclass(slots=True)
class AcceptanceCounts:
    """What this process has accepted and refused since its start."""

    accepted: int = 0
    replayed: int = 0
    key_reused: int = 0
    refused: int = 0
    """Nothing was appended: the backlog is full or the stream away."""
    unknown: int = 0
    """The connection broke during the append."""
    appends: int = 0
    """Groups that were appended; accepted ÷ appends is the size of a group."""
    backpressure: Counter[BacklogReason] = field(default_factory=Counter)
    """Of the refused, those for which there was too much work in hand."""

    def add(self, outcome: Outcome | None, shard: int) -> Placed | AetherError:
        """Count one outcome; return it as requests see it."""
        if isinstance(outcome, Accepted):
            if outcome.replayed:
                self.replayed += 1
            else:
                self.accepted += 1
            return Placed(outcome, shard)
        if isinstance(outcome, KeyReused):
            self.key_reused += 1
            return IdempotencyKeyReused()
        if outcome is None or isinstance(outcome, OutcomeUnknown):
            self.unknown += 1
            return outcome or OutcomeUnknown()
        self.refuse(outcome, 1)
        return outcome

    def refuse(self, why: AetherError, count: int) -> None:
        """Count submissions that were not taken."""
        self.refused += count
        if isinstance(why, BacklogFull):
            self.backpressure[why.reason] += count


class Owner(Protocol):
    """Whom a submission belongs to."""

    def settle(self, index: int, outcome: Outcome) -> None:
        """Learn what became of one submission; must not raise."""


class Gathering:
    """The submissions of one request on their way; `await outcomes()` once for what became."""

    __slots__ = ("_counts", "_done", "_missing", "_outcomes", "_shards")

    def __init__(self, counts: AcceptanceCounts, shards: list[int]) -> None:
        """shards: that of each submission."""
        self._counts = counts
        self._shards = shards
        self._outcomes: list[Outcome | None] = [None] * len(shards)
        self._missing = len(shards)
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def outcomes(self) -> list[Placed | AetherError]:
        """Wait until each submission is durable or refused; in their order."""
        if self._missing:
            await self._done
        return [
            self._counts.add(outcome, shard)
            for outcome, shard in zip(self._outcomes, self._shards, strict=True)
        ]

    def settle(self, index: int, outcome: Outcome) -> None:
        """Keep one outcome."""
        self._outcomes[index] = outcome
        self._missing -= 1
        if self._missing == 0 and not self._done.done():
            self._done.set_result(None)


class _Single:
    """One submission that is a request by itself: the common case, and so the quick one."""

    __slots__ = ("outcome",)

    def __init__(self) -> None:
        self.outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def settle(self, _index: int, outcome: Outcome) -> None:
        """Keep the outcome."""
        if not self.outcome.done():
            self.outcome.set_result(outcome)


@dataclass(slots=True)
class _Waiting:
    """What waits for the next append of one shard."""

    submissions: list[Submission] = field(default_factory=list)
    owners: list[tuple[Owner, int]] = field(default_factory=list)


class Acceptance:
    """The one way into the stream for all requests of this process."""

    def __init__(
        self,
        publisher: StreamPublisher,
        agreement: StreamAgreement,
        settings: GatewaySettings,
        pressure: Pressure | None = None,
    ) -> None:
        """pressure: what refuses before the stream's server does; None: nothing."""
        self._publisher = publisher
        self._agreement = agreement
        self._settings = settings
        self._pressure = pressure
        self._waiting: dict[int, _Waiting] = {}
        self.waiting_count = 0
        """Submissions whose append has not begun."""
        self.under_way_count = 0
        """Submissions whose append has begun."""
        self._due = asyncio.Event()
        self.counts = AcceptanceCounts()

    async def accept(self, account_id: str, submission: Submission) -> Placed:
        """Append one transaction; returns once it is durable.

        Raises IdempotencyKeyReused, BacklogFull, StreamUnavailable, OutcomeUnknown.
        """
        single = _Single()
        shard = self.enter(account_id, submission, single)
        outcome = self.counts.add(await single.outcome, shard)
        if isinstance(outcome, Placed):
            return outcome
        raise outcome

    @property
    def has_room(self) -> bool:
        """Whether one more submission may wait, for a stream that is there."""
        return (
            self._agreement.shards is not None
            and self.waiting_count < self._settings.waiting_count_max
            and (self._pressure is None or self._pressure.refusal is None)
        )

    def enter(self, account_id: str, submission: Submission, owner: Owner) -> int:
        """Let one transaction join the next append and return its shard.

        The owner is told what became of it, and counts it. Raises StreamUnavailable, Unavailable
        when nothing can be taken; nothing was.
        """
        shards = self.shards_for(1)
        shard = shard_of(account_id, shards.count)
        self._join(shard, submission, owner, 0)
        return shard

    def offer(self, submissions: list[tuple[str, Submission]]) -> Gathering:
        """Let transactions, each with its account, join the next append.

        Raises StreamUnavailable, Unavailable when nothing can be taken; nothing was.
        """
        shards = self.shards_for(len(submissions))
        places = [shard_of(account_id, shards.count) for account_id, _ in submissions]
        gathering = Gathering(self.counts, places)
        for index, (shard, (_, submission)) in enumerate(zip(places, submissions, strict=True)):
            self._join(shard, submission, gathering, index)
        return gathering

    def shards_for(self, count: int) -> Shards:
        """Return the shards when so many more submissions may be taken.

        Raises StreamUnavailable, BacklogFull, Unavailable, and counts the refused.
        """
        shards = self._agreement.shards
        if shards is None:
            self.counts.refused += count
            raise StreamUnavailable
        if self._pressure is not None and self._pressure.refusal is not None:
            refusal = self._pressure.refusal
            self.counts.refuse(refusal, count)
            # A new one each time: an exception gathers the traces of all who raise it.
            raise BacklogFull(refusal.reason, refusal.retry_after_s)
        if self.waiting_count + count > self._settings.waiting_count_max:
            self.counts.refused += count
            raise Unavailable(_TOO_MANY_WAIT)
        return shards

    def _join(self, shard: int, submission: Submission, owner: Owner, index: int) -> None:
        waiting = self._waiting.get(shard)
        if waiting is None:
            waiting = self._waiting[shard] = _Waiting()
        waiting.submissions.append(submission)
        waiting.owners.append((owner, index))
        self.waiting_count += 1
        if self._is_due:
            self._due.set()

    @property
    def _is_due(self) -> bool:
        """Whether an append shall begin.

        One is under way whenever anything waits. A second joins it under load, when about as much
        has gathered: then the stream appends while this process checks and answers.
        """
        if self.under_way_count == 0:
            return self.waiting_count > 0
        return self.waiting_count >= max(_SECOND_COUNT_MIN, self.under_way_count // 2)

    async def run(self) -> None:
        """Append what waits, group after group, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(_APPENDS_AT_ONCE):
                group.create_task(self._append_groups())

    async def _append_groups(self) -> None:
        while True:
            heed_cancellation()
            await self._due.wait()
            # Requests that have arrived in the same turn of the loop join this group.
            await asyncio.sleep(0)
            if not self._is_due:
                self._due.clear()
                continue
            taken = self._take()
            count = sum(len(waiting.owners) for waiting in taken.values())
            self.waiting_count -= count
            self.under_way_count += count
            try:
                await self._append(taken)
            finally:
                self.under_way_count -= count
                if self._is_due:
                    self._due.set()

    async def _append(self, taken: dict[int, _Waiting]) -> None:
        shards = self._agreement.shards
        outcomes: dict[int, list[Outcome]] = {}
        try:
            if shards is not None:
                groups = {shard: waiting.submissions for shard, waiting in taken.items()}
                outcomes = await self._publisher.append(
                    groups, shards.incarnations, shards.durability.copies
                )
                self.counts.appends += len(groups)
        finally:
            # Also when this task is cancelled or fails in the middle: nobody waits for ever, and
            # nobody is told that nothing happened.
            for shard, waiting in taken.items():
                unknown: Outcome = StreamUnavailable() if shards is None else OutcomeUnknown()
                settled = outcomes.get(shard) or [unknown] * len(waiting.owners)
                for (owner, index), outcome in zip(waiting.owners, settled, strict=True):
                    owner.settle(index, outcome)
                if isinstance(settled[0], IncarnationMoved):
                    self._agreement.renew()

    def _take(self) -> dict[int, _Waiting]:
        """Take the next group of every shard."""
        size = self._settings.group_size_max
        taken, self._waiting = self._waiting, {}
        for shard, waiting in taken.items():
            if len(waiting.owners) > size:
                self._waiting[shard] = _Waiting(waiting.submissions[size:], waiting.owners[size:])
                del waiting.submissions[size:]
                del waiting.owners[size:]
        return taken
