"""Steady load and a spike: how long from accept to committed row, and to an event at a client.

A transaction's id holds the millisecond in which the stream took it, an event's id that in which
the writer published it, right after its commit: their difference is the time from accept to
committed, with the publishing on top. All clocks are this machine's one clock.
"""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

import asyncpg
import msgspec
import uvloop

from aether_core.cancellation import heed_cancellation
from aether_core.stream.connection import open_redis
from aether_core.stream.feed import follow, newest_id
from aether_core.transaction import place_of
from bench.bulk import committed
from bench.installation import Installation, installation
from bench.load import Sent, quantile, send_steadily
from bench.results import Result, at_least, at_most

_RATE = 1_000
_SECONDS = 20.0
_SPIKE_FACTOR = 10
_SPIKE_LINES = 10
_SPIKE_SECONDS = 30.0


class _Event(msgspec.Struct):
    id: UUID


def run() -> list[Result]:
    """Measure steady_* and spike_*."""
    with installation() as aether:
        return uvloop.run(_measure(aether, aether.service_token()))


async def _measure(aether: Installation, token: str) -> list[Result]:
    await send_steadily(aether.port, token, per_second=_RATE, seconds=3)  # warm
    steady, commits, events = await _steady(aether, token)
    spike, drain = await _spike(aether, token)
    steady_p99 = quantile(steady.latencies_ms, 0.99)
    return [
        at_most("steady_commit_p50", quantile(commits, 0.50), "ms", 10),
        at_most("steady_commit_p99", quantile(commits, 0.99), "ms", 50),
        at_most("steady_event_p99", quantile(events, 0.99), "ms", 100),
        at_most("spike_refused", float(spike.refused), "requests", 0),
        at_most("spike_accept_p99", quantile(spike.latencies_ms, 0.99), "ms", 3.0, steady_p99),
        at_least("spike_drain", drain, "transactions/s", 5.0, float(_RATE)),
    ]


async def _steady(aether: Installation, token: str) -> tuple[Sent, list[float], list[float]]:
    commits: list[float] = []
    events: list[float] = []
    async with asyncio.TaskGroup() as group:
        followers = [
            group.create_task(_follow_feed(aether.redis_url, commits)),
            group.create_task(_follow_events(aether.port, token, events)),
        ]
        await asyncio.sleep(0.5)
        sent = await send_steadily(aether.port, token, per_second=_RATE, seconds=_SECONDS)
        for follower in followers:
            follower.cancel()
    if sent.refused or not commits or not events:
        raise RuntimeError(f"{sent.refused} refused, {len(commits)} and {len(events)} seen")
    return sent, commits, events


async def _spike(aether: Installation, token: str) -> tuple[Sent, float]:
    """Ten times the transactions, ten a request as a busy service sends them.

    Returns what was sent and the rate at which it was committed. Ten thousand requests a second
    are more than a sender on the same two cores can make.
    """
    connection = await asyncpg.connect(aether.database_url)
    try:
        before = await committed(connection)
        began = time.perf_counter()
        spike = await send_steadily(
            aether.port,
            token,
            per_second=_RATE * _SPIKE_FACTOR // _SPIKE_LINES,
            seconds=_SPIKE_SECONDS,
            connection_count=64,
            lines=_SPIKE_LINES,
        )
        while await committed(connection) < before + spike.accepted:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        return spike, spike.accepted / (time.perf_counter() - began)
    finally:
        await connection.close()


async def _follow_feed(redis_url: str, latencies_ms: list[float]) -> None:
    redis = open_redis(redis_url, timeout_s=5)
    try:
        last = await newest_id(redis)
        while True:
            heed_cancellation()
            for event in await follow(redis, last, block_ms=500):
                last = event.id
                if event.kind == "transaction":
                    published_ms = int(event.id.partition("-")[0])
                    latencies_ms.append(published_ms - _accepted_ms(event.data))
    finally:
        await redis.aclose()


async def _follow_events(port: int, token: str, latencies_ms: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"GET /events HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    )
    is_transaction = False
    try:
        while line := await reader.readline():
            if line.startswith(b"event:"):
                is_transaction = line.strip().endswith(b"transaction")
            elif line.startswith(b"data:") and is_transaction:
                latencies_ms.append(time.time() * 1000 - _accepted_ms(line[5:]))
    finally:
        writer.close()


def _accepted_ms(data: bytes) -> int:
    place = place_of(msgspec.json.decode(data, type=_Event).id)
    assert place is not None
    return place.ms
