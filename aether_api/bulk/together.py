"""Together: several transactions into the stream in one call of its server, all of them or none.

Beside the acceptance that all others share: a group must not be cut, or mixed with anything.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from redis import exceptions as redis_errors

from aether_api.acceptance import Acceptance, Placed
from aether_api.agreement import StreamAgreement
from aether_core.errors import (
    AetherError,
    CannotBeTogether,
    IdempotencyKeyReused,
    NotTogether,
    OutcomeUnknown,
    StreamUnavailable,
)
from aether_core.stream.contract import shard_of
from aether_core.stream.publisher import IncarnationMoved, Outcome, StreamPublisher, Submission

if TYPE_CHECKING:
    from aether_api.agreement import Shards

ITEM_COUNT_MAX: Final = 1_000
"""Most transactions of one group: the stream's server does nothing else meanwhile."""


class Together:
    """The way into the stream for groups; one at a time."""

    def __init__(
        self, publisher: StreamPublisher, agreement: StreamAgreement, acceptance: Acceptance
    ) -> None:
        """publisher: of its own, since each has one call under way."""
        self._publisher = publisher
        self._agreement = agreement
        self._acceptance = acceptance
        self._turn = asyncio.Lock()

    async def accept(self, submissions: list[tuple[str, Submission]]) -> list[Placed]:
        """Append all of these, each with its account; returns once they are durable, in order.

        Raises CannotBeTogether, IdempotencyKeyReused, BacklogFull, StreamUnavailable: nothing was
        appended; OutcomeUnknown: all or nothing was.
        """
        if not submissions:
            return []
        shards = self._acceptance.shards_for(len(submissions))
        places = [shard_of(account_id, shards.count) for account_id, _ in submissions]
        groups: dict[int, list[Submission]] = {}
        for shard, (_, submission) in zip(places, submissions, strict=True):
            groups.setdefault(shard, []).append(submission)
        await self._check_possible(len(groups))
        async with self._turn:
            outcomes = await self._append(groups, shards)
        in_order = {shard: iter(found) for shard, found in outcomes.items()}
        counted = [self._acceptance.counts.add(next(in_order[shard]), shard) for shard in places]
        placed = [one for one in counted if isinstance(one, Placed)]
        if len(placed) < len(counted):
            raise _refusal([one for one in counted if isinstance(one, AetherError)], counted)
        return placed

    async def _check_possible(self, shard_count: int) -> None:
        try:
            is_possible = await self._publisher.can_append_all(shard_count)
        except (redis_errors.RedisError, OSError, TimeoutError) as error:
            raise StreamUnavailable from error
        if not is_possible:
            raise CannotBeTogether

    async def _append(
        self, groups: dict[int, list[Submission]], shards: Shards
    ) -> dict[int, list[Outcome]]:
        outcomes = await self._publisher.append_all(
            groups, shards.incarnations, shards.durability.copies
        )
        self._acceptance.counts.appends += 1
        if any(isinstance(found[0], IncarnationMoved) for found in outcomes.values()):
            self._agreement.renew()
        return outcomes


def _refusal(errors: list[AetherError], counted: list[Placed | AetherError]) -> AetherError:
    """Return what is said of a group that was refused."""
    unknown = next((one for one in errors if isinstance(one, OutcomeUnknown)), None)
    if unknown is not None:
        return unknown
    reused = [str(n) for n, one in enumerate(counted) if isinstance(one, IdempotencyKeyReused)]
    if reused:
        return IdempotencyKeyReused(
            "Nothing was accepted: keys were used for different requests, those of the items"
            f" {', '.join(reused[:20])} (counted from 0)."
        )
    return next((one for one in errors if not isinstance(one, NotTogether)), errors[0])
