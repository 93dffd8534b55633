"""The evidence of all detectors becomes one calibrated score.

In:   what the detectors found of a transaction, and the weights of the layer.
Out:  the log-odds of fraud, and of each cause by itself.
Relies on weights within `LOWEST`..`HIGHEST`: none that multiplies evidence is negative, so more
evidence never lowers a score.

Method: a fraud has a cause: an amount out of all proportion, an account in other hands, a merchant
that leaks, a burst, a merchant that is overrun, the same payment over and over. Within a cause
log-odds of evidence add up; the causes' odds add up (for rare causes that is the noisy-or: J.
Pearl, Probabilistic Reasoning in Intelligent Systems, 1988, section 4.3). So the ordinary amount at
a compromised merchant does not speak for it, as it would in one sum of log-odds. `LayerWeights`
begins with weights that need no label; `learning` refits them.
"""

from __future__ import annotations

from math import exp, log
from typing import Final, NamedTuple

import msgspec

_BURST_EVERYDAY = 3.0
"""Surprise of a burst (5 % of honest moments) from which it speaks for a takeover."""


class Evidence(NamedTuple):
    """What the detectors found; each grows with suspicion.

    population, own: surprise (-log of the tail probability) of the amount among everybody's, and
    among the account's own. hands: log-odds, from earlier amounts, that the account is in other
    hands; 0 when calm. account: the same from labels. merchant: log-odds of a spell of fraud at the
    merchant. burst: surprise of the number of payments. rush: surprise of the number of accounts
    that pay at the merchant. novelty: surprise of a new merchant, place and hour. repetition: that
    of the same payment so often in a row.
    """

    population: float
    own: float
    hands: float
    account: float
    merchant: float
    burst: float
    rush: float = 0.7
    novelty: float = 0.0
    repetition: float = 0.0


CALM: Final = Evidence(population=0.7, own=0.7, hands=0.0, account=0.0, merchant=-5.65, burst=0.7)
"""What an ordinary transaction shows to each detector."""

DETECTORS: Final = {
    "amount": "own",
    "population": "population",
    "takeover": "hands",
    "merchant": "merchant",
    "account": "account",
    "velocity": "burst",
    "merchant_velocity": "rush",
    "novelty": "novelty",
    "repetition": "repetition",
}
"""Detector, as reasons name it → its field of the evidence."""


class LayerWeights(msgspec.Struct, array_like=True, frozen=True):
    """Intercept and weights of each cause, in natural log-odds.

    New ones come last, so that kept weights can be read.
    """

    amount: float = -11.0
    amount_population: float = 1.5
    takeover: float = -9.0
    takeover_own: float = 1.0
    takeover_hands: float = 0.6
    takeover_account: float = 0.6
    takeover_population: float = 0.2
    takeover_burst: float = 0.3
    merchant: float = -0.5
    merchant_spell: float = 1.0
    velocity: float = -11.0
    velocity_burst: float = 1.3
    rush: float = -12.0
    rush_accounts: float = 1.2
    takeover_novelty: float = 0.25
    repetition: float = -12.0
    repetition_count: float = 1.0


LOWEST: Final = LayerWeights(
    -20, 0.3, -20, 0.2, 0, 0, 0, 0, -5, 0.3, -20, 0.3, -20, 0.3, 0, -20, 0.3
)
HIGHEST: Final = LayerWeights(-5, 4, -3, 4, 2, 2, 2, 2, 3, 2.5, -5, 4, -5, 4, 1, -5, 4)
FREEDOM: Final = LayerWeights(
    2, 0.3, 2, 0.3, 0.3, 0.3, 0.2, 0.2, 0.3, 0.1, 2, 0.3, 2, 0.3, 0.2, 2, 0.3
)
"""How far (one standard deviation) labels are expected to move each weight from its beginning."""


class Term(NamedTuple):
    """One weight: the cause that it belongs to, and the evidence that it multiplies.

    is_excess: of a burst's surprise only what exceeds the everyday counts.
    """

    weight: str
    cause: str
    field: str
    is_excess: bool = False

    @property
    def calm(self) -> float:
        """What the weight multiplies of an ordinary transaction."""
        calm: float = getattr(CALM, self.field)
        return burst_everyday(calm) if self.is_excess else calm


