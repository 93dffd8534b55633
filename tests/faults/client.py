"""Clients of the gateway: a load of many orders, over connections of their own.

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

from tests.faults import bulk
from tests.faults.history import Acked, Answer, History, Order, Outcome, Refused, Unknown
from tests.faults.http import BrokenOff, Connection

_FINISH_S = 60.0


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
    bulk: float = 0.0
    """Of all requests: those that bring up to 30 orders, some as all or none."""
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

    async def submit_together(self, orders: list[Order], gateway: int = 0) -> None:
        """Send orders without keys in one request, to be taken all or none."""
        self._history.groups.append(orders)
        connection = Connection(*self._gateways[gateway])
        try:
            await self._attempt_bulk(orders, connection, bulk.PATH_ATOMIC)
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
                        serve = (
                            self._serve_bulk if self._random.random() < mix.bulk else self._serve
                        )
                        task = group.create_task(serve(mix, lane))
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

    async def _serve_bulk(self, mix: Mix, lane: list[Connection]) -> None:
        """Send several orders in one request; what is not acknowledged is sent again alone."""
        rng = self._random
        connection = rng.choice(lane)
        if rng.random() < 0.3:
            # Without keys they are never sent again: all of them come to be, or none.
            alone = replace(mix, invalid=0, keyless=1)
            orders = [self.make_order(alone) for _ in range(rng.randint(2, 30))]
            self._history.groups.append(orders)
            await self._attempt_bulk(orders, connection, bulk.PATH_ATOMIC)
            return
        orders = [self.make_order(mix) for _ in range(rng.randint(1, 30))]
        keyed = [order for order in orders if order.key is not None]
        orders += [order for order in keyed if rng.random() < mix.duplicate]
        await self._attempt_bulk(orders, connection, bulk.PATH)
        for order in keyed:
            if rng.random() < mix.abandoned:
                self._open.pop(order.name, None)

    async def _attempt_bulk(self, orders: list[Order], connection: Connection, path: str) -> None:
        self._open |= {order.name: order for order in orders if order.key is not None}
        body = bulk.body_of(orders)
        try:
            answer = await connection.request(
                "POST", path, self.token, body, media_type=bulk.MEDIA_TYPE
            )
        except BrokenOff as error:
            answer = error.answer
        except (OSError, TimeoutError, ValueError) as error:
            for order in orders:
                self._history.add(order, Unknown(type(error).__name__))
            return
        for order, outcome in zip(
            orders, bulk.note_results(self._history, orders, answer), strict=True
        ):
            if isinstance(outcome, Acked | Refused):
                self._open.pop(order.name, None)

    async def _serve(self, mix: Mix, lane: list[Connection]) -> None:
        """See one order through, as a client would."""
        rng = self._random
        order = self.make_order(mix)
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
