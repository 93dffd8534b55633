"""One running system for the dashboard's tests, with an hour of load behind it.

Tests tell their rows apart by merchants of their own. Those that kill something use the fixture
`running_system`, which is theirs alone.
"""

from __future__ import annotations

import asyncio
import math
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import httpx
import pytest

from aether_cli.embedded import resolve_servers
from aether_core.database.transactions import LoadBucket, add_load
from aether_core.settings import Settings
from tests.conftest import PostgresServer, ValkeyServer
from tests.running import (
    Account,
    RunningSystem,
    ServiceClient,
    end_process,
    running_system,
    start_server,
)

HISTORY_MIN = 60


@dataclass(frozen=True)
class Traffic:
    """Transactions of somebody else."""

    system: RunningSystem
    client: ServiceClient

    def send(self, account: str, merchant: str, *amounts: str) -> list[str]:
        """Submit one transaction for each amount, and return their ids."""
        with self.system.http(self.client) as http:
            answers = [
                http.post(
                    "/transactions/",
                    json={
                        "account_id": account,
                        "merchant": merchant,
                        "amount": amount,
                        "currency": "EUR",
                    },
                )
                for amount in amounts
            ]
        for answer in answers:
            assert answer.status_code == httpx.codes.CREATED, answer.text
        return [str(answer.json()["id"]) for answer in answers]

    def get_used_to(self, account: str) -> None:
        """Give an account a past of ordinary payments of about ten."""
        self.send(account, "Habit", *(f"{10 + number % 7}.50" for number in range(40)))

    def raise_alert(self, merchant: str, amount: str = "9750.25") -> str:
        """Let an account do what it never did; return the id of its alert."""
        account = f"acc-{os.urandom(4).hex()}"
        self.get_used_to(account)
        return self.send(account, merchant, amount)[0]


@pytest.fixture(scope="session")
def system(postgres: PostgresServer) -> Iterator[RunningSystem]:
    name = f"dashboard_{os.urandom(6).hex()}"
    asyncio.run(_make_database(postgres, name))
    with tempfile.TemporaryDirectory(prefix="aether-web-") as directory:
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
def analyst(system: RunningSystem) -> Account:
    return system.make_user("analyst")


@pytest.fixture(scope="session")
def admin(system: RunningSystem) -> Account:
    return system.make_user("admin")


@pytest.fixture(scope="session")
def customer(system: RunningSystem) -> Account:
    return system.make_user("customer")


async def _make_database(postgres: PostgresServer, name: str) -> None:
    connection = await asyncpg.connect(postgres.url, timeout=10)
    try:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE template")
    finally:
        await connection.close()
    connection = await asyncpg.connect(postgres.url_of(name), timeout=10)
    try:
        await add_load(connection, list(_past_minutes()))
    finally:
        await connection.close()


def _past_minutes() -> Iterator[LoadBucket]:
    """What a writer would have added over the last hour."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    for number in range(HISTORY_MIN):
        count = round(40 + 12 * math.sin(number / 6))
        minute = now - timedelta(minutes=HISTORY_MIN - number)
        yield LoadBucket(minute, 0, "EUR", count, 0, 0, 1200 * count, 7.0 * count)
