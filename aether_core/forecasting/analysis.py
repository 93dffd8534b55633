"""Analysis: one history of load, forecast and judged.

In:   the load of complete minutes, and the instant at which it was read.
Out:  forecast, model, accuracy and anomalies as one value.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np

from aether_core.forecasting.anomaly import judge_amounts, judge_load
from aether_core.forecasting.arima import forecast_load
from aether_core.forecasting.report import MINUTE, ForecastPoint, LoadHistory, LoadReport, Model


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
