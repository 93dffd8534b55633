"""Anomaly: load or amounts that leave what was to be expected.

In:   what the last minutes brought, and what was expected of them before they were known.
Out:  whether that is unusual, how much, and a sentence for people.
Relies on expectations that never saw the tested minutes: they are no part of their own baseline.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import norm, t

from aether_core.forecasting.report import Anomaly, CurrencyLoad
from aether_core.forecasting.rolling import INTERVAL_Z
from aether_core.forecasting.scale import (
    MAD_TO_SPREAD,
    POISSON_SPREAD,
    SQUARE_ROOT,
    FloatArray,
    Path,
)

ANOMALY_Z = 4.0
"""Tested every minute, a normal deviate exceeds 4 by chance once in eleven days."""

AMOUNT_WINDOW = 5
"""Minutes whose amounts are tested together: one minute alone says little."""

# Fewer payments have no mean worth testing; fewer windows before them no usual one.
_PAYMENTS_MIN = 20
_WINDOWS_MIN = 5

# A change of typical amounts by less than this is nothing that anybody would act on.
_CHANGE_MIN = 1.25

# A median absolute deviation knows as much as a standard deviation of so many fewer values.
_MAD_EFFICIENCY = 0.37

# Beyond it the tail of the distribution is zero in floating point, and the deviate infinite.
_Z_MAX = 37.0


def judge_load(observed: float, expected: Path) -> Anomaly:
    """Hold the last minute's load to what was expected of it.

    expected: shape (1,), made without the observed minute.
    """
    value = np.array([observed])
    centre = SQUARE_ROOT.forward(expected.quantile(0.0))
    # Both sides of the interval on one scale, whichever the model works on.
    upper = SQUARE_ROOT.forward(expected.quantile(INTERVAL_Z))
    lower = SQUARE_ROOT.forward(expected.quantile(-INTERVAL_Z))
    reach = upper - centre if observed >= expected.quantile(0.0)[0] else centre - lower
    # No load is more regular than chance: clockwork that ticks once more is no anomaly.
    spread = np.maximum(reach / INTERVAL_Z, POISSON_SPREAD)
    z_score = float(((SQUARE_ROOT.forward(value) - centre) / spread)[0])
    if abs(z_score) < ANOMALY_Z:
        return Anomaly(False, z_score)
    low, high = expected.quantile(-INTERVAL_Z)[0], expected.quantile(INTERVAL_Z)[0]
    return Anomaly(
        True,
        z_score,
        f"{observed:,.0f} transactions in the last minute, where {expected.mean()[0]:,.0f} were "
        f"expected ({low:,.0f} to {high:,.0f}): the load has suddenly "
        f"{'risen' if z_score > 0 else 'fallen'}.",
    )


def judge_amounts(loads: Sequence[CurrencyLoad]) -> Anomaly:
    """Hold the mean log amount of the last five minutes to that of the windows before them.

    Each currency is tested on its own, since logs of different units cannot be compared; the
    most unusual one is told. Robust centre and spread: earlier anomalies hardly move them.
    Method: weighted window means, as a mean of n amounts varies like 1/√n; the quotient follows
    a Student t distribution, turned into a normal deviate.
    """
    judged = [(z, load, change) for load in loads for z, change in _amount_z(load)]
    if not judged:
        return Anomaly(False)
    z_score, load, change = max(judged, key=lambda found: abs(found[0]))
    # The largest of several is larger by chance: each may exceed with its share of the chance.
    limit = float(norm.isf(norm.sf(ANOMALY_Z) / len(judged)))
    if abs(z_score) < limit or 1 / _CHANGE_MIN < change < _CHANGE_MIN:
        return Anomaly(False, z_score)
    size = f"{change:,.1f} times as large" if change > 1 else f"{1 / change:,.1f} times smaller"
    return Anomaly(
        True,
        z_score,
        f"Payments in {load.currency} of the last {AMOUNT_WINDOW} minutes are typically {size} "
        f"{'as' if change > 1 else 'than'} usual.",
    )


def _amount_z(load: CurrencyLoad) -> list[tuple[float, float]]:
    """Return z-score and factor of change of the last window, or nothing when it says nothing."""
    counts = _windows(load.counts)
    sums = _windows(load.log_amount_sums)
    if len(counts) == 0 or counts[-1] < _PAYMENTS_MIN:
        return []
    known = counts[:-1] >= _PAYMENTS_MIN
    if known.sum() < _WINDOWS_MIN:
        return []
    past_counts = counts[:-1][known]
    past = sums[:-1][known] / past_counts
    usual = float(np.median(past))
    deviations = (past - usual) * np.sqrt(past_counts)
    # A thousandth: amounts that are all the same have no spread at all.
    spread = max(MAD_TO_SPREAD * float(np.median(np.abs(deviations))), 1e-3)
    change = float(sums[-1] / counts[-1]) - usual
    freedom = _MAD_EFFICIENCY * (len(past) - 1)
    quotient = change / (spread * np.sqrt(1.0 / counts[-1] + 1.0 / past_counts.sum()))
    z_score = float(np.copysign(norm.isf(t.sf(abs(quotient), freedom)), quotient))
    return [(float(np.clip(z_score, -_Z_MAX, _Z_MAX)), float(np.exp(change)))]


def _windows(values: Sequence[float]) -> FloatArray:
    """Return sums over whole windows that end with the last minute, oldest first."""
    usable = len(values) - len(values) % AMOUNT_WINDOW
    recent = np.asarray(values[len(values) - usable :], dtype=np.float64)
    return np.asarray(recent.reshape(-1, AMOUNT_WINDOW).sum(axis=1))
