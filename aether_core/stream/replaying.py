"""Replaying: gives a dead letter's payload a new place in the stream, once.

In:   a dead letter that waits, and an operator who has mended what kept it from being written.
Out:  the payload as a new entry, accepted like any other; the letter says what it has become.
Two servers are changed and either may be lost in between, so the intention is committed first. An
attempt after another whose end is unknown finds what that one did in the rows and dead letters, and
does nothing while it may still wait in the stream. An append that arrives late is recognised there
by its idempotency digest, which is made from the letter's id.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Final
from uuid import UUID

import msgspec

from aether_core.database.connection import Session
from aether_core.database.dead_letters import (
    KeptLetter,
    begin_replay,
    find_second_life,
    forget_replay,
    lock_open_letter,
    mark_replayed,
)
from aether_core.database.positions import find_positions
from aether_core.errors import AetherError, OutcomeUnknown, StreamUnavailable, Unavailable
from aether_core.settings import StreamSettings
from aether_core.stream.contract import (
    BODY_DIGEST_SIZE,
    DIGEST_SIZE,
    parse_entry_id,
    shard_of,
    stream_key,
)
from aether_core.stream.publisher import Accepted, Outcome, StreamPublisher, Submission
from aether_core.transaction import decode_transaction, encode_transaction, transaction_id

if TYPE_CHECKING:
    from aether_core.stream.publisher import Redis

logger = logging.getLogger(__name__)

_LATE_S: Final = 120.0
"""An append whose caller died may still arrive so late: more than any of our time limits."""


@dataclass(frozen=True, slots=True)
class _Replay:
    """What is appended. `account_id` and `digest` are None for bytes that are no transaction."""

    submission: Submission
    account_id: str | None
    digest: bytes | None


async def replay_dead_letter(
    redis: Redis,
    connection: Session,
    identifier: UUID,
    *,
    replayed_by: str,
    settings: StreamSettings,
    note_act: Callable[[KeptLetter], Awaitable[object]] | None = None,
) -> KeptLetter:
    """Append an open dead letter's payload once more and return it with what it has become.

    note_act: called as the last thing in the database transaction in which it is replayed.
    Runs in database transactions of its own. However often it is called, whatever dies in between,
    the payload gets one new place. Raises NotFound, DeadLetterSettled; BacklogFull and
    other Unavailable when nothing was appended; OutcomeUnknown: call it again.
    """
    is_first = await begin_replay(connection, identifier)
    refusal: AetherError | None = None
    async with connection.transaction():
        letter = await lock_open_letter(connection, identifier)
        replay = _replay_of(letter)
        shards = {p.shard: p.incarnation for p in await find_positions(connection)}
        shard = (
            letter.shard
            if replay.account_id is None
            else shard_of(replay.account_id, max(1, len(shards)))
        )
        if shard not in shards:
            raise StreamUnavailable
        place = await _find_earlier(redis, connection, letter, replay, shard, is_first=is_first)
        if place is None:
            outcome = await _append(redis, shard, shards, replay.submission, settings)
            if isinstance(outcome, Accepted):
                place = transaction_id(*outcome.id, shard, outcome.incarnation)
            else:
                refusal = outcome if isinstance(outcome, AetherError) else OutcomeUnknown()
                if is_first and not isinstance(refusal, OutcomeUnknown):
                    await forget_replay(connection, identifier)
        if place is not None:
            letter = await mark_replayed(
                connection, identifier, replayed_as=place, replayed_by=replayed_by
            )
            if note_act is not None:
                await note_act(letter)
    if refusal is not None:
        raise refusal
    logger.info("dead letter %s was replayed as %s by %s", identifier, place, replayed_by)
    return letter


def _replay_of(letter: KeptLetter) -> _Replay:
    key = b"aether replay" + letter.id.bytes
    digest = blake2b(key, digest_size=DIGEST_SIZE).digest()
    body_digest = blake2b(key, digest_size=BODY_DIGEST_SIZE).digest()
    try:
        transaction = decode_transaction(letter.payload)
    except (msgspec.DecodeError, ValueError, RecursionError):
        # Bytes of a version that this process does not know: a writer may.
        return _Replay(Submission(letter.payload, digest, body_digest), None, None)
    if transaction.idempotency_digest is not None:
        # The client's own key stays: its repetition is recognised by the row, as if it had been
        # written at once.
        submission = Submission(letter.payload, digest, body_digest)
        return _Replay(submission, transaction.account_id, transaction.idempotency_digest)
    transaction = msgspec.structs.replace(
        transaction, idempotency_digest=digest, body_digest=body_digest
    )
    submission = Submission(encode_transaction(transaction), digest, body_digest)
    return _Replay(submission, transaction.account_id, digest)


async def _find_earlier(
    redis: Redis,
    connection: Session,
    letter: KeptLetter,
    replay: _Replay,
    shard: int,
    *,
    is_first: bool,
) -> UUID | None:
    """Find what has become of the payload already.

    An attempt before this one may have appended it, and the stream's memory of keys may be short.
    Or its client has repeated it after the stream was lost, under the same key.
    """
    if replay.account_id is None or replay.digest is None or letter.replay_began_at is None:
        return None
    # The stream first: what leaves it meanwhile is in the rows then.
    first = await redis.execute_command("XRANGE", stream_key(shard), "-", "+", "COUNT", 1)
    found = await find_second_life(
        connection, letter.id, replay.submission.payload, replay.account_id, replay.digest
    )
    until_ms = (letter.replay_began_at.timestamp() + _LATE_S) * 1000
    is_doubtful = not is_first and first and parse_entry_id(first[0][0]).ms <= until_ms
    if found is None and is_doubtful:
        raise Unavailable(
            "An earlier replay of this dead letter may still wait in the stream; try again when "
            "the backlog is written.",
            10,
        )
    return found


async def _append(
    redis: Redis,
    shard: int,
    incarnations: dict[int, int],
    submission: Submission,
    settings: StreamSettings,
) -> Outcome:
    publisher = StreamPublisher(redis, settings)
    try:
        (outcome,) = (await publisher.append({shard: [submission]}, incarnations))[shard]
    finally:
        await publisher.close()
    return outcome
