"""A file gives the same scores live and in a backtest, labels included, whatever restarts.

The payments of a simulated file enter the stream of one shard and are written by real writers; each
label is ordered when the backtest would learn it. Then every score is compared. Another test takes
writers away between, with and without snapshots: the states are rebuilt from rows and orders.
"""

from __future__ import annotations

import asyncio
import csv
import random
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from aether_cli.backtesting.payments import Payment, PaymentFile
from aether_cli.backtesting.run import Wishes, backtest_payments
from aether_core.control import Change, Control, encode_control
from aether_core.database.controls import add_order
from aether_core.scoring import Label, Suppression, Thresholds
from aether_core.settings import Settings
from aether_worker.writer import Writer
from tests.worker.pipeline import Pipeline, open_pipeline, run_until_empty, transaction

DAY_MS = 86_400_000
START_MS = 1_700_000_000_000
DELAY_MS = 3 * DAY_MS // 2


COLUMNS = "transaction_id,occurred_at,account_id,merchant_id,amount,currency,is_fraud"


def write_file(path: Path, days: int = 12, each_day: int = 40) -> None:
    """Payments of ten accounts at six shops, one of which is compromised from the third day on.

    They are made within six hours of each day, so that a day's labels are all known by the next but
    one.
    """
    chance = random.Random(5)  # noqa: S311 - a seed, no secret
    lines = [COLUMNS]
    for number in range(days * each_day):
        day, place = divmod(number, each_day)
        at_ms = START_MS + day * DAY_MS + place * DAY_MS // 4 // each_day
        at = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()
        shop, account = chance.randrange(6), chance.randrange(10)
        amount = chance.lognormvariate(3, 0.5) * (30 if chance.random() < 0.02 else 1)
        is_fraud = amount > 300 or (shop == 0 and day > 2)
        lines.append(f"t{number},{at},a{account},shop {shop},{amount:.2f},EUR,{is_fraud:d}")
    path.write_text("\n".join(lines), encoding="utf-8")


def backtest(file: Path, out: Path) -> list[float]:
    wishes = Wishes(file=file, out=out, thresholds=Thresholds(), label_delay_ms=DELAY_MS)
    backtest_payments(wishes, lambda _: None, lambda *_: None)
    with out.open(encoding="utf-8") as text:
        return [float(row["score"]) for row in csv.DictReader(text)]


async def order_and_deliver(pipeline: Pipeline, *changes: Change) -> None:
    """Decide something, and have a writer put it into the stream and take it."""
    numbers = [await add_order(pipeline.connection, change) for change in changes]
    async with pipeline.writer() as writer:
        await run_until_taken(pipeline, writer, numbers[-1])


async def run_until_taken(pipeline: Pipeline, writer: Writer, number: int) -> None:
    """Run a writer until each shard has taken an order, then stop it."""
    stop = asyncio.Event()
    shards = len(pipeline.incarnations)
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        group.create_task(writer.run(stop))
        statement = "SELECT count(*) FROM control_entries WHERE number = $1"
        while await pipeline.connection.fetchval(statement, number) < shards:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        stop.set()


async def empty(pipeline: Pipeline) -> None:
    await pipeline.connection.execute(
        "TRUNCATE transactions, alerts, alert_transactions, positions, incarnations, snapshots,"
        " load_buckets, dead_letters, control_orders, control_entries"
    )
    await pipeline.redis.execute_command("FLUSHALL")


@pytest.fixture
def one_shard(settings: Settings) -> Settings:
    return settings.model_copy(
        update={
            "stream": settings.stream.model_copy(update={"shard_count": 1}),
            "writer": settings.writer.model_copy(
                update={"idle_wait_ms": 10, "rebalance_s": 0.02, "snapshot_entries": 100}
            ),
        }
    )


async def opened(settings: Settings) -> Pipeline:
    pipeline = await open_pipeline(settings)
    await empty(pipeline)
    await pipeline.close()
    return await open_pipeline(settings)


