"""An installation as a whole: one command at a time, and nothing of it left when it ends.

`up` and `down` hold the operation lock while they work. What they end, they end by its id: through
supervisord when it lives, through the claims of the processes when it does not.
"""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from aether_cli.claims import Claim, find_claims, is_alive
from aether_cli.home import make_home
from aether_cli.postgres import socket_directory
from aether_cli.supervisor import find_supervisord
from aether_core.errors import CannotStart
from aether_core.settings import Settings
from aether_core.supervision import Supervisor

_OTHER_COMMAND_S_MAX = 300.0
# Longer than all stopwaitsecs of supervisord.conf, one group after the other.
_SHUTDOWN_S_MAX = 260.0
_KILLED_S_MAX = 10.0

# The order in which processes end, each with its signal and the seconds that it may take; the
# same as in supervisord.conf.
_ENDING: tuple[tuple[str, signal.Signals, float], ...] = (
    ("gateway", signal.SIGTERM, 30),
    ("forecaster", signal.SIGTERM, 30),
    ("writer", signal.SIGTERM, 45),
    ("migrate", signal.SIGTERM, 30),
    ("valkey", signal.SIGTERM, 30),
    ("postgres", signal.SIGINT, 60),
)


@contextmanager
def one_command_at_a_time(settings: Settings) -> Iterator[None]:
    """Hold the lock of `up` and `down`; wait while another one of them works.

    Raises CannotStart when AETHER_HOME is not usable or the other one takes minutes.
    """
    make_home(settings)
    path = settings.home / "lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + _OTHER_COMMAND_S_MAX
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise CannotStart(
                        f"Another `aether up` or `aether down` holds {path} for minutes; end it."
                    ) from error
                time.sleep(0.1)
        yield
    finally:
        os.close(descriptor)


def stop_everything(settings: Settings) -> list[str]:
    """End every process of the installation, in order.

    Returns the names of those that supervisord did not end: it was killed, or they were stuck.
    """
    pid = find_supervisord(settings)
    if pid is not None:
        supervisor = Supervisor(settings)
        if supervisor.is_reachable():
            supervisor.shut_down()
            _wait_for_end(pid, _SHUTDOWN_S_MAX)
        _end(pid, signal.SIGTERM, _KILLED_S_MAX)
    leftovers = end_leftovers(settings)
    for pattern in ("supervisor.sock*", "valkey.sock", "*.pid", "*.starts"):
        for path in settings.run_directory.glob(pattern):
            path.unlink(missing_ok=True)
    sockets = socket_directory(settings)
    if sockets.parent not in (settings.home, settings.run_directory):
        with suppress(OSError):
            sockets.rmdir()
    return leftovers


def end_leftovers(settings: Settings) -> list[str]:
    """End processes that no supervisord holds; return their names."""
    ended = []
    for group, number, patience_s in _ENDING:
        claims = [claim for claim in find_claims(settings) if _group(claim) == group]
        for claim in claims:
            with suppress(ProcessLookupError):
                os.kill(claim.pid, number)
        for claim in claims:
            _end(claim.pid, number, patience_s)
            ended.append(claim.name)
    return ended


def _group(claim: Claim) -> str:
    name, _, number = claim.name.rpartition("-")
    return name if number.isdigit() else claim.name


def _end(pid: int, number: signal.Signals, patience_s: float) -> None:
    """End a process kindly, or by force after its time."""
    for attempt in (number, signal.SIGKILL):
        if not is_alive(pid):
            return
        with suppress(ProcessLookupError):
            os.kill(pid, attempt)
        _wait_for_end(pid, patience_s)


def _wait_for_end(pid: int, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
