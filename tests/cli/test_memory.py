"""PostgreSQL takes an eighth of the memory, of a container's where there is one, within bounds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aether_cli.memory import memory_bytes
from aether_cli.postgres import memory_settings

GB = 1 << 30


def test_a_containers_limit_counts(tmp_path: Path) -> None:
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit, none, missing = (tmp_path / name for name in ("limit", "none", "missing"))
    limit.write_text(f"{machine // 3}\n")
    none.write_text("max\n")
    assert memory_bytes((missing, none)) == machine
    assert memory_bytes((none, limit)) == machine // 3
    assert 0 < memory_bytes() <= machine


@pytest.mark.parametrize(
    ("memory", "buffers", "cache"),
    [(GB // 2, 128, 256), (4 * GB, 512, 2048), (64 * GB, 2048, 32768)],
)
def test_postgres_takes_an_eighth_within_bounds(memory: int, buffers: int, cache: int) -> None:
    settings = memory_settings(memory)
    assert f"shared_buffers = {buffers}MB\n" in settings
    assert f"effective_cache_size = {cache}MB\n" in settings
