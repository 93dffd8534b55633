"""Intake: the items of one bulk request into the stream, and a result for each, in their order.

In:   items as they arrive.
Out:  results in the outbox as soon as their appends are acknowledged.
While one part is being appended the next is read and checked. Items are independent: one that is
refused never harms its neighbours. Where a request ends too early, in whatever way, what was
answered with an id is kept, nothing after it was taken, and the last result says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

import msgspec

from aether_api.acceptance import Acceptance, Placed
from aether_api.access import Caller
from aether_api.bodies import ClientLeft
from aether_api.bulk.outbox import Outbox
from aether_api.bulk.room import BulkRoom
from aether_api.problems import BodyTooLarge, Problem, problem_of
from aether_api.routes.transactions import check_may_write_to, place_id
from aether_api.submission import make_entry, read_bulk_item
from aether_core.errors import AetherError, InvalidInput
from aether_core.settings import GatewaySettings
from aether_core.stream.publisher import Submission
from aether_core.transaction import transaction_id_text

_SLICE_SIZE: Final = 200
"""Items that are checked in one go: about two milliseconds in which nobody else is served."""
_PARTS_WAITING_MAX: Final = 2

_encode = msgspec.json.Encoder().encode


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one item: its id, or a problem."""

    index: int
    id: UUID | None = None
    replayed: bool = False
    problem: Problem | None = None


class Summary(msgspec.Struct, frozen=True):
    """The last line of an answer in lines: without it, the answer broke off.

    complete: every item of the request has its result.
    """

    complete: bool
    received_count: int
    accepted_count: int
    replayed_count: int
    refused_count: int


class _Part:
    """Some items that follow one another: those already refused, and those to be appended."""

    __slots__ = ("first", "indices", "outcomes", "results", "submissions")

    def __init__(self, first: int) -> None:
        self.first = first
        self.results: list[bytes] = []
        self.indices: list[int] = []
        self.submissions: list[tuple[str, Submission]] = []
        self.outcomes: list[Placed | AetherError] = []


class Intake:
    """One bulk request on its way in."""

    def __init__(
        self, acceptance: Acceptance, room: BulkRoom, caller: Caller, settings: GatewaySettings
    ) -> None:
        self._acceptance = acceptance
        self._room = room
        self._caller = caller
        self._settings = settings
        self._parts: asyncio.Queue[asyncio.Task[_Part] | None] = asyncio.Queue(_PARTS_WAITING_MAX)
        self._ending: AetherError | ClientLeft | None = None
        self._count = 0
        self._accepted = 0
        self._replayed = 0
        self._refused = 0

    @property
    def summary(self) -> Summary:
        """What became of all items."""
        return Summary(
            complete=self._ending is None,
            received_count=self._count,
            accepted_count=self._accepted,
            replayed_count=self._replayed,
            refused_count=self._refused,
        )

    def takes_at_once(self, count: int) -> bool:
        """Whether `run_whole` takes so many items."""
        return count <= min(self._room.part_size, self._settings.bulk_item_count_max)

    async def run_whole(self, items: list[bytes]) -> list[bytes]:
        """Take the items of a request that is there completely; return their results."""
        return self._results_of(await self._append(await self._check_part(items)))

    async def run(
        self, items: AsyncIterator[list[bytes]], outbox: Outbox, opening: bytes, joint: bytes
    ) -> None:
        """Take all items and put their results into the outbox, after `opening`, parted by `joint`.

        Raises ClientLeft once all that was offered has its outcome, and whatever is wrong with
        the body when that shows before the first of its items.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read(items, group), name="bulk items")
            before = opening
            while (appending := await self._parts.get()) is not None:
                results = self._results_of(await appending)
                await outbox.put(before + joint.join(results))
                before = joint
        if isinstance(self._ending, ClientLeft) or (self._ending is not None and not self._count):
            raise self._ending
        if self._ending is not None:
            self._refused += 1
            await outbox.put(before + _refusal(self._count, self._ending))
        elif not self._count:
            await outbox.put(opening)

    async def _read(self, items: AsyncIterator[list[bytes]], group: asyncio.TaskGroup) -> None:
        """Check the items part by part and let each part be appended."""
        try:
            async for arrived in items:
                for start in range(0, len(arrived), self._room.part_size):
                    part = arrived[start : start + self._room.part_size]
                    room = self._settings.bulk_item_count_max - self._count
                    if room:
                        checked = await self._check_part(part[:room])
                        appending = group.create_task(self._append(checked), name="bulk part")
                        await self._parts.put(appending)
                    if len(part) > room:
                        raise too_many(self._settings.bulk_item_count_max)
        except (AetherError, ClientLeft) as error:
            self._ending = error
        await self._parts.put(None)

    async def _check_part(self, items: list[bytes]) -> _Part:
        part = _Part(self._count)
        self._count += len(items)
        for start in range(0, len(items), _SLICE_SIZE):
            for item in items[start : start + _SLICE_SIZE]:
                try:
                    submission = check_item(item, self._caller, self._settings)
                except AetherError as error:
                    part.results.append(_refusal(part.first + len(part.results), error))
                    self._refused += 1
                else:
                    part.indices.append(len(part.results))
                    part.results.append(b"")
                    part.submissions.append(submission)
            # Others are served in between, and the append under way gets on.
            await asyncio.sleep(0)
        return part

    async def _append(self, part: _Part) -> _Part:
        if part.submissions:
            async with self._room.turns:
                try:
                    gathering = self._acceptance.offer(part.submissions)
                except AetherError as error:
                    part.outcomes = [error] * len(part.submissions)
                else:
                    part.outcomes = await gathering.outcomes()
            part.submissions = []
        return part

    def _results_of(self, part: _Part) -> list[bytes]:
        results = part.results
        for place, outcome in zip(part.indices, part.outcomes, strict=True):
            if isinstance(outcome, Placed):
                if outcome.accepted.replayed:
                    self._replayed += 1
                else:
                    self._accepted += 1
                results[place] = success(part.first + place, outcome)
            else:
                self._refused += 1
                results[place] = _refusal(part.first + place, outcome)
        return results


def check_item(item: bytes, caller: Caller, settings: GatewaySettings) -> tuple[str, Submission]:
    """Return an item's account, and what is appended of it.

    Raises BodyTooLarge, MalformedRequest, InvalidInput, InvalidFields, NotPermitted.
    """
    if len(item) > settings.body_bytes_max:
        raise BodyTooLarge(settings.body_bytes_max)
    checked = read_bulk_item(item, caller.account_id)
    check_may_write_to(caller, checked.account_id)
    _, submission = make_entry(checked, caller.subject)
    return checked.account_id, submission


def success(index: int, placed: Placed) -> bytes:
    """Return the encoded result of an item that is in the stream."""
    if placed.accepted.replayed:
        return _encode(Result(index, place_id(placed), replayed=True))
    entry = placed.accepted.id
    # What the encoder would make of a Result, in a third of the time.
    text = transaction_id_text(entry.ms, entry.sequence, placed.shard, placed.accepted.incarnation)
    return f'{{"index":{index},"id":"{text}"}}'.encode("ascii")


def too_many(count_max: int) -> InvalidInput:
    """Return what is said of the first item that is too many."""
    return InvalidInput(
        "body", f"At most {count_max} items are taken; this and all after it were not."
    )


def _refusal(index: int, error: AetherError) -> bytes:
    return _encode(Result(index, problem=problem_of(error, None, None)))
