"""The migrations arrive at `tables.py`, and running them again changes nothing."""

from __future__ import annotations

import os

import asyncpg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from aether_core.database import migrations
from aether_core.database.schema import newest_version, schema_is_current
from aether_core.database.tables import metadata
from tests.conftest import PostgresServer, _execute


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


async def test_alerts_from_before_triage_keep_their_resolution_and_join_the_queue(
    postgres: PostgresServer,
) -> None:
    name = f"test_{os.urandom(6).hex()}"
    await _execute(postgres.url, f"CREATE DATABASE {name}")
    url = postgres.url_of(name)
    try:
        await _upgrade(url, "0002")
        alert = "INSERT INTO alerts (id, transaction_id, shard, account_id, merchant,"
        alert += " amount_minor_units, currency, score, decision, reasons, occurred_at, created_at,"
        alert += " status, resolution, resolved_by, resolved_at, note) SELECT i, i, 0, 'a', 'm',"
        alert += " 1000, 'EUR', 0.5, 'review', '[]', now(), now(), {} FROM gen_random_uuid() AS i"
        await _execute(url, alert.format("'open', NULL, NULL, NULL, NULL"))
        await _execute(url, alert.format("'resolved', 'fraud', 'ada', now(), 'by phone'"))
        await _execute(
            url,
            "INSERT INTO load_buckets SELECT now(), shard, 'EUR', 2, 0, 0, 200, 2 * ln(100)"
            " FROM generate_series(0, 1) AS shard",
        )
        await _upgrade(url, "head")
        connection = await asyncpg.connect(url)
        try:
            alerts = await connection.fetch(
                "SELECT status, version, expected_loss, transaction_count, total_minor_units"
                " FROM alerts ORDER BY status"
            )
            joined = await connection.fetchval("SELECT count(*) FROM alert_transactions")
            history = await connection.fetch(
                "SELECT version, actor, action, resolution, note FROM alert_history"
            )
        finally:
            await connection.close()
        # Typical are 100: the geometric mean.
        losses = [pytest.approx(5.0), pytest.approx(5.0)]
        assert [tuple(row)[:2] for row in alerts] == [("open", 1), ("resolved", 2)]
        assert [row["expected_loss"] for row in alerts] == losses
        # Each is an incident of its own.
        assert [tuple(row)[3:] for row in alerts] == [(1, 1000), (1, 1000)]
        assert joined == 2
        assert [tuple(row) for row in history] == [(2, "ada", "resolve", "fraud", "by phone")]
    finally:
        await _execute(postgres.url, f"DROP DATABASE {name} WITH (FORCE)")


async def _upgrade(url: str, version: str) -> None:
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url), poolclass=NullPool
    )

    def run(connection: Connection) -> None:
        config = migrations.configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, version)
        connection.commit()

    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()
