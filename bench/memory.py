"""Memory after five million transactions of a hundred thousand accounts, and over half an hour.

What Valkey takes is looked at when the idempotency keys are over, whose window is a minute here:
what ought to be trimmed is gone then. The live feed is left out: it keeps so many events, and those
of flagged transactions, of which there are more the better the accounts are known, are longer.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass

import asyncpg
import httpx
import uvloop

from aether_core.stream.connection import open_redis
from aether_core.stream.contract import FEED_KEY
from bench.bulk import committed
from bench.installation import Installation, installation
from bench.load import bulk_bodies, send_bulk, send_steadily
from bench.processes import memory_mb
from bench.results import Result, at_most

_COUNT = 5_000_000
_PART = 250_000
_ACCOUNTS = 100_000
_LINES = 2_000
_WINDOW_S = 60
_WAIT_S = 600.0
"""Keys go in parts, some time after their window."""

_VARIABLES = {"AETHER_STREAM__IDEMPOTENCY_WINDOW_S": str(_WINDOW_S)}

_SOAK_MINUTES = 30
_SOAK_FIRST = 5
"""Minutes until caches and the live feed are full."""
_SOAK_RATE = 500
_FLAT = 1.1


@dataclass(frozen=True, slots=True)
class _Memory:
    """What each takes at a moment, in MB; Valkey without the live feed."""

    gateway: float
    writer: float
    valkey: float


def run() -> list[Result]:
    """Measure memory_gateway, memory_writer and memory_valkey."""
    with installation(**_VARIABLES) as aether:
        first, last = uvloop.run(_send(aether, aether.service_token()))
    return [
        at_most("memory_gateway", last.gateway, "MB", 150),
        at_most("memory_writer", last.writer, "MB", 400),
        # What is left of a megabyte and a half swings by allocators' pages: no ratio says much.
        at_most("memory_valkey", last.valkey - first.valkey, "MB more", 1.0),
    ]


def run_soak() -> list[Result]:
    """Measure soak_*: the median of the last minutes against that of the first after a start."""
    with installation(**_VARIABLES) as aether:
        seen = uvloop.run(_soak(aether, aether.service_token()))
    first, last = seen[_SOAK_FIRST : 2 * _SOAK_FIRST], seen[-_SOAK_FIRST:]
    return [
        at_most(
            f"soak_{name}",
            statistics.median(getattr(one, name) for one in last),
            "MB",
            _FLAT,
            statistics.median(getattr(one, name) for one in first),
        )
        for name in ("gateway", "writer", "valkey")
    ]


async def _send(aether: Installation, token: str) -> tuple[_Memory, _Memory]:
    """Return what is taken after the first part and after the last, all of it committed."""
    seen: list[_Memory] = []
    connection = await asyncpg.connect(aether.database_url)
    try:
        for part in range(_COUNT // _PART):
            sent = await send_bulk(aether.port, token, bulk_bodies(_PART, _LINES, _ACCOUNTS))
            if sent.refused:
                raise RuntimeError(f"{sent.refused} were refused")
            while await committed(connection) < (part + 1) * _PART:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            if part == 0:
                seen.append(await _look(aether))
        return seen[0], await _look(aether)
    finally:
        await connection.close()


async def _soak(aether: Installation, token: str) -> list[_Memory]:
    """Return what is taken after each minute of an even load."""
    seen = []
    for _ in range(_SOAK_MINUTES):
        end = time.monotonic() + 60
        sent = await send_steadily(aether.port, token, per_second=_SOAK_RATE, seconds=55)
        if sent.refused:
            raise RuntimeError(f"{sent.refused} were refused")
        # Under load: as many keys are in their window each time.
        seen.append(await _memory_of(aether, await _metrics(aether)))
        await asyncio.sleep(max(0.0, end - time.monotonic()))
    return seen


async def _look(aether: Installation) -> _Memory:
    """Return what is taken once all keys are forgotten."""
    end = time.monotonic() + _WAIT_S
    while (metrics := await _metrics(aether))["aether_idempotency_keys"] > 0:
        if time.monotonic() > end:
            raise TimeoutError("idempotency keys stay")
        await asyncio.sleep(1)
    return await _memory_of(aether, metrics)


async def _feed_mb(aether: Installation) -> float:
    redis = open_redis(aether.redis_url, timeout_s=10)
    try:
        usage = await redis.execute_command("MEMORY", "USAGE", FEED_KEY, "SAMPLES", 0)
    finally:
        await redis.aclose()
    return float(usage or 0) / 1024**2


async def _metrics(aether: Installation) -> dict[str, float]:
    async with httpx.AsyncClient(base_url=aether.base_url) as http:
        lines = (await http.get("/metrics")).text.splitlines()
    samples = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name.partition("{")[0]: float(value) for name, value in samples}


async def _memory_of(aether: Installation, metrics: dict[str, float]) -> _Memory:
    pids = aether.pids()
    return _Memory(
        gateway=max(memory_mb(pid) for name, pid in pids.items() if "gateway" in name),
        writer=max(memory_mb(pid) for name, pid in pids.items() if "writer" in name),
        valkey=metrics["aether_stream_memory_bytes"] / 1024**2 - await _feed_mb(aether),
    )
