"""`aether pipeline|alerts|forecast --at` print what was there at a past instant.

A real system; what is printed is compared with what was printed, or answered, at that instant.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import pytest

from aether_core.database.connection import connect
from aether_core.database.forecasts import save_forecast
from aether_core.stream.connection import open_redis
from aether_worker.recorder import record_minute
from tests.api.calls import submit, wait_written
from tests.cli.test_reports import fails, run, written
from tests.core.test_load_history import report_at
from tests.running import RunningSystem, aether, wait_until

LONG_AGO = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def record(system: RunningSystem, minute: datetime) -> None:
    async def work() -> None:
        connection = await _connect(system)
        redis = open_redis(system.environment["AETHER_REDIS_URL"], timeout_s=5)
        try:
            await record_minute(redis, connection, minute, keep_days=10_000)
            await save_forecast(connection, report_at(minute), keep=timedelta(days=1))
        finally:
            await redis.aclose()
            await connection.close()

    asyncio.run(work())


async def _connect(system: RunningSystem) -> asyncpg.Connection[asyncpg.Record]:
    url = system.environment["AETHER_DATABASE_URL"]
    return await connect(url, statement_timeout_s=10, name="test")


def test_pipeline_and_forecast_of_a_past_minute(
    system: RunningSystem, service: httpx.Client
) -> None:
    written(service)
    record(system, LONG_AGO)
    then = json.loads(aether(system, "pipeline", "--json"))
    written(service)
    past = json.loads(aether(system, "pipeline", "--json", "--at", "2026-03-01T12:00:40Z"))
    assert past["identity"] == then["identity"]
    assert past["identity"]["committed"] == 1
    printed = aether(system, "pipeline", "--at", "2026-03-01T12:00")
    assert printed.startswith("as recorded at ")
    assert "accepted 1 = committed 1" in printed
    missing = fails(system, "pipeline", "--at", "2026-03-01T12:01Z")
    assert "Nothing was recorded at 2026-03-01 12:01Z; the last before it is" in missing
    assert "lies in the future" in fails(system, "pipeline", "--at", "2999-03-01T12:01Z")
    assert "written like 14:07" in fails(system, "pipeline", "--at", "noonish")
    assert run(system, "pipeline", "--watch", "--at", "15m").returncode == 2

    found = json.loads(aether(system, "forecast", "--json", "--at", "2026-03-01T12:30:00Z"))
    assert found["analyzed_at"] == "2026-03-01T12:00:00Z"
    lines = aether(system, "forecast", "--csv", "--at", "2026-03-01T12:30:00Z").splitlines()
    assert len(lines) == 2


def test_a_loss_that_was_recorded_ends_with_status_1(
    system: RunningSystem, service: httpx.Client
) -> None:
    written(service)

    record(system, LONG_AGO)

    async def spoil() -> None:
        connection = await _connect(system)
        try:
            await connection.execute(
                "UPDATE pipeline_minutes SET payload = jsonb_set(payload, '{identity,holds}', $1)",
                False,
            )
        finally:
            await connection.close()

    asyncio.run(spoil())
    assert run(system, "pipeline").returncode == 0
    assert run(system, "pipeline", "--at", LONG_AGO.isoformat()).returncode == 1


@pytest.fixture
def alert(system: RunningSystem, service: httpx.Client) -> str:
    for number in range(20):
        submit(service, account_id="acc-1", amount=f"{10 + number % 3}.50")
    odd: str = submit(service, account_id="acc-1", amount="98765.43")["id"]
    assert wait_written(service, odd)["is_flagged"]
    wait_until(
        lambda: odd in aether(system, "alerts", "list", "--at", "0s"), "the batch to be told of"
    )
    return odd


def test_alerts_of_a_past_instant(system: RunningSystem, alert: str) -> None:
    def listed(*options: str) -> list[str]:
        found = json.loads(aether(system, "alerts", "list", *options, "--json"))
        return [one["id"] for one in found]

    opened = datetime.now(UTC).isoformat()
    shown = json.loads(aether(system, "alerts", "show", alert, "--json"))
    aether(system, "alerts", "resolve", alert, "--as", "fraud", "--note", "by phone")
    assert listed() == []
    assert listed("--at", opened) == [alert]
    assert listed("--at", opened, "--state", "resolved") == []
    rows = csv.DictReader(io.StringIO(aether(system, "alerts", "list", "--csv", "--at", opened)))
    assert [(row["id"], row["state"], row["note"]) for row in rows] == [(alert, "open", "")]
    assert json.loads(aether(system, "alerts", "show", alert, "--json", "--at", opened)) == shown
    resolved = datetime.now(UTC).isoformat()
    aether(system, "alerts", "note", alert, "They called back")
    after = json.loads(aether(system, "alerts", "show", alert, "--json", "--at", resolved))
    assert [change["action"] for change in after["history"]] == ["resolve"]
    assert "no such alert" in fails(system, "alerts", "show", alert, "--at", "1d")


def test_the_console_is_told_where_to_begin(system: RunningSystem) -> None:
    assert "written like 14:07" in fails(system, "tui", "--at", "noonish")
