"""Whether an account is in other hands, as its amounts alone suggest.

In:   how surprising each amount was for the account, in order.
Out:  the chance that somebody else is paying, as it stood before the next payment.
Relies on no label. What labels say of an account is kept by `spells`.

Method: a filter with two states. In the hands of another a third of the payments are the fraud,
the others remain the account holder's. The likelihood ratio of an amount comes from its tail
probability p by the calibrator k p^(k-1), which is an e-value whatever the amounts' distribution
(V. Vovk & R. Wang, "E-values: calibration, combination and applications", Annals of Statistics 49,
2021). The state is left with a mean of two weeks and entered with a small constant chance.
"""

from __future__ import annotations

from math import exp, log

CALM = 0.002
"""The chance without evidence, and the floor."""

_CERTAIN = 0.98
_MEAN_S = 14 * 86_400.0
_CALIBRATOR = 0.2
_SURPRISE_MAX = 15.0
_FRAUD_SHARE = 1.0 / 3.0

TELLING = -log(_CALIBRATOR) / (1.0 - _CALIBRATOR)
"""Surprise from which an amount speaks for a takeover; below it a calm account stays calm."""


def likelihood_ratio(surprise: float) -> float:
    """Return how much likelier an amount of this surprise is as a fraud than as the holder's."""
    return _CALIBRATOR * exp((1.0 - _CALIBRATOR) * min(surprise, _SURPRISE_MAX))


def fraud_share(ratio: float) -> float:
    """Return the chance that a payment is the fraud, if the account is in other hands."""
    fraud = _FRAUD_SHARE * ratio
    return fraud / (fraud + 1.0 - _FRAUD_SHARE)


def fade(chance: float, passed_s: float) -> float:
    """Return the chance after `passed_s` seconds without a payment."""
    return CALM + (chance - CALM) * exp(-passed_s / _MEAN_S)


def learn_payment(chance: float, ratio: float) -> float:
    """Return the chance after a payment with this likelihood ratio."""
    mixed = chance * (1.0 - _FRAUD_SHARE + _FRAUD_SHARE * ratio)
    return min(max(mixed / (mixed + 1.0 - chance), CALM), _CERTAIN)
