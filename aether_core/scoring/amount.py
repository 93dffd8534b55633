"""What an account usually pays in a currency: a robust baseline of log amounts.

In:   the baseline (count, mean, squares) and the population's mean log amount.
Out:  where the next amount is expected and how widely it spreads; the baseline with it learnt.
Relies on the caller to test first and learn afterwards: a tested amount is never part of its own
baseline.

Method: the account's mean and variance are shrunk towards the population's, which counts as so
many payments (empirical Bayes with a normal-inverse-gamma prior; Gelman et al., Bayesian Data
Analysis, 3rd ed., sections 3.3 and 5.4). What enters is winsorised (Huber), so that a burst of
fraud hardly teaches it. Only differences of logarithms are used: the unit of money does not matter.
"""

from __future__ import annotations

from math import sqrt

PRIOR_COUNT = 5.0
"""The population weighs as much as so many of the account's own payments."""

SPREAD_PRIOR = 0.6
"""What is believed of an account's spread: amounts differ by a factor of exp(0.6), about 1.8."""

LEARN_ABOVE = 2.0
"""Standard deviations beyond which an amount teaches no more than one at this distance."""
_LEARN_BELOW = 2.5
_MEMORY = 200.0
"""Older payments fade as if the last 200 counted: habits change."""

Baseline = tuple[float, float, float]
"""Payments learnt, mean of their logs, sum of squared deviations."""


def expected_amount(baseline: Baseline, population_mean: float) -> tuple[float, float]:
    """Return the expected log amount of the next payment, and its standard deviation."""
    count, mean, squares = baseline
    weight = count + PRIOR_COUNT
    variance = (squares + PRIOR_COUNT * SPREAD_PRIOR * SPREAD_PRIOR) / weight
    return (
        (count * mean + PRIOR_COUNT * population_mean) / weight,
        sqrt(variance * (1.0 + 1.0 / (count + 1.0))),
    )


def learn_amount(baseline: Baseline, log_amount: float, expected: float, spread: float) -> Baseline:
    """Return the baseline with one more log amount in it (Welford's update, limited memory)."""
    count, mean, squares = baseline
    value = log_amount
    if value > expected + LEARN_ABOVE * spread:
        value = expected + LEARN_ABOVE * spread
    elif value < expected - _LEARN_BELOW * spread:
        value = expected - _LEARN_BELOW * spread
    if count >= _MEMORY:
        squares *= (_MEMORY - 1.0) / count
        count = _MEMORY - 1.0
    count += 1.0
    deviation = value - mean
    mean += deviation / count
    return count, mean, squares + deviation * (value - mean)
