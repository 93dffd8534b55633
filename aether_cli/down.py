"""`aether down`: drains and stops everything, and leaves no process.

The gateways stop first, so that nothing new comes; the writers then write what waits in the
stream; the servers stop last. What cannot be drained in time is safe in the stream and is written
after the next start. A killed supervisord's processes are found by their claims and ended too.
"""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

import typer

from aether_cli.embedded import resolve_servers
from aether_cli.health import Health, find_health
from aether_cli.installation import one_command_at_a_time, stop_everything
from aether_cli.stores import try_to_note_command
from aether_cli.supervisor import find_supervisord, load_running_settings
from aether_core.settings import Settings
from aether_core.supervision import RUNNING_STATES, Supervisor


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command()(down)


def down(
    drain_s: Annotated[
        float,
        typer.Option(help="Longest wait for the writers to write the backlog; 0: do not wait."),
    ] = 30.0,
) -> None:
    """Drain and stop everything."""
    settings = load_running_settings()
    if not settings.home.exists():
        typer.echo(f"Nothing runs in {settings.home}.")
        return
    with one_command_at_a_time(settings):
        was_running = find_supervisord(settings) is not None
        supervisor = Supervisor(settings)
        if was_running and supervisor.is_reachable():
            try_to_note_command(resolve_servers(settings), "down")
            supervisor.stop_group("gateway")
            if drain_s > 0:
                _drain(settings, supervisor, drain_s)
        leftovers = stop_everything(settings)
    if leftovers:
        typer.echo(f"Ended without supervisord: {', '.join(leftovers)}.")
    if was_running or leftovers:
        typer.echo("Aether is down.")
    else:
        typer.echo(f"Nothing runs in {settings.home}.")


def _drain(settings: Settings, supervisor: Supervisor, drain_s: float) -> None:
    """Wait until the gateways have ended and the backlog is written, and say what is left."""
    resolved = resolve_servers(settings)
    deadline = time.monotonic() + drain_s
    reported = 0.0
    while True:
        gateways = [p for p in supervisor.processes() if p.group == "gateway" and p.pid]
        health = asyncio.run(find_health(resolved))
        reason = _why_not_drained(health, supervisor)
        if reason:
            typer.echo(f"Not drained: {reason}. What waits is safe and is written at the next up.")
            return
        backlog = health.stream.backlog
        if not gateways and backlog == 0:
            return
        if time.monotonic() > deadline:
            typer.echo(
                f"{backlog:,} entries are not written after {drain_s:.0f} s; "
                "they are safe and are written at the next up."
            )
            return
        if backlog and time.monotonic() - reported > 1:
            typer.echo(f"  {backlog:,} entries to write")
            reported = time.monotonic()
        time.sleep(0.1)


def _why_not_drained(health: Health, supervisor: Supervisor) -> str | None:
    if health.database.trouble:
        return f"PostgreSQL: {health.database.trouble}"
    if health.stream.trouble:
        return f"Valkey: {health.stream.trouble}"
    if not any(p.group == "writer" and p.state in RUNNING_STATES for p in supervisor.processes()):
        return "no writer runs"
    return None
