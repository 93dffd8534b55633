"""Report: all that is told of one history of load; what the forecaster stores.

In:   the load of complete minutes, and the instant at which it was read.
Out:  forecast, model, accuracy and anomalies as one value that is kept as JSON.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import numpy as np

from aether_core.forecasting.anomaly import Anomaly, CurrencyLoad, judge_amounts, judge_load
from aether_core.forecasting.arima import forecast_load
from aether_core.forecasting.forecast import Accuracy

MINUTE = timedelta(minutes=1)


class LoadHistory(msgspec.Struct, frozen=True):
    """Transactions per minute without gaps, oldest first; empty minutes are zeros.

    first_minute: the start of the first one. currencies: the same minutes, currency by currency.
    """

    first_minute: datetime
    counts: tuple[int, ...]
    currencies: tuple[CurrencyLoad, ...]

    @property
    def end(self) -> datetime:
        """The end of the last minute."""
        return self.first_minute + len(self.counts) * MINUTE


class ForecastPoint(msgspec.Struct, frozen=True):
    """Expected transactions in the minute that starts at `at`, with the 95 % interval."""

    at: datetime
    mean: float
    lower: float
    upper: float


class Model(msgspec.Struct, frozen=True):
    """The model behind a forecast. order: (p, d, q) of an ARIMA model."""

    name: str
    order: tuple[int, int, int] | None
    aic: float | None
    trained_at: datetime


class LoadReport(msgspec.Struct, frozen=True):
    """What is known and expected of the load."""

    analyzed_at: datetime
    first_minute: datetime
    counts: tuple[int, ...]
    points: tuple[ForecastPoint, ...]
    model: Model
    accuracy: Accuracy
    velocity_anomaly: Anomaly
    amount_anomaly: Anomaly

    @property
    def end(self) -> datetime:
        """The end of the last minute that was analysed."""
        return self.first_minute + len(self.counts) * MINUTE

    @property
    def is_fraud_risk(self) -> bool:
        """More transactions than expected, or unusual amounts; a lull is not fraud."""
        return self.amount_anomaly.is_anomaly or (
            self.velocity_anomaly.is_anomaly and (self.velocity_anomaly.z_score or 0.0) > 0.0
        )


def report_load(
    history: LoadHistory, horizon: int, *, history_min: int, analyzed_at: datetime
) -> LoadReport:
    """Forecast a history and judge its newest minutes.

    horizon: minutes ahead. Raises HistoryTooShort below `history_min` minutes.
    Takes seconds of CPU: call it off the event loop.
    """
    counts = np.asarray(history.counts, dtype=np.float64)
    forecast = forecast_load(counts, horizon, history_min=history_min)
    return LoadReport(
        analyzed_at=analyzed_at,
        first_minute=history.first_minute,
        counts=history.counts,
        points=tuple(
            ForecastPoint(history.end + step * MINUTE, float(mean), float(lower), float(upper))
            for step, (mean, lower, upper) in enumerate(
                zip(forecast.mean, forecast.lower, forecast.upper, strict=True)
            )
        ),
        model=Model(forecast.model, forecast.order, forecast.aic, analyzed_at),
        accuracy=forecast.accuracy,
        velocity_anomaly=judge_load(float(counts[-1]), forecast.present),
        amount_anomaly=judge_amounts(history.currencies),
    )
