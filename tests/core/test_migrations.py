"""The migrations arrive at `tables.py`, and running them again changes nothing."""

from __future__ import annotations

import asyncpg
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from aether_core.database import migrations
from aether_core.database.schema import newest_version, schema_is_current
from aether_core.database.tables import metadata


async def test_migrations_arrive_at_the_tables(database_url: str) -> None:
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(database_url)
    )

    def difference(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))

    async with engine.connect() as connection:
        assert await connection.run_sync(difference) == []
    await engine.dispose()


async def test_the_schema_knows_that_it_is_current(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        assert await schema_is_current(connection)
        await connection.execute("DELETE FROM alembic_version")
        assert not await schema_is_current(connection)
    finally:
        await connection.close()


def test_the_newest_version_is_the_one_that_alembic_finds() -> None:
    scripts = ScriptDirectory.from_config(migrations.configuration())
    assert scripts.get_current_head() == newest_version()
