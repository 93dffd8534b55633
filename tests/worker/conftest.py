"""Gives each test of the worker an empty pipeline of three shards."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from aether_core.settings import Settings
from tests.worker.pipeline import Pipeline, open_pipeline


@pytest.fixture
async def pipeline(settings: Settings) -> AsyncIterator[Pipeline]:
    small = settings.model_copy(
        update={
            "stream": settings.stream.model_copy(update={"shard_count": 3}),
            "writer": settings.writer.model_copy(update={"idle_wait_ms": 20, "rebalance_s": 0.1}),
        }
    )
    opened = await open_pipeline(small)
    yield opened
    await opened.close()
