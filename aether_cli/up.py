"""`aether up`: starts everything under supervisord and returns when all of it is healthy.

Whatever goes wrong on the way ends the command with one sentence that says what to do, and with
nothing left running. A second `aether up` finds all healthy and changes nothing.
"""

from __future__ import annotations

import asyncio
import errno
import shutil
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

import typer

from aether_cli.accounts import check_first_admin, ensure_first_admin
from aether_cli.crash_budget import CrashBudget
from aether_cli.embedded import resolve_servers
from aether_cli.health import find_health
from aether_cli.home import make_run_directory
from aether_cli.installation import one_command_at_a_time, stop_everything
from aether_cli.logs import last_words
from aether_cli.run import EXIT_SET_UP_WRONG
from aether_cli.servers import check_external_servers
from aether_cli.stores import try_to_note_command
from aether_cli.supervisor import find_supervisord, load_running_settings, start_supervisord
from aether_core.errors import CannotStart
from aether_core.settings import Settings, load_settings
from aether_core.supervision import ProcessState, Supervisor

_DISK_FREE_MIN = 512 * 1024 * 1024
"""Bytes: a new PostgreSQL takes 40 MB, its log of changes and Valkey's some hundred under load."""

_HEALTHY_S_MAX = 180.0


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command()(up)


def up() -> None:
    """Start everything, wait until it is healthy, and say where it is."""
    wanted = load_settings()
    with one_command_at_a_time(wanted):
        if find_supervisord(wanted) is not None and Supervisor(wanted).is_reachable():
            running = load_running_settings()
            _say_what_waits(wanted, running)
            settings = resolve_servers(running)
            started = Supervisor(settings).start_missing()
            _wait_until_healthy(settings, quiet=not started)
        else:
            settings, started = _start(wanted), ["everything"]
        _say(_places(settings))
        _say(_admin(settings, ensure_first_admin(settings)))
        if started:
            try_to_note_command(settings, "up")


def _say(text: str, *, err: bool = False) -> None:
    """Print a line; a reader who went away (`| head`) is no reason to stop anything."""
    with suppress(BrokenPipeError):
        typer.echo(text, err=err)


def _say_what_waits(wanted: Settings, running: Settings) -> None:
    """Name the settings given now that differ from those of the running system."""
    differing = [
        f"AETHER_{name.upper()}"
        for name in sorted(wanted.model_fields_set)
        if not name.startswith("admin_") and getattr(wanted, name) != getattr(running, name)
    ]
    if differing:
        _say(f"Already running: {', '.join(differing)} takes effect after `aether down`.")


def _start(settings: Settings) -> Settings:
    """Start supervisord and all below it; on failure leave nothing running."""
    _prepare_directories(settings)
    if ended := stop_everything(settings):
        _say(f"  ended what an earlier run left behind: {', '.join(ended)}")
    _check_port(settings)
    asyncio.run(check_external_servers(settings))
    check_first_admin(settings)
    resolved = resolve_servers(settings)
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Ended on the way, it leaves nothing running either.
        signal.signal(number, lambda received, _frame: sys.exit(128 + received))
    try:
        # The settings as given: what is embedded must stay so for supervisord.
        start_supervisord(settings)
        _wait_until_healthy(resolved)
    except BaseException:
        _say("  stopping what was started", err=True)
        stop_everything(settings)
        raise
    return resolved


def _prepare_directories(settings: Settings) -> None:
    make_run_directory(settings)
    try:
        for directory in (settings.log_directory, settings.key_directory):
            directory.mkdir(mode=0o700, exist_ok=True)
        free = shutil.disk_usage(settings.home).free
    except OSError as error:
        raise CannotStart(f"{settings.home} is not usable: {error.strerror}.") from error
    if free < _DISK_FREE_MIN:
        raise CannotStart(
            f"Only {free // 2**20} MB are free at {settings.home}, and Aether needs "
            f"{_DISK_FREE_MIN // 2**20} MB to start: make room or set AETHER_HOME elsewhere."
        )


