"""A burst of flagged transactions is one alert: it says how many, how much, and what was worst.

A real writer on real PostgreSQL; the alert is the same however the stream is cut into batches
(`test_restarts_and_batches.py` tries that at random).
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from aether_core.control import decode_change
from aether_core.database.triage import By, reopen_alert, resolve_alert
from aether_core.database.verification import check_tables, count_shard_rows
from aether_core.scoring import Label
from aether_core.transaction import Transaction
from tests.worker.pipeline import Pipeline, transaction
from tests.worker.test_writing_a_batch import DAY_US, feed_of, habit

HOUR_US = 3_600_000_000


def burst(account: str, *hours: float, **more: Any) -> list[Transaction]:  # noqa: ANN401
    """Amounts that are far too large, so many hours after the one that ends a habit."""
    begin = habit(account)[-1].occurred_at_us
    return [
        transaction(account, 900_000, occurred_at_us=begin + round(hour * HOUR_US), **more)
        for hour in hours
    ]


async def alerts_of(pipeline: Pipeline) -> list[dict[str, Any]]:
    rows = await pipeline.connection.fetch("SELECT * FROM alerts ORDER BY id")
    return [dict(row) for row in rows]


async def joined(pipeline: Pipeline, alert: dict[str, Any]) -> list[str]:
    rows = await pipeline.connection.fetch(
        "SELECT transaction_id FROM alert_transactions WHERE alert_id = $1 ORDER BY 1", alert["id"]
    )
    return [str(row["transaction_id"]) for row in rows]


async def decide(pipeline: Pipeline, alert: dict[str, Any]) -> None:
    async with pipeline.connection.transaction():
        await resolve_alert(
            pipeline.connection, alert["id"], By("ada"), resolution="fraud", note=None
        )


@pytest.mark.parametrize("together", [True, False])
async def test_a_burst_joins_the_alert_that_its_first_transaction_raised(
    pipeline: Pipeline, together: bool
) -> None:
    parts = [habit("a"), burst("a", 0.2, 0.9, 1.8)]
    ids = []
    for part in [[one for p in parts for one in p]] if together else parts:
        ids += await pipeline.accept(*part)
        await pipeline.write_everything()
    (alert,) = await alerts_of(pipeline)
    assert str(alert["id"]) == ids[20]
    assert await joined(pipeline, alert) == ids[20:]
    assert alert["transaction_count"] == 4
    assert (alert["amount_minor_units"], alert["total_minor_units"]) == (900_000, 3_600_000)
    rows = await pipeline.rows()
    assert alert["score"] == max(row["score"] for row in rows)
    assert alert["last_occurred_at"] == rows[-1]["occurred_at"]
    assert alert["version"] == 1
    # Consoles are told of the alert as it is after each batch.
    told = [msgspec.json.decode(e.data) for e in await feed_of(pipeline) if e.kind == "alert"]
    # The next writer tells again what the last batch was about: nobody may miss it.
    counts = list(dict.fromkeys(one["transaction_count"] for one in told))
    assert counts == ([4] if together else [1, 4])
    assert told[-1]["total_amount"] == "36000.00"
    checks = await check_tables(pipeline.connection, await count_shard_rows(pipeline.connection))
    assert [check.name for check in checks if not check.holds] == []


async def test_what_is_far_away_raises_its_own(pipeline: Pipeline) -> None:
    later = burst("a", 0.5, 1.4, 3.0, 3.5)
    other_currency = [replace(one, currency="USD") for one in habit("a")]
    await pipeline.accept(*habit("a"), *later, *other_currency, *habit("b"))
    await pipeline.write_everything()
    found = [
        (alert["account_id"], alert["currency"], alert["transaction_count"])
        for alert in await alerts_of(pipeline)
    ]
    assert sorted(found) == [
        ("a", "EUR", 2), ("a", "EUR", 3), ("a", "USD", 1), ("b", "EUR", 1),
    ]  # fmt: skip


@pytest.mark.parametrize("together", [True, False])
async def test_what_comes_late_joins_by_the_time_of_what_raised_the_alert(
    pipeline: Pipeline, together: bool
) -> None:
    late = burst("a", -0.6, -1.2)
    for part in [habit("a") + late] if together else [habit("a"), *([one] for one in late)]:
        await pipeline.accept(*part)
        await pipeline.write_everything()
    assert [alert["transaction_count"] for alert in await alerts_of(pipeline)] == [2, 1]


async def test_what_comes_after_the_decision_raises_the_next(pipeline: Pipeline) -> None:
    await pipeline.accept(*habit("a"), *burst("a", 0.1))
    await pipeline.write_everything()
    (alert,) = await alerts_of(pipeline)
    await decide(pipeline, alert)
    await pipeline.accept(*burst("a", 0.2))
    await pipeline.write_everything()
    first, second = await alerts_of(pipeline)
    assert (first["status"], first["transaction_count"]) == ("resolved", 2)
    assert (second["status"], second["transaction_count"]) == ("open", 1)


async def test_a_decision_teaches_each_transaction_of_the_burst(pipeline: Pipeline) -> None:
    await pipeline.accept(*habit("a"), *burst("a", 0.1, 0.2))
    await pipeline.write_everything()
    (alert,) = await alerts_of(pipeline)
    count = "SELECT count(*) FROM control_orders"
    before = await pipeline.connection.fetchval(count)
    await decide(pipeline, alert)
    assert await pipeline.connection.fetchval(count) == before + 3
    async with pipeline.connection.transaction():
        await reopen_alert(pipeline.connection, alert["id"], By("ada"), window_s=60)
    assert await pipeline.connection.fetchval(count) == before + 6


async def test_a_decision_teaches_though_the_transactions_are_given_up(
    pipeline: Pipeline,
) -> None:
    await pipeline.accept(*habit("a"))
    await pipeline.write_everything()
    (alert,) = await alerts_of(pipeline)
    await pipeline.connection.execute("TRUNCATE transactions")
    await decide(pipeline, alert)
    (kept,) = await pipeline.column(
        "SELECT change FROM control_orders ORDER BY number DESC LIMIT 1"
    )
    label = decode_change(kept)
    assert isinstance(label, Label)
    assert (label.account_id, label.merchant, label.is_fraud) == ("a", alert["merchant"], True)


async def test_an_alert_has_room_for_so_many(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aether_core.database.incidents.JOINED_COUNT_MAX", 2)
    await pipeline.accept(*habit("a"), *burst("a", 0.1, 0.2, 0.3, 0.4))
    await pipeline.write_everything()
    assert [alert["transaction_count"] for alert in await alerts_of(pipeline)] == [2, 2, 1]


def test_a_habit_is_days_long() -> None:
    """Otherwise the bursts above would be near to it."""
    assert habit("a")[-1].occurred_at_us - habit("a")[-2].occurred_at_us == DAY_US
