"""Valkey's append-only file: what a power cut leaves of it, cut anywhere, copied and put back.

The kernel keeps what a killed process wrote; a power cut loses what was not fsynced. That is
emulated by cutting the file's tail to what the server's own `appendfsync` guarantees at that
moment: with `always` everything up to the last answer, with `everysec` what is two seconds old,
with `no` what was there when the watch began.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from tests.conftest import ValkeyServer
from tests.faults.proxy import Link
from tests.faults.wire import Message, Side
from tests.running import wait_until

_EVERYSEC_S = 2.0


def append_only_directory(valkey: ValkeyServer) -> Path:
    """Return where the append-only files and their manifest are."""
    return valkey.home / "valkey" / "appendonlydir"


def current_file(valkey: ValkeyServer) -> Path:
    """Return the file that is being appended to: the manifest's last."""
    (manifest,) = append_only_directory(valkey).glob("*.manifest")
    name = manifest.read_text().splitlines()[-1].split()[1]
    return manifest.parent / name


def cut_to(valkey: ValkeyServer, size: int) -> None:
    """Cut the tail of a stopped server's file."""
    os.truncate(current_file(valkey), size)


def lose_everything(valkey: ValkeyServer) -> None:
    """Remove a stopped server's data."""
    shutil.rmtree(append_only_directory(valkey))


def copy_data(valkey: ValkeyServer, to: Path) -> None:
    """Copy a running server's data: a backup as somebody might take it."""
    shutil.copytree(append_only_directory(valkey), to)


def put_back(valkey: ValkeyServer, backup: Path) -> None:
    """Replace a stopped server's data by a copy."""
    lose_everything(valkey)
    shutil.copytree(backup, append_only_directory(valkey))


class PowerWatch:
    """Notes how long the file was at every answer, to know what a power cut would leave."""

    def __init__(self, valkey: ValkeyServer, links: list[Link]) -> None:
        self._valkey = valkey
        self._links = links
        self._file = current_file(valkey)
        self._sizes = [(time.monotonic(), self._file.stat().st_size)]
        for link in links:
            link.watcher = self._note

    def cut_power(self, appendfsync: str) -> int:
        """Kill the server and cut what it had not made durable; return the bytes lost."""
        self._valkey.kill()
        # Answers that it had sent are still on their way.
        wait_until(lambda: not any(link.is_answered for link in self._links), "their end")
        for link in self._links:
            link.watcher = None
        kept = self._durable(appendfsync)
        lost = self._file.stat().st_size - kept
        cut_to(self._valkey, kept)
        return lost

    def _note(self, side: Side, _message: Message) -> None:
        if side is Side.REPLY:
            self._sizes.append((time.monotonic(), self._file.stat().st_size))

    def _durable(self, appendfsync: str) -> int:
        if appendfsync == "always":
            return self._sizes[-1][1]
        if appendfsync == "everysec":
            until = time.monotonic() - _EVERYSEC_S
            return max(size for at, size in [self._sizes[0], *self._sizes] if at <= until)
        return self._sizes[0][1]
