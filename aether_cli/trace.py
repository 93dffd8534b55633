"""`aether trace`: when a transaction was accepted, read, scored, committed and published."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

# What reaches the servers is imported where it is used, so that `aether` itself starts at once.
if TYPE_CHECKING:
    from aether_core.tracing import Trace


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command()(trace)


def trace(
    identifier: Annotated[UUID, typer.Argument(help="A transaction's id.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show a transaction's way through the pipeline, with milliseconds."""
    from aether_core.errors import NotFound

    found = asyncio.run(_find(identifier))
    if found is None:
        raise NotFound("transaction in the stream, among the rows or among the dead letters")
    if as_json:
        import msgspec

        typer.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
        return
    _print(found)


async def _find(identifier: UUID) -> Trace | None:
    from aether_cli.embedded import resolve_servers
    from aether_cli.stores import check_migrated, open_database, open_stream
    from aether_cli.supervisor import load_running_settings
    from aether_core.tracing import find_trace

    settings = resolve_servers(load_running_settings())
    async with open_database(settings) as connection, open_stream(settings) as redis:
        await check_migrated(connection)
        return await find_trace(redis, connection, identifier)


def _print(found: Trace) -> None:
    place = f"shard {found.shard}, incarnation {found.incarnation}, entry {found.entry}"
    typer.echo(f"{found.id}\n{place}")
    before = 0.0
    for step in found.steps:
        at = step.at.isoformat(sep=" ", timespec="milliseconds").replace("+00:00", "Z")
        took = "" if step.name == "accepted" else f"{step.after_ms:>12,.3f} ms"
        own = "" if step.name == "accepted" else f"  (+{step.after_ms - before:,.3f})"
        typer.echo(f"  {step.name:<10}{at}{took}{own}")
        before = step.after_ms
    if found.batch_entry_count is not None:
        typer.echo(f"  in a batch of {found.batch_entry_count:,} of its shard")
    # An error may quote somebody's text: nothing of it may drive a terminal.
    typer.echo(ascii(found.detail)[1:-1])
    if found.replayed_as is not None:
        typer.echo(f"It goes on as {found.replayed_as}.")
