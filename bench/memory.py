"""Memory after five million transactions of a hundred thousand accounts."""

from __future__ import annotations

import asyncio

import asyncpg
import uvloop

from bench.bulk import committed
from bench.installation import Installation, installation
from bench.load import bulk_bodies, send_bulk
from bench.processes import memory_mb
from bench.results import Result, at_most

_COUNT = 5_000_000
_PART = 250_000
_ACCOUNTS = 100_000
_LINES = 2_000


def run() -> list[Result]:
    """Measure memory_gateway and memory_writer."""
    with installation() as aether:
        uvloop.run(_send(aether, aether.service_token()))
        pids = aether.pids()
        gateway = max(memory_mb(pid) for name, pid in pids.items() if "gateway" in name)
        writer = max(memory_mb(pid) for name, pid in pids.items() if "writer" in name)
    return [
        at_most("memory_gateway", gateway, "MB", 150),
        at_most("memory_writer", writer, "MB", 400),
    ]


async def _send(aether: Installation, token: str) -> None:
    connection = await asyncpg.connect(aether.database_url)
    try:
        for part in range(_COUNT // _PART):
            sent = await send_bulk(aether.port, token, bulk_bodies(_PART, _LINES, _ACCOUNTS))
            if sent.refused:
                raise RuntimeError(f"{sent.refused} were refused")
            while await committed(connection) < (part + 1) * _PART:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    finally:
        await connection.close()
