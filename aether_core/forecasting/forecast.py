"""Forecast: what `forecast_load` returns. Times are minutes, values transactions per minute."""

from __future__ import annotations

from dataclasses import dataclass

from aether_core.forecasting.report import Accuracy
from aether_core.forecasting.scale import FloatArray, Path


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
