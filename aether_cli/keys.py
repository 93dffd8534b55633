"""`aether keys`: lists the keys that sign access tokens, and replaces them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

# What reaches the servers is imported where it is used, so that `aether` itself starts at once.
if TYPE_CHECKING:
    from aether_core.database.connection import Session
    from aether_core.identity.keys import KeyState

_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    group = typer.Typer(help="The keys that sign access tokens.", no_args_is_help=True)
    group.command("list")(list_)
    group.command()(rotate)
    app.add_typer(group, name="keys")


def list_(as_json: _Json = False) -> None:
    """List the keys whose tokens are good, newest first."""
    from aether_cli.changes import change
    from aether_core.identity.keys import list_keys

    _print(change(list_keys), as_json=as_json)


def rotate(
    void_older: Annotated[
        bool,
        typer.Option(
            "--void-older",
            help="After a theft: forget the older keys at once. Every access token is void;"
            " people and services get new ones by themselves.",
        ),
    ] = False,
    as_json: _Json = False,
) -> None:
    """Make a new signing key. Nobody is signed out: the older ones go on verifying."""
    from aether_cli.changes import change, note, running_settings
    from aether_core.identity.keys import list_keys, load_sealing_key, rotate_signing_key

    settings = running_settings()
    sealing_key = load_sealing_key(settings)

    async def work(connection: Session) -> list[KeyState]:
        kid = await rotate_signing_key(connection, sealing_key, void_older=void_older)
        found = await list_keys(connection)
        await note(connection, "key.rotate", kid, {"void_older": void_older})
        return found

    _print(change(work, settings), as_json=as_json)


def _print(found: list[KeyState], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([_plain(key) for key in found], indent=2))
        return
    for key in found:
        typer.echo(f"{key.kid}  {key.created_at:%Y-%m-%d %H:%M:%S}  {key.state}")


def _plain(key: KeyState) -> dict[str, str | None]:
    return {
        "kid": key.kid,
        "created_at": key.created_at.isoformat(),
        "state": key.state,
        "retired_at": None if key.retired_at is None else key.retired_at.isoformat(),
    }
