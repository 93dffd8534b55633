"""A dead letter that is replayed becomes one row, whatever dies or is forgotten in between.

An entry is refused by a constraint that is lifted later, as by a writer that is mended. A crash
between append and marking leaves the letter unmarked; that is what these tests put back.
"""

from __future__ import annotations

from uuid import UUID

import pytest

from aether_core.database.dead_letters import (
    KeptLetter,
    discard_dead_letter,
    find_dead_letter,
    find_last_life,
)
from aether_core.database.positions import find_positions
from aether_core.errors import BacklogFull, DeadLetterSettled, ReplayUnderWay, Unavailable
from aether_core.stream.contract import stream_key
from aether_core.stream.incarnation import agree_on_incarnations, read_stream_state
from aether_core.stream.replaying import replay_dead_letter
from tests.worker.pipeline import Pipeline, transaction

KEYS = {"none of its own": None, "the client's": bytes(range(12))}


async def refused(pipeline: Pipeline, digest: bytes | None = None) -> UUID:
    """Let an entry become a dead letter; then mend what kept it from being written."""
    await pipeline.connection.execute(
        "ALTER TABLE transactions ADD CONSTRAINT unwritable CHECK (account_id <> 'a') NOT VALID"
    )
    entry = transaction("a", idempotency_digest=digest, body_digest=digest and digest[:8])
    (identifier,) = await pipeline.accept(entry)
    await pipeline.write_everything()
    await pipeline.connection.execute("ALTER TABLE transactions DROP CONSTRAINT unwritable")
    assert await pipeline.rows() == []
    return UUID(identifier)


async def replay(pipeline: Pipeline, identifier: UUID) -> KeptLetter:
    return await replay_dead_letter(
        pipeline.redis,
        pipeline.connection,
        identifier,
        replayed_by="op",
        settings=pipeline.settings.stream,
    )


async def forget_the_marking(pipeline: Pipeline) -> None:
    await pipeline.connection.execute(
        "UPDATE dead_letters SET replayed_at = NULL, replayed_as = NULL, replayed_by = NULL"
    )


@pytest.mark.parametrize("key", list(KEYS))
async def test_one_row_however_often_it_is_replayed(pipeline: Pipeline, key: str) -> None:
    identifier = await refused(pipeline, KEYS[key])
    first = await replay(pipeline, identifier)
    assert (first.state, first.replayed_by) == ("replayed", "op")
    # After a crash nobody guesses while the entry may wait in the stream …
    await forget_the_marking(pipeline)
    with pytest.raises(Unavailable):
        await replay(pipeline, identifier)
    with pytest.raises(ReplayUnderWay):
        async with pipeline.connection.transaction():
            await discard_dead_letter(pipeline.connection, identifier, discarded_by="op", note=None)
    await pipeline.write_everything()
    # … and once it is written the row tells, also after the stream was lost with its memory.
    await pipeline.redis.execute_command("FLUSHALL")
    await agree_on_incarnations(
        pipeline.redis, pipeline.connection, len(pipeline.incarnations), pipeline.settings.stream
    )
    assert (await replay(pipeline, identifier)).replayed_as == first.replayed_as
    await pipeline.write_everything()
    (row,) = await pipeline.rows()
    assert row["id"] == first.replayed_as
    assert row["idempotency_digest"] == (KEYS[key] or row["idempotency_digest"])
    with pytest.raises(DeadLetterSettled):
        await replay(pipeline, identifier)
    assert await find_last_life(pipeline.connection, identifier) == first.replayed_as


async def test_what_its_client_has_repeated_is_not_appended_beside_it(pipeline: Pipeline) -> None:
    digest = KEYS["the client's"]
    identifier = await refused(pipeline, digest)
    await pipeline.redis.execute_command("FLUSHALL")
    pipeline.incarnations = await agree_on_incarnations(
        pipeline.redis, pipeline.connection, len(pipeline.incarnations), pipeline.settings.stream
    )
    # The stream has forgotten the key, so that the repetition is accepted as new.
    assert digest is not None
    repeated = transaction("a", idempotency_digest=digest, body_digest=digest[:8])
    (again,) = await pipeline.accept(repeated)
    await pipeline.write_everything()
    assert (await replay(pipeline, identifier)).replayed_as == UUID(again)
    await pipeline.write_everything()
    assert [str(row["id"]) for row in await pipeline.rows()] == [again]


async def test_all_that_was_added_is_accounted_for(pipeline: Pipeline) -> None:
    identifier = await refused(pipeline)
    await replay(pipeline, identifier)
    await pipeline.write_everything()
    for position in await find_positions(pipeline.connection):
        state = await read_stream_state(pipeline.redis, position.shard)
        added = state.entries_added - position.base_count
        assert added == position.committed_count + position.dead_letter_count


async def test_what_is_refused_again_is_a_dead_letter_of_its_own(pipeline: Pipeline) -> None:
    (text,) = await pipeline.accept_payloads([("a", b"\xc1 not a transaction")])
    identifier = UUID(text)
    await pipeline.write_everything()
    again = (await replay(pipeline, identifier)).replayed_as
    assert again is not None
    await pipeline.write_everything()
    letter = await find_dead_letter(pipeline.connection, again)
    assert letter is not None
    assert (letter.state, letter.payload) == ("open", b"\xc1 not a transaction")
    last = (await replay(pipeline, again)).replayed_as
    assert last is not None
    assert await find_last_life(pipeline.connection, identifier) == last


async def test_a_refused_append_leaves_it_open(pipeline: Pipeline) -> None:
    identifier = await refused(pipeline)
    full = pipeline.settings.stream.model_copy(update={"backlog_max": 100})
    for shard in pipeline.incarnations:
        calls = pipeline.redis.pipeline(transaction=False)
        for _ in range(100):
            calls.execute_command("XADD", stream_key(shard), "*", "00", b"")
        await calls.execute()
    with pytest.raises(BacklogFull):
        await replay_dead_letter(
            pipeline.redis, pipeline.connection, identifier, replayed_by="op", settings=full
        )
    async with pipeline.connection.transaction():
        letter = await discard_dead_letter(
            pipeline.connection, identifier, discarded_by="op", note="by hand"
        )
    assert (letter.state, letter.note) == ("discarded", "by hand")
    with pytest.raises(DeadLetterSettled):
        await replay(pipeline, identifier)
