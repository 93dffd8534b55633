"""Replaying: the lines of a payment file through the gateway's HTTP interface.

In:   the rows of a file, in its order.
Out:  each one accepted, or refused with its reason; counts, latencies and what is written of it.

Accounts are shared out to lanes. A lane has one request under way at a time and repeats what was
not accepted before it sends more, so that an account's payments are accepted in the file's order.
A row's idempotency key is made of the file's content and its line: whatever is sent twice, by a
retry or by a second run, is accepted once.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from aether_cli.traffic.gateway_client import GatewayClient, Problem, read_problem
from aether_cli.traffic.http_connection import Connection
from aether_cli.traffic.payment_files import Malformed, Row, instant_of
from aether_core.errors import InvalidInput
from aether_core.transaction import place_of

BATCH_SIZE: Final = 200
"""Rows of one request: the gateway takes so many in one piece, so their order is kept."""

_HEADERS: Final = {"Content-Type": "application/x-ndjson", "Accept": "application/x-ndjson"}


class _Item(msgspec.Struct, frozen=True):
    account_id: str
    merchant: str
    amount: str
    currency: str
    occurred_at: str
    idempotency_key: str


class _Result(msgspec.Struct, frozen=True):
    id: UUID | None = None
    replayed: bool = False
    problem: Problem | None = None


_encode_lines = msgspec.json.Encoder().encode_lines
_decode_lines = msgspec.json.Decoder(_Result).decode_lines


@dataclass(slots=True)
class ShardTally:
    """What one shard took: how many, the first and the last of them."""

    count: int
    first: UUID
    last: UUID


@dataclass(slots=True)
class Tally:
    """What became of the rows so far."""

    accepted: int = 0
    replayed: int = 0
    refused: int = 0
    shards: dict[int, ShardTally] = field(default_factory=dict)
    latencies_s: list[float] = field(default_factory=list)
    """Of each request, from its first byte to its answer."""

    def take(self, result: _Result) -> None:
        """Count a row that is in the stream."""
        assert result.id is not None  # noqa: S101 - the caller looked
        if result.replayed:
            self.replayed += 1
        else:
            self.accepted += 1
        place = place_of(result.id)
        shard = -1 if place is None else place.shard
        known = self.shards.get(shard)
        if known is None:
            self.shards[shard] = ShardTally(1, result.id, result.id)
            return
        known.count += 1
        known.first = min(known.first, result.id)
        known.last = max(known.last, result.id)

    def latency_ms(self, quantile: float) -> float | None:
        """Return a quantile of the requests' latency; None before the first one."""
        if not self.latencies_s:
            return None
        ordered = sorted(self.latencies_s)
        return 1000 * ordered[min(len(ordered) - 1, int(quantile * len(ordered)))]


@dataclass(frozen=True, slots=True)
class Replay:
    """One file's way through a gateway.

    digest: names the file's content. speed: how much faster than it happened; None: as fast as
    it is taken. on_refused, on_done: told of refused lines, and of how many lines are settled.
    """

    gateway: GatewayClient
    digest: str
    lane_count: int
    speed: float | None
    tally: Tally
    on_refused: Callable[[Row | Malformed, str], None]
    on_done: Callable[[int], None]

    async def run(self, rows: Iterable[Row | Malformed]) -> None:
        """Send all rows; returns when the outcome of each is known. Raises AetherError."""
        queues: list[asyncio.Queue[Row | None]] = [
            asyncio.Queue(2 * BATCH_SIZE) for _ in range(self.lane_count)
        ]
        try:
            async with asyncio.TaskGroup() as group:
                for number, queue in enumerate(queues):
                    group.create_task(self._send_lane(queue), name=f"lane {number}")
                await self._share_out(rows, queues)
        except BaseExceptionGroup as errors:
            # The first failure ended them all; the others only say that they were cancelled.
            raise errors.exceptions[0] from None

    async def _share_out(
        self, rows: Iterable[Row | Malformed], queues: list[asyncio.Queue[Row | None]]
    ) -> None:
        """Give each row to its account's lane, when its time has come."""
        pace = None if self.speed is None else _Pace(self.speed)
        for row in rows:
            if isinstance(row, Malformed):
                self._refuse(row, row.reason)
                continue
            if pace is not None:
                await pace.wait(instant_of(row))
            await queues[zlib.crc32(row.account_id.encode()) % len(queues)].put(row)
        for queue in queues:
            await queue.put(None)

    async def _send_lane(self, queue: asyncio.Queue[Row | None]) -> None:
        connection = self.gateway.connection()
        try:
            async for batch in _batches(queue):
                attempt, left = 0, batch
                while left := await self._send(connection, left, attempt):
                    attempt += 1
        finally:
            connection.close()

    async def _send(self, connection: Connection, batch: list[Row], attempt: int) -> list[Row]:
        """Send a batch; return what must be sent again."""
        body = _encode_lines(
            [
                _Item(
                    account_id=row.account_id,
                    merchant=row.merchant,
                    amount=row.amount,
                    currency=row.currency,
                    occurred_at=row.occurred_at,
                    idempotency_key=f"{self.digest}:{row.number}",
                )
                for row in batch
            ]
        )
        began = time.perf_counter()
        answer = await self.gateway.request(
            connection, "POST", "/transactions/bulk", _HEADERS, body
        )
        if answer.status != 200:
            raise InvalidInput("file", f"The gateway takes no lines: {read_problem(answer).reason}")
        self.tally.latencies_s.append(time.perf_counter() - began)
        left: list[Row] = []
        trouble = ""
        # After the rows' results comes a line that sums them up.
        for row, result in zip(batch, _decode_lines(answer.body)[:-1], strict=True):
            if result.problem is None:
                self.tally.take(result)
            elif result.problem.status >= 500 or result.problem.status == 429:
                left.append(row)
                trouble = result.problem.reason
            else:
                self._refuse(row, result.problem.reason)
        self.on_done(len(batch) - len(left))
        if left:
            await self.gateway.pause(attempt, trouble, 1.0)
        return left

    def _refuse(self, row: Row | Malformed, reason: str) -> None:
        self.tally.refused += 1
        self.on_refused(row, reason)
        if isinstance(row, Malformed):
            self.on_done(1)


async def _batches(queue: asyncio.Queue[Row | None]) -> AsyncIterator[list[Row]]:
    """Yield what is there, up to a batch, as soon as there is anything; until the None."""
    is_open = True
    while is_open:
        batch: list[Row] = []
        row = await queue.get()
        while row is not None:
            batch.append(row)
            if len(batch) == BATCH_SIZE or queue.empty():
                break
            row = queue.get_nowait()
        is_open = row is not None
        if batch:
            yield batch


class _Pace:
    """Lets rows pass as they happened, `speed` times as fast."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._first: datetime | None = None
        self._began = 0.0

    async def wait(self, occurred_at: datetime | None) -> None:
        """Wait until something that happened then is due; without an instant, not at all."""
        if occurred_at is None:
            return
        if self._first is None:
            self._first, self._began = occurred_at, time.monotonic()
        due = self._began + (occurred_at - self._first).total_seconds() / self._speed
        pause = due - time.monotonic()
        if pause > 0:
            await asyncio.sleep(pause)
