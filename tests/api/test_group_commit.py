"""Concurrent submissions share appends, and one that is refused harms no other.

The real acceptance over a real Valkey and PostgreSQL, in this process, so that appends can be
counted; the stream's server is frozen and killed by signals.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from aether_api.acceptance import Acceptance, Placed
from aether_api.agreement import StreamAgreement
from aether_core.database.connection import open_pool
from aether_core.errors import (
    AetherError,
    BacklogFull,
    IdempotencyKeyReused,
    OutcomeUnknown,
    StreamUnavailable,
    Unavailable,
)
from aether_core.settings import Settings
from aether_core.stream.connection import open_redis
from aether_core.stream.contract import stream_key
from aether_core.stream.publisher import Redis, StreamPublisher, Submission
from tests.conftest import ValkeyServer


@asynccontextmanager
async def accepting(settings: Settings) -> AsyncIterator[tuple[Acceptance, Redis]]:
    assert settings.database_url is not None
    assert settings.redis_url is not None
    pool = await open_pool(
        settings.database_url.get_secret_value(), size_max=2, statement_timeout_s=5, name="test"
    )
    redis = open_redis(settings.redis_url.get_secret_value(), timeout_s=settings.stream.timeout_s)
    publisher = StreamPublisher(redis, settings.stream)
    agreement = StreamAgreement(pool, redis, settings.stream)
    acceptance = Acceptance(publisher, agreement, settings.gateway)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(agreement.run()), group.create_task(acceptance.run())]
        try:
            yield acceptance, redis
        finally:
            for task in tasks:
                task.cancel()
    await publisher.close()
    await redis.aclose()
    await pool.close()


async def settled(acceptance: Acceptance) -> None:
    """Wait until something is accepted."""
    async with asyncio.timeout(30):
        while True:
            try:
                await acceptance.accept("warm", Submission(b"warm"))
            except StreamUnavailable:
                await asyncio.sleep(0.01)
            else:
                return


def with_limits(settings: Settings, **limits: int) -> Settings:
    return settings.model_copy(
        update={
            "gateway": settings.gateway.model_copy(
                update={k: v for k, v in limits.items() if k in type(settings.gateway).model_fields}
            ),
            "stream": settings.stream.model_copy(
                update={k: v for k, v in limits.items() if k in type(settings.stream).model_fields}
            ),
        }
    )


def impatient(settings: Settings) -> Settings:
    """Wait for an append no longer than 0.3 s."""
    stream = settings.stream.model_copy(update={"timeout_s": 0.3})
    return settings.model_copy(update={"stream": stream})


@contextmanager
def frozen(valkey: ValkeyServer) -> Iterator[None]:
    os.kill(valkey.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(valkey.process.pid, signal.SIGCONT)


async def test_concurrent_submissions_share_appends(settings: Settings) -> None:
    async with accepting(settings) as (acceptance, _):
        await settled(acceptance)
        before = acceptance.counts.appends
        placed = await asyncio.gather(
            *(acceptance.accept("one-account", Submission(b"%d" % n)) for n in range(500))
        )
        assert len({p.accepted.id for p in placed}) == 500
        assert acceptance.counts.appends - before <= 3


async def test_ids_follow_the_order_of_arrival(settings: Settings) -> None:
    async with accepting(settings) as (acceptance, redis):
        await settled(acceptance)
        placed = await asyncio.gather(
            *(acceptance.accept("a", Submission(b"%d" % n)) for n in range(100))
        )
        ids = [p.accepted.id for p in placed]
        assert ids == sorted(ids)
        stored = await redis.execute_command(
            "XRANGE", stream_key(placed[0].shard), str(ids[0]), str(ids[-1])
        )
        assert [entry[1][1] for entry in stored] == [b"%d" % n for n in range(100)]


async def test_two_appends_under_way_keep_the_order_of_arrival(settings: Settings) -> None:
    async with accepting(with_limits(settings, group_size_max=50)) as (acceptance, _):
        await settled(acceptance)
        placed = await asyncio.gather(
            *(acceptance.accept("a", Submission(b"%d" % n)) for n in range(1_000))
        )
        ids = [p.accepted.id for p in placed]
        assert ids == sorted(ids)


async def test_two_appends_that_are_lost_are_unknown_and_the_next_is_not(
    settings: Settings, valkey: ValkeyServer
) -> None:
    async with accepting(impatient(settings)) as (acceptance, _):
        await settled(acceptance)
        with frozen(valkey):
            first = asyncio.ensure_future(acceptance.accept("a", Submission(b"1")))
            while acceptance.waiting_count or not acceptance.under_way_count:  # noqa: ASYNC110
                await asyncio.sleep(0)
            others = [acceptance.accept("a", Submission(b"2")) for _ in range(40)]
            outcomes = await asyncio.gather(first, *others, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {OutcomeUnknown}
        # Nobody reads an answer that was meant for another.
        placed = await asyncio.gather(
            *(acceptance.accept("a", Submission(b"3", b"%12d" % n, b"b" * 8)) for n in range(40))
        )
        assert len({p.accepted.id for p in placed}) == 40
        assert not any(p.accepted.replayed for p in placed)


async def test_a_refused_one_harms_no_neighbour(settings: Settings) -> None:
    async with accepting(settings) as (acceptance, _):
        await settled(acceptance)
        await acceptance.accept("a", Submission(b"first", b"k" * 12, b"b" * 8))
        outcomes = await asyncio.gather(
            acceptance.accept("a", Submission(b"good")),
            acceptance.accept("a", Submission(b"other", b"k" * 12, b"x" * 8)),
            acceptance.accept("a", Submission(b"first", b"k" * 12, b"b" * 8)),
            acceptance.accept("a", Submission(b"good")),
            return_exceptions=True,
        )
        good, reused, replayed, good_too = outcomes
        assert isinstance(good, Placed)
        assert isinstance(good_too, Placed)
        assert isinstance(reused, IdempotencyKeyReused)
        assert isinstance(replayed, Placed)
        assert replayed.accepted.replayed


async def test_groups_are_bounded(settings: Settings) -> None:
    async with accepting(with_limits(settings, group_size_max=10)) as (acceptance, _):
        await settled(acceptance)
        before = acceptance.counts.appends
        await asyncio.gather(*(acceptance.accept("a", Submission(b"x")) for _ in range(95)))
        assert acceptance.counts.appends - before == 10


async def test_too_many_that_wait_are_turned_away(settings: Settings) -> None:
    async with accepting(with_limits(settings, waiting_count_max=50)) as (acceptance, _):
        await settled(acceptance)
        outcomes = await asyncio.gather(
            *(acceptance.accept("a", Submission(b"x")) for _ in range(120)),
            return_exceptions=True,
        )
        assert [isinstance(outcome, Placed) for outcome in outcomes] == [True] * 50 + [False] * 70
        assert all(isinstance(outcome, Unavailable) for outcome in outcomes[50:])


async def test_a_full_backlog_refuses_and_loses_nothing(settings: Settings) -> None:
    limited = with_limits(settings, backlog_max=100)
    async with accepting(limited) as (acceptance, redis):
        await settled(acceptance)
        outcomes: list[Placed | AetherError] = []
        for _ in range(30):
            outcomes += await acceptance.offer([("a", Submission(b"x"))] * 10).outcomes()
        accepted = [outcome for outcome in outcomes if isinstance(outcome, Placed)]
        assert all(isinstance(o, BacklogFull) for o in outcomes if not isinstance(o, Placed))
        assert 0 < len(accepted) <= 100
        kept = await redis.xlen(stream_key(accepted[0].shard))
        assert len(accepted) <= kept <= 100


async def test_a_lost_answer_is_an_unknown_outcome(
    settings: Settings, valkey: ValkeyServer
) -> None:
    async with accepting(impatient(settings)) as (acceptance, _):
        await settled(acceptance)
        with frozen(valkey), pytest.raises(OutcomeUnknown):
            await acceptance.accept("a", Submission(b"x", b"k" * 12, b"b" * 8))
        # The call was executed all the same when the server went on; the key shows it.
        again = await acceptance.accept("a", Submission(b"x", b"k" * 12, b"b" * 8))
        assert again.accepted.replayed


async def test_a_lost_stream_is_agreed_on_anew(settings: Settings) -> None:
    async with accepting(settings) as (acceptance, redis):
        await settled(acceptance)
        first = await acceptance.accept("a", Submission(b"x"))
        await redis.execute_command("FLUSHALL")
        await redis.execute_command("FUNCTION", "FLUSH")
        with pytest.raises(StreamUnavailable):
            await acceptance.accept("a", Submission(b"x"))
        await settled(acceptance)
        second = await acceptance.accept("a", Submission(b"x"))
        assert second.accepted.incarnation != first.accepted.incarnation


async def test_a_server_that_is_away_refuses_at_once_and_recovers(
    settings: Settings, valkey: ValkeyServer
) -> None:
    async with accepting(settings) as (acceptance, _):
        await settled(acceptance)
        valkey.kill()
        with pytest.raises((StreamUnavailable, OutcomeUnknown)):
            await acceptance.accept("a", Submission(b"x"))
        with pytest.raises(StreamUnavailable):
            await acceptance.accept("a", Submission(b"x"))
        valkey.start()
        # It accepts again once its data was compared with PostgreSQL.
        await settled(acceptance)
