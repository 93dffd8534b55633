"""An installation for commands that need its servers, and a system for those that need it run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests.running import RunningSystem, clean_environment, running_system


@dataclass
class Installation:
    """Servers with no gateway: the commands need none."""

    environment: dict[str, str]
    database_url: str
    base_url: str = ""

    def fails(self, *arguments: str, text: str = "") -> str:
        """Run a command that must fail with one line, and return that line."""
        done = subprocess.run(
            [sys.executable, "-m", "aether_cli", *arguments],
            env=clean_environment(**self.environment),
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 1, done.stdout
        assert done.stderr.startswith("aether: ")
        assert done.stderr.count("\n") == 1
        return done.stderr

    async def fetch(self, statement: str) -> list[asyncpg.Record]:
        """Look into the database."""
        connection = await asyncpg.connect(self.database_url)
        try:
            return await connection.fetch(statement)
        finally:
            await connection.close()

    async def execute(self, *statements: str) -> None:
        """Do as a superuser who knows how to turn triggers off."""
        connection = await asyncpg.connect(self.database_url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    def verify(self, *arguments: str) -> tuple[int, list[str]]:
        """Return the exit status and the lines of `aether audit verify`."""
        done = subprocess.run(
            [sys.executable, "-m", "aether_cli", "audit", "verify", *arguments],
            env=clean_environment(**self.environment),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout.splitlines()


@pytest.fixture
def installation(database_url: str, redis_url: str, tmp_path: Path) -> Installation:
    return Installation(
        {
            "AETHER_HOME": str(tmp_path),
            "AETHER_DATABASE_URL": database_url,
            "AETHER_REDIS_URL": redis_url,
            "AETHER_IDENTITY__BCRYPT_COST": "4",
        },
        database_url,
    )


@pytest.fixture
def system(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[RunningSystem]:
    """A gateway and a writer; a file of tests that needs supervisord has one of its own."""
    with running_system(
        database_url=database_url, redis_url=redis_url, home=tmp_path / "home", forecaster=False
    ) as running:
        yield running


@pytest.fixture
def service(system: RunningSystem) -> Iterator[httpx.Client]:
    with system.http(system.make_client()) as client:
        yield client
