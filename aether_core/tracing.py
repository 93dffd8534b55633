"""Tracing: one transaction's way through the pipeline, with its instants.

In:   an id; the stream's server and PostgreSQL.
Out:  when it was accepted (by the stream's clock), read, scored, committed and published (by its
      writer's clock), or why it has not come so far. Where the clocks of two machines differ, so do
      the milliseconds between them.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeAlias
from uuid import UUID

import msgspec

from aether_core.database.batches import KeptBatch, find_batch
from aether_core.database.connection import Session
from aether_core.database.dead_letters import KeptLetter, find_dead_letter
from aether_core.database.positions import find_positions
from aether_core.database.transactions import find_transaction
from aether_core.stream.contract import EntryId, incarnation_field, stream_key
from aether_core.transaction import Place, instant_of_ms, place_of

if TYPE_CHECKING:
    from aether_core.stream.publisher import Redis

_StepName: TypeAlias = Literal["accepted", "read", "scored", "committed", "published"]
_State: TypeAlias = Literal["pending", "processed", "dead_letter", "replayed", "discarded"]


class Step(msgspec.Struct, frozen=True):
    """One step of the way; `after_ms`: milliseconds since the transaction was accepted."""

    name: _StepName
    at: datetime
    after_ms: float


class Trace(msgspec.Struct, frozen=True):
    """How far one entry has come, and when."""

    id: UUID
    state: _State
    detail: str
    """One sentence for people."""
    shard: int
    incarnation: str
    entry: str
    steps: tuple[Step, ...]
    """Those that are known, in order."""
    batch_entry_count: int | None
    """Entries of its shard that were committed together with it."""
    replayed_as: UUID | None


async def find_trace(redis: Redis, connection: Session, identifier: UUID) -> Trace | None:
    """Return the way of one transaction; None when nothing is known of such an id.

    Errors of either server pass; the stream's is only asked for what PostgreSQL does not have.
    """
    trace = await _find_kept(connection, identifier)
    place = place_of(identifier)
    if trace is not None or place is None:
        return trace
    if await _is_waiting(redis, place):
        return await _pending(connection, identifier, place)
    # Written and trimmed between the two looks: it is in the tables now.
    return await _find_kept(connection, identifier)


async def _find_kept(connection: Session, identifier: UUID) -> Trace | None:
    place = place_of(identifier)
    if place is not None and await find_transaction(connection, identifier) is not None:
        entry = EntryId(place.ms, place.sequence)
        batch = await find_batch(connection, place.shard, entry)
        return _trace(identifier, "processed", _processed_detail(batch), place, batch)
    letter = await find_dead_letter(connection, identifier)
    if letter is None:
        return None
    batch = await find_batch(connection, letter.shard, letter.entry)
    place = Place(*letter.entry, letter.shard, letter.incarnation)
    state: _State = "dead_letter" if letter.state == "open" else letter.state
    return _trace(identifier, state, _letter_detail(letter), place, batch, letter.replayed_as)


async def _is_waiting(redis: Redis, place: Place) -> bool:
    found = await redis.execute_command(
        "XRANGE", stream_key(place.shard), place.entry_id, place.entry_id
    )
    return bool(found) and bytes(found[0][1][0]) == incarnation_field(place.incarnation).encode()


async def _pending(connection: Session, identifier: UUID, place: Place) -> Trace:
    positions = await find_positions(connection, [place.shard])
    reached = str(positions[0].entry) if positions else "nothing"
    owner = positions[0].owner if positions else None
    detail = (
        f"It is accepted and waits in the stream; its shard is written up to {reached},"
        f" last by {owner or 'nobody'}."
    )
    return _trace(identifier, "pending", detail, place, None)


def _processed_detail(batch: KeptBatch | None) -> str:
    if batch is None:
        return "It is written; when its batch was read and committed is no longer kept."
    if batch.published_at is None:
        return "It is written; its writer has not said yet when it was published."
    return "It is written and published."


def _letter_detail(letter: KeptLetter) -> str:
    if letter.state == "replayed":
        return f"It could not be written and was replayed by {letter.replayed_by}: {letter.error}"
    if letter.state == "discarded":
        return f"It could not be written and was discarded by {letter.discarded_by}: {letter.error}"
    return f"It could not be written and is a dead letter: {letter.error}"


def _trace(
    identifier: UUID,
    state: _State,
    detail: str,
    place: Place,
    batch: KeptBatch | None,
    replayed_as: UUID | None = None,
) -> Trace:
    return Trace(
        id=identifier,
        state=state,
        detail=detail,
        shard=place.shard,
        incarnation=incarnation_field(place.incarnation),
        entry=place.entry_id,
        steps=_steps(place.ms, batch),
        batch_entry_count=None if batch is None else batch.entry_count,
        replayed_as=replayed_as,
    )


def _steps(accepted_ms: int, batch: KeptBatch | None) -> tuple[Step, ...]:
    try:
        accepted_at = instant_of_ms(accepted_ms)
    except OverflowError:  # an entry that somebody put there by hand
        return ()
    steps = [Step("accepted", accepted_at, 0.0)]
    if batch is not None:
        named: tuple[
            tuple[Literal["read", "scored", "committed", "published"], datetime | None], ...
        ]
        named = (
            ("read", batch.read_at),
            ("scored", batch.scored_at),
            ("committed", batch.committed_at),
            ("published", batch.published_at),
        )
        steps += [
            Step(name, at, round((at - accepted_at).total_seconds() * 1000, 3))
            for name, at in named
            if at is not None
        ]
    return tuple(steps)
