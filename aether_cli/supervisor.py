"""supervisord of one installation: started, asked, told, and found again after a crash.

It runs with the top-level `supervisord.conf` and takes commands on a Unix socket in the run
directory. Its environment holds the AETHER_ settings that `aether up` was given, so that they
last as long as it does; other commands adopt them from there.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from aether_cli.claims import is_alive
from aether_core.errors import CannotStart
from aether_core.settings import Settings, load_settings
from aether_core.supervision import Supervisor

CHECKOUT = Path(__file__).resolve().parent.parent

_START_S_MAX = 15.0

# Not for the processes: only `aether up` needs them, once.
_NOT_KEPT = frozenset({"AETHER_ADMIN_EMAIL", "AETHER_ADMIN_PASSWORD"})


def find_supervisord(settings: Settings) -> int | None:
    """Return the process id of this installation's supervisord when it lives."""
    with suppress(OSError, ValueError):
        pid = int((settings.run_directory / "supervisord.pid").read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        # The id may be somebody else's by now.
        if _identifier(settings).encode() in command and is_alive(pid):
            return pid
    return None


def supervisorctl_command(settings: Settings) -> str:
    """Return the command that reaches this installation's supervisord."""
    program = Path(sys.executable).parent / "supervisorctl"
    if settings.home == CHECKOUT / ".aether" == settings.run_directory.parent:
        return f"{program} -c {CHECKOUT / 'supervisord.conf'}"
    return f"{program} -s unix://{settings.supervisor_socket}"


def load_running_settings() -> Settings:
    """Read the settings; those of a running installation are the ones that it runs with."""
    settings = load_settings()
    pid = find_supervisord(settings)
    if pid is None:
        return settings
    running = _settings_of(pid)
    if running:
        # A variable of this shell that the installation does not run with says nothing of it.
        for name in [n for n in os.environ if n.startswith("AETHER_") and n not in _NOT_KEPT]:
            del os.environ[name]
        os.environ.update(running)
    return load_settings()


def _settings_of(pid: int) -> dict[str, str]:
    """Return the AETHER_ variables of a process; none when it has just ended."""
    with suppress(OSError):
        entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        pairs = (os.fsdecode(entry).partition("=") for entry in entries)
        return {name: value for name, _, value in pairs if name.startswith("AETHER_")}
    return {}


def start_supervisord(settings: Settings) -> Supervisor:
    """Start supervisord and return it once it answers. Raises CannotStart."""
    configuration = CHECKOUT / "supervisord.conf"
    program = Path(sys.executable).parent / "supervisord"
    for needed in (configuration, program):
        if not needed.exists():
            raise CannotStart(f"{needed} is missing; install Aether from its checkout: make setup.")
    output = settings.log_directory / "supervisord.out"
    with output.open("wb") as file, _signals_held_back() as held:
        process = subprocess.Popen(
            # In its own session, without a terminal: it outlives the shell that started it.
            [sys.executable, "-P", str(program), "-n", "-s", "-c", str(configuration),
             "-i", _identifier(settings)],
            env=_environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            cwd="/",
            start_new_session=True,
            # supervisord sets its own umask only when it makes itself a daemon.
            umask=0o077,
        )  # fmt: skip
    supervisor = Supervisor(settings)
    try:
        for number in held:
            signal.raise_signal(number)
        _wait_until_reachable(supervisor, process, output)
    except BaseException:
        # It may not have written its process id yet: then nobody else would find it.
        process.terminate()
        process.wait()
        raise
    return supervisor


@contextmanager
def _signals_held_back() -> Iterator[list[int]]:
    """Collect the signals that would end this command, so that no child is lost as it begins."""
    held: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {
        number: signal.signal(number, lambda received, _frame: held.append(received))
        for number in numbers
    }
    try:
        yield held
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait_until_reachable(
    supervisor: Supervisor, process: subprocess.Popen[bytes], output: Path
) -> None:
    deadline = time.monotonic() + _START_S_MAX
    while not supervisor.is_reachable():
        if process.poll() is not None:
            reason = output.read_text(errors="replace").strip().splitlines()
            raise CannotStart(f"supervisord ended at once: {reason[-1] if reason else 'silently'}")
        if time.monotonic() > deadline:
            process.kill()
            raise CannotStart(f"supervisord does not answer after {_START_S_MAX:.0f} s.")
        time.sleep(0.02)


def _environment(settings: Settings) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _NOT_KEPT}
    return kept | {
        "AETHER_HOME": str(settings.home),
        "AETHER_HOST": settings.host,
        "AETHER_PORT": str(settings.port),
        "AETHER_GATEWAY__PROCESS_COUNT": str(settings.gateway.process_count),
        "AETHER_WRITER__PROCESS_COUNT": str(settings.writer.process_count),
        # What supervisord.conf asks for besides the settings.
        "AETHER_PYTHON": sys.executable,
        "AETHER_RUN_DIRECTORY": str(settings.run_directory),
        "AETHER_LOG_DIRECTORY": str(settings.log_directory),
        "AETHER_EMBEDDED_POSTGRES": "0" if settings.database_url else "1",
        "AETHER_EMBEDDED_VALKEY": "0" if settings.redis_url else "1",
    }


def _identifier(settings: Settings) -> str:
    return f"aether-{hashlib.sha256(os.fsencode(settings.home)).hexdigest()[:12]}"
