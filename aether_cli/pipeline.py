"""`aether pipeline`: the shards, and whether every accepted entry is accounted for.

Exit status: 0 when it is, 1 when entries are missing.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Final

import typer

from aether_cli.past import AtOption, read_at

# What reaches the servers is imported where it is used, so that `aether` itself starts at once.
if TYPE_CHECKING:
    from datetime import datetime

    from aether_core.pipeline import Pipeline
    from aether_core.settings import Settings

_PAUSE_S: Final = 1.0


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command()(pipeline)


def pipeline(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="One line a second, until Ctrl-C.")
    ] = False,
    at: AtOption = None,
) -> None:
    """Show each shard, and whether accepted = committed + dead letters + backlog."""
    from aether_cli.changes import running_settings
    from aether_cli.printing import print_json

    past = read_at(at)
    if past is not None and watch:
        raise typer.BadParameter("The past does not change.", param_hint="--watch")
    settings = running_settings()
    if watch:
        with suppress(KeyboardInterrupt):
            asyncio.run(_watch(settings, as_json=as_json))
        return
    found = asyncio.run(_inspect(settings) if past is None else _find_past(settings, past))
    if as_json:
        print_json(found)
    else:
        if past is not None:
            typer.echo(f"as recorded at {found.at:%Y-%m-%d %H:%M:%S %Z}")
        _print(found)
    if not found.identity.holds:
        raise typer.Exit(1)


async def _inspect(settings: Settings) -> Pipeline:
    from aether_cli.stores import check_migrated, open_database, open_stream
    from aether_core.pipeline import inspect_pipeline

    async with open_database(settings) as connection, open_stream(settings) as redis:
        await check_migrated(connection)
        return await inspect_pipeline(redis, connection, None)


async def _find_past(settings: Settings, at: datetime) -> Pipeline:
    from aether_cli.stores import check_migrated, open_database
    from aether_core.rewinding import find_past_pipeline

    async with open_database(settings) as connection:
        await check_migrated(connection)
        return await find_past_pipeline(connection, at)


async def _watch(settings: Settings, *, as_json: bool) -> None:
    from aether_cli.printing import print_json_line
    from aether_cli.stores import check_migrated, open_database, open_stream
    from aether_core.pipeline import inspect_pipeline

    rate: float | None = None
    before: Pipeline | None = None
    async with open_database(settings) as connection, open_stream(settings) as redis:
        await check_migrated(connection)
        while True:
            found = await inspect_pipeline(redis, connection, rate)
            if as_json:
                print_json_line(found)
            else:
                typer.echo(f"{found.at:%H:%M:%S}  {_rate(before, found):>9}/s  {_sum(found)}")
            before = found
            await asyncio.sleep(_PAUSE_S)


def _rate(before: Pipeline | None, now: Pipeline) -> str:
    if before is None:
        return "-"
    seconds = max((now.at - before.at).total_seconds(), 1e-3)
    return f"{max(0, now.identity.committed - before.identity.committed) / seconds:,.0f}"


def _sum(found: Pipeline) -> str:
    identity = found.identity
    sign = "=" if identity.holds else "differs from"
    text = (
        f"accepted {identity.entries_added:,} {sign} committed {identity.committed:,}"
        f" + dead letters {identity.dead_letters:,} + backlog {identity.backlog:,}"
    )
    return text if identity.holds else f"{text}: {identity.difference:,} are missing"


def _print(found: Pipeline) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from aether_core.plain_text import escape_controls

    table = Table(
        "shard", "position", "committed", "dead", "backlog", "oldest", "batch", "owner", box=None
    )
    for name in table.columns[2:7]:
        name.justify = "right"
    for shard in found.shards:
        batch = shard.last_batch
        table.add_row(
            str(shard.shard),
            shard.position,
            f"{shard.committed:,}",
            f"{shard.dead_letters:,}",
            f"{shard.backlog:,}",
            "" if shard.oldest_seconds is None else f"{shard.oldest_seconds:,.1f} s",
            "" if batch is None else f"{batch.entries:,} in {batch.commit_ms:,.0f} ms",
            Text(escape_controls(shard.owner or "nobody", 100)),
        )
    Console().print(table)
    typer.echo(_sum(found))
    for lost in found.lost:
        typer.echo(
            f"lost: {lost.entries:,} entries of shard {lost.shard} after {lost.after}"
            f" ({escape_controls(lost.cause, 200)})"
        )
