"""`aether client`: adds, lists, disables and enables services that act for themselves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

# What reaches the servers is imported where it is used, so that `aether` itself starts at once.
if TYPE_CHECKING:
    from aether_core.database.users import Client

_Name = Annotated[str, typer.Argument(help="Its name, or its id.")]


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    group = typer.Typer(
        help="Services that act for themselves, by OAuth 2.0 client credentials.",
        no_args_is_help=True,
    )
    group.command()(add)
    group.command("list")(list_)
    group.command()(disable)
    group.command()(enable)
    app.add_typer(group, name="client")


def add(
    name: Annotated[str, typer.Argument(help="What it is called.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="What it may do; several times for several. "
            "Default: transactions:write_any and transactions:read_any."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Add a service; its secret is shown this once."""
    from aether_cli import accounts
    from aether_core.identity.roles import CLIENT_SCOPES_DEFAULT

    # `--scope "a b"` is how OAuth 2.0 writes two.
    wanted = [part for text in scope or CLIENT_SCOPES_DEFAULT for part in text.split()]
    made = accounts.add_client(name, wanted)
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "client_id": made.client.id,
                    "client_secret": made.secret,
                    "name": made.client.name,
                    "scopes": sorted(made.client.scopes),
                },
                indent=2,
            )
        )
        return
    typer.echo(f"client_id      {made.client.id}")
    typer.echo(f"client_secret  {made.secret}")
    typer.echo(f"scope          {' '.join(sorted(made.client.scopes))}")
    typer.echo("The secret is shown this once; keep it safe.")


def list_(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the services."""
    from aether_cli import accounts

    found = accounts.list_clients()
    if as_json:
        typer.echo(json.dumps([_plain(client) for client in found], indent=2))
        return
    _print_table(found)


def disable(name: _Name) -> None:
    """Keep a service out: no new token, and every token of its own is void at once."""
    from aether_cli import accounts

    accounts.set_client_active(name, is_active=False)
    typer.echo(f"{name} is disabled; its tokens are void.")


def enable(name: _Name) -> None:
    """Let a service in again."""
    from aether_cli import accounts

    accounts.set_client_active(name, is_active=True)
    typer.echo(f"{name} can get tokens again.")


def _plain(client: Client) -> dict[str, str | bool | list[str]]:
    return {
        "client_id": client.id,
        "name": client.name,
        "scopes": sorted(client.scopes),
        "is_active": client.is_active,
        "created_at": client.created_at.isoformat(),
    }


def _print_table(found: list[Client]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("name", "id", "scopes", "since", "state")
    for client in found:
        # Names are somebody's text: never markup.
        table.add_row(
            Text(client.name),
            client.id,
            Text(" ".join(sorted(client.scopes))),
            f"{client.created_at:%Y-%m-%d}",
            "active" if client.is_active else "disabled",
        )
    Console().print(table)
