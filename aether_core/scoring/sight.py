"""What each detector could see right now: how much it knows, and the least that it would flag.

In:   a shard's state, an account, and a moment.
Out:  for each detector its observations, and the smallest amount or burst that it alone would send
      to review; None where it is blind.
Changes nothing. Found by trying with the score's own functions, so what is said holds.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log
from typing import Final

import msgspec

from aether_core.scoring.amount import expected_amount
from aether_core.scoring.decision import Thresholds
from aether_core.scoring.fusion import CALM, fused_log_odds, log_odds_of
from aether_core.scoring.rush import DAYS_MIN
from aether_core.scoring.state import BASELINE, RECORD, ShardState
from aether_core.scoring.velocity import WINDOW_HABIT_S, WINDOW_LONG_S, judge_burst

_AMOUNT_MAX: Final = 10**15
_BURST_MAX: Final = 1_000
_NEVER: Final = 40.0


class Sight(msgspec.Struct, frozen=True):
    """One detector's view of one account.

    observations: payments, labels, or merchants with a past, that its baseline rests on. least: the
    smallest amount in minor units (`amount`, `population`) or number of payments within an hour
    (`velocity`) that it alone would send to review; None: it is blind, or knows no such bound.
    """

    detector: str
    observations: int
    least: int | None = None

    @property
    def is_blind(self) -> bool:
        """Whether the detector could flag nothing of this account now."""
        return self.least is None and self.observations == 0


def currency_of(state: ShardState, account_id: str) -> str | None:
    """Return the currency that an account began with; None for a stranger."""
    place = state.accounts.get(account_id)
    if place is None:
        return None
    code = RECORD.unpack_from(state.records, place)[-1]
    return next(currency for currency, one in state.currencies.items() if one == code)


def look(
    state: ShardState, thresholds: Thresholds, account_id: str, currency: str, at_ms: int
) -> tuple[Sight, ...]:
    """Return what each detector sees of an account that pays in a currency at a moment."""
    place = state.accounts.get(account_id)
    record = None if place is None else RECORD.unpack_from(state.records, place)
    merchants = sum(spell.fraud_count for spell in state.merchant_spells.values())
    account = state.account_spells.get(account_id)
    baseline = _baseline(state, place, record, currency)
    return (
        Sight("amount", int(baseline[0]), _least_own(state, thresholds, baseline, currency)),
        _population(state, thresholds, currency),
        Sight("takeover", int(baseline[0])),
        _velocity(state, thresholds, record, at_ms / 1000.0),
        Sight("merchant", merchants),
        Sight("merchant_velocity", sum(one.days >= DAYS_MIN for one in state.rushes.values())),
        Sight("novelty", int(baseline[0])),
        Sight("repetition", int(baseline[0])),
        Sight("account", 0 if account is None else account.fraud_count + account.legitimate_count),
    )


def _baseline(
    state: ShardState, place: int | None, record: tuple[float, ...] | None, currency: str
) -> tuple[float, float, float]:
    code = state.currencies.get(currency)
    if place is None or record is None or code is None:
        return 0.0, 0.0, 0.0
    if record[-1] == code:
        return record[7], record[8], record[9]
    found = state.baseline_places.get((place // RECORD.size, code))
    if found is None:
        return 0.0, 0.0, 0.0
    count, mean, squares = BASELINE.unpack_from(state.baselines, found)
    return count, mean, squares


def _least_own(
    state: ShardState,
    thresholds: Thresholds,
    baseline: tuple[float, float, float],
    currency: str,
) -> int | None:
    population = state.population.currencies.get(currency)
    if population is None:
        return None
    expected, spread = expected_amount(baseline, population.mean)

    def is_flagged(minor_units: int) -> bool:
        own = state.population.own.surprise((log(minor_units) - expected) / spread)
        return _is_flagged(state, thresholds, own=own)

    return _least(is_flagged, _AMOUNT_MAX)


def _population(state: ShardState, thresholds: Thresholds, currency: str) -> Sight:
    population = state.population.currencies.get(currency)
    if population is None:
        return Sight("population", 0)

    def is_flagged(minor_units: int) -> bool:
        surprise = population.tail.surprise(log(minor_units) - population.anchor)
        return _is_flagged(state, thresholds, population=surprise)

    return Sight("population", population.tail.observations, _least(is_flagged, _AMOUNT_MAX))


def _velocity(
    state: ShardState, thresholds: Thresholds, record: tuple[float, ...] | None, at: float
) -> Sight:
    if record is None:
        return Sight("velocity", 0)
    last, first, _, _, _, recent, habit = record[:7]
    passed = max(0.0, at - last)
    known = habit * exp(-passed / WINDOW_HABIT_S) - recent * exp(-passed / WINDOW_LONG_S)
    known = max(0.0, known)

    def is_flagged(count: int) -> bool:
        _, burst = judge_burst(0.0, count - 1.0, 0.0, known, max(at, last) - first)
        return _is_flagged(state, thresholds, burst=min(burst, _NEVER))

    return Sight("velocity", round(known), _least(is_flagged, _BURST_MAX))


def _is_flagged(state: ShardState, thresholds: Thresholds, **seen: float) -> bool:
    """Return whether this evidence alone, beside the ordinary, leads to a review."""
    found = CALM._replace(**seen)
    thresholds, weights = state.in_force(thresholds)
    odds = fused_log_odds(weights, *found)
    return odds >= log_odds_of(min(max(thresholds.review_min, 1e-9), 1.0 - 1e-9))


def _least(is_flagged: Callable[[int], bool], most: int) -> int | None:
    """Return the smallest number from 1 that is flagged; None if `most` is not."""
    if not is_flagged(most):
        return None
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_flagged(middle) else (middle, high)
    return high
