"""`aether tui`: opens the operations console on a gateway, here or elsewhere."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from aether_cli.supervisor import load_running_settings
from aether_core.errors import CannotStart


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command()(tui)


def tui(
    url: Annotated[
        str | None, typer.Option(help="The gateway's address; else this installation's own.")
    ] = None,
    email: Annotated[str, typer.Option(help="Who signs in.")] = "",
    ascii: Annotated[  # noqa: A002 - the option's name
        bool, typer.Option("--ascii", help="Draw with ASCII signs only.")
    ] = False,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Offer nothing that changes anything.")
    ] = False,
    log: Annotated[
        Path | None, typer.Option(help="Write a log here; the screen itself is standard error.")
    ] = None,
) -> None:
    """Open the operations console."""
    address = url or load_running_settings().base_url
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise typer.BadParameter(
            f"{address} is no address like http://host:8420", param_hint="--url"
        )
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise CannotStart("The console needs a terminal for standard input and standard error.")
    # Imported here: Textual and plotext take a moment that the other subcommands need not wait.
    from aether_tui.app import ConsoleApp
    from aether_tui.collecting import leave_full_collections_to_pauses

    if log is not None:
        logging.basicConfig(
            filename=log,
            level=logging.INFO,
            format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        )
    console = ConsoleApp(address, email=email, is_ascii=ascii, is_read_only=read_only)
    leave_full_collections_to_pauses()
    console.run()
    if console.return_code:
        raise typer.Exit(console.return_code)
