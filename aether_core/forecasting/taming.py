"""Taming: takes single spikes out of a history, so that they do not bend what is expected next.

In:   loads up to an origin.
Out:  the same, with minutes that stand out of their neighbourhood pulled to its edge.
Relies only on what it is given: a forecast from an earlier origin never sees a later minute.

Method: a Hampel filter (F. R. Hampel, "The influence curve and its role in robust estimation",
1974) on square roots, where the spread of counts does not depend on their size. A lasting change
of level is no spike: its third minute is the median of its neighbourhood.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from aether_core.forecasting.scale import MAD_TO_SPREAD, POISSON_SPREAD, FloatArray

_HALF_WINDOW = 4
_THRESHOLD = 5.0


def tame_spikes(history: FloatArray) -> FloatArray:
    """Return the history with spikes clipped to five spreads from their neighbours' median."""
    roots = np.sqrt(history)
    edges = np.full(_HALF_WINDOW, np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(
        np.concatenate([edges, roots, edges]), 2 * _HALF_WINDOW + 1
    )
    centres = np.nanmedian(windows, axis=1)
    reach = _THRESHOLD * _spread(roots)
    return np.asarray(np.square(np.clip(roots, centres - reach, centres + reach)).clip(min=0.0))


def _spread(roots: FloatArray) -> float:
    # Of the steps, not of the values: a slow rhythm is no noise. A step has two minutes' noise.
    steps = np.abs(np.diff(roots))
    return max(POISSON_SPREAD, MAD_TO_SPREAD * float(np.median(steps)) / sqrt(2.0))
