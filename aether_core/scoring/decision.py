"""Scores → approve, review or decline, with reasons.

In:   the fused log-odds of fraud.
Out:  the decision that the thresholds give it, and what people and labels need of it later.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Decision = Literal["approve", "review", "decline"]


class Thresholds(msgspec.Struct, frozen=True):
    """Scores from which a transaction goes to review, or is declined."""

    review_min: float = 0.70
    decline_min: float = 0.95


class Reason(msgspec.Struct, frozen=True):
    """Why one detector finds a transaction unusual.

    observed, expected and spread share a unit: major units of the currency for `amount` and
    `population`, transactions per window for `velocity`, labelled frauds for `merchant` and
    `account`. observations: how many transactions the baseline rests on. z_score: standard
    deviations above the expected, as a normal deviate. contribution: log-odds of fraud (natural)
    that would be missing without this detector. window_s: seconds that the observation covers.
    """

    detector: str
    text: str
    observed: float
    expected: float
    spread: float
    observations: int
    z_score: float
    contribution: float = 0.0
    window_s: float | None = None


class Shadow(msgspec.Struct, frozen=True, gc=False):
    """What the version in shadow would have said. run: the number of its run."""

    run: int
    score: float
    decision: Decision


class Assessment(msgspec.Struct, frozen=True, gc=False):
    """What is thought of one transaction. `reasons` is empty for ordinary ones.

    evidence: what the detectors found, packed, for the day when its label is known; None for
    ordinary transactions, from which the layer learns nothing. shadow: None when no version runs in
    shadow.
    """

    score: float
    decision: Decision
    reasons: tuple[Reason, ...] = ()
    evidence: bytes | None = None
    shadow: Shadow | None = None


def decide(score: float, thresholds: Thresholds) -> Decision:
    """Return the decision for a score."""
    if score >= thresholds.decline_min:
        return "decline"
    return "review" if score >= thresholds.review_min else "approve"
