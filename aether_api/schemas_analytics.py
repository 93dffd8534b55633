"""Bodies of the analytics answers, as the OpenAPI document describes them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_FORECAST_EXAMPLE: dict[str, Any] = {
    "status": "ok",
    "data_points_analyzed": 720,
    "data_points_needed": 30,
    "forecast_next_10_minutes": [41.2, 41.9, 42.4, 42.6, 42.7, 42.7, 42.6, 42.5, 42.4, 42.3],
    "velocity_anomaly": {"is_anomaly": False, "z_score": 0.4, "reason": None},
    "amount_anomaly": {
        "is_anomaly": True,
        "z_score": 5.1,
        "reason": "Payments in EUR of the last 5 minutes are typically 2.4 times as large as "
        "usual.",
    },
    "fraud_risk_detected": True,
    "analyzed_at": "2026-01-31T12:00:07Z",
    "history": [{"at": "2026-01-31T11:59:00Z", "value": 40}],
    "forecast": [{"at": "2026-01-31T12:00:00Z", "mean": 41.2, "lower": 29.8, "upper": 54.3}],
    "model": {
        "name": "ARIMA(2, 1, 2)",
        "order": [2, 1, 2],
        "aic": 1316.9,
        "trained_at": "2026-01-31T12:00:07Z",
        "bucket_seconds": 60,
    },
    "accuracy": {
        "mae": 4.1,
        "naive_mae": 5.6,
        "mape": 0.1,
        "coverage": 0.95,
        "evaluated_points": 108,
    },
}

_SUMMARY_EXAMPLE: dict[str, Any] = {
    "total_transactions": 60096,
    "total_flagged": 412,
    "last_minute": {"count": 1180, "flagged": 7},
    "last_hour": {"count": 52011, "flagged": 371},
    "open_alerts": 398,
    "decisions": {"approve": 59684, "review": 301, "decline": 111},
    "volume": [{"currency": "EUR", "amount": "3187234.55", "count": 60096}],
    "at": "2026-01-31T12:00:07.123Z",
}


class _Answer(BaseModel):
    """A response's body."""

    model_config = ConfigDict(frozen=True)


class Anomaly(_Answer):
    """Whether the present load, or its amounts, leave what was expected of them."""

    is_anomaly: bool
    z_score: float | None = Field(description="Normal deviate; null while it cannot be judged.")
    reason: str | None


class LoadPoint(_Answer):
    """Written transactions that were accepted in the minute that starts at `at`."""

    at: datetime
    value: int


class ForecastPoint(_Answer):
    """Expected transactions in the minute that starts at `at`, with the 95 % interval."""

    at: datetime
    mean: float
    lower: float
    upper: float


class Model(_Answer):
    """The model behind a forecast."""

    name: str = Field(examples=["ARIMA(2, 1, 2)"])
    order: list[int] | None = Field(description="(p, d, q); null when it is no ARIMA model.")
    aic: float | None
    trained_at: datetime
    bucket_seconds: int


class Accuracy(_Answer):
    """Errors on the newest minutes, each forecast up to ten minutes before it was known."""

    mae: float = Field(description="Mean absolute error, in transactions per minute.")
    naive_mae: float = Field(description="The same error of the forecast that nothing changes.")
    mape: float | None = Field(description="As a fraction; null when there was no load.")
    coverage: float = Field(description="Share inside the 95 % interval.")
    evaluated_points: int


class Forecast(_Answer):
    """The load so far and the load to come; the same shape before there is a forecast."""

    model_config = ConfigDict(frozen=True, json_schema_extra={"examples": [_FORECAST_EXAMPLE]})

    status: Literal["ok", "insufficient_data"]
    data_points_analyzed: int = Field(description="Complete minutes.")
    data_points_needed: int
    forecast_next_10_minutes: list[float] = Field(
        description="Expected transactions of this minute and those after it."
    )
    velocity_anomaly: Anomaly
    amount_anomaly: Anomaly
    fraud_risk_detected: bool
    analyzed_at: datetime | None = Field(description="When the forecast was made.")
    history: list[LoadPoint] = Field(description="The minutes that were analysed.")
    forecast: list[ForecastPoint]
    model: Model | None
    accuracy: Accuracy | None


class CountPair(_Answer):
    """Transactions, and how many of them were flagged."""

    count: int
    flagged: int


class Decisions(_Answer):
    """Transactions by decision."""

    approve: int
    review: int
    decline: int


class Volume(_Answer):
    """All that was written in one currency; `amount` is exact decimal text."""

    currency: str
    amount: str
    count: int


class Summary(_Answer):
    """Counts of written transactions, over all accounts and by the instant of acceptance."""

    model_config = ConfigDict(frozen=True, json_schema_extra={"examples": [_SUMMARY_EXAMPLE]})

    total_transactions: int
    total_flagged: int
    last_minute: CountPair = Field(description="The last 60 seconds.")
    last_hour: CountPair = Field(description="Minutes that began within the last hour.")
    open_alerts: int
    decisions: Decisions
    volume: list[Volume] = Field(description="By currency, the most frequent first.")
    at: datetime
