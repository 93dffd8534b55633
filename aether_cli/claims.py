"""Claims: which processes of an installation run, known without asking supervisord.

A named process claims its name by a lock on `run/NAME.pid` and holds it until it ends, so a
second copy refuses, and what a killed supervisord left behind is found and ended by its id.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from aether_cli.home import make_run_directory
from aether_core.errors import CannotStart
from aether_core.settings import Settings

# The children of a killed PostgreSQL hold its claim for a moment longer.
_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Claim:
    """A living process of this installation."""

    name: str
    pid: int


def claim_name(settings: Settings, name: str) -> None:
    """Claim a name until this process ends, whatever it becomes by exec.

    Raises CannotStart when another process holds the name.
    """
    path = _path(settings, name)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise CannotStart(
                    f"{name} of this installation runs already (process {path.read_text()}); "
                    "`aether down` ends it."
                ) from error
            time.sleep(0.1)
    os.set_inheritable(descriptor, True)
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()} {_started_at(os.getpid())}".encode())


def find_claims(settings: Settings) -> list[Claim]:
    """Return the living processes that hold a name, in the order of their names."""
    found = []
    for path in sorted(settings.run_directory.glob("*.pid")):
        with suppress(OSError, ValueError):
            pid_text, started_at = path.read_text().split()
            # The same id with another start is somebody else's process.
            if _started_at(int(pid_text)) == started_at:
                found.append(Claim(path.stem, int(pid_text)))
    return found


def is_alive(claim_pid: int) -> bool:
    """Whether this process exists and is more than a zombie."""
    with suppress(OSError, IndexError):
        return _stat_fields(claim_pid)[0] not in {"Z", "X"}
    return False


def _path(settings: Settings, name: str) -> Path:
    return make_run_directory(settings) / f"{name}.pid"


def _started_at(pid: int) -> str:
    """Return when a process started, in ticks since the machine's start; raises OSError."""
    fields = _stat_fields(pid)
    if fields[0] in {"Z", "X"}:
        raise ProcessLookupError(pid)
    return fields[19]


def _stat_fields(pid: int) -> list[str]:
    # man 5 proc: the name in parentheses may hold anything, the fields come after the last one.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