TERMS: Final = (
    Term("amount_population", "amount", "population"),
    Term("takeover_own", "takeover", "own"),
    Term("takeover_hands", "takeover", "hands"),
    Term("takeover_account", "takeover", "account"),
    Term("takeover_population", "takeover", "population"),
    Term("takeover_burst", "takeover", "burst", is_excess=True),
    Term("takeover_novelty", "takeover", "novelty"),
    Term("merchant_spell", "merchant", "merchant"),
    Term("velocity_burst", "velocity", "burst"),
    Term("rush_accounts", "rush", "rush"),
    Term("repetition_count", "repetition", "repetition"),
)
"""What `weigh` adds up, beside the intercepts, which have the names of their causes."""


class Causes(NamedTuple):
    """Log-odds of each cause."""

    amount: float
    takeover: float
    merchant: float
    velocity: float
    rush: float
    repetition: float


def weigh(found: Evidence, weights: LayerWeights) -> Causes:
    """Return the log-odds of each cause."""
    population, own, hands, account, merchant, burst, rush, novelty, repetition = found
    return Causes(
        weights.amount + weights.amount_population * population,
        weights.takeover
        + weights.takeover_own * own
        + weights.takeover_hands * hands
        + weights.takeover_account * account
        + weights.takeover_population * population
        + weights.takeover_burst * burst_everyday(burst)
        + weights.takeover_novelty * novelty,
        weights.merchant + weights.merchant_spell * merchant,
        weights.velocity + weights.velocity_burst * burst,
        weights.rush + weights.rush_accounts * rush,
        weights.repetition + weights.repetition_count * repetition,
    )


def fuse(causes: Causes) -> float:
    """Return the log-odds of any cause: the log of the sum of their odds."""
    most = max(causes)
    return most + log(sum(exp(cause - most) for cause in causes))


def fused_log_odds(
    weights: LayerWeights,
    population: float,
    own: float,
    hands: float,
    account: float,
    merchant: float,
    burst: float,
    rush: float,
    novelty: float,
    repetition: float,
) -> float:
    """Return `fuse(weigh(Evidence(...), weights))`, in one step: it runs for every transaction."""
    by_amount = weights.amount + weights.amount_population * population
    by_takeover = (
        weights.takeover
        + weights.takeover_own * own
        + weights.takeover_hands * hands
        + weights.takeover_account * account
        + weights.takeover_population * population
        + weights.takeover_novelty * novelty
    )
    if burst > _BURST_EVERYDAY:
        by_takeover += weights.takeover_burst * (burst - _BURST_EVERYDAY)
    by_merchant = weights.merchant + weights.merchant_spell * merchant
    by_velocity = weights.velocity + weights.velocity_burst * burst
    by_rush = weights.rush + weights.rush_accounts * rush
    by_repetition = weights.repetition + weights.repetition_count * repetition
    most = max(by_takeover, by_amount)
    if by_merchant > most:
        most = by_merchant
    if by_velocity > most:
        most = by_velocity
    if by_rush > most:
        most = by_rush
    if by_repetition > most:
        most = by_repetition
    return most + log(
        exp(by_amount - most)
        + exp(by_takeover - most)
        + exp(by_merchant - most)
        + exp(by_velocity - most)
        + exp(by_rush - most)
        + exp(by_repetition - most)
    )


def score_of(log_odds: float) -> float:
    """Return the probability of log-odds, 0..1."""
    if log_odds < -700.0:
        return 0.0
    return 1.0 / (1.0 + exp(-log_odds))


def log_odds_of(chance: float) -> float:
    """Return the log-odds of a probability strictly between 0 and 1."""
    return log(chance / (1.0 - chance))


def burst_everyday(burst: float) -> float:
    """Return what of a burst's surprise exceeds the everyday."""
    return max(burst - _BURST_EVERYDAY, 0.0)
