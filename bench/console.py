"""The console in a terminal of its own, while transactions come in: keys, news, processor, bytes.

`aether tui` runs in a pseudo-terminal of 120 by 40 on the same machine, on its screen Transactions.
A key counts from its press to the first bytes of what it shows, a transaction from the answer to
its submission to the bytes of its merchant. Bytes are what a slow line would have to carry.

However many transactions are written, a writer shows 200 a second of them: a day of a busy system
is some 17 million events. For its memory ten million are put into the feed fifty times as fast.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import random
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
from uuid import UUID

import msgspec
import psutil

from aether_core.stream.connection import open_redis
from aether_core.stream.feed import FeedEvent, follow, newest_id, publish
from aether_core.stream.publisher import Redis
from bench.installation import Installation, installation
from bench.load import Connection, quantile, send_steadily
from bench.processes import memory_mb
from bench.results import Result, at_most

RATES = (10, 1_000, 20_000)
"""Transactions a second; the last is nearly all that two cores write, the console beside it."""

_SINGLE_MAX = 1_000
_LINES = 200
"""Faster than `_SINGLE_MAX` they come so many a request."""

_SIZE = (40, 120)
_SECONDS = 20.0
_SAMPLES = 40
_PATIENCE_S = 30.0
_ANSWER_MS_MAX = 50.0
_EVENT_MS_MAX = 100.0
_CORE_MAX = 0.25
_KILOBYTES_MAX = 30.0
"""A second: a quarter of a line of 1 Mbit/s."""

KEYS = {
    "key": ("?", b"Open the screen Overview", "\x1b"),
    "screen": ("1", b"Load and forecast", "2"),
    "row": ("\r", b"Detail", "\x1bG"),
}
"""The help over the feed, another screen, the newest row described beside the feed: what is
pressed, what it shows, and what goes back to the feed."""

_FEED_PER_S = 10_000
_FEED_FIRST = 100_000
"""Events until the console's lists and caches are full."""
_FEED_COUNT = 10_000_000
_FEED_PART_S = 0.1
_FLAT = 1.1


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


def run_memory() -> list[Result]:
    """Measure soak_console: the console's after ten million events against a hundred thousand."""
    with installation() as aether:
        token = aether.service_token()
        with _console(aether) as drawn:
            first, last = asyncio.run(_flood_feed(aether, token, drawn.process.pid))
    return [at_most("soak_console", last, "MB", _FLAT, first)]


async def _flood_feed(aether: Installation, token: str, pid: int) -> tuple[float, float]:
    """Put events like a writer's into the feed; return what the console takes early and late."""
    redis = open_redis(aether.redis_url, timeout_s=10)
    try:
        example = await _example(aether, token, redis)
        first = 0.0
        sent, part = 0, int(_FEED_PER_S * _FEED_PART_S)
        started = time.monotonic()
        while sent < _FEED_COUNT:
            await publish(redis, _like(example, part), length_max=20_000)
            sent += part
            if sent == _FEED_FIRST:
                first = memory_mb(pid)
            await asyncio.sleep(max(0.0, started + sent / _FEED_PER_S - time.monotonic()))
        return first, memory_mb(pid)
    finally:
        await redis.aclose()


async def _example(aether: Installation, token: str, redis: Redis) -> FeedEvent:
    """Submit a transaction; return its event."""
    last = await newest_id(redis)
    with aether.http(token) as http:
        http.post(
            "/transactions/",
            json={"amount": "12.50", "currency": "EUR", "merchant": "m", "account_id": "acc-m"},
        ).raise_for_status()
    while True:
        for event in await follow(redis, last, block_ms=500):
            last = event.id
            if event.kind == "transaction":
                return event


def _like(example: FeedEvent, count: int) -> Iterator[FeedEvent]:
    """Yield events of further transactions."""
    view = msgspec.json.decode(example.data)
    for _ in range(count):
        name = secrets.token_hex(4)
        # Ids begin with the time: the console keeps what it holds in their order.
        view["id"] = str(
            UUID(int=(time.time_ns() // 1_000_000 << 80) | 7 << 76 | secrets.randbits(62))
        )
        view["merchant"] = view["account_id"] = name
        yield FeedEvent("transaction", name, msgspec.json.encode(view))


async def _measure(aether: Installation, token: str, drawn: Drawn, rate: int) -> list[Result]:
    lines = 1 if rate <= _SINGLE_MAX else _LINES
    load = asyncio.create_task(
        send_steadily(
            aether.port,
            token,
            per_second=rate // lines,
            seconds=_SECONDS + 3 * _SAMPLES + 10,
            lines=lines,
        )
    )
    await asyncio.sleep(3)  # caches and the first screenful
    process = psutil.Process(drawn.process.pid)
    began, before, bytes_before = time.monotonic(), _seconds_of(process), drawn.count
    await asyncio.sleep(_SECONDS)
    seconds = time.monotonic() - began
    share = (_seconds_of(process) - before) / seconds
    kilobytes = (drawn.count - bytes_before) / 1024 / seconds
    pressed = await asyncio.to_thread(_press_keys, drawn)
    results = [
        *(
            at_most(f"console_{kind}_{rate}", quantile(times, 0.95), "ms", _ANSWER_MS_MAX)
            for kind, times in pressed.items()
        ),
        at_most(f"console_core_{rate}", share, "cores", _CORE_MAX),
        at_most(f"console_drawn_{rate}", kilobytes, "kB/s", _KILOBYTES_MAX),
    ]
    if rate == min(RATES):  # at the others the feed is a sample
        events = await _send_marked(aether, token, drawn)
        results.append(at_most("console_event", quantile(events, 0.95), "ms", _EVENT_MS_MAX))
    load.cancel()
    await asyncio.gather(load, return_exceptions=True)
    return results


def _press_keys(drawn: Drawn) -> dict[str, list[float]]:
    """Press each of the keys and go back, in turns; return each one's milliseconds until drawn."""
    found: dict[str, list[float]] = {kind: [] for kind in KEYS}
    for _ in range(_SAMPLES):
        for kind, (key, text, back) in KEYS.items():
            pressed = time.monotonic()
            since = drawn.press(key)
            found[kind].append(1000 * (drawn.wait(text, since) - pressed))
            for undo in back:
                _pause()  # Escape and a key right after it are one key
                drawn.press(undo)
            _pause()
    return found


def _pause() -> None:
    """Wait for as long as no rhythm of the console's has."""
    time.sleep(random.uniform(0.2, 0.5))  # noqa: S311 - no secret


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
