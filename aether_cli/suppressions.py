"""`aether suppressions`: silences detectors for accounts, in the name of who runs the command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

# What reaches the servers is imported where it is used, so that `aether` itself starts at once.
if TYPE_CHECKING:
    from aether_core.database.connection import Session
    from aether_core.database.suppressions import KeptSuppression

_ID_MAX: Final = 2**63 - 1

_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    group = typer.Typer(
        help="Detectors that are silent for an account, for a while.", no_args_is_help=True
    )
    group.command("list")(list_)
    group.command()(add)
    group.command()(end)
    app.add_typer(group, name="suppressions")


def list_(
    account: Annotated[str | None, typer.Option(help="Of one account.")] = None,
    is_all: Annotated[bool, typer.Option("--all", help="Those that are over as well.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most of them, newest first.")] = 50,
    as_json: _Json = False,
) -> None:
    """List what is silent now."""
    from aether_cli.changes import change
    from aether_cli.printing import print_json
    from aether_core.database.suppressions import find_suppressions

    async def work(connection: Session) -> list[KeptSuppression]:
        return await find_suppressions(
            connection, account_id=account, only_in_force=not is_all, before=None, limit=limit
        )

    found = change(work)
    if as_json:
        print_json(found)
        return
    _print_table(found)


def add(
    account: Annotated[str, typer.Argument(help="Whose transactions.")],
    detector: Annotated[
        str,
        typer.Argument(help="As reasons name it: amount, velocity, novelty …"),
    ],
    span: Annotated[str, typer.Option("--for", help="How long: 30m, 12h, 7d; up to 90d.")],
    note: Annotated[str | None, typer.Option(help="Why, for colleagues.")] = None,
    as_json: _Json = False,
) -> None:
    """Silence a detector for an account; one in force for the same two is replaced."""
    from aether_api.fields import DESCRIPTION_LENGTH_MAX, check_account, check_text
    from aether_cli import changes
    from aether_cli.printing import print_json
    from aether_cli.spans import read_span_s
    from aether_cli.stores import operator_name
    from aether_core.database.suppressions import add_suppression, audit_details

    duration_s = read_span_s(span, "--for")
    check_account(account)
    text = None if note is None else check_text("note", note, DESCRIPTION_LENGTH_MAX)

    async def work(connection: Session) -> KeptSuppression:
        added = await add_suppression(
            connection,
            account_id=account,
            detector=detector,
            duration_s=duration_s,
            note=text,
            by=operator_name(),
        )
        await changes.note(connection, "suppression.add", str(added.id), audit_details(added))
        return added

    added = changes.change(work)
    if as_json:
        print_json(added)
        return
    typer.echo(
        f"{added.id}: {detector} is silent for {account} until"
        f" {added.expires_at:%Y-%m-%d %H:%M:%S %Z}."
    )


def end(
    identifier: Annotated[int, typer.Argument(min=1, max=_ID_MAX, help="Its id.")],
) -> None:
    """Let the detector be heard again now."""
    from aether_cli import changes
    from aether_cli.stores import operator_name
    from aether_core.database.suppressions import audit_details, end_suppression

    async def work(connection: Session) -> tuple[KeptSuppression, bool]:
        ended, is_changed = await end_suppression(connection, identifier, by=operator_name())
        if is_changed:
            await changes.note(connection, "suppression.end", str(ended.id), audit_details(ended))
        return ended, is_changed

    ended, is_changed = changes.change(work)
    over = "is heard again for" if is_changed else "was over already for"
    typer.echo(f"{ended.id}: {ended.detector} {over} {ended.account_id}.")


def _print_table(found: list[KeptSuppression]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from aether_core.plain_text import escape_controls

    table = Table("id", "account", "detector", "until", "by", "note", box=None)
    for one in found:
        until = one.expires_at if one.ended_at is None else one.ended_at
        table.add_row(
            str(one.id),
            one.account_id,
            one.detector,
            f"{until:%Y-%m-%d %H:%M} {'' if one.is_in_force else '(over)'}".rstrip(),
            # Anybody's text: never markup, never a terminal's commands.
            *(Text(escape_controls(text, 500)) for text in (one.created_by, one.note or "")),
        )
    Console().print(table)
