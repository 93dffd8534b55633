"""Incarnations: agree with PostgreSQL on which life of a shard's stream this is.

In:   the stream's server and the shard's position in PostgreSQL.
Out:  the incarnation that gateways may append to and writers read.
A stream whose data was lost, emptied or restored from an older copy is recognised here. It gets a
new incarnation, its loss is recorded, and before it accepts anything the idempotency keys that are
still in their window are loaded from the rows, so that a retry stays safe.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from redis import exceptions as redis_errors

from aether_core.database.connection import LOCK_INCARNATION, Session
from aether_core.database.losses import Loss, record_loss
from aether_core.database.positions import Position, begin_incarnation, find_positions
from aether_core.database.transactions import find_recent_idempotency_keys
from aether_core.settings import StreamSettings
from aether_core.stream import contract
from aether_core.stream.contract import ENTRY_START, EntryId, parse_entry_id
from aether_core.transaction import INCARNATION_MAX

if TYPE_CHECKING:
    from aether_core.stream.publisher import Redis

logger = logging.getLogger(__name__)

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class StreamState:
    """What the stream's server says of one shard."""

    incarnation: int | None
    entries_added: int
    """Entries ever added, those that were trimmed included."""
    length: int
    last: EntryId
    """The last id ever given."""
    first: EntryId | None
    """The oldest entry that is still there."""
    last_deleted: EntryId
    """The greatest id that was deleted by itself (XDEL), not trimmed."""


async def read_stream_state(redis: Redis, shard: int) -> StreamState:
    """Ask the stream's server about one shard."""
    known = await redis.execute_command("HGET", contract.meta_key(shard), "incarnation")
    incarnation = int(known, 16) if known else None
    try:
        raw = await redis.xinfo_stream(contract.stream_key(shard))
    except redis_errors.ResponseError:  # no such key: nothing was ever added
        start = parse_entry_id(ENTRY_START)
        return StreamState(incarnation, 0, 0, start, None, start)
    first = raw["first-entry"]
    return StreamState(
        incarnation=incarnation,
        entries_added=int(raw["entries-added"]),
        length=int(raw["length"]),
        last=parse_entry_id(raw["last-generated-id"]),
        first=parse_entry_id(first[0]) if first else None,
        last_deleted=parse_entry_id(raw["max-deleted-entry-id"]),
    )


async def open_stream(redis: Redis, shard: int, incarnation: int) -> None:
    """Let a shard's stream accept entries of this incarnation, until its server starts again."""
    await redis.execute_command(
        "FCALL",
        contract.FUNCTION_AGREE,
        1,
        contract.meta_key(shard),
        contract.incarnation_field(incarnation),
        secrets.token_hex(8),
    )


async def agree_on_incarnations(
    redis: Redis, connection: Session, shard_count: int, settings: StreamSettings
) -> dict[int, int]:
    """Return shard → incarnation, after beginning new ones where that is needed.

    Runs in database transactions of its own, one process at a time. The stream's server accepts
    nothing from when it starts until somebody was here.
    """
    agreed = {}
    for shard in range(shard_count):
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK_INCARNATION)
            found = await find_positions(connection, [shard])
            state = await read_stream_state(redis, shard)
            position = found[0] if found else None
            if position is not None and is_same_stream(position, state):
                agreed[shard] = position.incarnation
                await open_stream(redis, shard, position.incarnation)
                continue
            terms = contract.idempotency_terms(settings, shard_count)
            agreed[shard] = await _begin(
                redis, connection, shard, position, state, settings.idempotency_window_s, terms
            )
    return agreed


def is_same_stream(position: Position, state: StreamState) -> bool:
    """Whether a stream, asked after its position was read, is the one that PostgreSQL knows.

    One whose last id lies before the committed position, or that has had fewer entries than were
    seen or written, was emptied or restored from an older copy: its next ids could be ones that
    were used.
    """
    is_trimmed = state.first is None or state.first > position.entry
    return (
        state.incarnation == position.incarnation
        and state.last >= max(position.entry, position.seen)
        and state.entries_added >= position.seen_count
        and (not is_trimmed or state.entries_added - state.length >= _accounted(position))
    )


async def _begin(
    redis: Redis,
    connection: Session,
    shard: int,
    position: Position | None,
    state: StreamState,
    window_s: int,
    terms: tuple[int, int, int],
) -> int:
    if position is None and state.incarnation is not None:
        # The database is new or was emptied, the stream is not: write what it still holds.
        incarnation, reason = state.incarnation, "adopted from the stream by an empty database"
    else:
        incarnation = secrets.randbelow(INCARNATION_MAX) + 1
        reason = _reason(position, state)
    base_count = state.entries_added - state.length
    if position is not None:
        await record_loss(connection, _loss_of(position, state, reason))
    await begin_incarnation(connection, shard, incarnation, base_count=base_count, reason=reason)
    log = logger.info if position is None else logger.critical
    log("shard %d begins incarnation %08x: %s", shard, incarnation, reason)
    await _load_idempotency_keys(redis, connection, shard, window_s, terms)
    # Last: from here on the gateways may append.
    await open_stream(redis, shard, incarnation)
    return incarnation


def _reason(position: Position | None, state: StreamState) -> str:
    if position is None:
        return "first start"
    if state.incarnation is None:
        return f"the stream was lost after {position.entry}"
    if state.incarnation != position.incarnation:
        return f"the stream carries another incarnation, {state.incarnation:08x}"
    if state.last < position.entry:
        return f"the stream was restored to {state.last}, before the committed {position.entry}"
    return f"the stream was emptied or restored: it had given ids up to {position.seen}"


def _accounted(position: Position) -> int:
    """Return how many entries the stream must have had and no longer has."""
    return (
        position.base_count
        + position.committed_count
        + position.dead_letter_count
        + position.lost_count
    )


def _loss_of(position: Position, state: StreamState, reason: str) -> Loss:
    """Say what may be missing of a stream that is another now: at least what was seen waiting."""
    waiting = position.seen_count - _accounted(position)
    after = position.entry
    is_copy = state.incarnation == position.incarnation and state.entries_added >= _accounted(
        position
    )
    if is_copy and state.last > position.entry:
        # An older copy has kept the first of those that were waiting, and they will be written.
        after = state.last
        waiting = min(waiting, position.seen_count - state.entries_added)
    return Loss(
        shard=position.shard,
        incarnation=position.incarnation,
        after=after,
        before=None,
        entry_count=max(0, waiting),
        is_exact=False,
        cause=reason,
    )


async def _load_idempotency_keys(
    redis: Redis, connection: Session, shard: int, window_s: int, terms: tuple[int, int, int]
) -> None:
    pages = find_recent_idempotency_keys(connection, shard, window_s=window_s, page=_PAGE)
    async for page in pages:
        arguments: list[bytes | int] = []
        for known in page:
            place = known.place
            value = contract.idempotency_value(
                EntryId(place.ms, place.sequence), place.incarnation, known.body_digest
            )
            arguments += (place.ms, known.digest, value)
        await redis.execute_command(
            "FCALL",
            contract.FUNCTION_REMEMBER,
            1,
            contract.idempotency_key_prefix(shard),
            *terms,
            *arguments,
        )
