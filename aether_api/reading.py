"""Reading a transaction wherever it is: written in PostgreSQL, or still in the stream.

An id is a place in the stream, so an accepted transaction is found there before it is written. One
that could not be written is accepted still: it is pending while operators have it in hand, is what
it was replayed as, or is gone for good once it was discarded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from aether_api.parts import Parts
from aether_core.database.connection import borrow
from aether_core.database.dead_letters import KeptLetter, find_dead_letter, find_last_life
from aether_core.database.transactions import find_transaction
from aether_core.dead_letter import transaction_of_letter
from aether_core.stream.contract import incarnation_field, stream_key
from aether_core.transaction import (
    Place,
    TransactionView,
    decode_transaction,
    pending_view,
    place_of,
)

if TYPE_CHECKING:
    from aether_core.stream.publisher import Redis


@dataclass(frozen=True, slots=True)
class Discarded:
    """A transaction that was accepted, could not be written, and was given up."""

    view: TransactionView
    """As it was accepted."""


async def read_transaction(parts: Parts, identifier: UUID) -> TransactionView | Discarded | None:
    """Return a transaction, written or not; one that was replayed under its new id.

    Raises DatabaseUnavailable; redis errors pass.
    """
    async with borrow(parts.pool) as connection:
        found = await find_transaction(connection, identifier)
    if found is not None:
        return found
    pending = await read_pending(parts, identifier)
    if pending is not None:
        return pending
    async with borrow(parts.pool) as connection:
        # Written and trimmed between the two looks: it is in the table now.
        found = await find_transaction(connection, identifier)
        if found is not None:
            return found
        last = await find_last_life(connection, identifier)
        letter = await find_dead_letter(connection, last)
    if letter is None and last != identifier:
        return await read_transaction(parts, last)
    return None if letter is None else _dead(letter)


def _dead(letter: KeptLetter) -> TransactionView | Discarded | None:
    view = transaction_of_letter(letter)
    return Discarded(view) if view is not None and letter.state == "discarded" else view


async def read_pending(parts: Parts, identifier: UUID) -> TransactionView | None:
    """Return a transaction that is still in the stream."""
    place = place_of(identifier)
    shards = parts.agreement.shards
    if place is None or shards is None or place.shard >= shards.count:
        return None
    return await _read_entry(parts.redis, identifier, place)


async def _read_entry(redis: Redis, identifier: UUID, place: Place) -> TransactionView | None:
    found = await redis.execute_command(
        "XRANGE", stream_key(place.shard), place.entry_id, place.entry_id
    )
    if not found:
        return None
    field, payload = found[0][1][:2]
    if bytes(field) != incarnation_field(place.incarnation).encode():
        return None
    return _pending(identifier, place, payload)


def _pending(identifier: UUID, place: Place, payload: bytes) -> TransactionView | None:
    try:
        transaction = decode_transaction(payload)
    except msgspec.DecodeError:
        return None
    return pending_view(identifier, place.ms, transaction)
