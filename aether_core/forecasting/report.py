"""Report: the load so far and all that is told of it; what the forecaster stores.

Values only, kept as JSON: whoever shows a forecast reads them without loading the libraries that
made it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

MINUTE = timedelta(minutes=1)


class CurrencyLoad(msgspec.Struct, frozen=True):
    """One currency's share of a load: a value for each minute, oldest first.

    log_amount_sums: sums of the natural logarithms of the amounts in minor units.
    """

    currency: str
    counts: tuple[int, ...]
    log_amount_sums: tuple[float, ...]


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


class Accuracy(msgspec.Struct, frozen=True):
    """Errors on the newest minutes of the history, each forecast from what lay before it.

    mae: mean absolute error of the mean. naive_mae: the same for "it stays as it is".
    mape: mean absolute error as a fraction of the load, over minutes that had any; None without.
    coverage: share of the minutes that lay inside the 95 % interval.
    evaluated_points: forecast minutes that were compared; they overlap, so that they are not
    independent of one another.
    """

    mae: float
    naive_mae: float
    mape: float | None
    coverage: float
    evaluated_points: int


class Anomaly(msgspec.Struct, frozen=True):
    """Whether something leaves what is usual. z_score: as a normal deviate; None: not judged."""

    is_anomaly: bool
    z_score: float | None = None
    reason: str | None = None


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
