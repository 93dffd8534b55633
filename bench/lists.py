"""Lists: newest page, a filtered page and one transaction, with few rows and with very many.

The rows are COPYed into a database of the benchmark's own, over two years of months, and asked
for through the functions that the gateway uses.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
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
_ACCOUNTS = 100_000
_PART = 50_000
_QUESTIONS = 400
_SPAN_MS = 50 * 86_400_000


def run() -> list[Result]:
    """Measure list_growth."""
    with installation() as aether:
        return asyncio.run(_measure(aether.database_url))


async def _measure(database_url: str) -> list[Result]:
    admin = await asyncpg.connect(database_url)
    await admin.execute("CREATE DATABASE bench_lists")
    await admin.close()
    url = database_url.replace("/aether?", "/bench_lists?")
    await asyncio.to_thread(migrations.upgrade, url)
    connection = await connect(url, statement_timeout_s=600, name="bench")
    try:
        await ensure_months(connection)
        await _fill(connection, 0, _SMALL)
        small = await _ask(connection, _SMALL)
        await _fill(connection, _SMALL, _LARGE)
        large = await _ask(connection, _LARGE)
    finally:
        await connection.close()
    return [at_most("list_growth", large, "ms", 1.5, small)]


def _row(number: int, now_ms: int) -> tuple[Any, ...]:
    chance = random.Random(number)  # noqa: S311 - a benchmark
    ms = now_ms + number * (_SPAN_MS // _LARGE)
    at = datetime.fromtimestamp(ms / 1000, UTC)
    account = f"account-{chance.randrange(_ACCOUNTS)}"
    decision = "review" if chance.random() < 0.002 else "approve"
    return (
        transaction_id(ms, 0, number % 8, 1), number % 8, "user", account,
        chance.randrange(100, 20_000), "EUR", f"merchant {chance.randrange(1000)}", None,
        "purchase", None, None, at, at, 0.1, decision, None, None, None,
    )  # fmt: skip


_now_ms = int(time.time() * 1000)


async def _fill(connection: asyncpg.Connection[Any], first: int, after: int) -> None:
    for start in range(first, after, _PART):
        rows = [_row(number, _now_ms) for number in range(start, min(after, start + _PART))]
        await connection.copy_records_to_table("transactions", records=rows, columns=ROW_COLUMNS)
    await connection.execute("VACUUM (ANALYZE) transactions")


async def _ask(connection: asyncpg.Connection[Any], count: int) -> float:
    """Return the 99th percentile over all kinds of questions, in milliseconds."""
    chance = random.Random(3)  # noqa: S311 - a benchmark

    def identifier() -> UUID:
        found: UUID = _row(chance.randrange(count), _now_ms)[0]
        return found

    def account() -> str:
        return f"account-{chance.randrange(_ACCOUNTS)}"

    questions: list[Callable[[], Awaitable[object]]] = [
        lambda: find_transactions(connection, TransactionFilter(), 50),
        lambda: find_transactions(connection, TransactionFilter(before=identifier()), 50),
        lambda: find_transactions(connection, TransactionFilter(account_id=account()), 50),
        lambda: find_transactions(connection, TransactionFilter(is_flagged=True), 50),
        lambda: find_transaction(connection, identifier()),
    ]
    latencies = []
    for number in range(_QUESTIONS * len(questions)):
        question = questions[number % len(questions)]
        began = time.perf_counter()
        await question()
        if number >= len(questions) * 20:  # the first ones fill caches
            latencies.append((time.perf_counter() - began) * 1000)
    return quantile(latencies, 0.99)
