"""ARIMA: the expected load of the coming minutes, with its prediction interval.

In:   the load so far, a count for each minute without gaps.
Out:  mean and 95 % interval of the minutes that follow, the model's name and its accuracy.
Relies on nothing else: the same history gives the same forecast.

The history is cut in three. On the oldest part every candidate is fitted; the middle part chooses
among them by how they forecast it and calibrates the interval; the newest part, which nothing was
chosen on, measures the accuracy that is shown. The winner is then fitted to the whole. When the
newest minutes refute it, the last level is taken instead, and named.

AIC alone cannot choose here: it compares neither models of different differencing nor of
different scales (R. J. Hyndman, G. Athanasopoulos, "Forecasting: Principles and Practice",
3rd ed., sections 5.8 to 5.10 and chapter 9).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from aether_core.errors import HistoryTooShort
from aether_core.forecasting import rolling
from aether_core.forecasting.forecast import Forecast
from aether_core.forecasting.models import (
    FitFailed,
    LastLevel,
    LoadModel,
    Order,
    Steady,
    fit_arima,
)
from aether_core.forecasting.scale import LOGARITHM, SQUARE_ROOT, FloatArray, Path, Scale
from aether_core.forecasting.taming import tame_spikes

HISTORY_MIN = 10
"""Minutes below which no model is believed."""

# From the simplest on: a mean; the last value; smoothing; a fading deviation from the mean;
# with two or three lags also a rhythm of some minutes to hours.
_ORDERS: tuple[Order, ...] = (
    (0, 0, 0),
    (0, 1, 0),
    (0, 1, 1),
    (1, 0, 0),
    (1, 1, 1),
    (0, 1, 2),
    (2, 0, 1),
    (2, 1, 2),
    (3, 0, 1),
    (5, 1, 0),
)
# These settle the scale; the others are tried on that one alone, for half the time.
_ORDERS_SIMPLE = _ORDERS[:4]
_SCALES = (SQUARE_ROOT, LOGARITHM)

# So many minutes of the first part are needed for each parameter.
_MINUTES_PER_PARAMETER = 8

# A more complex model must be this much better than a simpler one to be chosen: on little history
# a smaller difference is chance.
_BETTER_BY = 0.02

# When the median of so many newest minutes lies this far outside, the load has changed for good,
# and what was chosen on the time before does not know it.
_NEWS = 5
_REFUTED_Z = 3.5

# Intervals of differenced models on a log scale can leave any chart within an hour.
_CEILING = 10.0


@dataclass(frozen=True, slots=True)
class _Choice:
    """A candidate that was chosen, and the factor that calibrates its spreads."""

    order: Order
    scale: Scale
    factor: float
    score: float


# Where the oldest part does not move at all, nothing can be tried on it: exponential smoothing
# then makes the fewest claims.
_UNTRIED = _Choice((0, 1, 1), SQUARE_ROOT, 1.0, np.inf)


def forecast_load(history: FloatArray, horizon: int, *, history_min: int = HISTORY_MIN) -> Forecast:
    """Predict the load of the minutes after the history.

    history: shape (n,), transactions per minute, oldest first, no gaps, finite, ≥ 0.
    horizon: minutes ahead, 1 to 180.
    Raises HistoryTooShort when n < history_min, ValueError for values that are no loads.
    Takes a second or more of CPU: call it off the event loop.
    """
    history = np.asarray(history, dtype=np.float64)
    if history.ndim != 1 or not np.isfinite(history).all() or (history < 0).any():
        raise ValueError("A history is one row of finite counts, none below zero.")
    if not 1 <= horizon <= 180:
        raise ValueError("The horizon is 1 to 180 minutes.")
    if len(history) < max(history_min, 10):
        raise HistoryTooShort(len(history), max(history_min, 10))

    evaluated = len(history) - min(60, len(history) // 5)
    chosen_from = evaluated - min(120, len(history) // 4)
    choice: _Choice | None = _choose(history, chosen_from, evaluated)

    model, factor = _fitted(history[:evaluated], choice)
    if _is_refuted(model.extend(tame_spikes(history[:-_NEWS]), _NEWS).widened(factor), history):
        choice = None
        model, factor = _fitted(history, choice)
    accuracy = rolling.accuracy(rolling.roll(model, history, evaluated, len(history)), factor)
    present = model.extend(tame_spikes(history[:-1]), 1).widened(factor)

    model, factor = _fitted(history, choice)
    path = model.extend(tame_spikes(history), horizon).widened(factor)
    mean, lower, upper = _bounded(path, float(history.max()))
    return Forecast(
        mean=mean,
        lower=lower,
        upper=upper,
        model=model.name,
        order=model.order,
        aic=model.aic,
        accuracy=accuracy,
        present=present,
    )


def _choose(history: FloatArray, first: int, end: int) -> _Choice:
    """Return the candidate that best forecasts first ≤ minute < end from what lies before."""
    tamed = tame_spikes(history[:first])
    if np.ptp(tamed) == 0:
        return _UNTRIED
    best: _Choice | None = None
    for order, scale in ((order, scale) for order in _ORDERS for scale in _SCALES):
        if (1 + sum(order)) * _MINUTES_PER_PARAMETER > first:
            continue
        if best is not None and order not in _ORDERS_SIMPLE and scale is not best.scale:
            continue
        try:
            rolled = rolling.roll(fit_arima(tamed, order, scale), history, first, end)
        except FitFailed:
            continue
        score = rolling.score(rolled)
        if best is None or score < best.score * (1.0 - _BETTER_BY):
            best = _Choice(order, scale, rolling.widening(rolled), score)
    return best or _UNTRIED


def _is_refuted(expected: Path, history: FloatArray) -> bool:
    """Whether the newest minutes lie together so far off that the model's world is gone."""
    z_scores = expected.z_score(history[-_NEWS:])
    return abs(float(np.median(z_scores))) > _REFUTED_Z


def _fitted(history: FloatArray, choice: _Choice | None) -> tuple[LoadModel, float]:
    """Return the chosen model fitted to a history and its factor; else one that needs no fit."""
    tamed = tame_spikes(history)
    if np.ptp(tamed) == 0:
        return Steady(), 1.0
    if choice is not None:
        with suppress(FitFailed):
            return fit_arima(tamed, choice.order, choice.scale), choice.factor
    return LastLevel(), 1.0


def _bounded(path: Path, highest: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return mean, lower and upper in order, not below zero, on a scale that people can read."""
    ceiling = _CEILING * highest + 1.0
    lower = np.minimum(path.quantile(-rolling.INTERVAL_Z), ceiling)
    upper = np.minimum(path.quantile(rolling.INTERVAL_Z), ceiling)
    mean = np.clip(path.mean(), lower, upper)
    # Counts are whole: no interval is narrower than the rounding to one of them.
    return mean, np.clip(np.minimum(lower, mean - 0.5), 0.0, None), np.maximum(upper, mean + 0.5)
