"""Analytics: the forecast of the load, and counts.

Nothing is computed here: the forecaster stores what is shown, and the writers count what they
write.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from aether_api import schemas_analytics as schemas
from aether_api.access import Caller, require
from aether_api.parts import parts_of
from aether_core.database.alerts import count_open_alerts
from aether_core.database.connection import borrow
from aether_core.database.forecasts import (
    CurrencyVolume,
    LoadCount,
    count_accepted_since,
    count_load,
    find_load_history,
    find_newest_forecast,
    find_volumes,
)
from aether_core.errors import HistoryTooShort
from aether_core.forecasting.report import (
    MINUTE,
    Accuracy,
    Anomaly,
    ForecastPoint,
    LoadHistory,
    LoadReport,
    Model,
)
from aether_core.money import format_minor_units

router = APIRouter(prefix="/analytics", tags=["analytics"])

READ: Final = "analytics:read"

_encode = msgspec.json.Encoder().encode
_NEXT_MINUTES: Final = 10


class _LoadPoint(msgspec.Struct, frozen=True):
    at: datetime
    value: int


class _Model(Model, frozen=True, kw_only=True):
    bucket_seconds: int = 60


class _ForecastView(msgspec.Struct, frozen=True, kw_only=True):
    status: str
    data_points_analyzed: int
    data_points_needed: int
    forecast_next_10_minutes: list[float] = []
    velocity_anomaly: Anomaly
    amount_anomaly: Anomaly
    fraud_risk_detected: bool = False
    analyzed_at: datetime | None = None
    history: list[_LoadPoint]
    forecast: tuple[ForecastPoint, ...] = ()
    model: _Model | None = None
    accuracy: Accuracy | None = None


@router.get("/forecast", response_model=schemas.Forecast)
async def forecast(request: Request, _caller: Annotated[Caller, Depends(require())]) -> Response:
    """Show the expected load of the coming minutes, the model behind it and its accuracy.

    One shape in both states; `insufficient_data` until there are enough complete minutes. The
    forecast is made in the background after each complete minute: `analyzed_at` tells its age.
    """
    parts = parts_of(request)
    needed = parts.settings.forecast.history_min
    now = datetime.now(UTC)
    async with borrow(parts.pool) as connection:
        report = await find_newest_forecast(connection)
        if report is not None:
            view = _view_of_report(report, needed, now)
        else:
            history = await find_load_history(
                connection, _start_of_minute(now), parts.settings.forecast.history_max
            )
            view = _view_of_history(history, needed)
    return Response(_encode(view), media_type="application/json")


@router.get("/summary", response_model=schemas.Summary)
async def summary(request: Request, _caller: Annotated[Caller, Depends(require(READ))]) -> Response:
    """Count what was written: ever, in the last minute and hour, by decision and currency."""
    now = datetime.now(UTC)
    async with borrow(parts_of(request).pool) as connection:
        volumes = await find_volumes(connection)
        last_minute = await count_accepted_since(connection, now - MINUTE)
        last_hour = await count_load(connection, now - timedelta(hours=1))
        open_alerts = await count_open_alerts(connection)
    total = LoadCount(
        sum(volume.load.transaction_count for volume in volumes),
        sum(volume.load.review_count for volume in volumes),
        sum(volume.load.decline_count for volume in volumes),
    )
    view = schemas.Summary(
        total_transactions=total.transaction_count,
        total_flagged=total.flagged_count,
        last_minute=_pair(last_minute),
        last_hour=_pair(last_hour),
        open_alerts=open_alerts,
        decisions=schemas.Decisions(
            approve=total.transaction_count - total.flagged_count,
            review=total.review_count,
            decline=total.decline_count,
        ),
        volume=[_volume(volume) for volume in volumes],
        at=now,
    )
    return Response(view.model_dump_json(), media_type="application/json")


def _view_of_report(report: LoadReport, needed: int, now: datetime) -> _ForecastView:
    # A minute that is over is no forecast any more, however long ago this one was made.
    coming = [point.mean for point in report.points if point.at >= _start_of_minute(now)]
    return _ForecastView(
        status="ok",
        data_points_analyzed=len(report.counts),
        data_points_needed=needed,
        forecast_next_10_minutes=coming[:_NEXT_MINUTES],
        velocity_anomaly=report.velocity_anomaly,
        amount_anomaly=report.amount_anomaly,
        fraud_risk_detected=report.is_fraud_risk,
        analyzed_at=report.analyzed_at,
        history=_points(report.first_minute, report.counts),
        forecast=report.points,
        model=_Model(*msgspec.structs.astuple(report.model)),
        accuracy=report.accuracy,
    )


def _view_of_history(history: LoadHistory | None, needed: int) -> _ForecastView:
    available = 0 if history is None else len(history.counts)
    unjudged = Anomaly(
        is_anomaly=False,
        reason=str(HistoryTooShort(available, needed))
        if available < needed
        else "There is enough history; the first forecast is not made yet.",
    )
    return _ForecastView(
        status="insufficient_data",
        data_points_analyzed=available,
        data_points_needed=needed,
        velocity_anomaly=unjudged,
        amount_anomaly=unjudged,
        history=[] if history is None else _points(history.first_minute, history.counts),
    )


def _points(first: datetime, counts: tuple[int, ...]) -> list[_LoadPoint]:
    return [_LoadPoint(first + i * MINUTE, count) for i, count in enumerate(counts)]


def _pair(load: LoadCount) -> schemas.CountPair:
    return schemas.CountPair(count=load.transaction_count, flagged=load.flagged_count)


def _volume(volume: CurrencyVolume) -> schemas.Volume:
    return schemas.Volume(
        currency=volume.currency,
        amount=format_minor_units(volume.amount_minor_units, volume.currency),
        count=volume.load.transaction_count,
    )


def _start_of_minute(instant: datetime) -> datetime:
    return instant.replace(second=0, microsecond=0)
