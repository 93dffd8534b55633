"""Scale: the scale on which a load's ups and downs have one size, and the way back to counts.

In:   loads (counts ≥ 0), or what a linear model expects on the scale, with its standard error.
Out:  values on the scale; expected counts and quantiles, never below zero.
A count's spread grows with the count: like its square root where arrivals are independent
(Poisson; M. S. Bartlett, "The square root transformation in analysis of variance", 1936), like
the count itself where whole crowds come and go together. Square root and logarithm undo the two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

FloatArray: TypeAlias = NDArray[np.float64]

MAD_TO_SPREAD: Final = 1.4826
"""A normal distribution's standard deviation in units of its median absolute deviation."""

POISSON_SPREAD: Final = 0.5
"""The standard deviation of a Poisson count's square root, whatever its mean."""

# exp(40) is more transactions a minute than there are: beyond it a variance only overflows.
_LOG_MAX = 40.0


@dataclass(frozen=True, slots=True)
class Scale:
    """One transformation. Its functions work on arrays, value by value."""

    name: str
    forward: Callable[[FloatArray], FloatArray]
    """Counts → scale."""
    backward: Callable[[FloatArray], FloatArray]
    """Scale → counts, increasing; what lies below the scale's zero becomes zero."""
    expected: Callable[[FloatArray, FloatArray], FloatArray]
    """Mean and standard deviation on the scale → mean count.

    Going back with the mean alone would give the median, which is too low for a sum of loads."""


@dataclass(frozen=True, slots=True)
class Path:
    """What a model expects for the coming minutes: a normal distribution each, on a scale.

    centre, spread: shape (horizon,); mean and standard deviation.
    """

    scale: Scale
    centre: FloatArray
    spread: FloatArray

    def mean(self) -> FloatArray:
        """Return the expected counts."""
        return self.scale.expected(self.centre, self.spread)

    def quantile(self, z: float) -> FloatArray:
        """Return the counts at `z` standard deviations from the centre."""
        return self.scale.backward(self.centre + z * self.spread)

    def widened(self, factor: float) -> Path:
        """Return the same path with every spread multiplied."""
        return Path(self.scale, self.centre, self.spread * factor)

    def z_score(self, observed: FloatArray) -> FloatArray:
        """Return how many spreads the observed counts lie above the centre."""
        return (self.scale.forward(observed) - self.centre) / self.spread


def _square(values: FloatArray) -> FloatArray:
    return np.square(np.maximum(values, 0.0))


def _expected_square(centre: FloatArray, spread: FloatArray) -> FloatArray:
    # E[max(X, 0)²] of a normal X: the part below zero is no load, not a positive one.
    t = centre / spread
    squares: FloatArray = (centre**2 + spread**2) * norm.cdf(t) + centre * spread * norm.pdf(t)
    return squares


def _exponential(values: FloatArray) -> FloatArray:
    return np.expm1(np.clip(values, 0.0, _LOG_MAX))


def _expected_exponential(centre: FloatArray, spread: FloatArray) -> FloatArray:
    return np.expm1(np.clip(centre + spread**2 / 2.0, 0.0, _LOG_MAX))


SQUARE_ROOT: Final = Scale("square root", np.sqrt, _square, _expected_square)
LOGARITHM: Final = Scale("logarithm", np.log1p, _exponential, _expected_exponential)
