"""Why a transaction was found unusual, in sentences that an analyst can act on.

In:   what the detectors saw: the tested value and the baseline as it stood before.
Out:  one reason for each detector that found something, the strongest first.
Relies on being called for few transactions: it is written for people, not for speed.
"""

from __future__ import annotations

from math import ceil, exp

import msgspec

from aether_core.scoring.decision import REASON_Z_MIN, Reason
from aether_core.scoring.velocity import (
    WINDOW_LONG_S,
    WINDOW_SHORT_S,
    count_spread,
    expected_count,
    habit_exposure,
    score_count,
)
from aether_core.scoring.zscore import amount_spread, log_amount_at, typical_amount

# Alone, a detector leads to a review from here on (with the default thresholds).
_CLEARED_Z = 3.5

_DAY_S = 86_400.0


class AmountSeen(msgspec.Struct, frozen=True):
    """An amount and the baseline (count, mean, squares of logs) that it was held to."""

    minor_units: int
    currency: str
    exponent: int
    z_score: float
    baseline: tuple[float, float, float]


class BurstSeen(msgspec.Struct, frozen=True):
    """Earlier transactions in the two windows, and the habit that they were held to."""

    short: float
    long: float
    habit: float
    age_s: float
    z_score: float


def reasons_for(amount: AmountSeen, burst: BurstSeen) -> tuple[Reason, ...]:
    """Return a reason for each detector at or above its least z-score, the strongest first."""
    found = []
    if amount.z_score >= REASON_Z_MIN:
        found.append(_amount_reason(amount))
    if burst.z_score >= REASON_Z_MIN:
        found.append(_velocity_reason(burst))
    return tuple(sorted(found, key=lambda reason: -reason.z_score))


def _amount_reason(seen: AmountSeen) -> Reason:
    count, mean, squares = seen.baseline
    usual = typical_amount(mean)
    above = typical_amount(mean + amount_spread(count, squares))
    # Rounded up and down so that the bound that is promised also holds to the unit.
    bound = int(exp(min(log_amount_at(count, mean, squares, _CLEARED_Z), 80.0)))
    text = (
        f"{_money(seen, seen.minor_units)} is {seen.minor_units / usual:,.1f} times the "
        f"{_money(seen, round(usual))} that this account usually pays "
        f"({_earlier(count)} in {seen.currency}). "
    )
    if seen.minor_units > bound:
        text += f"Up to {_money(seen, bound)} the amount alone would have passed."
    else:
        text += f"The amount alone would pass up to {_money(seen, bound)}."
    unit = float(10**seen.exponent)
    return Reason(
        detector="amount",
        text=text,
        observed=seen.minor_units / unit,
        expected=usual / unit,
        spread=(above - usual) / unit,
        observations=int(count),
        z_score=seen.z_score,
    )


def _velocity_reason(seen: BurstSeen) -> Reason:
    exposure = habit_exposure(seen.age_s)
    by_window = [
        (score_count(count, seen.habit, exposure, window_s), count, window_s, words)
        for count, window_s, words in (
            (seen.short, WINDOW_SHORT_S, "five minutes"),
            (seen.long, WINDOW_LONG_S, "hour"),
        )
    ]
    _, count, window_s, words = max(by_window)
    expected = expected_count(seen.habit, exposure, window_s)
    # The tested count is of the earlier ones; people count this one too.
    observed = count + 1.0
    text = (
        f"About {ceil(observed - 0.05)} transactions within the last {words}, where this account "
        f"makes about {_rate(seen.habit / exposure * _DAY_S)} "
        f"({_earlier(seen.habit)} known from the last {_span(seen.age_s)}). "
        "Ask the account holder whether these payments are theirs."
    )
    return Reason(
        detector="velocity",
        text=text,
        observed=observed,
        expected=expected,
        spread=count_spread(expected, seen.habit),
        observations=round(seen.habit),
        z_score=seen.z_score,
    )


def _money(seen: AmountSeen, minor_units: int) -> str:
    """Return exact text such as `1,234.50 EUR`."""
    whole, rest = divmod(minor_units, 10**seen.exponent)
    fraction = f".{rest:0{seen.exponent}d}" if seen.exponent else ""
    return f"{whole:,}{fraction} {seen.currency}"


def _earlier(count: float) -> str:
    number = round(count)
    return "1 earlier payment" if number == 1 else f"{number:,} earlier payments"


def _rate(per_day: float) -> str:
    """Return a rate in the unit that reads best."""
    if per_day >= 2 * 1440:
        return f"{per_day / 1440:,.1f} a minute"
    if per_day >= 2 * 24:
        return f"{per_day / 24:,.1f} an hour"
    if per_day >= 1:
        return f"{per_day:,.1f} a day"
    return f"{per_day * 7:,.1f} a week"


def _span(age_s: float) -> str:
    """Return a time in the unit that reads best; the habit looks back two weeks."""
    age_s = min(age_s, 14 * _DAY_S)
    for unit, name in ((_DAY_S, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if age_s >= 2 * unit:
            return f"{age_s / unit:.0f} {name}"
    return f"{age_s:.0f} seconds"
