"""What would have let a transaction pass: the nearest amount, the nearest moment.

In:   a transaction as it was scored, with the baselines that it was held to.
Out:  the largest amount, or the first moment, at which it would not go to review, all else equal.
Found by trying with the score's own functions, so that the bound holds to the unit of money, and to
the minute.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log
from typing import TYPE_CHECKING, NamedTuple

from aether_core.scoring.amount import Baseline
from aether_core.scoring.decision import Thresholds
from aether_core.scoring.fusion import Evidence, LayerWeights, fuse, log_odds_of, score_of, weigh
from aether_core.scoring.population import CurrencyPopulation
from aether_core.scoring.spells import DAY_S, Spell, chance_now
from aether_core.scoring.spending import Spent, score_spending
from aether_core.scoring.suppression import without_suppressed
from aether_core.scoring.velocity import (
    WINDOW_DAY_S,
    WINDOW_LONG_S,
    WINDOW_SHORT_S,
    excess_surprise,
    judge_burst,
)

if TYPE_CHECKING:
    from aether_core.scoring.state import ShardState

_AMOUNT_MAX = 1 << 62
_LATER_MAX_S = 120 * DAY_S
_LATER_STEP_S = 30.0


class Seen(NamedTuple):
    """A transaction as it was scored, and the baselines that it was held to.

    thresholds, weights: those that decided. at: when it was made, seconds since 1970. short, long,
    day, habit: decayed counts of earlier ones. spent: what they came to.
    """

    thresholds: Thresholds
    state: ShardState
    weights: LayerWeights
    evidence: Evidence
    suppressed: dict[str, int] | None
    log_odds: float
    population: CurrencyPopulation
    baseline: Baseline
    expected: float
    spread: float
    minor_units: int
    currency: str
    exponent: int
    merchant_name: str
    merchant: Spell | None
    account: Spell | None
    at: float
    short: float
    long: float
    day: float
    habit: float
    age_s: float
    velocity_z: float
    spent: Spent
    spree_z: float


def passing_amount(seen: Seen) -> int | None:
    """Return the largest amount, in minor units, that would pass; None if none would, or all."""

    def passes(minor_units: int) -> bool:
        log_amount = log(minor_units)
        return _passes(
            seen,
            seen.evidence._replace(
                population=seen.population.tail.surprise(log_amount - seen.population.anchor),
                own=seen.state.population.own.surprise((log_amount - seen.expected) / seen.spread),
            ),
        )

    if not passes(1):
        return None
    low, high = 1, max(2, seen.minor_units)
    while passes(high):
        if high > _AMOUNT_MAX:
            return None
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if passes(middle) else (low, middle)
    return low


def merchant_passes_after(seen: Seen) -> float | None:
    """Return the seconds after which the merchant's labels, without new ones, let it pass."""
    spell = seen.merchant
    if spell is None:
        return None
    lives = seen.state.merchant_lives

    def later(passed_s: float) -> Evidence:
        return seen.evidence._replace(
            merchant=log_odds_of(chance_now(spell, lives, seen.at + passed_s))
        )

    return _passes_after(seen, later)


def burst_passes_after(seen: Seen) -> float | None:
    """Return the seconds without a payment after which this one would pass."""

    def later(passed_s: float) -> Evidence:
        _, burst = judge_burst(
            seen.short * exp(-passed_s / WINDOW_SHORT_S),
            seen.long * exp(-passed_s / WINDOW_LONG_S),
            seen.day * exp(-passed_s / WINDOW_DAY_S),
            seen.habit,
            seen.age_s + passed_s,
        )
        spree = excess_surprise(score_spending(*seen.spent.later(passed_s)))
        return seen.evidence._replace(burst=max(burst, spree))

    return _passes_after(seen, later)


def _passes_after(seen: Seen, later: Callable[[float], Evidence]) -> float | None:
    """Return the first moment; None when it passes now already, or not for months."""
    if _passes(seen, later(0.0)) or not _passes(seen, later(_LATER_MAX_S)):
        return None
    low, high = 0.0, _LATER_STEP_S
    while not _passes(seen, later(high)):
        low, high = high, high * 2
    while high - low > _LATER_STEP_S:
        middle = (low + high) / 2
        low, high = (low, middle) if _passes(seen, later(middle)) else (middle, high)
    return high


def _passes(seen: Seen, found: Evidence) -> bool:
    if seen.suppressed:
        found = without_suppressed(found, seen.suppressed, int(seen.at * 1000))
    log_odds = fuse(weigh(found, seen.weights))
    return score_of(log_odds) < seen.thresholds.review_min
