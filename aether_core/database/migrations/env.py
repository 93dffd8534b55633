"""Alembic's entry: runs the steps on the connection that `migrations.upgrade` opened."""

from __future__ import annotations

from alembic import context

from aether_core.database.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
