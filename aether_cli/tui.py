"""`aether tui`: opens the operations console on a gateway, here or elsewhere."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from aether_cli.known_servers import (
    KnownServer,
    check_address,
    configuration_directory,
    find_server,
)
from aether_cli.past import AtOption, read_at
from aether_cli.supervisor import load_running_settings
from aether_core.errors import CannotStart


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command()(tui)


def tui(
    server: Annotated[
        str | None, typer.Option(help="A gateway by its name in servers.toml.", metavar="NAME")
    ] = None,
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
    theme: Annotated[
        str, typer.Option(help="dark, light, contrast, or none for no colour.", metavar="NAME")
    ] = "",
    exports: Annotated[
        Path | None, typer.Option(help="Where tables are exported to; else ~/aether-exports.")
    ] = None,
    at: AtOption = None,
    private: Annotated[
        bool,
        typer.Option("--private", help="Write nothing here: no sign-in, no drafts, no exports."),
    ] = False,
    log: Annotated[
        Path | None, typer.Option(help="Write a log here; the screen itself is standard error.")
    ] = None,
) -> None:
    """Open the operations console."""
    if server is not None and url is not None:
        raise typer.BadParameter("A server has its address already.", param_hint="--url")
    past = read_at(at)
    known = find_server(server) if server is not None else KnownServer(_address(url))
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise CannotStart("The console needs a terminal for standard input and standard error.")
    # Imported here: Textual and plotext take a moment that the other subcommands need not wait.
    from aether_tui.app import ConsoleApp
    from aether_tui.collecting import leave_full_collections_to_pauses
    from aether_tui.memory import Drafts, SignInMemory
    from aether_tui.palettes import THEME_NAMES

    if log is not None:
        logging.basicConfig(
            filename=log,
            level=logging.INFO,
            format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        )
    kept_in = configuration_directory() / "console"
    name = server or urlsplit(known.url).netloc
    palette = theme or known.theme or THEME_NAMES[0]
    if palette not in THEME_NAMES:
        raise typer.BadParameter(
            f"{palette} is none of {', '.join(THEME_NAMES)}.", param_hint="--theme"
        )
    console = ConsoleApp(
        known.url,
        palette=palette,
        exports=None if private else exports or Path.home() / "aether-exports",
        name=server,
        email=email or known.email,
        is_ascii=ascii or known.ascii,
        is_read_only=read_only or known.read_only,
        drafts=Drafts(None if private else kept_in / "drafts"),
        memory=None if private else SignInMemory(kept_in / "sign-in", name, known.url),
        rewound_to=past,
    )
    leave_full_collections_to_pauses()
    # Where a shell exports the size that its window once had, Textual would believe that rather
    # than the terminal, and follow no change.
    for variable in ("COLUMNS", "LINES"):
        os.environ.pop(variable, None)
    console.run()
    if console.return_code:
        raise typer.Exit(console.return_code)


def _address(url: str | None) -> str:
    try:
        return check_address(url or load_running_settings().base_url)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--url") from error
