"""`aether run NAME`: becomes one of the processes; supervisord starts exactly these."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer

from aether_cli.claims import claim_name
from aether_cli.crash_budget import CrashBudget
from aether_cli.embedded import resolve_servers
from aether_cli.postgres import BEHIND_GATEWAYS, run_postgres
from aether_cli.valkey import run_valkey
from aether_core.errors import AetherError, CannotStart
from aether_core.settings import Settings, load_settings
from aether_core.telemetry import configure_logging

logger = logging.getLogger(__name__)

EXIT_SET_UP_WRONG = 78
"""EX_CONFIG of sysexits.h: `aether up` then shows the reason instead of waiting."""


class Process(StrEnum):
    """The processes of an installation."""

    POSTGRES = "postgres"
    VALKEY = "valkey"
    MIGRATE = "migrate"
    GATEWAY = "gateway"
    WRITER = "writer"
    FORECASTER = "forecaster"


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command()(run)


def run(
    process: Process,
    name: Annotated[
        str | None,
        typer.Option(help="Its name among several; claimed, so that it runs only once."),
    ] = None,
) -> None:
    """Become one process of Aether, in the foreground."""
    configure_logging(name or process)
    try:
        settings = load_settings()
        configure_logging(name or process, settings.log_level)
        if name is None:
            _STARTERS[process](settings)
            return
        claim_name(settings, name)
        budget = CrashBudget(settings, name)
        budget.pace()
        _STARTERS[process](settings)
        budget.forgive()
    except AetherError as error:
        logger.critical("%s", error)
        wrong = isinstance(error, CannotStart)
        raise typer.Exit(EXIT_SET_UP_WRONG if wrong else 1) from error


def _migrate(settings: Settings) -> None:
    # Imported here, as everywhere below: a server needs none of it and starts sooner.
    from aether_cli.servers import wait_for_database
    from aether_core.database import migrations

    settings = resolve_servers(settings)
    asyncio.run(wait_for_database(settings))
    assert settings.database_url is not None  # noqa: S101 - resolved above
    migrations.upgrade(settings.database_url.get_secret_value())


def _gateway(settings: Settings) -> None:
    from aether_api.gateway import serve

    serve(_ready(settings), listen_fd=_inherited_socket())


def _writer(settings: Settings) -> None:
    from aether_worker.process import run_writer

    os.nice(BEHIND_GATEWAYS)
    run_writer(_ready(settings))


def _forecaster(settings: Settings) -> None:
    from aether_worker.forecaster import run_forecaster

    run_forecaster(_ready(settings))


def _ready(settings: Settings) -> Settings:
    """Return the settings with both servers' URLs once these answer and are migrated."""
    from aether_cli.servers import wait_for_servers

    resolved = resolve_servers(settings)
    asyncio.run(wait_for_servers(resolved))
    return resolved


def _inherited_socket() -> int | None:
    """Return a copy of standard input when it is a listening socket.

    supervisord's fcgi-program opens the gateways' socket and gives it to each of them there.
    """
    copy = os.dup(0)
    try:
        with socket.socket(fileno=copy) as candidate:
            if candidate.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                return os.dup(0)
    except OSError:  # standard input is no socket
        pass
    return None


_STARTERS: dict[Process, Callable[[Settings], None]] = {
    Process.POSTGRES: run_postgres,
    Process.VALKEY: run_valkey,
    Process.MIGRATE: _migrate,
    Process.GATEWAY: _gateway,
    Process.WRITER: _writer,
    Process.FORECASTER: _forecaster,
}
