"""Proves that the forecast is drawn when there is one, and that its absence is explained.

The load is written into the buckets as the writers leave it; the forecaster is the real one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from tests.conftest import ValkeyServer
from tests.running import RunningSystem, running_system
from tests.tui.driving import STANDARD, WIDE, signed_in

pytestmark = pytest.mark.slow


@pytest.fixture
def forecasting(database_url: str, valkey: ValkeyServer, tmp_path: Path) -> Iterator[RunningSystem]:
    """A system that looks for new minutes all the time."""
    with running_system(
        database_url=database_url,
        redis_url=valkey.url,
        home=tmp_path / "home",
        environment={"AETHER_FORECAST__INTERVAL_S": "0.5"},
    ) as system:
        yield system


async def _write_load(database_url: str, minutes: int) -> None:
    """Fill the buckets of the last complete minutes with a gentle wave."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    rows = []
    for number in range(minutes):
        count = round(40 + 15 * math.sin(number / 9) + number % 5)
        rows.append(
            (now - timedelta(minutes=minutes - number), 0, "EUR", count, 0, 0, 0, count * 7.0)
        )
    connection = await asyncpg.connect(database_url)
    try:
        await connection.copy_records_to_table("load_buckets", records=rows)
    finally:
        await connection.close()


async def test_without_enough_minutes_it_says_how_many_are_missing(
    forecasting: RunningSystem, database_url: str
) -> None:
    account = forecasting.make_user("customer")
    async with signed_in(forecasting, account, STANDARD) as console:
        await console.press("4")
        await console.sees("No complete minute of load yet.", "complete minutes of load, has 0.")
        await _write_load(database_url, 7)
        await console.press("r")
        await console.wait(
            lambda: "has 7." in console.text() or "has 8." in console.text(), "seven minutes"
        )
        await console.sees("actual", "load", "usual")
        assert "forecast   " not in console.text()


@pytest.mark.parametrize("size", [STANDARD, WIDE])
async def test_a_forecast_is_drawn_with_its_interval_and_its_model(
    forecasting: RunningSystem, database_url: str, size: tuple[int, int]
) -> None:
    await _write_load(database_url, 120)
    account = forecasting.make_user("operator")
    async with signed_in(forecasting, account, size) as console:
        await console.press("4")
        end = time.monotonic() + 60
        while "trained" not in console.text() and time.monotonic() < end:
            # The console asks every fifteen seconds by itself; the test does not wait for that.
            await console.press("r")
            await console.pilot.pause(0.2)
        await console.sees("▪ forecast", "95 %", "Load, last hour")
        await console.sees("expected", "in the next minute", "model", "trained", "naive")
        chart = console.text()
        assert "⣿" in chart
        assert chart.count("▪") > 5
        await console.press("h")
        await console.sees("Load, last 3 hours")
        await console.press("h")
        await console.sees("Load, last 12 hours", "means of" if size == STANDARD else "per minute")
        await console.press("1")
        await console.sees("▪ forecast", "Load and forecast")
