"""Forecast: what `forecast_load` returns. Times are minutes, values transactions per minute."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from aether_core.forecasting.scale import FloatArray, Path


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


@dataclass(frozen=True, slots=True)
class Forecast:
    """The expected load after the end of a history.

    mean, lower, upper: shape (horizon,); 0 ≤ lower ≤ mean ≤ upper; a 95 % interval.
    model: such as `ARIMA(2, 1, 2)`, or what was used instead of one.
    order: (p, d, q); None where no ARIMA model is behind it. aic: on the model's own scale.
    present: what was expected of the history's last minute before it was known; shape (1,).
    """

    mean: FloatArray
    lower: FloatArray
    upper: FloatArray
    model: str
    order: tuple[int, int, int] | None
    aic: float | None
    accuracy: Accuracy
    present: Path
