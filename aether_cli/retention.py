"""`aether retention`: gives up months that are older than somebody wants to keep."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console

from aether_cli.embedded import resolve_servers
from aether_cli.stores import note_command
from aether_core.database.connection import connect
from aether_core.database.retention import drop_expired, find_expired, find_unsaved_shards
from aether_core.errors import CannotStart
from aether_core.settings import Settings, load_settings

# Dropping a month waits for a moment without readers of it, and counts its rows first.
_STATEMENT_TIMEOUT_S = 600.0


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command()(retention)


def retention(
    keep_days: Annotated[
        int, typer.Option(min=31, help="Transactions accepted within so many days are kept.")
    ],
    yes: Annotated[
        bool, typer.Option("--yes", help="Drop them; otherwise only say what would be dropped.")
    ] = False,
) -> None:
    """Drop whole months of transactions, resolved alerts and load for good."""
    keep_since = datetime.now(UTC) - timedelta(days=keep_days)
    asyncio.run(_retain(resolve_servers(load_settings()), keep_since, yes))


async def _retain(settings: Settings, keep_since: datetime, yes: bool) -> None:
    if settings.database_url is None:
        raise CannotStart("There is no database; set AETHER_DATABASE_URL.")
    console = Console()
    connection = await connect(
        settings.database_url.get_secret_value(),
        statement_timeout_s=_STATEMENT_TIMEOUT_S,
        name="aether retention",
    )
    try:
        expired = await find_expired(connection, keep_since)
        if not expired:
            console.print("No month is old enough.")
        for month in expired:
            unsaved = await find_unsaved_shards(connection, month)
            if unsaved:
                console.print(
                    f"{month}: kept, because the scoring state of shards"
                    f" {', '.join(map(str, unsaved))} is not saved beyond it yet. Running writers"
                    " save it every hour, and when they stop."
                )
                return
            if not yes:
                console.print(f"{month}: would be dropped; add --yes.")
                continue
            async with connection.transaction():
                dropped = await drop_expired(connection, month)
                await note_command(
                    connection,
                    "retention",
                    {
                        "month": str(month),
                        "transaction_count": dropped.transaction_count,
                        "alert_count": dropped.alert_count,
                    },
                )
            console.print(
                f"{month}: dropped {dropped.transaction_count:,} transactions and"
                f" {dropped.alert_count:,} resolved alerts."
            )
    finally:
        await connection.close()
