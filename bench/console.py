"""The console in a terminal of its own, while transactions come in: keys, news, processor, bytes.

`aether tui` runs in a pseudo-terminal of 120 by 40 on the same machine, on its screen Transactions.
A key counts from its press to the first bytes of what it shows; a transaction from the answer to
its submission to the bytes of its merchant. Bytes are what a slow line would have to carry.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import secrets
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import msgspec
import psutil

from bench.installation import Installation, installation
from bench.load import Connection, quantile, send_steadily
from bench.results import Result, at_most

RATES = (10, 1_000)
"""Transactions a second. More than the machine takes beside the console shows nothing of it."""

_SIZE = (40, 120)
_SECONDS = 20.0
_SAMPLES = 20
_PATIENCE_S = 30.0
_KEY_MS_MAX = 50.0
_EVENT_MS_MAX = 100.0
_CORE_MAX = 0.25
_KILOBYTES_MAX = 30.0
"""A second: a quarter of a line of 1 Mbit/s."""

_HELP = b"Open the screen Overview"


@dataclass(slots=True)
class Drawn:
    """What a program has written to its terminal."""

    process: subprocess.Popen[bytes]
    descriptor: int
    _bytes: bytearray = field(default_factory=bytearray)
    _news: threading.Condition = field(default_factory=threading.Condition)

    def follow(self) -> None:
        """Collect until the terminal is gone. In a thread of its own."""
        while True:
            try:
                data = os.read(self.descriptor, 65_536)
            except OSError:
                return
            if not data:
                return
            with self._news:
                self._bytes += data
                self._news.notify_all()

    @property
    def count(self) -> int:
        """Bytes so far."""
        return len(self._bytes)

    def press(self, keys: str) -> int:
        """Press keys; return how much had been written before."""
        before = self.count
        os.write(self.descriptor, keys.encode())
        return before

    def wait(self, text: bytes, since: int = 0) -> float:
        """Wait for a text; return when it came (`time.monotonic`)."""
        end = time.monotonic() + _PATIENCE_S
        with self._news:
            while self._bytes.find(text, since) < 0:
                if not self._news.wait(end - time.monotonic()):
                    raise TimeoutError(f"{text!r} was never drawn")
        return time.monotonic()


def run() -> list[Result]:
    """Measure console_*."""
    results = []
    with installation() as aether:
        token = aether.service_token()
        with _console(aether) as drawn:
            for rate in RATES:
                results += asyncio.run(_measure(aether, token, drawn, rate))
    return results


async def _measure(aether: Installation, token: str, drawn: Drawn, rate: int) -> list[Result]:
    load = asyncio.create_task(
        send_steadily(aether.port, token, per_second=rate, seconds=2 * _SECONDS + 10)
    )
    await asyncio.sleep(3)  # caches and the first screenful
    process = psutil.Process(drawn.process.pid)
    began, before, bytes_before = time.monotonic(), _seconds_of(process), drawn.count
    await asyncio.sleep(_SECONDS)
    seconds = time.monotonic() - began
    share = (_seconds_of(process) - before) / seconds
    kilobytes = (drawn.count - bytes_before) / 1024 / seconds
    keys = await asyncio.to_thread(_press_keys, drawn)
    results = [
        at_most(f"console_key_{rate}", quantile(keys, 0.95), "ms", _KEY_MS_MAX),
        at_most(f"console_core_{rate}", share, "cores", _CORE_MAX),
        at_most(f"console_drawn_{rate}", kilobytes, "kB/s", _KILOBYTES_MAX),
    ]
    if rate == min(RATES):  # at the others the feed is a sample
        events = await _send_marked(aether, token, drawn)
        results.append(at_most("console_event", quantile(events, 0.95), "ms", _EVENT_MS_MAX))
    load.cancel()
    await asyncio.gather(load, return_exceptions=True)
    return results


def _press_keys(drawn: Drawn) -> list[float]:
    """Open and close the help; return the milliseconds until it was drawn."""
    found = []
    for _ in range(_SAMPLES):
        pressed = time.monotonic()
        since = drawn.press("?")
        found.append(1000 * (drawn.wait(_HELP, since) - pressed))
        drawn.press("\x1b")
        time.sleep(0.5)
    return found


async def _send_marked(aether: Installation, token: str, drawn: Drawn) -> list[float]:
    """Submit transactions of merchants of their own; return the milliseconds until drawn."""
    found = []
    async with Connection(aether.port, token) as connection:
        for _ in range(_SAMPLES):
            merchant = f"m{secrets.token_hex(4)}"
            body = {"amount": "12.50", "currency": "EUR", "merchant": merchant,
                    "account_id": f"acc-{merchant}"}  # fmt: skip
            since = drawn.count
            status, _ = await connection.request(
                "POST", "/transactions/", msgspec.json.encode(body),
                "Content-Type: application/json\r\n",
            )  # fmt: skip
            answered = time.monotonic()
            if status != 201:
                raise RuntimeError(f"refused: {status}")
            at = await asyncio.to_thread(drawn.wait, merchant.encode(), since)
            found.append(max(0.0, 1000 * (at - answered)))
    return found


def _seconds_of(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def _console(aether: Installation) -> Iterator[Drawn]:
    """Sign an operator in and show the screen Transactions."""
    email, password = "bench@example.com", secrets.token_hex(12)
    aether.aether("user", "add", email, "--role", "operator", "--password-stdin", text=password)
    main, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *_SIZE, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in {"NO_COLOR", "COLUMNS", "LINES"}}
    process = subprocess.Popen(
        [
            sys.executable, "-m", "aether_cli", "tui",
            "--url", aether.base_url, "--email", email,
        ],
        stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
        env=environment | {"TERM": "xterm-256color", "HOME": str(aether.home)},
    )  # fmt: skip
    os.close(terminal)
    drawn = Drawn(process, main)
    follower = threading.Thread(target=drawn.follow, daemon=True)
    follower.start()
    try:
        drawn.wait(b"password")
        time.sleep(1)
        drawn.press(password)
        time.sleep(1)
        drawn.press("\r")
        drawn.wait(b"LIVE")
        drawn.press("2")
        time.sleep(1)
        yield drawn
    finally:
        process.terminate()
        process.wait(10)
        os.close(main)
        follower.join(10)
