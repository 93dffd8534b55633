"""Writers share the shards, take over from one another, and never write beside one another.

Real writer processes, ended by signals: killed under load, stopped in time (SIGSTOP), asked to
end (SIGTERM). Everything accepted is in PostgreSQL exactly once.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from aether_core.database.positions import count_writers, find_owned_shards
from tests.worker.pipeline import Pipeline, transaction

DEADLINE_S = 40.0


class Writers:
    """Writer processes over the pipeline's servers."""

    def __init__(self, pipeline: Pipeline, directory: Path) -> None:
        self._pipeline = pipeline
        self._directory = directory
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        """Start one more."""
        settings = self._pipeline.settings
        assert settings.database_url is not None
        assert settings.redis_url is not None
        environment = {k: v for k, v in os.environ.items() if not k.startswith("AETHER_")} | {
            "AETHER_HOME": str(self._directory),
            "AETHER_DATABASE_URL": settings.database_url.get_secret_value(),
            "AETHER_REDIS_URL": settings.redis_url.get_secret_value(),
            "AETHER_STREAM__SHARD_COUNT": str(len(self._pipeline.incarnations)),
            "AETHER_WRITER__REBALANCE_S": "0.2",
        }
        with (self._directory / f"writer{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "aether_cli", "run", "writer"],
                env=environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        self.processes.append(process)
        return process

    async def wait_for(self, count: int) -> None:
        """Wait until so many writers are announced and own all shards, evenly."""
        shard_count = len(self._pipeline.incarnations)

        async def is_shared_out() -> bool:
            if await count_writers(self._pipeline.connection) != count:
                return False
            owners = list((await find_owned_shards(self._pipeline.connection)).values())
            most = max((owners.count(pid) for pid in owners), default=0)
            return len(owners) == shard_count and most <= -(-shard_count // count)

        await eventually(is_shared_out, f"{count} writers to share the shards")


async def eventually(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait for a condition; fail with what was awaited."""
    end = time.monotonic() + DEADLINE_S
    while not await condition():
        if time.monotonic() > end:
            pytest.fail(f"waited {DEADLINE_S:.0f} s in vain for {what}")
        await asyncio.sleep(0.02)


@pytest.fixture
async def writers(pipeline: Pipeline, tmp_path: Path) -> AsyncIterator[Writers]:
    group = Writers(pipeline, tmp_path)
    yield group
    for process in group.processes:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.wait()


async def is_drained(pipeline: Pipeline) -> bool:
    return await pipeline.backlog() == 0


async def test_shards_move_when_writers_come_and_go(pipeline: Pipeline, writers: Writers) -> None:
    first = writers.start()
    await writers.wait_for(1)
    writers.start()
    await writers.wait_for(2)
    ids = await pipeline.accept(*(transaction(f"account {i}") for i in range(30)))
    first.send_signal(signal.SIGTERM)
    assert first.wait(15) == 0
    await writers.wait_for(1)
    await eventually(lambda: is_drained(pipeline), "the backlog to be written")
    assert [str(row["id"]) for row in await pipeline.rows()] == sorted(ids)


async def test_killed_writers_lose_and_double_nothing(pipeline: Pipeline, writers: Writers) -> None:
    writers.start()
    writers.start()
    await writers.wait_for(2)
    ids: list[str] = []
    for _ in range(4):
        for _ in range(10):
            ids += await pipeline.accept(*(transaction(f"account {i}") for i in range(20)))
        writers.processes[-2].kill()
        writers.processes[-2].wait()
        writers.start()
    await eventually(lambda: is_drained(pipeline), "the backlog to be written")
    assert [str(row["id"]) for row in await pipeline.rows()] == sorted(ids)
    committed = await pipeline.column("SELECT sum(committed_count)::bigint FROM positions")
    assert committed == [len(ids)]


async def test_a_frozen_writer_is_replaced_and_cannot_write_when_it_wakes(
    pipeline: Pipeline, writers: Writers
) -> None:
    frozen = writers.start()
    await writers.wait_for(1)
    writers.start()
    await writers.wait_for(2)
    frozen.send_signal(signal.SIGSTOP)
    ids = await pipeline.accept(*(transaction(f"account {i}") for i in range(30)))
    # PostgreSQL ends the frozen session, and with it the locks.
    await writers.wait_for(1)
    await eventually(lambda: is_drained(pipeline), "the backlog to be written")
    frozen.send_signal(signal.SIGCONT)
    await writers.wait_for(2)
    ids += await pipeline.accept(*(transaction(f"account {i}") for i in range(30)))
    await eventually(lambda: is_drained(pipeline), "the backlog to be written")
    assert [str(row["id"]) for row in await pipeline.rows()] == sorted(ids)


async def test_a_lost_database_session_is_replaced(pipeline: Pipeline, writers: Writers) -> None:
    process = writers.start()
    await writers.wait_for(1)
    ended = await pipeline.column(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'aether writer' AND datname = current_database()"
    )
    assert ended == [True]
    ids = await pipeline.accept(*(transaction(f"account {i}") for i in range(30)))
    await eventually(lambda: is_drained(pipeline), "the backlog to be written")
    assert process.poll() is None
    assert [str(row["id"]) for row in await pipeline.rows()] == sorted(ids)
