"""`?at=` answers what was answered then: the pipeline, alerts and the forecast of a past minute.

A real gateway and writer; minutes are recorded as the recorder does it, and what was answered at an
instant is compared with what looking back to it answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import asyncpg
import httpx
import pytest

from aether_core.database.connection import connect
from aether_core.database.forecasts import save_forecast
from aether_core.forecasting.report import MINUTE
from aether_core.stream.connection import open_redis
from aether_worker.recorder import record_minute
from tests.api.calls import new_account, submit, wait_written
from tests.api.conftest import Served
from tests.api.test_alert_triage import act, done, name_of
from tests.api.test_alerts import raise_alert
from tests.core.test_load_history import report_at
from tests.running import wait_until

LONG_AGO = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PATHS = ("/operations/pipeline", "/alerts/", "/analytics/forecast")

_T = TypeVar("_T")


def in_database(
    served: Served, work: Callable[[asyncpg.Connection[asyncpg.Record]], Awaitable[_T]]
) -> _T:
    async def with_connection() -> _T:
        connection = await connect(served.database_url, statement_timeout_s=10, name="test")
        try:
            return await work(connection)
        finally:
            await connection.close()

    return asyncio.run(with_connection())


def record(served: Served, minute: datetime) -> None:
    async def work(connection: asyncpg.Connection[asyncpg.Record]) -> None:
        redis = open_redis(served.valkey.url, timeout_s=5)
        try:
            await record_minute(redis, connection, minute, keep_days=10_000)
        finally:
            await redis.aclose()

    in_database(served, work)


def at(instant: datetime) -> dict[str, str]:
    return {"at": instant.isoformat()}


def now() -> datetime:
    return datetime.now(UTC)


def ok(answer: httpx.Response) -> Any:  # noqa: ANN401 - JSON
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_pipeline_is_as_it_was_recorded(
    served: Served, service: httpx.Client, operator: httpx.Client
) -> None:
    wait_written(service, submit(service, account_id=new_account())["id"])
    minute = now().replace(second=0, microsecond=0) - 5 * MINUTE
    record(served, minute)
    before = ok(operator.get("/operations/pipeline"))
    for _ in range(3):
        wait_written(service, submit(service, account_id=new_account())["id"])
    answer = operator.get("/operations/pipeline", params=at(minute + timedelta(seconds=59)))
    past = ok(answer)
    assert past.keys() == before.keys()
    assert past["identity"] == before["identity"]
    assert [s["position"] for s in past["shards"]] == [s["position"] for s in before["shards"]]
    assert ok(operator.get("/operations/pipeline"))["identity"] != past["identity"]
    assert parsedate_to_datetime(answer.headers["memento-datetime"]) == minute
    assert "memento-datetime" not in operator.get("/operations/pipeline").headers


def test_a_minute_without_a_record_names_the_nearest(served: Served, admin: httpx.Client) -> None:
    for minute in (LONG_AGO, LONG_AGO + 4 * MINUTE):
        record(served, minute)
    answer = admin.get("/operations/pipeline", params=at(LONG_AGO + 2 * MINUTE))
    assert answer.status_code == 404
    problem = answer.json()
    assert problem["type"] == "/problems/minute-not-recorded"
    assert problem["recorded_before"] == "2026-03-01T12:00:00Z"
    assert problem["recorded_after"] == "2026-03-01T12:04:00Z"
    assert "12:00Z" in problem["detail"]
    assert "12:04Z" in problem["detail"]
    # Before anything: of the forecast, too.
    for path in ("/operations/pipeline", "/analytics/forecast"):
        answer = admin.get(path, params=at(LONG_AGO - timedelta(days=1)))
        assert answer.status_code == 404
        assert "recorded_before" not in answer.json()
        assert answer.json()["recorded_after"] == "2026-03-01T12:00:00Z"
    # There were no alerts, which is no secret of a record.
    assert ok(admin.get("/alerts/", params=at(LONG_AGO))) == []


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "instant", ["yesterday", "", "2026-03-01T12:00:00", "9999-12-31T23:59:59Z"]
)
def test_an_instant_that_is_none_or_not_over_is_refused(
    admin: httpx.Client, path: str, instant: str
) -> None:
    answer = admin.get(path, params={"at": instant})
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == ["at"]
    assert admin.get(f"{path}?at=2026-03-01T12:00:00Z&at=2026-03-01T12:00:00Z").status_code == 422


@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59+14:00"])
def test_before_all_time_there_was_nothing(admin: httpx.Client, instant: str) -> None:
    assert ok(admin.get("/alerts/", params={"at": instant})) == []
    for path in ("/operations/pipeline", "/analytics/forecast"):
        answer = admin.get(path, params={"at": instant})
        assert answer.json()["type"] == "/problems/minute-not-recorded"
    some = "01a20f74-de55-7000-8000-0001849fa065"
    assert admin.get(f"/alerts/{some}", params={"at": instant}).status_code == 404


def test_who_may_not_see_the_present_may_not_see_the_past(
    served: Served, anybody: httpx.Client, customer: httpx.Client, analyst: httpx.Client
) -> None:
    record(served, LONG_AGO)
    for path in PATHS:
        assert anybody.get(path, params=at(LONG_AGO)).status_code == 401
    assert customer.get("/alerts/", params=at(LONG_AGO)).status_code == 403
    assert customer.get("/operations/pipeline", params=at(LONG_AGO)).status_code == 403
    assert analyst.get("/operations/pipeline", params=at(LONG_AGO)).status_code == 403
    assert customer.get("/analytics/forecast", params=at(LONG_AGO)).status_code == 200


def test_the_forecast_is_the_newest_that_had_been_made(
    served: Served, customer: httpx.Client
) -> None:
    record(served, LONG_AGO)
    first, second = report_at(LONG_AGO + 5 * MINUTE), report_at(LONG_AGO + 6 * MINUTE)

    async def work(connection: asyncpg.Connection[asyncpg.Record]) -> None:
        await connection.execute("DELETE FROM forecasts")
        for report in (first, second):
            await save_forecast(connection, report, keep=timedelta(days=1))

    in_database(served, work)

    def look(instant: datetime) -> dict[str, Any]:
        answer = customer.get("/analytics/forecast", params=at(instant))
        assert "memento-datetime" in answer.headers
        body: dict[str, Any] = ok(answer)
        return body

    assert look(LONG_AGO + 5.9 * MINUTE)["analyzed_at"] == "2026-03-01T12:05:00Z"
    assert look(LONG_AGO + 6 * MINUTE)["analyzed_at"] == "2026-03-01T12:06:00Z"
    # What had been expected of minutes to come: of that time, not of now.
    coming = look(LONG_AGO + 5.5 * MINUTE)
    assert coming["forecast"]
    assert coming["forecast_next_10_minutes"] == []
    early = look(LONG_AGO + 4 * MINUTE)
    assert early["status"] == "insufficient_data"
    assert early["analyzed_at"] is None
    assert early.keys() == coming.keys()


def test_alerts_are_as_they_were_after_each_act(
    service: httpx.Client, analyst: httpx.Client, admin: httpx.Client
) -> None:
    one, other = raise_alert(service, analyst), raise_alert(service, analyst)
    account = one["account_id"]
    wait_until(
        lambda: len(ok(admin.get("/alerts/", params=at(now()) | {"account_id": account}))) == 1,
        "the batch's instant to be told",
    )
    noted: list[tuple[datetime, dict[str, Any], list[Any]]] = []
    queries: list[dict[str, str]] = [
        {},
        {"order": "expected_loss"},
        {"status": "resolved"},
        {"state": "taken"},
        {"assignee": name_of(admin)},
    ]

    def note() -> None:
        answers = [ok(analyst.get("/alerts/", params=query)) for query in queries]
        noted.append((now(), ok(analyst.get(f"/alerts/{one['id']}")), answers))

    note()
    for client, alert, what, body in (
        (analyst, one, "take", {}),
        (analyst, one, "note", {"note": "They have called before"}),
        (analyst, other, "assign", {"assignee": name_of(admin)}),
        (analyst, one, "resolve", {"resolution": "fraud", "note": "By phone"}),
        (admin, other, "take", {}),
        (admin, other, "release", {}),
        (admin, one, "reopen", {}),
        (admin, other, "resolve", {"resolution": "legitimate"}),
        (analyst, one, "resolve", {"resolution": "legitimate"}),
    ):
        done(act(client, alert, what, **body))
        note()
    for instant, alert, answers in noted:
        answer = analyst.get(f"/alerts/{one['id']}", params=at(instant))
        assert ok(answer) == alert
        assert "etag" not in answer.headers
        for query, was in zip(queries, answers, strict=True):
            assert ok(analyst.get("/alerts/", params=query | at(instant))) == was
    # Nothing of it was there a while ago, and nobody is told of what comes.
    answer = analyst.get(f"/alerts/{one['id']}", params=at(now() - timedelta(days=1)))
    assert answer.status_code == 404
    assert answer.json()["type"] == "/problems/not-found"


def test_pages_of_the_past_lead_to_one_another(
    service: httpx.Client, analyst: httpx.Client
) -> None:
    alerts = [raise_alert(service, analyst) for _ in range(3)]
    wait_until(
        lambda: len(ok(analyst.get("/alerts/", params=at(now())))) >= 3, "the batches to be told"
    )
    instant = now()
    done(act(analyst, alerts[1], "resolve", resolution="fraud"))
    whole = ok(analyst.get("/alerts/", params=at(instant) | {"order": "expected_loss"}))
    assert {alert["id"] for alert in alerts} <= {alert["id"] for alert in whole}
    found: list[Any] = []
    answer = analyst.get("/alerts/", params=at(instant) | {"order": "expected_loss", "limit": "1"})
    while True:
        found += ok(answer)
        if "next" not in answer.links:
            break
        answer = analyst.get(answer.links["next"]["url"])
    assert found == whole
