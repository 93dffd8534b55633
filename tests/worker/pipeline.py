"""A pipeline for the tests of the worker: accept entries, write them, look at what is there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import msgspec

from aether_core.database.connection import connect
from aether_core.database.positions import settle_shard_count
from aether_core.settings import Settings
from aether_core.stream import contract
from aether_core.stream.connection import load_functions, open_redis
from aether_core.stream.contract import shard_of
from aether_core.stream.incarnation import agree_on_incarnations
from aether_core.stream.publisher import Accepted, Redis, StreamPublisher, Submission
from aether_core.transaction import Transaction, encode_transaction, transaction_id
from aether_worker.process import make_writer, open_stores
from aether_worker.stores import Stores
from aether_worker.writer import Writer

DEADLINE_S = 30.0


def transaction(account: str = "a", minor_units: int = 1_000, **more: Any) -> Transaction:  # noqa: ANN401
    """An ordinary transaction."""
    ordinary = Transaction(
        user_id="u",
        account_id=account,
        minor_units=minor_units,
        currency="EUR",
        merchant="m",
        kind="purchase",
        occurred_at_us=1_700_000_000_000_000,
    )
    changed: Transaction = msgspec.structs.replace(ordinary, **more)
    return changed


class Pipeline:
    """The gateway's end of the stream, and a view of PostgreSQL."""

    def __init__(
        self,
        settings: Settings,
        redis: Redis,
        connection: asyncpg.Connection[asyncpg.Record],
        incarnations: dict[int, int],
    ) -> None:
        self.settings = settings
        self.redis = redis
        self.connection = connection
        self.incarnations = incarnations
        self._publisher = StreamPublisher(redis, settings.stream)

    async def accept(self, *transactions: Transaction) -> list[str]:
        """Append, as a gateway does; return the ids in order."""
        return await self.accept_payloads(
            [(t.account_id, encode_transaction(t)) for t in transactions]
        )

    async def accept_payloads(self, payloads: list[tuple[str, bytes]]) -> list[str]:
        """Append whatever bytes; return the ids in order."""
        identifiers = []
        for account, payload in payloads:
            shard = shard_of(account, len(self.incarnations))
            outcomes = await self._publisher.append(
                {shard: [Submission(payload)]}, self.incarnations
            )
            (outcome,) = outcomes[shard]
            assert isinstance(outcome, Accepted)
            identifiers.append(str(transaction_id(*outcome.id, shard, outcome.incarnation)))
        return identifiers

    @contextlib.asynccontextmanager
    async def writer(self) -> AsyncIterator[Writer]:
        """A writer in this process, with connections of its own, not yet running."""
        async with open_stores(self.settings) as stores:
            yield await self.make_writer(stores)

    async def make_writer(self, stores: Stores) -> Writer:
        """A writer on these connections."""
        return await make_writer(stores, self.settings)

    async def write_everything(self) -> None:
        """Run a writer until the stream is empty."""
        async with self.writer() as writer:
            await run_until_empty(self, writer)

    async def backlog(self) -> int:
        """Entries in all streams."""
        lengths = [await self.redis.xlen(contract.stream_key(shard)) for shard in self.incarnations]
        return sum(lengths)

    async def rows(self) -> list[asyncpg.Record]:
        """All transactions in the order of their ids."""
        return list(await self.connection.fetch("SELECT * FROM transactions ORDER BY id"))

    async def column(self, statement: str) -> list[Any]:
        """The first column of an answer."""
        return [row[0] for row in await self.connection.fetch(statement)]

    async def close(self) -> None:
        """Give everything back."""
        await self._publisher.close()
        await self.redis.aclose()
        await self.connection.close()


async def run_until_empty(pipeline: Pipeline, writer: Writer) -> None:
    """Run a writer until all streams are empty, then stop it."""
    stop = asyncio.Event()
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:
        group.create_task(writer.run(stop))
        while await pipeline.backlog():  # noqa: ASYNC110 - Valkey has no event for it
            await asyncio.sleep(0.005)
        stop.set()


async def open_pipeline(settings: Settings) -> Pipeline:
    """Agree on the shards and open the gateway's end."""
    assert settings.database_url is not None
    assert settings.redis_url is not None
    connection = await connect(
        settings.database_url.get_secret_value(), statement_timeout_s=10, name="test"
    )
    redis = open_redis(settings.redis_url.get_secret_value(), timeout_s=5)
    await load_functions(redis)
    count = await settle_shard_count(connection, settings.stream.shard_count, 8)
    incarnations = await agree_on_incarnations(redis, connection, count, settings.stream)
    return Pipeline(settings, redis, connection, incarnations)
