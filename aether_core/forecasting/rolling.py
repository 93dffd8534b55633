"""Rolling origin: how well a model forecasts minutes that it has not seen.

In:   a fitted model, a history, and a range of origins in it.
Out:  for each origin and step the path and what really came; scores and calibration of them.
Relies on the caller to fit on minutes before the first origin only.

Method: L. J. Tashman, "Out-of-sample tests of forecasting accuracy", 2000; the score is the mean
pinball loss over quantiles (T. Gneiting, A. E. Raftery, "Strictly proper scoring rules", 2007),
which rewards the right centre and the right width at once, on the scale of counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aether_core.forecasting.models import LoadModel
from aether_core.forecasting.report import Accuracy
from aether_core.forecasting.scale import FloatArray, Path
from aether_core.forecasting.taming import tame_spikes

INTERVAL_Z = 1.959963984540054
"""Standard deviations that leave 2.5 % on each side."""

STEPS = 10
"""Minutes ahead that count: what operators read is the next ten."""

_ORIGIN_COUNT_MAX = 12
_Z_OF_QUANTILE = {0.025: -INTERVAL_Z, 0.1: -1.2816, 0.25: -0.6745, 0.5: 0.0}
_Z_OF_QUANTILE |= {1.0 - quantile: -z for quantile, z in list(_Z_OF_QUANTILE.items())}

# Errors are heavier in their tails than the model thinks, or now and then lighter.
_WIDENING_MIN, _WIDENING_MAX = 0.9, 5.0


@dataclass(frozen=True, slots=True)
class Rolled:
    """Forecasts from several origins: pairs of a path and the counts that came."""

    pairs: tuple[tuple[Path, FloatArray], ...]
    last_known: FloatArray
    """The last count before each origin."""


def roll(model: LoadModel, history: FloatArray, first: int, end: int) -> Rolled:
    """Forecast from at most twelve origins spread over first ≤ origin < end.

    No minute at or after `end` is looked at.
    """
    origins = np.unique(np.linspace(first, end - 1, _ORIGIN_COUNT_MAX).astype(int))
    pairs = []
    for origin in origins:
        came = history[origin : min(end, origin + STEPS)]
        pairs.append((model.extend(tame_spikes(history[:origin]), len(came)), came))
    return Rolled(tuple(pairs), history[origins - 1])


def score(rolled: Rolled) -> float:
    """Return the mean pinball loss, in transactions per minute; smaller is better."""
    losses = []
    for path, came in rolled.pairs:
        for quantile, z in _Z_OF_QUANTILE.items():
            miss = came - path.quantile(z)
            losses.append(np.maximum(quantile * miss, (quantile - 1.0) * miss))
    return float(np.mean(np.concatenate(losses)))


def widening(rolled: Rolled) -> float:
    """Return the factor on the spreads that would have made 95 % of what came lie inside.

    Method: split conformal calibration on standardised errors (V. Vovk et al., "Algorithmic
    Learning in a Random World", 2005), within bounds, as the errors overlap.
    """
    errors = np.concatenate([np.abs(path.z_score(came)) for path, came in rolled.pairs])
    share = min(1.0, 0.95 * (1.0 + 1.0 / len(errors)))
    return float(np.clip(np.quantile(errors, share) / INTERVAL_Z, _WIDENING_MIN, _WIDENING_MAX))


def accuracy(rolled: Rolled, factor: float) -> Accuracy:
    """Return the errors of the rolled forecasts, with their spreads multiplied by `factor`."""
    came = np.concatenate([pair[1] for pair in rolled.pairs])
    mean = np.concatenate([path.mean() for path, _ in rolled.pairs])
    naive = np.concatenate(
        [
            np.full(len(pair[1]), last)
            for pair, last in zip(rolled.pairs, rolled.last_known, strict=True)
        ]
    )
    widened = [path.widened(factor) for path, _ in rolled.pairs]
    lower = np.concatenate([path.quantile(-INTERVAL_Z) for path in widened])
    upper = np.concatenate([path.quantile(INTERVAL_Z) for path in widened])
    errors = np.abs(came - mean)
    loaded = came > 0
    return Accuracy(
        mae=float(errors.mean()),
        naive_mae=float(np.abs(came - naive).mean()),
        mape=float((errors[loaded] / came[loaded]).mean()) if loaded.any() else None,
        # Counts are whole: a bound between two of them stands for both.
        coverage=float(((came >= lower - 0.5) & (came <= upper + 0.5)).mean()),
        evaluated_points=len(came),
    )
