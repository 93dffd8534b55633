"""Versions of what scoring is set to: the thresholds, and how much each detector counts.

In:   an arrangement (which version is live, which runs in shadow), when it enters the stream.
Out:  the weights of the layer, each detector's multiplied by its emphasis.
A version changes what is decided, never what is learnt. So a second one can run in shadow on the
same state, and going back to an earlier one leaves no trace.
"""

from __future__ import annotations

from typing import Final

import msgspec

from aether_core.scoring.decision import Decision, Thresholds, decide
from aether_core.scoring.fusion import DETECTORS, TERMS, LayerWeights

EMPHASIS_MAX: Final = 3.0


class Version(msgspec.Struct, frozen=True, array_like=True):
    """Thresholds and emphasis under a number.

    emphasis: detector → what its log-odds above the ordinary are multiplied by, 0 (it is not
    heard) to `EMPHASIS_MAX`; 1 for detectors that are not named.
    """

    number: int
    thresholds: Thresholds
    emphasis: dict[str, float] = {}


class Arrangement(msgspec.Struct, frozen=True, array_like=True, tag="arrangement"):
    """Which versions count from a place in the stream on.

    live: None for what the settings say. shadow: None when nothing runs in shadow. run: the number
    of the shadow's run, under which its results are kept.
    """

    live: Version | None = None
    shadow: Version | None = None
    run: int = 0


class InForce:
    """A version at work: its weights are made anew only when the layer has been refitted."""

    __slots__ = ("_emphasised", "_learnt", "version")

    def __init__(self, version: Version) -> None:
        self.version = version
        self._learnt: LayerWeights | None = None
        self._emphasised = LayerWeights()

    def weights(self, learnt: LayerWeights) -> LayerWeights:
        """Return the layer's weights with the emphasis; the learnt ones where there is none."""
        if learnt is not self._learnt:
            self._learnt, self._emphasised = learnt, emphasise(learnt, self.version.emphasis)
        return self._emphasised

    def decide(self, score: float) -> Decision:
        """Return the decision for a score."""
        return decide(score, self.version.thresholds)


def emphasise(weights: LayerWeights, emphasis: dict[str, float]) -> LayerWeights:
    """Return weights under which each detector's evidence counts `emphasis` times.

    The ordinary keeps its log-odds: what is taken from, or added to, a weight is made up for in
    the intercept of its cause, where the evidence is calm.
    """
    factors = {DETECTORS[detector]: factor for detector, factor in emphasis.items()}
    if all(factor == 1.0 for factor in factors.values()):
        return weights
    changed = msgspec.structs.asdict(weights)
    for term in TERMS:
        factor = factors.get(term.field, 1.0)
        weight = getattr(weights, term.weight)
        changed[term.weight] = weight * factor
        changed[term.cause] += weight * (1.0 - factor) * term.calm
    return LayerWeights(**changed)
