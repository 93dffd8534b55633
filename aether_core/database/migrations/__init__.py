"""Numbered steps from an empty database to `tables.py`, run by Alembic.

`upgrade` may be called by several processes at once: one session advisory lock lets one of them
work while the others wait. Steps expand before they contract, so that old and new code can run
side by side.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from aether_core.database.connection import LOCK_MIGRATION


def configuration() -> Config:
    """Alembic's settings: no file, everything is here."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(database_url: str) -> None:
    """Bring the database to the newest version. Blocks; safe to call from several processes."""
    asyncio.run(_upgrade(database_url))


async def _upgrade(database_url: str) -> None:
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: asyncpg.connect(database_url, timeout=10),
        poolclass=NullPool,
    )
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_run)
    finally:
        await engine.dispose()


def _run(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK_MIGRATION})
    connection.commit()
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.commit()