async def test_a_file_gives_the_same_scores_live_and_in_a_backtest(
    one_shard: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "payments.csv"
    write_file(file)
    expected = backtest(file, tmp_path / "scores.csv")
    pipeline = await opened(one_shard)
    try:
        await play(pipeline, list(PaymentFile(file).lines()))
        rows = await pipeline.rows()
        assert [f"{row['score']:.9g}" for row in rows] == [f"{one:.9g}" for one in expected]
        # The labels mattered: without them the compromised shop would have been quiet.
        assert sum(score > 0.5 for score in expected[-80:]) > 8
        await books_are_right(pipeline)
    finally:
        await pipeline.close()


async def play(pipeline: Pipeline, lines: Sequence[object]) -> None:
    """Submit payments and order labels in the order in which the backtest takes them.

    Between two days' labels a writer runs until everything is written, and ends: each is a restart.
    """
    unknown: deque[tuple[str, Payment]] = deque()
    for line in lines:
        assert isinstance(line, Payment)
        due: list[Label] = []
        while unknown and unknown[0][1].occurred_at_ms <= line.occurred_at_ms - DELAY_MS:
            if not due:
                await pipeline.write_everything()
            due.append(await label_of(pipeline, *unknown.popleft()))
        if due:
            await order_and_deliver(pipeline, *due)
        (identifier,) = await pipeline.accept(
            transaction(
                line.account_id,
                line.minor_units,
                merchant=line.merchant,
                occurred_at_us=line.occurred_at_ms * 1000,
            )
        )
        unknown.append((identifier, line))
    await pipeline.write_everything()


async def label_of(pipeline: Pipeline, identifier: str, line: Payment) -> Label:
    statement = "SELECT evidence FROM transactions WHERE id = $1"
    evidence = await pipeline.connection.fetchval(statement, UUID(identifier))
    return Label(line.account_id, line.merchant, line.occurred_at_ms, bool(line.label), evidence)


async def books_are_right(pipeline: Pipeline) -> None:
    """Every entry that was ever added has become a row, or an order that was taken."""
    added, orders = 0, 0
    for shard in pipeline.incarnations:
        info = await pipeline.redis.execute_command("XINFO", "STREAM", f"aether:tx:{{{shard}}}")
        facts = dict(zip(info[::2], info[1::2], strict=True)) if isinstance(info, list) else info
        added += int(facts[b"entries-added"])
    orders = (await pipeline.column("SELECT count(*) FROM control_entries"))[0]
    assert added == len(await pipeline.rows()) + orders
    (counted,) = await pipeline.column("SELECT sum(committed_count + base_count) FROM positions")
    assert counted == added


async def test_an_order_that_is_appended_twice_is_taken_once(one_shard: Settings) -> None:
    pipeline = await opened(one_shard)
    try:
        label = Label("a", "m", START_MS, True)
        number = await add_order(pipeline.connection, label)
        twice = encode_control(Control(number, label))
        await pipeline.accept_payloads([("a", twice), ("a", twice)])
        async with pipeline.writer() as writer:
            await run_until_empty(pipeline, writer)
        async with pipeline.writer() as writer:
            await writer.take_shards()
            (owned,) = writer._holder.owned.values()
            assert owned.state.merchant_spells["m"].fraud_count == 1
        assert await pipeline.column("SELECT number FROM control_entries") == [number]
    finally:
        await pipeline.close()


async def test_a_suppression_silences_its_detector_for_its_account_until_it_ends(
    one_shard: Settings,
) -> None:
    pipeline = await opened(one_shard)
    try:
        at_us = START_MS * 1000

        async def scores(account: str, days: int) -> float:
            occurred_at_us = at_us + days * DAY_MS * 1000
            await pipeline.accept(transaction(account, 900_000, occurred_at_us=occurred_at_us))
            await pipeline.write_everything()
            return float((await pipeline.rows())[-1]["score"])

        for account in ("a", "b"):
            for day in range(30):
                await pipeline.accept(
                    transaction(account, 1_000 + day, occurred_at_us=at_us + day * DAY_MS * 1000)
                )
        await pipeline.write_everything()
        until_ms = START_MS + 40 * DAY_MS
        await order_and_deliver(
            pipeline,
            *(Suppression("a", detector, until_ms) for detector in ("amount", "population")),
        )
        assert await scores("a", 31) < 0.2
        assert await scores("b", 31) > 0.7
        assert await scores("a", 41) > 0.7
    finally:
        await pipeline.close()
