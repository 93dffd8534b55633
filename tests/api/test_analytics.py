"""Forecast and summary show what is stored and counted, in one shape, to those who may see it.

The real application over real servers; load and forecasts are stored as writer and forecaster do.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aether_core.database.connection import borrow
from aether_core.database.forecasts import save_forecast
from aether_core.database.transactions import LoadBucket, add_load
from aether_core.forecasting.analysis import report_load
from aether_core.forecasting.report import MINUTE, CurrencyLoad, LoadHistory
from aether_core.identity.roles import Role
from aether_core.settings import Settings
from tests.api.identity.gateways import Gateway, running_gateway


@pytest.fixture
async def gateway(settings: Settings) -> AsyncIterator[Gateway]:
    settings = settings.model_copy(
        update={"identity": settings.identity.model_copy(update={"bcrypt_cost": 4})}
    )
    async with running_gateway(settings) as running:
        yield running


async def read(gateway: Gateway, path: str, role: Role = "analyst") -> dict[str, Any]:
    tokens = await gateway.login(await gateway.make_user(role))
    answer = await gateway.http.get(
        path, headers={"Authorization": f"Bearer {tokens['access_token']}"}
    )
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def this_minute() -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0)


async def add_buckets(gateway: Gateway, *buckets: LoadBucket) -> None:
    async with borrow(gateway.access.pool) as connection:
        await add_load(connection, list(buckets))


async def test_before_there_is_enough_history_the_shape_is_the_same(gateway: Gateway) -> None:
    minute = this_minute()
    await add_buckets(
        gateway,
        LoadBucket(minute - 3 * MINUTE, 0, "EUR", 5, 0, 0, 500, 10.0),
        LoadBucket(minute, 0, "EUR", 99, 0, 0, 500, 10.0),
    )
    body = await read(gateway, "/analytics/forecast", "customer")
    assert body["status"] == "insufficient_data"
    assert body["data_points_analyzed"] in (3, 4)
    assert body["data_points_needed"] == 10
    assert [point["value"] for point in body["history"]][:3] == [5, 0, 0]
    assert body["forecast"] == body["forecast_next_10_minutes"] == []
    assert body["model"] is body["accuracy"] is body["analyzed_at"] is None
    assert body["velocity_anomaly"]["is_anomaly"] is False
    assert "10 points" in body["velocity_anomaly"]["reason"]
    assert body["fraud_risk_detected"] is False


@pytest.mark.slow
async def test_the_stored_forecast_is_served_from_this_minute_on(gateway: Gateway) -> None:
    # Made three minutes ago: what is over by now is no forecast any more.
    end = this_minute() - 3 * MINUTE
    counts = tuple(40 + i % 7 for i in range(60))
    history = LoadHistory(
        end - 60 * MINUTE, counts, (CurrencyLoad("EUR", counts, tuple(8.0 * n for n in counts)),)
    )
    report = report_load(history, 30, history_min=30, analyzed_at=end + timedelta(seconds=5))
    async with borrow(gateway.access.pool) as connection:
        await save_forecast(connection, report, keep=timedelta(days=1))
    body = await read(gateway, "/analytics/forecast", "customer")
    assert body["status"] == "ok"
    assert body["data_points_analyzed"] == 60
    assert [point["value"] for point in body["history"]] == list(counts)
    assert len(body["forecast"]) == 30
    assert datetime.fromisoformat(body["forecast"][0]["at"]) == end
    means = [point["mean"] for point in body["forecast"]]
    assert body["forecast_next_10_minutes"] in (means[3:13], means[4:14])
    assert body["model"]["bucket_seconds"] == 60
    assert body["model"]["name"] == report.model.name
    assert body["accuracy"]["evaluated_points"] == report.accuracy.evaluated_points
    assert datetime.fromisoformat(body["analyzed_at"]) == report.analyzed_at


async def test_both_states_have_the_documented_fields(gateway: Gateway) -> None:
    documented = gateway.app.openapi()["components"]["schemas"]["Forecast"]["required"]
    assert set(await read(gateway, "/analytics/forecast")) == set(documented)


async def test_the_summary_counts_what_was_written(gateway: Gateway) -> None:
    now = this_minute()
    await add_buckets(
        gateway,
        LoadBucket(now - 90 * MINUTE, 0, "EUR", 10, 2, 1, 123_456, 1.0),
        LoadBucket(now - 5 * MINUTE, 1, "EUR", 5, 1, 0, 44, 1.0),
        LoadBucket(now - 5 * MINUTE, 1, "JPY", 2, 0, 0, 900, 1.0),
    )
    body = await read(gateway, "/analytics/summary")
    assert body["total_transactions"] == 17
    assert body["total_flagged"] == 4
    assert body["last_hour"] == {"count": 7, "flagged": 1}
    assert body["last_minute"] == {"count": 0, "flagged": 0}
    assert body["decisions"] == {"approve": 13, "review": 3, "decline": 1}
    assert body["volume"] == [
        {"currency": "EUR", "amount": "1235.00", "count": 15},
        {"currency": "JPY", "amount": "900", "count": 2},
    ]
    assert body["open_alerts"] == 0


async def test_a_customer_sees_no_summary_and_a_stranger_no_forecast(gateway: Gateway) -> None:
    tokens = await gateway.login(await gateway.make_user("customer"))
    answer = await gateway.http.get(
        "/analytics/summary", headers={"Authorization": f"Bearer {tokens['access_token']}"}
    )
    assert answer.status_code == 403
    for path in ("/analytics/summary", "/analytics/forecast"):
        assert (await gateway.http.get(path)).status_code == 401
