"""Supervision: what supervisord says of an installation's processes, and what it is told.

In:   the Unix socket of the installation's supervisord.
Out:  each process with its state; XML-RPC beneath, as supervisorctl speaks it.
Calls block for as long as supervisord takes: not for an event loop.
"""

from __future__ import annotations

import http.client
import socket
import xmlrpc.client
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from aether_core.settings import Settings

_ANSWER_S_MAX = 10.0

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

    def restart(self, process: ProcessState) -> bool:
        """Ask a running process to end; supervisord starts it afresh. False: it does not run."""
        try:
            self._server.supervisor.signalProcess(f"{process.group}:{process.name}", "TERM")
        except xmlrpc.client.Fault:
            return False
        return True

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
