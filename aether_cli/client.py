"""`aether client`: services that act for themselves, and their secrets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

# What reaches the servers is imported where it is used, so that `aether` itself starts at once.
if TYPE_CHECKING:
    from aether_core.database.clients import Client

_Name = Annotated[str, typer.Argument(help="Its name, or its id.")]


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    group = typer.Typer(
        help="Services that act for themselves, by OAuth 2.0 client credentials.",
        no_args_is_help=True,
    )
    group.command()(add)
    group.command("list")(list_)
    group.command()(rotate)
    group.command()(revoke)
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
    from aether_cli import services
    from aether_core.identity.roles import CLIENT_SCOPES_DEFAULT

    # `--scope "a b"` is how OAuth 2.0 writes two.
    wanted = [part for text in scope or CLIENT_SCOPES_DEFAULT for part in text.split()]
    made = services.add_client(name, wanted)
    _print_secret(made.client, made.secret, as_json=as_json)


def list_(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the services."""
    from aether_cli import services

    found = services.list_clients()
    if as_json:
        typer.echo(json.dumps([_plain(client) for client in found], indent=2))
        return
    _print_table(found)


def rotate(
    name: _Name,
    overlap_s: Annotated[
        int,
        typer.Option(
            min=0,
            max=7 * 24 * 3600,
            help="Seconds for which the older secret goes on. 0, for one that was stolen, voids"
            " the tokens as well.",
        ),
    ] = 24 * 3600,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Give a service another secret, shown this once; the older one goes on for a while."""
    from aether_cli import services

    rotated = services.rotate_secret(name, overlap_s)
    _print_secret(rotated.client, rotated.secret, as_json=as_json)


def revoke(name: _Name) -> None:
    """Keep a service out for good: its secrets are forgotten, and its tokens void at once."""
    from aether_cli import services

    services.revoke_client(name)
    typer.echo(f"{name} is revoked; once enabled again it needs a new secret.")


def disable(name: _Name) -> None:
    """Keep a service out: no new token, and every token of its own is void at once."""
    from aether_cli import services

    services.set_client_active(name, is_active=False)
    typer.echo(f"{name} is disabled; its tokens are void.")


def enable(name: _Name) -> None:
    """Let a service in again."""
    from aether_cli import services

    services.set_client_active(name, is_active=True)
    typer.echo(f"{name} can get tokens again.")


def _print_secret(client: Client, secret: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(_plain(client) | {"client_secret": secret}, indent=2))
        return
    typer.echo(f"client_id      {client.id}")
    typer.echo(f"client_secret  {secret}")
    typer.echo(f"scope          {' '.join(sorted(client.scopes))}")
    if client.older_secret_until is not None:
        typer.echo(f"The older secret ends at {client.older_secret_until:%Y-%m-%d %H:%M:%S %Z}.")
    typer.echo("The secret is shown this once; keep it safe.")


def _plain(client: Client) -> dict[str, str | bool | list[str] | None]:
    until = client.older_secret_until
    return {
        "client_id": client.id,
        "name": client.name,
        "scopes": sorted(client.scopes),
        "is_active": client.is_active,
        "created_at": client.created_at.isoformat(),
        "older_secret_until": None if until is None else until.isoformat(),
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
            _state_of(client),
        )
    Console().print(table)


def _state_of(client: Client) -> str:
    if not client.secret_hashes:
        return "revoked"
    return "active" if client.is_active else "disabled"
