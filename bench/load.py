"""Load: keep-alive connections that cost almost nothing, so that the server is what is measured.

Only what the gateway answers with is understood: HTTP/1.1 with a Content-Length, or in chunks.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import msgspec


@dataclass(slots=True)
class Connection:
    """One connection; one request at a time."""

    port: int
    token: str
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(
            "127.0.0.1", self.port, limit=64 * 1024 * 1024
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._writer is not None
        self._writer.close()

    async def request(
        self, method: str, path: str, body: bytes = b"", headers: str = ""
    ) -> tuple[int, bytes]:
        """Send a request; return status and body."""
        assert self._reader is not None
        assert self._writer is not None
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {self.token}\r\n"
            f"{headers}Content-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        status = int(answer[9:12])
        fields = answer.lower()
        if b"transfer-encoding:" in fields:
            return status, b"".join([chunk async for chunk in self._chunks(self._reader)])
        length = int(fields.partition(b"content-length:")[2].partition(b"\r\n")[0])
        return status, await self._reader.readexactly(length)

    @staticmethod
    async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
        while size := int(await reader.readline(), 16):
            yield await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)


@dataclass(slots=True)
class Sent:
    """What became of a load."""

    accepted: int = 0
    refused: int = 0
    latencies_ms: list[float] = field(default_factory=list)
    seconds: float = 0.0


_encode = msgspec.json.Encoder().encode
_TYPE_JSON = "Content-Type: application/json\r\n"
_TYPE_LINES = "Content-Type: application/x-ndjson\r\n"


def submission(chance: random.Random, account_count: int) -> dict[str, str]:
    """Return an ordinary submission."""
    return {
        "amount": f"{chance.randrange(1, 200)}.{chance.randrange(100):02d}",
        "currency": "EUR",
        "merchant": f"merchant {chance.randrange(500)}",
        "account_id": f"account-{chance.randrange(account_count)}",
    }


async def send_steadily(
    port: int,
    token: str,
    *,
    per_second: int,
    seconds: float,
    connection_count: int = 32,
    lines: int = 1,
) -> Sent:
    """Send requests at a fixed rate; latencies count from when each was due.

    lines: 1 for single submissions, otherwise bulk requests of so many. per_second: requests.
    """
    sent = Sent()
    chance = random.Random(7)  # noqa: S311 - a benchmark
    run = os.urandom(4).hex()
    queue: asyncio.Queue[tuple[float, int] | None] = asyncio.Queue()

    async def lane() -> None:
        async with Connection(port, token) as connection:
            while (due := await queue.get()) is not None:
                at, number = due
                if lines == 1:
                    body = _encode(submission(chance, 10_000))
                    headers = f"{_TYPE_JSON}Idempotency-Key: {run}-{number}\r\n"
                    status, _ = await connection.request("POST", "/transactions/", body, headers)
                    refused = int(status != 201)
                else:
                    keyed = (
                        submission(chance, 10_000) | {"idempotency_key": f"{run}-{number}-{line}"}
                        for line in range(lines)
                    )
                    refused = await _send_lines(
                        connection, b"".join(_encode(one) + b"\n" for one in keyed)
                    )
                sent.latencies_ms.append((time.perf_counter() - at) * 1000)
                sent.refused += refused
                sent.accepted += lines - refused

    async with asyncio.TaskGroup() as group:
        for _ in range(connection_count):
            group.create_task(lane())
        began = time.perf_counter()
        for number in range(int(per_second * seconds)):
            due = began + number / per_second
            pause = due - time.perf_counter()
            if pause > 0.001:
                await asyncio.sleep(pause)
            queue.put_nowait((due, number))
        for _ in range(connection_count):
            queue.put_nowait(None)
    sent.seconds = time.perf_counter() - began
    return sent


def bulk_bodies(count: int, size: int, account_count: int) -> list[bytes]:
    """Return the bodies of bulk requests of `size` lines, `count` lines in all."""
    chance = random.Random(7)  # noqa: S311 - a benchmark
    run = os.urandom(4).hex()
    lines = [
        msgspec.json.encode(
            submission(chance, account_count) | {"idempotency_key": f"{run}-{number}"}
        )
        for number in range(count)
    ]
    return [b"\n".join(lines[at : at + size]) + b"\n" for at in range(0, count, size)]


async def _send_lines(connection: Connection, body: bytes) -> int:
    """Send one bulk request; return how many of its lines were refused."""
    status, answer = await connection.request("POST", "/transactions/bulk", body, _TYPE_LINES)
    return body.count(b"\n") if status != 200 else answer.count(b'"problem"')


async def send_bulk(port: int, token: str, bodies: list[bytes], connection_count: int = 3) -> Sent:
    """Send bulk requests as fast as they are taken."""
    sent = Sent()
    waiting = list(reversed(bodies))

    async def lane() -> None:
        async with Connection(port, token) as connection:
            while waiting:
                body = waiting.pop()
                refused = await _send_lines(connection, body)
                sent.refused += refused
                sent.accepted += body.count(b"\n") - refused

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(connection_count):
            group.create_task(lane())
    sent.seconds = time.perf_counter() - began
    return sent


def quantile(values: list[float], share: float) -> float:
    """Return a quantile of some values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
