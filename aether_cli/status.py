"""`aether status`: the processes, what works, and the backlog, at one moment or every second.

Exit status: 0 when all is healthy, 1 when something is wrong, 3 when nothing runs.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from aether_cli.claims import find_claims
from aether_cli.crash_budget import CrashBudget
from aether_cli.embedded import resolve_servers
from aether_cli.health import Health, Part, find_health
from aether_cli.logs import last_words
from aether_cli.supervisor import (
    find_supervisord,
    load_running_settings,
    supervisorctl_command,
)
from aether_core.settings import Settings
from aether_core.supervision import ProcessState, Supervisor

_NOT_RUNNING = 3


@dataclass(frozen=True, slots=True)
class Status:
    """Everything that is shown."""

    settings: Settings
    processes: list[ProcessState]
    health: Health

    @property
    def parts(self) -> list[Part]:
        """What works and what does not."""
        return self.health.parts(self.settings)

    @property
    def is_healthy(self) -> bool:
        """Whether every part works and every process runs."""
        return all(part.trouble is None for part in self.parts) and all(
            process.state == "RUNNING" or process.has_finished for process in self.processes
        )


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command()(status)


def status(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    watch: Annotated[bool, typer.Option(help="One line a second, until Ctrl-C.")] = False,
) -> None:
    """Show the processes, what works, and the backlog."""
    settings = load_running_settings()
    if not settings.home.exists() or find_supervisord(settings) is None:
        _print_not_running(settings, as_json=as_json)
        raise typer.Exit(_NOT_RUNNING)
    settings = resolve_servers(settings)
    if watch:
        with suppress(KeyboardInterrupt):
            _watch(settings, as_json=as_json)
        return
    found = _find_status(settings)
    if as_json:
        typer.echo(json.dumps(_as_json(found)))
    else:
        _print(found)
    raise typer.Exit(0 if found.is_healthy else 1)


def _print_not_running(settings: Settings, *, as_json: bool) -> None:
    orphans = [claim.name for claim in find_claims(settings)]
    if as_json:
        typer.echo(json.dumps({"home": str(settings.home), "running": False, "orphans": orphans}))
    elif orphans:
        typer.echo(
            f"supervisord does not run in {settings.home}, but what it started does: "
            f"{', '.join(orphans)}. `aether up` starts afresh, `aether down` ends them."
        )
    else:
        typer.echo(f"Aether does not run in {settings.home}; start it with `aether up`.")


def _find_status(settings: Settings) -> Status:
    supervisor = Supervisor(settings)
    processes = supervisor.processes() if supervisor.is_reachable() else []
    return Status(settings, processes, asyncio.run(find_health(settings)))


def _watch(settings: Settings, *, as_json: bool) -> None:
    while True:
        started = time.monotonic()
        found = _find_status(settings)
        typer.echo(json.dumps(_as_json(found)) if as_json else _line(found))
        time.sleep(max(0.0, 1.0 - (time.monotonic() - started)))


def _line(found: Status) -> str:
    stream = found.health.stream
    wrong = "; ".join(f"{part.name}: {part.trouble}" for part in found.parts if part.trouble)
    wrong = wrong or "; ".join(
        f"{p.full_name}: {p.state}"
        for p in found.processes
        if p.state != "RUNNING" and not p.has_finished
    )
    return (
        f"{time.strftime('%H:%M:%S')}  backlog {stream.backlog:>9,}  lag {stream.lag_s:7.1f} s  "
        f"{wrong or 'healthy'}"
    )


def _print(found: Status) -> None:
    console = Console(highlight=False)
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("process")
    table.add_column("state")
    table.add_column("pid", justify="right")
    table.add_column("up for", justify="right")
    table.add_column("memory", justify="right")
    for process in found.processes:
        runs = process.pid > 0
        state = "done" if process.has_finished else process.state.lower()
        if CrashBudget(found.settings, process.name).is_storm():
            state = "crashing"
        table.add_row(
            process.full_name,
            state,
            str(process.pid) if runs else "",
            _duration(process.running_s) if runs else "",
            f"{memory_mb(process.pid):.0f} MB" if runs else "",
        )
    console.print(table)
    lines = [f"{part.name:<12}{part.trouble or 'ok'}" for part in found.parts]
    stream = found.health.stream
    lines += [
        f"{'backlog':<12}{stream.backlog:,} entries, oldest {stream.lag_s:.1f} s",
        f"{'address':<12}{found.settings.base_url}",
        f"{'control':<12}{supervisorctl_command(found.settings)}",
    ]
    for process in found.processes:
        storm = CrashBudget(found.settings, process.name).is_storm()
        if storm or process.state in {"FATAL", "BACKOFF"}:
            lines.append(f"{process.full_name} does not stay up: {last_words(process.log)}")
    typer.echo("\n" + "\n".join(lines))


def _as_json(found: Status) -> dict[str, object]:
    """Return what scripts read; its names are part of the interface."""
    stream = found.health.stream
    return {
        "home": str(found.settings.home),
        "running": True,
        "healthy": found.is_healthy,
        "url": found.settings.base_url,
        "backlog": stream.backlog,
        "lag_s": round(stream.lag_s, 3),
        "parts": {part.name.lower(): part.trouble or "ok" for part in found.parts},
        "processes": [
            {
                "name": process.full_name,
                "state": process.state.lower(),
                "pid": process.pid or None,
                "running_s": process.running_s,
                "memory_mb": round(memory_mb(process.pid), 1) if process.pid else None,
            }
            for process in found.processes
        ],
    }


def memory_mb(pid: int) -> float:
    """Return the memory of a process and its children, each page counted once (PSS), in MB."""
    total_kb = 0
    for member in (pid, *_children(pid)):
        with suppress(OSError):
            for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total_kb += int(line.split()[1])
    return total_kb / 1024


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                found += [int(child) for child in (task / "children").read_text().split()]
    return found + [grandchild for child in found for grandchild in _children(child)]


def _duration(seconds: float) -> str:
    whole = int(seconds)
    days, rest = divmod(whole, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, seconds_left = divmod(rest, 60)
    clock = f"{hours:d}:{minutes:02d}:{seconds_left:02d}"
    return f"{days} d {clock}" if days else clock
