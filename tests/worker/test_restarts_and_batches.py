"""Batches cut anywhere, with restarts and takeovers between, leave the same rows and alerts.

Hypothesis chooses the entries, the sizes of the batches and where the writer is replaced (with or
without a snapshot, before or after its commit). The result is compared with that of one writer
that took everything in one batch.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from aether_core.settings import Settings
from aether_core.transaction import Transaction
from tests.worker.pipeline import Pipeline, open_pipeline, run_until_empty, transaction

HOUR_US = 3_600_000_000


@dataclass(frozen=True)
class Step:
    """One writer's life: how large its batches are, how many it commits, how it ends."""

    batch_size: int
    batch_count: int
    snapshot_entries: int
    dies_before_commit: bool


steps = st.lists(
    st.builds(
        Step,
        batch_size=st.integers(1, 7),
        batch_count=st.integers(0, 3),
        snapshot_entries=st.sampled_from([100, 10_000]),
        dies_before_commit=st.booleans(),
    ),
    max_size=4,
)


@st.composite
def histories(draw: st.DrawFn) -> list[Transaction]:
    count = draw(st.integers(1, 40))
    return [
        transaction(
            draw(st.sampled_from(["a", "b", "c", "d"])),
            draw(st.sampled_from([100, 1_000, 1_100, 50_000, 9_000_000])),
            currency=draw(st.sampled_from(["EUR", "EUR", "JPY"])),
            occurred_at_us=1_700_000_000_000_000 + draw(st.integers(0, 200)) * HOUR_US // 4,
        )
        for _ in range(count)
    ]


def outcome(rows: list[Any]) -> list[tuple[Any, ...]]:
    """What must not depend on batches and restarts: content, score, decision, in order."""
    by_account: dict[str, list[tuple[Any, ...]]] = {}
    for row in rows:
        by_account.setdefault(row["account_id"], []).append(
            (row["amount_minor_units"], row["currency"], row["score"], row["decision"])
        )
    return [(account, tuple(of_account)) for account, of_account in sorted(by_account.items())]


async def write_in_steps(pipeline: Pipeline, lives: list[Step]) -> None:
    never = asyncio.Event()
    for life in lives:
        update = {"batch_size_max": life.batch_size, "snapshot_entries": life.snapshot_entries}
        pipeline.settings = pipeline.settings.model_copy(
            update={"writer": pipeline.settings.writer.model_copy(update=update)}
        )
        async with pipeline.writer() as writer:
            await writer.take_shards()
            for _ in range(life.batch_count):
                entries = await writer.read(never)
                if entries:
                    await writer.write(writer.prepare(entries, await writer._known(entries)))
            entries = await writer.read(never)
            if entries:
                batch = writer.prepare(entries, await writer._known(entries))
                if not life.dies_before_commit:
                    await writer.commit(batch)  # and dies before it publishes and trims
    async with pipeline.writer() as last:
        await run_until_empty(pipeline, last)


async def empty(pipeline: Pipeline) -> None:
    await pipeline.connection.execute(
        "TRUNCATE transactions, alerts, alert_transactions, positions, incarnations, snapshots,"
        " load_buckets, dead_letters"
    )
    await pipeline.redis.execute_command("FLUSHALL")


def test_batches_and_restarts_never_change_rows_or_scores(settings: Settings) -> None:
    small = settings.model_copy(
        update={
            "stream": settings.stream.model_copy(update={"shard_count": 2}),
            "writer": settings.writer.model_copy(update={"idle_wait_ms": 10, "rebalance_s": 0.1}),
        }
    )

    async def outcome_of(history: list[Transaction], lives: list[Step]) -> Any:  # noqa: ANN401
        pipeline = await open_pipeline(small)
        try:
            await empty(pipeline)
        finally:
            await pipeline.close()
        pipeline = await open_pipeline(small)
        try:
            await pipeline.accept(*history)
            await write_in_steps(pipeline, lives)
            alerts = await pipeline.connection.fetch(
                "SELECT account_id, amount_minor_units, score, decision, transaction_count,"
                " total_minor_units, currency, last_occurred_at, reasons::text FROM alerts"
            )
            return outcome(await pipeline.rows()), sorted(map(tuple, alerts))
        finally:
            await pipeline.close()

    @hypothesis_settings(
        max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
    )
    @given(history=histories(), lives=steps)
    def check(history: list[Transaction], lives: list[Step]) -> None:
        assert asyncio.run(outcome_of(history, lives)) == asyncio.run(outcome_of(history, []))

    check()
