"""`aether audit`: lists and exports who did what, and proves that nobody has changed it.

Exit status of `verify`: 0 when the trail is whole, 1 when a link is broken or the end is missing.
"""

from __future__ import annotations

import asyncio
import csv
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

# What reaches the servers is imported where it is used, so that `aether` itself starts at once.
if TYPE_CHECKING:
    from aether_core.audit import AuditView, Head, Verdict
    from aether_core.database.audit import AuditOutcome
    from aether_core.database.connection import Session

_STATEMENT_TIMEOUT_S = 600.0

_Since = Annotated[
    datetime | None,
    typer.Option(help="At this instant or later, UTC.", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
]
_Until = Annotated[
    datetime | None,
    typer.Option(help="Before this instant, UTC.", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
]


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    group = typer.Typer(help="Who did what, when and from where.", no_args_is_help=True)
    group.command("list")(list_)
    group.command()(verify)
    group.command()(export)
    app.add_typer(group, name="audit")


def list_(
    action: Annotated[str | None, typer.Option(help="Such as session.fail.")] = None,
    actor: Annotated[str | None, typer.Option(help="An id or a name.")] = None,
    subject: Annotated[str | None, typer.Option(help="The id of what was acted upon.")] = None,
    outcome: Annotated[str | None, typer.Option(help="success or failure.")] = None,
    since: _Since = None,
    until: _Until = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most of them, newest first.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List entries, newest first."""
    from aether_core.audit import view_of_entry
    from aether_core.database.audit import AuditFilter, find_audit_entries

    which = AuditFilter(action, actor, subject, _outcome(outcome), _utc(since), _utc(until))

    async def work() -> list[AuditView]:
        async with _open() as connection:
            found = await find_audit_entries(connection, which, before=None, limit=limit)
        return [view_of_entry(entry) for entry in found]

    views = asyncio.run(work())
    if as_json:
        import msgspec

        typer.echo(msgspec.json.format(msgspec.json.encode(views)).decode())
        return
    _print_table(views)


def verify(
    expect: Annotated[
        str | None,
        typer.Option(
            metavar="SEQUENCE:HASH",
            help="A head that an earlier run printed and that was kept elsewhere.",
        ),
    ] = None,
) -> None:
    """Check every entry against the one before it, and name the first that does not fit."""
    from aether_core.audit import parse_head

    expected = None if expect is None else parse_head(expect)
    verdict, is_guarded = asyncio.run(_verify(expected))
    if verdict.trouble is None:
        typer.echo(f"ok     {verdict.entry_count:,} entries, each sealed by the next")
    else:
        typer.echo(f"WRONG  entry {verdict.broken_at}: {verdict.trouble}")
        typer.echo(f"       {verdict.entry_count:,} entries before it are whole")
    if not is_guarded:
        typer.echo("WRONG  a trigger that numbers, seals or protects the entries is gone or off")
    if verdict.head is not None:
        typer.echo(f"head   {verdict.head}")
    raise typer.Exit(0 if verdict.trouble is None and is_guarded else 1)


def export(
    since: _Since = None,
    until: _Until = None,
    form: Annotated[
        str, typer.Option("--format", help="json: one object a line; or csv, for spreadsheets.")
    ] = "json",
) -> None:
    """Print entries, oldest first."""
    from aether_core.errors import InvalidInput

    if form not in {"json", "csv"}:
        raise InvalidInput("format", "A format is json or csv.")
    asyncio.run(_export(_utc(since), _utc(until), _csv_printer() if form == "csv" else _print_json))


@asynccontextmanager
async def _open() -> AsyncIterator[Session]:
    """Open the database and see one state of it."""
    from aether_cli.embedded import resolve_servers
    from aether_cli.stores import check_migrated, open_database
    from aether_cli.supervisor import load_running_settings

    settings = resolve_servers(load_running_settings())
    async with open_database(settings, statement_timeout_s=_STATEMENT_TIMEOUT_S) as connection:
        await check_migrated(connection)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            yield connection


async def _verify(expected: Head | None) -> tuple[Verdict, bool]:
    from aether_core.audit import verify_chain
    from aether_core.database.audit import audit_is_guarded, read_audit

    async with _open() as connection:
        is_guarded = await audit_is_guarded(connection)
        return await verify_chain(read_audit(connection), expected), is_guarded


async def _export(
    since: datetime | None, until: datetime | None, show: Callable[[AuditView], None]
) -> None:
    from aether_core.audit import view_of_entry
    from aether_core.database.audit import AuditFilter, read_audit

    async with _open() as connection:
        async for entry in read_audit(connection, AuditFilter(since=since, until=until)):
            show(view_of_entry(entry))


def _print_json(view: AuditView) -> None:
    import json

    import msgspec

    # ASCII only: no text of others reaches a terminal as it is.
    sys.stdout.write(json.dumps(msgspec.to_builtins(view)) + "\n")


def _csv_printer() -> Callable[[AuditView], None]:
    """Print the names of the columns, and return what prints a line."""
    import json
    from dataclasses import fields

    from aether_core.audit import AuditView
    from aether_core.plain_text import spreadsheet_cell

    names = [field.name for field in fields(AuditView)]
    writer = csv.writer(sys.stdout, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(names)

    def show(view: AuditView) -> None:
        cells = {name: str(getattr(view, name)) for name in names}
        cells["at"] = view.at.isoformat()
        cells["details"] = json.dumps(view.details)
        writer.writerow([spreadsheet_cell(cell) for cell in cells.values()])

    return show


def _outcome(text: str | None) -> AuditOutcome | None:
    from aether_core.errors import InvalidInput

    outcomes: dict[str | None, AuditOutcome | None] = {
        None: None,
        "success": "success",
        "failure": "failure",
    }
    if text not in outcomes:
        raise InvalidInput("outcome", "An outcome is success or failure.")
    return outcomes[text]


def _utc(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.replace(tzinfo=UTC)


def _print_table(views: list[AuditView]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from aether_core.plain_text import escape_controls

    table = Table("id", "at", "action", "who", "subject", "from", box=None)
    for column in table.columns[:3]:
        column.no_wrap = True
    for view in views:
        failed = " (failed)" if view.outcome == "failure" else ""
        who = view.actor_name or view.actor_id or view.actor_kind
        # Anybody's text: never markup, never a terminal's commands.
        cells = (view.action + failed, who, view.subject, view.address)
        table.add_row(
            str(view.id),
            f"{view.at:%Y-%m-%d %H:%M:%S}",
            *(Text(escape_controls(cell, 254)) for cell in cells),
        )
    Console().print(table)
