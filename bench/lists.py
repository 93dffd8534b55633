"""Lists: newest page, a filtered page and one transaction, with few rows and with very many.

The rows are COPYed into databases of the benchmark's own, over two years of months, and asked
for through the functions that the gateway uses.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from statistics import median
from typing import Any
from uuid import UUID

import asyncpg

from aether_core.database import migrations
from aether_core.database.connection import connect
from aether_core.database.partitions import ensure_months
from aether_core.database.transactions import (
    ROW_COLUMNS,
    TransactionFilter,
    find_transaction,
    find_transactions,
)
from aether_core.transaction import transaction_id
from bench.installation import installation
from bench.load import quantile
from bench.results import Result, at_most

_SMALL = 100_000
_LARGE = 10_000_000
_OF_ACCOUNT = 100
"""Transactions of an account, in the small table and in the large one: the pages that are compared
are full in both."""
_PART = 50_000
_ROUNDS = 5
_WARM_UP = 100
_QUESTIONS = 2_000
"""Of each round."""
_SPAN_MS = 50 * 86_400_000


def run() -> list[Result]:
    """Measure list_growth: the median of rounds in which both tables are asked in turn."""
    with installation() as aether:
        return asyncio.run(_measure(aether.database_url))


async def _measure(database_url: str) -> list[Result]:
    small, large = [await _open(database_url, count) for count in (_SMALL, _LARGE)]
    try:
        # As in a server that runs for long: nothing of the filling waits to be written.
        await large.execute("CHECKPOINT")
        rounds = [
            (await _ask(small, _SMALL, seed), await _ask(large, _LARGE, seed))
            for seed in range(_ROUNDS)
        ]
    finally:
        await small.close()
        await large.close()
    of_small, of_large = (median(column) for column in zip(*rounds, strict=True))
    return [at_most("list_growth", of_large, "ms", 1.5, of_small)]


async def _open(database_url: str, count: int) -> asyncpg.Connection[Any]:
    """Make a database with so many transactions, and connect to it."""
    name = f"bench_lists_{count}"
    admin = await asyncpg.connect(database_url)
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    url = database_url.replace("/aether?", f"/{name}?")
    await asyncio.to_thread(migrations.upgrade, url)
    connection = await connect(url, statement_timeout_s=600, name="bench")
    await ensure_months(connection)
    await _fill(connection, count)
    return connection


def _row(number: int, now_ms: int, accounts: int = 1) -> tuple[Any, ...]:
    chance = random.Random(number)  # noqa: S311 - a benchmark
    ms = now_ms + number * (_SPAN_MS // _LARGE)
    at = datetime.fromtimestamp(ms / 1000, UTC)
    account = f"account-{chance.randrange(accounts)}"
    decision = "review" if chance.random() < 0.002 else "approve"
    return (
        transaction_id(ms, 0, number % 8, 1), number % 8, "user", account,
        chance.randrange(100, 20_000), "EUR", f"merchant {chance.randrange(1000)}", None,
        "purchase", None, None, at, at, 0.1, decision,
        *_NOTHING,
    )  # fmt: skip


# What the last columns hold of an ordinary transaction: nothing.
_NOTHING = (None,) * (len(ROW_COLUMNS) - 1 - ROW_COLUMNS.index("decision"))
_now_ms = int(time.time() * 1000)


async def _fill(connection: asyncpg.Connection[Any], count: int) -> None:
    accounts = count // _OF_ACCOUNT
    for start in range(0, count, _PART):
        rows = [
            _row(number, _now_ms, accounts) for number in range(start, min(count, start + _PART))
        ]
        await connection.copy_records_to_table("transactions", records=rows, columns=ROW_COLUMNS)
    await connection.execute("VACUUM (ANALYZE) transactions")


async def _ask(connection: asyncpg.Connection[Any], count: int, seed: int) -> float:
    """Return the 99th percentile over all kinds of questions, in milliseconds."""
    chance = random.Random(seed)  # noqa: S311 - a benchmark

    def identifier() -> UUID:
        found: UUID = _row(chance.randrange(count), _now_ms)[0]
        return found

    def account() -> str:
        return f"account-{chance.randrange(count // _OF_ACCOUNT)}"

    questions: list[Callable[[], Awaitable[object]]] = [
        lambda: find_transactions(connection, TransactionFilter(), 50),
        lambda: find_transactions(connection, TransactionFilter(before=identifier()), 50),
        lambda: find_transactions(connection, TransactionFilter(account_id=account()), 50),
        lambda: find_transactions(connection, TransactionFilter(is_flagged=True), 50),
        lambda: find_transaction(connection, identifier()),
    ]
    latencies = []
    for number in range(_WARM_UP + _QUESTIONS):
        question = questions[number % len(questions)]
        began = time.perf_counter()
        await question()
        if number >= _WARM_UP:
            latencies.append((time.perf_counter() - began) * 1000)
    return quantile(latencies, 0.99)
