"""Labels make the score better: the layer's weights are refitted from those that have arrived.

In:   the evidence of labelled transactions, as it was when each was scored.
Out:  new weights, near the beginning ones while labels are few.
Relies on evidence being kept only for what was not wholly ordinary. That choice depends on nothing
but the evidence, so the fit within it is unbiased, and ordinary transactions cost nothing.

Method: maximum a posteriori of the layer's likelihood by damped Gauss-Newton steps, with a normal
prior around the weights that need no label, and bounds. The last labels count, older ones are
forgotten, so a fit is bounded in time and memory, and wrong labels wash out.
"""

from __future__ import annotations

import contextlib
from collections import deque
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from aether_core.scoring.fusion import (
    FREEDOM,
    HIGHEST,
    LOWEST,
    TERMS,
    Causes,
    Evidence,
    LayerWeights,
    burst_everyday,
)

FIT_EVERY: Final = 200
"""Labels with evidence between two fits."""

KEPT: Final = 6_000
"""Examples that are remembered."""

_EACH_KIND_MIN = 8
"""No fit is tried with fewer frauds, or fewer legitimate ones."""

_STEPS = 12
_STEP_MAX = 1.0
_STEP_END = 1e-3
_PRIOR_WEIGHT = 10.0

FloatArray = NDArray[np.float64]

_OF_CAUSES = [[term for term in TERMS if term.cause == cause] for cause in Causes._fields]
_PLACES = [
    [LayerWeights.__struct_fields__.index(name) for name in (cause, *(t.weight for t in terms))]
    for cause, terms in zip(Causes._fields, _OF_CAUSES, strict=True)
]
"""Of each cause, where its intercept and its weights stand in `LayerWeights`."""


class Learner:
    """Labelled evidence, the newest last, and the weights that were fitted to it."""

    __slots__ = ("examples", "unfitted", "weights")

    def __init__(self) -> None:
        self.weights = LayerWeights()
        self.examples: deque[tuple[Evidence, bool]] = deque(maxlen=KEPT)
        self.unfitted = 0

    def learn(self, found: Evidence, *, is_fraud: bool) -> None:
        """Keep an example; now and then fit the weights anew."""
        self.examples.append((found, is_fraud))
        self.unfitted += 1
        if self.unfitted >= FIT_EVERY:
            self.unfitted = 0
            self.weights = fit_weights(self.weights, list(self.examples))

    def forget(self, found: Evidence, *, is_fraud: bool) -> None:
        """Take an example back, if it is still remembered; the next fit does without it."""
        with contextlib.suppress(ValueError):
            self.examples.remove((found, is_fraud))


def fit_weights(weights: LayerWeights, examples: list[tuple[Evidence, bool]]) -> LayerWeights:
    """Return the weights that explain the labels best; the given ones where labels are too few.

    Takes some milliseconds.
    """
    truth = np.array([is_fraud for _, is_fraud in examples], dtype=float)
    fraud_count = int(truth.sum())
    if min(fraud_count, len(examples) - fraud_count) < _EACH_KIND_MIN:
        return weights
    parts = _design([found for found, _ in examples])
    middle = _array(LayerWeights())
    precision = _PRIOR_WEIGHT / _array(FREEDOM) ** 2
    now = _array(weights)
    for _ in range(_STEPS):
        by_cause = np.stack(
            [part @ now[places] for part, places in zip(parts, _PLACES, strict=True)], axis=1
        )
        most = by_cause.max(axis=1, keepdims=True)
        odds = np.exp(by_cause - most)
        total = odds.sum(axis=1, keepdims=True)
        blame = odds / total
        chance = 1.0 / (1.0 + np.exp(-np.clip(most + np.log(total), -500.0, 500.0)[:, 0]))
        slope = np.zeros((len(examples), len(now)))
        for i, (part, places) in enumerate(zip(parts, _PLACES, strict=True)):
            slope[:, places] = part * blame[:, i : i + 1]
        gradient = slope.T @ (chance - truth) + precision * (now - middle)
        weight = np.maximum(chance * (1.0 - chance), 1e-4)
        curvature = (slope * weight[:, None]).T @ slope + np.diag(precision)
        step = np.clip(np.linalg.solve(curvature, gradient), -_STEP_MAX, _STEP_MAX)
        now = np.clip(now - step, _array(LOWEST), _array(HIGHEST))
        if np.abs(step).max() < _STEP_END:
            break
    # Rounded, so that another processor's last bits do not become another score in a replay.
    return LayerWeights(*(round(float(one), 4) for one in now))


def _array(weights: LayerWeights) -> FloatArray:
    return np.array(msgspec.structs.astuple(weights), dtype=float)


def _design(found: list[Evidence]) -> list[FloatArray]:
    """Return one matrix for each cause: intercept and evidence, in the order of `_PLACES`."""
    by_field = dict(zip(Evidence._fields, np.array(found, dtype=float).T, strict=True))
    excess = np.array([burst_everyday(each) for each in by_field["burst"]])
    return [
        np.stack(
            [np.ones(len(found)), *(excess if t.is_excess else by_field[t.field] for t in terms)],
            axis=1,
        )
        for terms in _OF_CAUSES
    ]
