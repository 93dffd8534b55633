"""`aether verify`: whether every entry that was ever added is where it belongs.

Exit status: 0 when all agrees, 1 when something differs or was lost.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

# What reaches the servers is imported where it is used, so that `aether` itself starts at once.
if TYPE_CHECKING:
    from aether_core.database.verification import Check, ShardRows
    from aether_core.pipeline import LostRange, Pipeline

# Every row is counted.
_STATEMENT_TIMEOUT_S = 3600.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found."""

    pipeline: Pipeline
    rows: list[ShardRows]
    checks: list[Check]
    lost: tuple[LostRange, ...]
    """Those that somebody has acknowledged, too."""

    @property
    def holds(self) -> bool:
        """Whether all agrees and nothing is lost that nobody has acknowledged."""
        return (
            self.pipeline.identity.holds
            and not self.pipeline.lost
            and all(check.holds for check in self.checks)
        )


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command()(verify)


def verify(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    acknowledge: Annotated[
        str | None,
        typer.Option(
            metavar="NOTE",
            help="Say that what was lost is known, and why; it stays listed and counts no longer.",
        ),
    ] = None,
) -> None:
    """Hold the streams against the tables: nothing is missing, nothing is doubled."""
    verdict = asyncio.run(_verify(acknowledge))
    if as_json:
        _print_json(verdict)
    else:
        _print(verdict)
    raise typer.Exit(0 if verdict.holds else 1)


async def _verify(note: str | None) -> Verdict:
    from aether_cli.embedded import resolve_servers
    from aether_cli.stores import (
        check_migrated,
        note_command,
        open_database,
        open_stream,
        operator_name,
    )
    from aether_cli.supervisor import load_running_settings
    from aether_core.database.losses import acknowledge_losses
    from aether_core.database.verification import check_tables, count_shard_rows
    from aether_core.pipeline import find_lost_ranges, inspect_pipeline

    settings = resolve_servers(load_running_settings())
    async with (
        open_database(settings, statement_timeout_s=_STATEMENT_TIMEOUT_S) as connection,
        open_stream(settings) as redis,
    ):
        await check_migrated(connection)
        if note is not None:
            async with connection.transaction():
                await acknowledge_losses(connection, acknowledged_by=operator_name(), note=note)
                await note_command(connection, "verify --acknowledge", {"note": note})
        pipeline = await inspect_pipeline(redis, connection, None)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            rows = await count_shard_rows(connection)
            checks = await check_tables(connection, rows)
        lost = await find_lost_ranges(connection, is_open=False)
    return Verdict(pipeline, rows, checks, lost)


def _print_json(verdict: Verdict) -> None:
    import msgspec

    found = {
        "holds": verdict.holds,
        "identity": verdict.pipeline.identity,
        "shards": verdict.pipeline.shards,
        "rows": verdict.rows,
        "checks": verdict.checks,
        "lost": verdict.lost,
    }
    typer.echo(msgspec.json.format(msgspec.json.encode(found)).decode())


def _print(verdict: Verdict) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in (
        "shard", "added", "committed", "dead", "backlog", "lost", "difference", "rows ever",
    ):  # fmt: skip
        table.add_column(name, justify="right")
    counted = {row.shard: row for row in verdict.rows}
    for shard in verdict.pipeline.shards:
        row = counted.get(shard.shard)
        table.add_row(
            str(shard.shard),
            f"{shard.entries_added:,}",
            f"{shard.committed:,}",
            f"{shard.dead_letters:,}",
            f"{shard.backlog:,}",
            f"{shard.lost:,}",
            f"{shard.difference:,}",
            "" if row is None else f"{row.rows + row.dropped:,}",
        )
    Console(highlight=False).print(table)
    holds = verdict.pipeline.identity.holds
    lines = [f"\n{_mark(holds)} entries added = committed + dead letters + backlog"]
    lines += [
        f"{_mark(check.holds)} {check.name}{': ' * (not check.holds)}{check.detail}"
        for check in verdict.checks
    ]
    lines += [
        f"{_mark(lost.acknowledged_by is not None)} {_sentence(lost)}" for lost in verdict.lost
    ]
    typer.echo("\n".join(lines))
    if verdict.pipeline.lost:
        typer.echo(
            "\nWhat was lost is gone. When it is known, say so: aether verify --acknowledge NOTE"
        )


def _mark(holds: bool) -> str:
    return "ok   " if holds else "WRONG"


def _sentence(lost: LostRange) -> str:
    count = f"{lost.entries:,} entries" if lost.is_exact else f"at least {lost.entries:,} entries"
    end = "an end that nobody can know" if lost.before is None else lost.before
    span = (
        f"accepted from {lost.accepted_after or 'the beginning'} to {lost.accepted_before}"
    ).replace("+00:00", "Z")
    known = (
        "" if lost.acknowledged_by is None else f"; known to {lost.acknowledged_by}: {lost.note}"
    )
    return (
        f"shard {lost.shard} has lost {count} between {lost.after} and {end}, {span}"
        f" ({ascii(lost.cause + known)[1:-1]})"
    )
