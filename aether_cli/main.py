"""The `aether` command: one subcommand a file, imported when it is used.

An error that Aether raises on purpose ends the command with one line and exit status 1.
"""

from __future__ import annotations

import sys
from importlib import import_module

import typer

from aether_core.errors import AetherError

_SUBCOMMANDS = (
    "up",
    "down",
    "status",
    "run",
    "user",
    "client",
    "keys",
    "transactions",
    "alerts",
    "suppressions",
    "labels",
    "scoring",
    "sight",
    "dead-letters",
    "trace",
    "pipeline",
    "forecast",
    "verify",
    "audit",
    "retention",
    "openapi",
    "tui",
    "simulate",
    "replay",
    "backtest",
    "demo",
)


def build() -> typer.Typer:
    """Return the command with all its subcommands."""
    app = typer.Typer(
        help="Aether: the real-time transaction engine.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=True,
    )

    @app.callback()
    def _aether() -> None:
        """Start, stop and use an installation of Aether."""

    # A process that supervisord starts loads what it is and nothing more.
    wanted = [name for name in _SUBCOMMANDS if sys.argv[1:2] == [name]]
    for name in wanted or _SUBCOMMANDS:
        import_module(f"aether_cli.{name.replace('-', '_')}").register(app)
    return app


def main() -> None:
    """Run the command line."""
    try:
        build()()
    except AetherError as error:
        sys.stderr.write(f"aether: {error}\n")
        sys.exit(1)
