"""Starts what a benchmark compares with, and ends it by its id."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_DEADLINE_S = 30.0


def free_port() -> int:
    """Return a port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def python(module: str, *arguments: str, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `python -m module` for as long as the context lasts."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env=os.environ | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def held(pids: Iterable[int]) -> Iterator[None]:
    """Stop processes for a while, by SIGSTOP."""
    held_pids = list(pids)
    for pid in held_pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in held_pids:
            os.kill(pid, signal.SIGCONT)


def wait_for_port(port: int) -> None:
    """Wait until somebody listens."""
    end = time.monotonic() + _DEADLINE_S
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nobody listens on port {port}")


def memory_mb(pid: int) -> float:
    """Return a process's resident memory that is its own (proportional share), in megabytes."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} tells no memory")
