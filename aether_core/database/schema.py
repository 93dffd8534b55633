"""Which version of the tables this code was written for, and whether the database is at it.

Apart from the migrations themselves, so that a gateway or a writer need not load Alembic and
SQLAlchemy (30 MB, a quarter of a second) to ask.
"""

from __future__ import annotations

from pathlib import Path

from aether_core.database.connection import Session


def newest_version() -> str:
    """Return the number of the last migration: the beginning of its file's name."""
    steps = (Path(__file__).parent / "migrations" / "versions").glob("[0-9]*_*.py")
    return max(step.name.partition("_")[0] for step in steps)


async def schema_is_current(connection: Session) -> bool:
    """Whether the database is at the version that this code was written for."""
    exists = await connection.fetchval("SELECT to_regclass('alembic_version') IS NOT NULL")
    if not exists:
        return False
    version = await connection.fetchval("SELECT version_num FROM alembic_version")
    return bool(version == newest_version())
