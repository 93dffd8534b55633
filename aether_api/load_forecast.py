"""The forecast as it is shown: what is expected of the coming minutes, and what that rests on.

In:   the newest report of the forecaster, now or at a past instant, or the load as long as there
      is none.
Out:  one shape in both states. Nothing is computed here that the forecaster has not stored.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from aether_core.database.connection import Session
from aether_core.database.forecasts import (
    find_forecast_at,
    find_load_history,
    find_newest_forecast,
)
from aether_core.database.minutes import minute_is_kept
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
from aether_core.rewinding import not_recorded, start_of_minute

if TYPE_CHECKING:
    from aether_core.settings import ForecastSettings

_NEXT_MINUTES: Final = 10


class LoadPoint(msgspec.Struct, frozen=True):
    """Transactions of the minute that starts at `at`."""

    at: datetime
    value: int


class MinuteModel(Model, frozen=True, kw_only=True):
    """The model, with the length of its steps."""

    bucket_seconds: int = 60


class ForecastView(msgspec.Struct, frozen=True, kw_only=True):
    """What `GET /analytics/forecast` answers."""

    status: str
    data_points_analyzed: int
    data_points_needed: int
    forecast_next_10_minutes: list[float] = []
    velocity_anomaly: Anomaly
    amount_anomaly: Anomaly
    fraud_risk_detected: bool = False
    analyzed_at: datetime | None = None
    history: list[LoadPoint]
    forecast: tuple[ForecastPoint, ...] = ()
    model: MinuteModel | None = None
    accuracy: Accuracy | None = None


async def find_forecast(connection: Session, settings: ForecastSettings) -> ForecastView:
    """Return what is expected now; `insufficient_data` until there are enough complete minutes."""
    needed = settings.history_min
    now = datetime.now(UTC)
    report = await find_newest_forecast(connection)
    if report is not None:
        return _view_of_report(report, needed, now)
    history = await find_load_history(connection, start_of_minute(now), settings.history_max)
    return _view_of_history(history, needed)


async def find_past_forecast(
    connection: Session, settings: ForecastSettings, at: datetime
) -> ForecastView:
    """Return what was expected at an instant: the newest forecast that had been made by then.

    Before the first one, the load of that time; MinuteNotRecorded before anything was recorded.
    """
    needed = settings.history_min
    report = await find_forecast_at(connection, at)
    if report is not None:
        return _view_of_report(report, needed, at)
    nothing = await not_recorded(connection, at)
    if nothing.before is None and not await minute_is_kept(connection, nothing.minute):
        raise nothing
    history = await find_load_history(connection, nothing.minute, settings.history_max)
    return _view_of_history(history, needed)


def _view_of_report(report: LoadReport, needed: int, now: datetime) -> ForecastView:
    # A minute that is over is no forecast any more, however long ago this one was made.
    coming = [point.mean for point in report.points if point.at >= start_of_minute(now)]
    return ForecastView(
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
        model=MinuteModel(*msgspec.structs.astuple(report.model)),
        accuracy=report.accuracy,
    )


def _view_of_history(history: LoadHistory | None, needed: int) -> ForecastView:
    available = 0 if history is None else len(history.counts)
    unjudged = Anomaly(
        is_anomaly=False,
        reason=str(HistoryTooShort(available, needed))
        if available < needed
        else "There is enough history; the first forecast is being made.",
    )
    return ForecastView(
        status="insufficient_data",
        data_points_analyzed=available,
        data_points_needed=needed,
        velocity_anomaly=unjudged,
        amount_anomaly=unjudged,
        history=[] if history is None else _points(history.first_minute, history.counts),
    )


def _points(first: datetime, counts: tuple[int, ...]) -> list[LoadPoint]:
    return [LoadPoint(first + i * MINUTE, count) for i, count in enumerate(counts)]
