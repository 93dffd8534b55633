"""Clients of the gateway: HTTP/1.1 over a connection of their own, and a load of many orders.

In:   orders, from a test or made at random from a seed.
Out:  attempts in the history. An order is sent again under its key after an unknown outcome, now
      or when all has healed; one without a key never.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from tests.faults.history import Acked, Answer, History, Order, Outcome, Refused, Unknown

_REQUEST_S = 8.0
_FINISH_S = 60.0


class Connection:
    """One HTTP connection, opened when it is first used and again after it broke."""

    def __init__(self, host: str, port: int, *, is_kept: bool = True) -> None:
        """is_kept: whether it serves several requests."""
        self._host = host
        self._port = port
        self._is_kept = is_kept
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def request(
        self, method: str, path: str, token: str, body: bytes = b"", key: str | None = None
    ) -> Answer:
        """Send a request and read its answer. Raises OSError, TimeoutError."""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
            f"Authorization: Bearer {token}\r\n"
        )
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        if key is not None:
            head += f"Idempotency-Key: {key}\r\n"
        try:
            async with asyncio.timeout(_REQUEST_S):
                if self._streams is None:
                    self._streams = await asyncio.open_connection(self._host, self._port)
                reader, writer = self._streams
                writer.write(head.encode() + b"\r\n" + body)
                await writer.drain()
                answer = await read_answer(reader)
        except BaseException:
            self.close()
            raise
        if not self._is_kept or answer.headers.get(b"connection") == b"close":
            self.close()
        return answer

    def close(self) -> None:
        """Break it off."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


