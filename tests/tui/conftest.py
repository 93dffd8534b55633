"""One running system for the console's tests, and people of each role in it.

Tests tell their rows apart by merchants of their own. Those that kill something use the fixture
`running_system`, which is theirs alone.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from aether_cli.embedded import resolve_servers
from aether_core.settings import Settings
from tests.conftest import PostgresServer, ValkeyServer
from tests.running import Account, RunningSystem, end_process, running_system, start_server
from tests.tui.driving import Traffic


@pytest.fixture(scope="session")
def system(postgres: PostgresServer) -> Iterator[RunningSystem]:
    name = f"console_{os.urandom(6).hex()}"
    asyncio.run(_execute(postgres.url, f"CREATE DATABASE {name} TEMPLATE template"))
    with tempfile.TemporaryDirectory(prefix="aether-tui-") as directory:
        home = Path(directory)
        redis_url = resolve_servers(Settings(home=home)).redis_url
        assert redis_url is not None
        valkey = ValkeyServer(home, start_server("valkey", home), redis_url.get_secret_value())
        try:
            valkey.wait()
            with running_system(
                database_url=postgres.url_of(name), redis_url=valkey.url, home=home / "system"
            ) as running:
                yield running
        finally:
            end_process(valkey.process)


@pytest.fixture(scope="session")
def traffic(system: RunningSystem) -> Traffic:
    return Traffic(system, system.make_client())


@pytest.fixture(scope="session")
def admin(system: RunningSystem) -> Account:
    return system.make_user("admin")


@pytest.fixture(scope="session")
def analyst(system: RunningSystem) -> Account:
    return system.make_user("analyst")


@pytest.fixture(scope="session")
def operator(system: RunningSystem) -> Account:
    return system.make_user("operator")


@pytest.fixture(scope="session")
def customer(system: RunningSystem) -> Account:
    return system.make_user("customer")


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
