"""`aether down` writes the backlog before it stops the writers, or says what it leaves.

What it leaves is safe in the stream and is written after the next `aether up`.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest
import redis

from aether_cli.embedded import resolve_servers
from aether_core.settings import Settings
from aether_core.stream.contract import SHARD_COUNT_DEFAULT, stream_key
from tests.running import (
    InstalledSystem,
    end_process,
    installed_system,
    start_server,
    wait_until,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def system(tmp_path: Path) -> Iterator[InstalledSystem]:
    with installed_system(tmp_path / "home") as system:
        system.up()
        yield system


def submit(system: InstalledSystem, count: int) -> None:
    with system.http(system.make_client()) as http:
        for number in range(count):
            answer = http.post(
                "/transactions/",
                json={
                    "account_id": f"account-{number % 40}",
                    "amount": "1.00",
                    "currency": "EUR",
                    "merchant": "Corner Bakery",
                },
            )
            assert answer.status_code == httpx.codes.CREATED, answer.text


def row_count(system: InstalledSystem) -> int:
    async def count() -> int:
        url = resolve_servers(Settings(home=system.home)).database_url
        assert url is not None
        connection = await asyncpg.connect(url.get_secret_value())
        try:
            return int(await connection.fetchval("SELECT count(*) FROM transactions"))
        finally:
            await connection.close()

    return asyncio.run(count())


def backlog_at_rest(system: InstalledSystem) -> int:
    """Return the length of the streams of an installation that is down."""
    url = resolve_servers(Settings(home=system.home)).redis_url
    assert url is not None
    process = start_server("valkey", system.home)
    client = redis.Redis.from_url(url.get_secret_value())
    try:

        def answers() -> bool:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False

        wait_until(answers, "Valkey")
        return sum(client.xlen(stream_key(shard)) for shard in range(SHARD_COUNT_DEFAULT))
    finally:
        client.close()
        end_process(process)


def supervisorctl(system: InstalledSystem, *arguments: str) -> None:
    subprocess.run(
        [Path(sys.executable).parent / "supervisorctl",
         "-s", f"unix://{system.run_directory}/supervisor.sock", *arguments],
        stdout=subprocess.DEVNULL,
        check=True,
    )  # fmt: skip


def test_the_backlog_is_written_before_the_writers_stop(system: InstalledSystem) -> None:
    pid = system.pids()["writer:writer-1"]
    # A frozen writer lets a backlog grow; it goes on while `down` waits for it.
    subprocess.run(["kill", "-STOP", str(pid)], check=True)
    submit(system, 150)
    assert system.status()["backlog"] > 0
    subprocess.run(["kill", "-CONT", str(pid)], check=True)
    said = system.down()
    assert "are not written" not in said
    assert "Not drained" not in said
    assert backlog_at_rest(system) == 0
    system.up()
    assert row_count(system) == 150


def test_what_cannot_be_written_is_named_and_kept(system: InstalledSystem) -> None:
    supervisorctl(system, "stop", "writer:*")
    submit(system, 50)
    assert "Not drained: no writer runs" in system.down()
    assert backlog_at_rest(system) == 50
    system.up()
    wait_until(lambda: system.status()["backlog"] == 0, "the backlog to be written")
    assert row_count(system) == 50
