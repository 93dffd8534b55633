"""`aether run NAME`: becomes one of the processes; supervisord starts exactly these."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from enum import StrEnum

import asyncpg
import typer

from aether_cli.embedded import resolve_servers, run_postgres, run_valkey
from aether_core.database import migrations
from aether_core.database.connection import check_server, connect
from aether_core.errors import AetherError, CannotStart
from aether_core.settings import Settings, load_settings

_PATIENCE_S = 90.0


class Process(StrEnum):
    """The processes of an installation."""

    POSTGRES = "postgres"
    VALKEY = "valkey"
    MIGRATE = "migrate"


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command()(run)


def run(process: Process) -> None:
    """Become one process of Aether, in the foreground."""
    settings = load_settings()
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    starters: dict[Process, Callable[[Settings], None]] = {
        Process.POSTGRES: run_postgres,
        Process.VALKEY: run_valkey,
        Process.MIGRATE: _migrate,
    }
    starters[process](settings)


def _migrate(settings: Settings) -> None:
    url = _database_url(resolve_servers(settings))
    asyncio.run(_wait_for_database(url))
    migrations.upgrade(url)


def _database_url(settings: Settings) -> str:
    if settings.database_url is None:
        raise CannotStart("There is no database; set AETHER_DATABASE_URL.")
    return settings.database_url.get_secret_value()


async def _wait_for_database(url: str) -> None:
    """Wait until PostgreSQL answers. Raises CannotStart with the reason."""
    deadline = time.monotonic() + _PATIENCE_S
    reason = "no answer"
    while time.monotonic() < deadline:
        try:
            connection = await connect(url, statement_timeout_s=10, name="aether start")
            try:
                await check_server(connection)
                return
            finally:
                await connection.close()
        except asyncpg.InvalidPasswordError as error:
            raise CannotStart(f"PostgreSQL refuses the credentials: {error}") from error
        except (OSError, TimeoutError, asyncpg.PostgresError) as error:
            reason = str(error)
        except AetherError:
            raise
        await asyncio.sleep(0.2)
    raise CannotStart(f"PostgreSQL is not ready after {_PATIENCE_S:.0f} s: {reason}")
