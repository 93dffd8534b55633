"""How unusual an amount is for its account.

In:   the account's baseline of log amounts in one currency, and the logarithm of a new amount.
Out:  a z-score (how far above the usual, in standard deviations), and the baseline with the new
      amount learnt.
Relies on the caller to test first and learn afterwards: a tested value is never part of its own
baseline.

Method: the amounts of an account are taken as log-normal. With a flat prior on their centre and an
inverse-gamma prior on their variance (the normal-inverse-gamma model), the next log amount follows
a Student t distribution (Gelman et al., Bayesian Data Analysis, 3rd ed., section 3.2): wide while
the account is young, narrower with every payment. Nothing refers to the unit of money, so a
currency's scale does not matter. Wallace's transformation turns t into a normal deviate
(D. L. Wallace, "Bounds on normal approximations to Student's and the chi-square distributions",
Annals of Mathematical Statistics 30, 1959), so that young and old accounts share one scale.
"""

from __future__ import annotations

from math import exp, expm1, log1p, sqrt

# What is believed of an account's spread before its first payment: amounts differ by a factor of
# two, exp(0.7), as firmly as three payments would say it. Purchases of one card spread like this.
_SPREAD_PRIOR = 0.7
_PRIOR_SHAPE = 1.5
_PRIOR_SQUARES = 2.0 * _PRIOR_SHAPE * _SPREAD_PRIOR * _SPREAD_PRIOR

# What enters the baseline is winsorised at these many spreads, so that a burst of fraud hardly
# teaches it. The lower bound is nearer: small amounts are frequent and never suspicious, and an
# unusually small one must not widen the spread that large ones are judged by.
_LEARN_ABOVE = 2.0
_LEARN_BELOW = 1.5

# Older payments fade as if the last 300 counted: habits change.
_MEMORY = 300.0


def score_amount(count: float, mean: float, squares: float, log_amount: float) -> float:
    """Return the z-score of a log amount against its account's baseline.

    count, mean, squares: payments learnt, mean of their logs, sum of squared deviations.
    Zero for an account without a baseline: nothing is known, so nothing is unusual.
    """
    if count <= 0.0:
        return 0.0
    freedom = 2.0 * _PRIOR_SHAPE + count - 1.0
    spread = sqrt((_PRIOR_SQUARES + squares) / freedom * (1.0 + 1.0 / count))
    t = (log_amount - mean) / spread
    z = sqrt(freedom * log1p(t * t / freedom)) * (8.0 * freedom + 1.0) / (8.0 * freedom + 3.0)
    return z if t >= 0.0 else -z


def learn_amount(
    count: float, mean: float, squares: float, log_amount: float
) -> tuple[float, float, float]:
    """Return the baseline (count, mean, squares) with one more log amount in it.

    Method: Welford's update, on the winsorised value, with an upper limit on the count.
    """
    if count <= 0.0:
        return 1.0, log_amount, 0.0
    freedom = 2.0 * _PRIOR_SHAPE + count - 1.0
    spread = sqrt((_PRIOR_SQUARES + squares) / freedom * (1.0 + 1.0 / count))
    deviation = log_amount - mean
    if deviation > _LEARN_ABOVE * spread:
        deviation = _LEARN_ABOVE * spread
    elif deviation < -_LEARN_BELOW * spread:
        deviation = -_LEARN_BELOW * spread
    if count >= _MEMORY:
        squares *= (_MEMORY - 1.0) / count
        count = _MEMORY - 1.0
    count += 1.0
    step = deviation / count
    return count, mean + step, squares + deviation * (deviation - step)


def amount_spread(count: float, squares: float) -> float:
    """Return the spread (standard deviation of the log amount) that the next payment is held to.

    count must be at least 1.
    """
    freedom = 2.0 * _PRIOR_SHAPE + count - 1.0
    return sqrt((_PRIOR_SQUARES + squares) / freedom * (1.0 + 1.0 / count))


def log_amount_at(count: float, mean: float, squares: float, z_score: float) -> float:
    """Return the log amount whose z-score is `z_score` (≥ 0): `score_amount` turned round.

    count must be at least 1.
    """
    freedom = 2.0 * _PRIOR_SHAPE + count - 1.0
    scaled = z_score * (8.0 * freedom + 3.0) / (8.0 * freedom + 1.0)
    t = sqrt(freedom * expm1(min(scaled * scaled / freedom, 700.0)))
    return mean + t * amount_spread(count, squares)


def typical_amount(mean: float) -> float:
    """Return the account's usual amount (its geometric mean), in minor units."""
    return exp(mean)