def _check_port(settings: Settings) -> None:
    place = f"{settings.host}:{settings.port}"
    if ":" in settings.host:
        raise CannotStart(
            "AETHER_HOST must be an IPv4 address or a host name; put a proxy in front for IPv6."
        )
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
            probe.listen()
        except socket.gaierror as error:
            raise CannotStart(f"AETHER_HOST {settings.host} is not known: {error}.") from error
        except PermissionError as error:
            raise CannotStart(
                f"Port {settings.port} is reserved for root; set AETHER_PORT to 1024 or more."
            ) from error
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise CannotStart(
                    f"Port {settings.port} is taken by another program: stop it or choose "
                    f"another port, for example AETHER_PORT={_other_port(settings)}."
                ) from error
            raise CannotStart(f"Nothing can listen on {place}: {error.strerror}.") from error


def _other_port(settings: Settings) -> int:
    """Return a free port to propose, near the wanted one."""
    for port in range(settings.port + 1, min(settings.port + 100, 65536)):
        with socket.socket() as probe, suppress(OSError):
            probe.bind((settings.host, port))
            return port
    return 8080


def _wait_until_healthy(settings: Settings, *, quiet: bool = False) -> None:
    """Wait until every part works. Raises CannotStart with the reason when one cannot.

    quiet: say nothing of the parts on the way.
    """
    supervisor = Supervisor(settings)
    started = time.monotonic()
    reported: set[str] = set()
    while True:
        processes = supervisor.processes()
        parts = asyncio.run(find_health(settings, gateway_s=1.0)).parts(settings)
        waited_s = time.monotonic() - started
        for part in parts:
            if part.trouble is None and part.name not in reported:
                reported.add(part.name)
                if not quiet:
                    _say(f"  {part.name:<11} ready after {waited_s:4.1f} s")
        troubles = [f"{part.name}: {part.trouble}" for part in parts if part.trouble]
        if not troubles and all(_is_up(process) for process in processes):
            return
        for process in processes:
            _raise_if_hopeless(settings, process)
        if waited_s > _HEALTHY_S_MAX:
            raise CannotStart(
                f"Not healthy after {_HEALTHY_S_MAX:.0f} s: {'; '.join(troubles)}. "
                f"The logs are in {settings.log_directory}."
            )
        time.sleep(0.1)


def _is_up(process: ProcessState) -> bool:
    return process.state == "RUNNING" or process.has_finished


def _raise_if_hopeless(settings: Settings, process: ProcessState) -> None:
    if process.pid == 0 and process.exit_status == EXIT_SET_UP_WRONG:
        raise CannotStart(f"{process.full_name}: {last_words(process.log)}")
    if process.state == "FATAL" or CrashBudget(settings, process.name).is_storm():
        raise CannotStart(
            f"{process.full_name} does not start: {last_words(process.log)} (log: {process.log})"
        )


def _admin(settings: Settings, made: tuple[str, str] | None) -> str:
    """Say who can sign in first, or how to get in again."""
    if made is None:
        return f"  Sign-in      as before; a new password: {_command_name()} user password EMAIL"
    email, password = made
    if settings.admin_password is not None:
        return f"  Sign-in      {email}, with the password from AETHER_ADMIN_PASSWORD"
    return f"  Sign-in      {email}\n  Password     {password}   (shown this once)"


def _places(settings: Settings) -> str:
    """Say where everything is."""
    command = _command_name()
    return "\n".join(
        (
            "",
            f"  Dashboard    {settings.base_url}/",
            f"  Console      {command} tui",
            f"  Traffic      {command} demo",
            f"  Stop         {command} down",
        )
    )


def _command_name() -> str:
    """Return what to type for `aether`, from the present directory."""
    program = Path(sys.executable).parent / "aether"
    with suppress(ValueError):
        return str(program.relative_to(Path.cwd()))
    return str(program)
