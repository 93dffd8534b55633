"""PostgreSQL of the faults' own, which is killed and stopped without ruining other tests."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from aether_cli.embedded import resolve_servers
from aether_core.database import migrations
from aether_core.database.connection import DRIVER_ERRORS
from aether_core.settings import Settings
from tests.conftest import ValkeyServer
from tests.running import end_process, start_server, wait_until


@dataclass
class PostgresServer:
    """A PostgreSQL that a test may crash and start again on the same data."""

    home: Path
    process: subprocess.Popen[bytes]
    url: str

    def url_of(self, database: str) -> str:
        """Return the URL of one of its databases."""
        return self.url.replace("@/aether?", f"@/{database}?")

    def kill(self) -> None:
        """End the first process as a crash would; its children notice by themselves."""
        self.process.kill()
        self.process.wait()

    def stop_immediately(self) -> None:
        """Stop without a checkpoint: the next start recovers from the log."""

        def has_ended() -> bool:
            # Again and again: in its first moments it may not listen to the signal yet.
            self.process.send_signal(signal.SIGQUIT)
            return self.process.poll() is not None

        wait_until(has_ended, "PostgreSQL to stop")

    def start(self, *, wait: bool = True) -> None:
        """Start it on its data. Until old children are gone it refuses: then again and again."""
        self.process = start_server("postgres", self.home)
        if wait:
            self.wait()

    def wait(self) -> None:
        """Wait until it answers, starting it again as supervisord would when it ends."""
        wait_until(self._answers, "PostgreSQL")

    def make_database(self) -> str:
        """Make a database with all tables and return its URL."""
        name = f"faults_{os.urandom(6).hex()}"
        asyncio.run(_execute(self.url, f"CREATE DATABASE {name} TEMPLATE template"))
        return self.url_of(name)

    def drop_database(self, url: str) -> None:
        """Drop a database, whoever uses it."""
        name = url.rsplit("/", 1)[1].split("?")[0]
        asyncio.run(_execute(self.url, f"DROP DATABASE {name} WITH (FORCE)"))

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            self.process = start_server("postgres", self.home)
        try:
            asyncio.run(_execute(self.url, "SELECT 1"))
        except (OSError, TimeoutError, asyncpg.PostgresError, *DRIVER_ERRORS):
            return False
        return True


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Start one whose database `template` is migrated to head; end it by its id."""
    with tempfile.TemporaryDirectory(prefix="aether-pg-") as directory:
        home = Path(directory)
        home.chmod(0o755)
        url = resolve_servers(Settings(home=home)).database_url
        assert url is not None
        server = PostgresServer(home, start_server("postgres", home), url.get_secret_value())
        try:
            server.wait()
            asyncio.run(_execute(server.url, "CREATE DATABASE template"))
            migrations.upgrade(server.url_of("template"))
            yield server
        finally:
            end_process(server.process)


@contextmanager
def running_valkey() -> Iterator[ValkeyServer]:
    """Start a Valkey; end it by its id."""
    with tempfile.TemporaryDirectory(prefix="aether-vk-") as directory:
        home = Path(directory)
        url = resolve_servers(Settings(home=home)).redis_url
        assert url is not None
        server = ValkeyServer(home, start_server("valkey", home), url.get_secret_value())
        try:
            server.wait()
            yield server
        finally:
            server.process.send_signal(signal.SIGCONT)
            end_process(server.process)


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
