"""Scores → approve, review or decline, with reasons.

In:   the z-scores of the detectors.
Out:  one score in 0..1, the decision that the thresholds give it, and sentences for people.
Relies on z-scores being on one scale whatever the age of the account; `zscore` and `velocity`
take care of it.
"""

from __future__ import annotations

from math import exp, sqrt
from typing import Literal

import msgspec

Decision = Literal["approve", "review", "decline"]

# The logistic curve from z-score to score: 3.5 standard deviations give 0.70 and 5.0 give 0.95, the
# default thresholds. An honest transaction reaches 3.5 less than once in a thousand.
_MIDDLE = 2.895
_STEEPNESS = 1.4

_EVERYDAY_Z = 2.0

REASON_Z_MIN = 2.0
"""A detector below this z-score is no reason."""


class Thresholds(msgspec.Struct, frozen=True):
    """Scores from which a transaction goes to review, or is declined."""

    review_min: float = 0.70
    decline_min: float = 0.95


class Reason(msgspec.Struct, frozen=True):
    """Why one detector finds a transaction unusual.

    observed, expected and spread share a unit: major units of the currency for `amount`,
    transactions per window for `velocity`. observations: how many transactions the baseline
    rests on. z_score: standard deviations above the expected, as a normal deviate.
    """

    detector: str
    text: str
    observed: float
    expected: float
    spread: float
    observations: int
    z_score: float


class Assessment(msgspec.Struct, frozen=True, gc=False):
    """What is thought of one transaction. `reasons` is empty for ordinary ones."""

    score: float
    decision: Decision
    reasons: tuple[Reason, ...] = ()


def fuse(amount_z: float, velocity_z: float) -> float:
    """Return one z-score for both detectors: only the large and the fast are suspicious.

    Squares are added because z²/2 is about the log of the odds against it, and evidence adds. Of
    velocity only what exceeds chance counts: two windows are looked at, and honest people shop in
    clusters, so that a z-score of 2 is an everyday sight.
    """
    excess = velocity_z * velocity_z - _EVERYDAY_Z * _EVERYDAY_Z
    if velocity_z <= _EVERYDAY_Z:
        return amount_z
    amount_z = max(amount_z, 0.0)
    return sqrt(amount_z * amount_z + excess)


def score_of(z_score: float) -> float:
    """Return the score, 0..1, of a fused z-score; strictly increasing within -100..25."""
    return 1.0 / (1.0 + exp(-_STEEPNESS * (max(z_score, -100.0) - _MIDDLE)))


def decide(score: float, thresholds: Thresholds) -> Decision:
    """Return the decision for a score."""
    if score >= thresholds.decline_min:
        return "decline"
    return "review" if score >= thresholds.review_min else "approve"