async def read_head(reader: asyncio.StreamReader) -> Answer:
    """Read status and headers. Raises OSError when the connection ends before."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        raise ConnectionResetError("the connection ended before its answer") from error
    first, *lines = head[:-4].split(b"\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(b":")
        headers[name.lower()] = value.strip()
    return Answer(int(first.split(b" ")[1]), headers, b"")


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """Read a whole answer that says how long it is. Raises OSError when it is cut off."""
    answer = await read_head(reader)
    try:
        answer.body = await reader.readexactly(int(answer.headers.get(b"content-length", b"0")))
    except asyncio.IncompleteReadError as error:
        raise ConnectionResetError("the connection ended inside its answer") from error
    return answer


@dataclass(frozen=True, slots=True)
class Mix:
    """What a load is made of: shares of all orders, 0 to 1."""

    keyless: float = 0.1
    invalid: float = 0.02
    duplicate: float = 0.05
    """Sent twice at the same time, through different gateways."""
    abandoned: float = 0.1
    """Never sent again, whatever the outcome."""
    repeated_later: float = 0.03
    """Sent again after it was acknowledged."""
    outliers: float = 0.04
    """Amounts that must raise alerts."""
    account_count: int = 200
    now: float = 0.1
    """Without a moment of their own, so that they happen as they are accepted. Of few accounts
    many such orders are a burst, and most of all that follows is flagged."""


class Clients:
    """Everybody who sends orders to a system's gateways. Its methods run on the stage."""

    def __init__(self, gateways: list[tuple[str, int]], history: History, seed: int) -> None:
        self.token = ""
        self._gateways = gateways
        self._history = history
        self._random = random.Random(seed)  # noqa: S311 - repeatable
        self._seed = seed
        self._count = 0
        self._open: dict[str, Order] = {}
        """Orders with a key that are not acknowledged yet."""
        self._acked: deque[Order] = deque(maxlen=2_000)
        self._single = [Connection(*gateway, is_kept=False) for gateway in gateways]

    def reseed(self, seed: int) -> None:
        """Make the orders that follow from another seed."""
        self._random = random.Random(seed)  # noqa: S311 - repeatable

    def make_order(self, mix: Mix | None = None, **changes: object) -> Order:
        """Make the next order at random."""
        mix = mix or Mix(keyless=0, invalid=0)
        rng = self._random
        self._count += 1
        name = f"{self._seed}-{self._count}"
        number = rng.randrange(mix.account_count)
        currency, decimals = (("EUR", 2), ("JPY", 0), ("KWD", 3))[number % 3]
        units = max(1, int(rng.lognormvariate(8, 0.4)))
        if rng.random() < mix.outliers:
            units *= 5_000
        amount = f"{units}" if decimals == 0 else f"{units / 10**decimals:.{decimals}f}"
        occurred_at = None
        if rng.random() >= mix.now:
            ago = timedelta(seconds=rng.randrange(30 * 24 * 3600))
            occurred_at = (datetime.now(UTC) - ago).isoformat()
        order = Order(
            name=name,
            key=None if rng.random() < mix.keyless else f"key-{name}",
            account_id=f"account-{number}",
            amount=amount,
            currency=currency,
            merchant=rng.choice(("Bäckerei Ω", "Café 日本", "Shop 24", "Airline")),
            occurred_at=occurred_at,
        )
        if rng.random() < mix.invalid:
            order = replace(order, amount="-1", is_valid=False)
        return replace(order, **changes)  # type: ignore[arg-type]

    async def submit(self, order: Order, gateway: int = 0, port: int | None = None) -> Outcome:
        """Send one order on a connection of its own; port: of a link before the gateway."""
        host, own_port = self._gateways[gateway]
        connection = Connection(host, port or own_port)
        try:
            return await self._attempt(order, connection)
        finally:
            connection.close()

    async def load(
        self, rate: float, mix: Mix, stop: asyncio.Event, port: int | None = None
    ) -> None:
        """Send about `rate` orders per second until stopped; then wait for those under way.

        port: where all gateways are reached, with a new connection for each request.
        """
        if port is None:
            free = [[Connection(*gateway) for gateway in self._gateways] for _ in range(64)]
        else:
            free = [[Connection("127.0.0.1", port, is_kept=False)] for _ in range(64)]
        connections = list(free)
        loop = asyncio.get_running_loop()
        due = loop.time()
        try:
            async with asyncio.TaskGroup() as group:
                while not stop.is_set():
                    due = max(due + self._random.expovariate(rate), loop.time() - 0.5)
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout_at(due):
                            await stop.wait()
                    if not stop.is_set() and free:
                        lane = free.pop()
                        task = group.create_task(self._serve(self.make_order(mix), mix, lane))
                        task.add_done_callback(_give_back(free, lane))
        finally:
            for lane in connections:
                for connection in lane:
                    connection.close()

    async def finish(self) -> list[Order]:
        """Send what is not acknowledged again under its key; return what could not be."""
        end = asyncio.get_running_loop().time() + _FINISH_S
        lanes = [[Connection(*gateway) for gateway in self._gateways] for _ in range(16)]
        orders = iter(list(self._open.values()))

        async def work(lane: list[Connection]) -> None:
            for order in orders:
                place = self._random.randrange(len(lane))
                while order.name in self._open and asyncio.get_running_loop().time() < end:
                    outcome = await self._attempt(order, lane[place])
                    if not isinstance(outcome, Acked | Refused):
                        place = (place + 1) % len(lane)
                        await asyncio.sleep(0.05)

        await asyncio.gather(*(work(lane) for lane in lanes))
        for lane in lanes:
            for connection in lane:
                connection.close()
        return list(self._open.values())

    async def repeat_some(self, count: int) -> list[Outcome]:
        """Send orders that were acknowledged before once more, under their keys."""
        known = [order for order in self._acked if order.key is not None]
        chosen = self._random.sample(known, min(count, len(known)))
        return [await self._attempt(order, self._random.choice(self._single)) for order in chosen]

    async def ask(self, path: str, token: str | None = None, gateway: int = 0) -> Answer:
        """GET something. Raises OSError, TimeoutError."""
        return await self._single[gateway].request("GET", path, token or self.token)

    async def _serve(self, order: Order, mix: Mix, lane: list[Connection]) -> None:
        """See one order through, as a client would."""
        rng = self._random
        place = rng.randrange(len(lane))
        if order.key is not None and rng.random() < mix.duplicate:
            outcomes = await asyncio.gather(
                *(self._attempt(order, connection) for connection in lane[:2])
            )
            outcome = next((o for o in outcomes if isinstance(o, Acked)), outcomes[0])
        else:
            outcome = await self._attempt(order, lane[place])
        if rng.random() < mix.abandoned:
            self._open.pop(order.name, None)
            return
        for _ in range(2):
            if isinstance(outcome, Acked | Refused) or order.key is None:
                break
            await asyncio.sleep(rng.uniform(0.01, 0.3))
            outcome = await self._attempt(order, rng.choice(lane))
        if order.key is not None and rng.random() < mix.repeated_later:
            await self._attempt(order, rng.choice(lane))

    async def _attempt(self, order: Order, connection: Connection) -> Outcome:
        if order.key is not None:
            self._open.setdefault(order.name, order)
        outcome: Outcome
        try:
            answer = await connection.request(
                "POST", "/transactions/", self.token, order.body, order.key
            )
        except (OSError, TimeoutError, ValueError) as error:
            outcome = Unknown(type(error).__name__)
            self._history.add(order, outcome)
        else:
            outcome = self._history.note_answer(order, answer)
        if isinstance(outcome, Acked | Refused):
            self._open.pop(order.name, None)
            if isinstance(outcome, Acked):
                self._acked.append(order)
        return outcome


def _give_back(
    free: list[list[Connection]], lane: list[Connection]
) -> Callable[[asyncio.Task[None]], None]:
    return lambda _task: free.append(lane)
