"""supervisord of one installation: started, asked, told, and found again after a crash.

It runs with the top-level `supervisord.conf` and takes commands on a Unix socket in the run
directory. Its environment holds the AETHER_ settings that `aether up` was given, so that they
last as long as it does; other commands adopt them from there.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import socket
import subprocess
import sys
import time
import xmlrpc.client
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from aether_cli.claims import is_alive
from aether_core.errors import CannotStart
from aether_core.settings import Settings, load_settings

CHECKOUT = Path(__file__).resolve().parent.parent

_ANSWER_S_MAX = 10.0
_START_S_MAX = 15.0

# Not for the processes: only `aether up` needs them, once.
_NOT_KEPT = frozenset({"AETHER_ADMIN_EMAIL", "AETHER_ADMIN_PASSWORD"})

# States of supervisord's processes (supervisor/states.py).
RUNNING_STATES = frozenset({"RUNNING", "STARTING"})


@dataclass(frozen=True, slots=True)
class ProcessState:
    """One process as supervisord sees it."""

    group: str
    name: str
    state: str
    pid: int
    """0 when it does not run."""
    exit_status: int
    running_s: float
    log: Path

    @property
    def full_name(self) -> str:
        """The name that supervisorctl takes."""
        return self.name if self.group == self.name else f"{self.group}:{self.name}"

    @property
    def has_finished(self) -> bool:
        """Whether it did its one task and ended, as the migrations do."""
        return self.state == "EXITED" and self.exit_status == 0 and self.name == "migrate"


class Supervisor:
    """A supervisord that can be asked and told. Its methods raise OSError when it cannot."""

    def __init__(self, settings: Settings) -> None:
        # The library's answers are untyped; each method below gives them their type.
        self._server: Any = xmlrpc.client.ServerProxy(
            "http://localhost/RPC2", transport=_UnixTransport(settings.supervisor_socket)
        )

    def pid(self) -> int:
        """Return its process id."""
        return cast("int", self._server.supervisor.getPID())

    def is_reachable(self) -> bool:
        """Whether it answers."""
        with suppress(OSError, http.client.HTTPException, xmlrpc.client.Error):
            return self.pid() > 0
        return False

    def processes(self) -> list[ProcessState]:
        """Return all processes, in the order of their names."""
        return [
            ProcessState(
                group=info["group"],
                name=info["name"],
                state=info["statename"],
                pid=info["pid"],
                exit_status=info["exitstatus"],
                running_s=max(0, info["now"] - info["start"]) if info["pid"] else 0,
                log=Path(info["stdout_logfile"]),
            )
            for info in self._server.supervisor.getAllProcessInfo()
        ]

    def start_missing(self) -> list[str]:
        """Start what does not run; return the names."""
        started = []
        for process in self.processes():
            if process.state in RUNNING_STATES or process.has_finished:
                continue
            with suppress(xmlrpc.client.Fault):  # it is about to start by itself
                self._server.supervisor.startProcess(f"{process.group}:{process.name}", False)
                started.append(process.full_name)
        return started

    def stop_group(self, group: str) -> None:
        """Ask a group's processes to end, without waiting for it."""
        with suppress(xmlrpc.client.Fault):
            self._server.supervisor.stopProcessGroup(group, False)

    def shut_down(self) -> None:
        """Ask it to stop everything in order and end, without waiting for it."""
        self._server.supervisor.shutdown()


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
    with output.open("wb") as file:
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
        _wait_until_reachable(supervisor, process, output)
    except BaseException:
        # It may not have written its process id yet: then nobody else would find it.
        process.terminate()
        process.wait()
        raise
    return supervisor


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


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_ANSWER_S_MAX)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: object) -> http.client.HTTPConnection:
        del host  # the socket's path says where
        return _UnixConnection(self._path)
