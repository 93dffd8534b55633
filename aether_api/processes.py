"""Processes of this installation: what supervisord says of them, and what the kernel says.

In:   supervisord's socket and log in the home, and /proc.
Out:  state, uptime, restarts, processor time and memory of each, with everything it started; the
      end of its log. Of the machine that this gateway runs on, and only under supervisord: a
      container's processes are its runtime's to show.
"""

from __future__ import annotations

import http.client
import os
import socket
import xmlrpc.client
from collections import defaultdict
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from aether_core.errors import InvalidInput, NotFound
from aether_core.plain_text import escape_controls
from aether_core.settings import Settings
from aether_core.supervision import ProcessState, Supervisor

LOG_LINES_MAX: Final = 500
RESTARTABLE_GROUPS: Final = frozenset({"writer", "forecaster", "gateway"})
"""What comes back by itself within a second or two; the servers of the data do not belong here."""

_LOG_BYTES_MAX: Final = 256 * 1024
_LINE_LENGTH_MAX: Final = 2_000
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


class Process(msgspec.Struct, frozen=True):
    """One process with all that it started. cpu_seconds: since each of them began."""

    name: str
    group: str
    state: str
    pid: int | None
    uptime_seconds: float
    restarts: int
    cpu_seconds: float
    memory_bytes: int
    can_restart: bool


class Processes(msgspec.Struct, frozen=True):
    """The processes of one machine. is_supervised: there is a supervisord to ask."""

    host: str
    is_supervised: bool
    at: datetime
    processes: tuple[Process, ...]


class LogTail(msgspec.Struct, frozen=True):
    """The last lines of a process's log, oldest first."""

    name: str
    lines: tuple[str, ...]


def find_processes(settings: Settings) -> Processes:
    """Look at every process. Blocks; without a supervisord there are none."""
    at = datetime.now(UTC)
    states = _states(settings)
    if states is None:
        return Processes(socket.gethostname(), is_supervised=False, at=at, processes=())
    usage = _Usage()
    starts = _count_starts(settings)
    return Processes(
        socket.gethostname(),
        is_supervised=True,
        at=at,
        processes=tuple(_process(state, usage, starts) for state in states),
    )


def read_log(settings: Settings, name: str, lines: int) -> LogTail:
    """Return the end of a process's log. Blocks. Raises NotFound."""
    state = _find(settings, name)
    return LogTail(state.full_name, tuple(_tail(state.log)[-lines:]))


def restart_process(settings: Settings, name: str) -> Process:
    """Ask a process to end in good order; supervisord starts it afresh. Blocks.

    Raises NotFound, and InvalidInput for one that is not restarted from here.
    """
    state = _find(settings, name)
    if state.group not in RESTARTABLE_GROUPS:
        raise InvalidInput("name", f"{name} is restarted on the machine only.")
    Supervisor(settings).restart(state)
    return _process(state, _Usage(), _count_starts(settings))


def _states(settings: Settings) -> list[ProcessState] | None:
    with suppress(OSError, http.client.HTTPException, xmlrpc.client.Error):
        return Supervisor(settings).processes()
    return None


def _find(settings: Settings, name: str) -> ProcessState:
    for state in _states(settings) or ():
        if name in {state.full_name, state.name}:
            return state
    raise NotFound("process")


def _process(state: ProcessState, usage: _Usage, starts: dict[str, int]) -> Process:
    cpu_s, memory = usage.of(state.pid)
    return Process(
        name=state.full_name,
        group=state.group,
        state="FINISHED" if state.has_finished else state.state,
        pid=state.pid or None,
        uptime_seconds=state.running_s,
        restarts=max(0, starts.get(state.name, 1) - 1),
        cpu_seconds=round(cpu_s, 2),
        memory_bytes=memory,
        can_restart=state.group in RESTARTABLE_GROUPS and state.pid != 0,
    )


class _Usage:
    """Processor time and memory by process, as /proc had them when this was made.

    Memory is the proportional set where the kernel tells it, so that PostgreSQL's shared buffers
    are not counted once for every session.
    """

    def __init__(self) -> None:
        self._children: defaultdict[int, list[int]] = defaultdict(list)
        self._cpu_s: dict[int, float] = {}
        for directory in Path("/proc").glob("[0-9]*"):
            with suppress(OSError, ValueError, IndexError):
                # The command's name may hold spaces and brackets: the fields begin after the last.
                fields = (directory / "stat").read_text().rpartition(")")[2].split()
                pid = int(directory.name)
                self._children[int(fields[1])].append(pid)
                self._cpu_s[pid] = (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    def of(self, pid: int) -> tuple[float, int]:
        """Return seconds and bytes of a process and of all that it started."""
        if not pid:
            return 0.0, 0
        cpu_s, memory = self._cpu_s.get(pid, 0.0), _memory(pid)
        for child in self._children[pid]:
            child_cpu_s, child_memory = self.of(child)
            cpu_s, memory = cpu_s + child_cpu_s, memory + child_memory
        return cpu_s, memory


def _memory(pid: int) -> int:
    with suppress(OSError, ValueError, IndexError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    with suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
    return 0


def _count_starts(settings: Settings) -> dict[str, int]:
    """Count each process's starts since supervisord began, as far as its log's end tells."""
    starts: dict[str, int] = {}
    for line in _tail(settings.log_directory / "supervisord.log"):
        if "supervisord started with pid" in line:
            starts.clear()
        _, spawned, rest = line.partition("spawned: '")
        if spawned:
            name = rest.partition("'")[0]
            starts[name] = starts.get(name, 0) + 1
    return starts


def _tail(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            start = max(0, file.tell() - _LOG_BYTES_MAX)
            file.seek(start)
            lines = file.read(_LOG_BYTES_MAX).decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    # The first line of a part is itself a part.
    whole = lines[1:] if start else lines
    return [escape_controls(line, _LINE_LENGTH_MAX) for line in whole]
