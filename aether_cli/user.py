"""`aether user`: adds, lists, disables, enables people; gives roles, passwords, second factors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

# What reaches the servers is imported where it is used, so that `aether` itself starts at once.
if TYPE_CHECKING:
    from aether_core.database.users import User

_Email = Annotated[str, typer.Argument(help="Their e-mail address.")]
_PasswordStdin = Annotated[
    bool,
    typer.Option(
        "--password-stdin",
        help="Read the password from standard input; without it one is made and shown once.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    group = typer.Typer(help="People who can sign in.", no_args_is_help=True)
    group.command()(add)
    group.command("list")(list_)
    group.command()(role)
    group.command()(password)
    group.command()(reset)
    group.command()(disable)
    group.command()(enable)
    group.command()(remove_second_factor)
    app.add_typer(group, name="user")


def add(
    email: _Email,
    role: Annotated[str, typer.Option(help="customer, analyst, operator or admin.")] = "customer",
    password_stdin: _PasswordStdin = False,
) -> None:
    """Add somebody who can sign in."""
    from aether_cli import accounts
    from aether_core.identity.roles import parse_role

    known_role = parse_role(role)
    chosen, is_random = accounts.read_password(from_stdin=password_stdin)
    user = accounts.add_user(email, known_role, chosen)
    typer.echo(f"Added {user.email} ({user.role}, account {user.account_id}).")
    if is_random:
        typer.echo(f"Password, shown this once: {chosen}")


def list_(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List everybody who can sign in."""
    from aether_cli import accounts

    found = accounts.list_users()
    if as_json:
        typer.echo(json.dumps([_plain(user) for user in found], indent=2))
        return
    _print_table(found)


def role(
    email: _Email,
    new_role: Annotated[str, typer.Argument(help="customer, analyst, operator or admin.")],
) -> None:
    """Give somebody another role; it holds at once."""
    from aether_cli import accounts
    from aether_core.identity.roles import parse_role

    accounts.change_role(email, parse_role(new_role))
    typer.echo(f"{email} is {new_role} now; their earlier access tokens are void.")


def password(email: _Email, password_stdin: _PasswordStdin = False) -> None:
    """Give somebody another password and sign them out everywhere."""
    from aether_cli import accounts

    chosen, is_random = accounts.read_password(from_stdin=password_stdin)
    accounts.change_password(email, chosen)
    typer.echo(f"{email} has a new password and is signed out everywhere.")
    if is_random:
        typer.echo(f"Password, shown this once: {chosen}")


def reset(email: _Email) -> None:
    """Give somebody a password made at random, shown once, and sign them out everywhere."""
    from aether_cli import accounts

    made = accounts.reset_password(email)
    typer.echo(f"{email} is signed out everywhere.")
    typer.echo(f"Password, shown this once: {made}")


def disable(email: _Email) -> None:
    """Keep somebody out: no sign-in, and every token of theirs is void at once."""
    from aether_cli import accounts

    accounts.set_user_active(email, is_active=False)
    typer.echo(f"{email} is disabled and signed out everywhere.")


def enable(email: _Email) -> None:
    """Let somebody in again."""
    from aether_cli import accounts

    accounts.set_user_active(email, is_active=True)
    typer.echo(f"{email} can sign in again.")


def remove_second_factor(email: _Email) -> None:
    """Ask somebody who lost app and recovery codes for none, and sign them out everywhere."""
    from aether_cli import accounts

    accounts.remove_second_factor(email)
    typer.echo(f"{email} signs in by the password alone and is signed out everywhere.")


def _plain(user: User) -> dict[str, str | bool]:
    return {
        "user_id": str(user.id),
        "email": user.email,
        "role": user.role,
        "account_id": user.account_id,
        "is_active": user.is_active,
        "created_at": user.created_at.isoformat(),
        "has_second_factor": user.totp_since is not None,
    }


def _print_table(found: list[User]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("e-mail", "role", "account", "since", "state", "second factor")
    for user in found:
        # Addresses are somebody's text: never markup.
        table.add_row(
            Text(user.email),
            user.role,
            Text(user.account_id),
            f"{user.created_at:%Y-%m-%d}",
            "active" if user.is_active else "disabled",
            "on" if user.totp_since is not None else "off",
        )
    Console().print(table)
