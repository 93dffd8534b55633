"""A writer whose sessions are not its own refuses to start, and says in one sentence why.

The pooler is a real one for transactions over the real PostgreSQL, in both orders in which poolers
lend their sessions; one that lends a session for good is as good as PostgreSQL itself.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from aether_cli.run import EXIT_SET_UP_WRONG
from aether_core.database.pooling import refuse_pooler
from aether_core.errors import CannotStart
from tests.running import clean_environment
from tests.worker.pooler import Mode, Pooler


def socket_of(database_url: str) -> Path:
    """Return where PostgreSQL listens."""
    (directory,) = parse_qs(urlsplit(database_url).query)["host"]
    return Path(directory) / ".s.PGSQL.5432"


def through(database_url: str, directory: Path) -> str:
    """Return the URL of the same database by way of a pooler that listens in a directory."""
    return f"{database_url.partition('?')[0]}?host={quote(str(directory), safe='')}"


@pytest.mark.parametrize("mode", ["latest first", "in turn"])
async def test_sessions_that_change_are_recognised(
    database_url: str, tmp_path: Path, mode: Mode
) -> None:
    pooler = Pooler(socket_of(database_url), mode)
    async with pooler.listening(tmp_path):
        for _ in range(5):  # also when the pool has grown
            with pytest.raises(CannotStart, match="pooler"):
                await refuse_pooler(through(database_url, tmp_path))
    assert pooler.lent_count


async def test_sessions_that_last_are_taken(database_url: str, tmp_path: Path) -> None:
    async with Pooler(socket_of(database_url), "session").listening(tmp_path):
        await asyncio.gather(*[refuse_pooler(through(database_url, tmp_path)) for _ in range(3)])
    await refuse_pooler(database_url)


async def test_a_writer_ends_with_the_reason(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    async with Pooler(socket_of(database_url), "latest first").listening(tmp_path):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "aether_cli", "run", "writer",
            env=clean_environment(
                AETHER_HOME=str(tmp_path / "home"),
                AETHER_DATABASE_URL=through(database_url, tmp_path),
                AETHER_REDIS_URL=redis_url,
            ),
            stderr=asyncio.subprocess.PIPE,
            stdin=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        async with asyncio.timeout(60):
            _, errors = await process.communicate()
    assert process.returncode == EXIT_SET_UP_WRONG
    said = errors.decode()
    assert "AETHER_DATABASE_URL leads through a pooler" in said
    assert os.linesep + "Traceback" not in said
