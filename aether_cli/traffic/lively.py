"""Live traffic: invented payments as they come, second by second, with rhythm, surges and fraud.

In:   a world of accounts and merchants, a rate.
Out:  payments, each with the second at which it is due. Pure: whoever plays it keeps the time.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from math import pi, sin

from aether_cli.traffic.world import Account, Payment, World, burst, outlier

# A day's ups and downs in ten minutes, and smaller ones in two: something to look at, and to
# forecast.
_WAVES = ((600.0, 0.3), (137.0, 0.12))

# Now and then a sale: for some seconds a good deal more, much of it at one merchant.
_SURGE_EVERY_S = 150.0
_SURGE_FACTORS = (1.5, 2.4)
_SURGE_LENGTHS_S = (10.0, 30.0)
_SURGE_SHARE = 0.5

# Fraud is only unusual against habits: an account is left in peace until it has some.
_HABIT_MIN = 10
_BURST_PACE = timedelta(seconds=1.5)
_BURST_SHARE = 0.35

_START = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Due:
    """A payment and its second, counted from the beginning. Its own `occurred_at` means nothing."""

    at_s: float
    payment: Payment


@dataclass(frozen=True, slots=True)
class _Surge:
    until_s: float
    factor: float
    merchant: int


def flow(world: World, rate_per_s: float, fraud_rate: float) -> Iterator[Due]:
    """Yield payments for ever, in the order in which they are due.

    rate_per_s: on average, surges apart. fraud_rate: share of fraud, about, 0 to 0.5.
    """
    random = world.random
    weights = list(accumulate(account.pace for account in world.accounts))
    seen: Counter[str] = Counter()
    planted: list[tuple[float, int, Payment]] = []
    surge = _Surge(0.0, 1.0, 0)
    next_surge_s = random.expovariate(1 / _SURGE_EVERY_S)
    ceiling = rate_per_s * (1 + sum(height for _, height in _WAVES)) * _SURGE_FACTORS[1]
    at_s = owed = 0.0
    number = 0
    while True:
        # A Poisson process whose rate changes, by thinning (Lewis and Shedler, 1979).
        at_s += random.expovariate(ceiling)
        while planted and planted[0][0] <= at_s:
            due_s, _, payment = heapq.heappop(planted)
            yield Due(due_s, payment)
        if at_s >= next_surge_s:
            surge = _Surge(
                at_s + random.uniform(*_SURGE_LENGTHS_S),
                random.uniform(*_SURGE_FACTORS),
                world.any_merchant(),
            )
            next_surge_s = surge.until_s + random.expovariate(1 / _SURGE_EVERY_S)
        is_surging = at_s < surge.until_s
        intensity = rate_per_s * _wave(at_s) * (surge.factor if is_surging else 1.0)
        if random.random() * ceiling > intensity:
            continue
        (account,) = random.choices(world.accounts, cum_weights=weights)
        merchant = world.merchant_for(account)
        if is_surging and random.random() < _SURGE_SHARE:
            merchant = surge.merchant
        yield Due(at_s, world.pay(account, merchant, _START))
        seen[account.id] += 1
        owed += fraud_rate
        if owed >= 1 and seen[account.id] >= _HABIT_MIN:
            for delay_s, payment in _plant(world, account):
                heapq.heappush(planted, (at_s + delay_s, number, payment))
                number += 1
                owed -= 1


def _plant(world: World, account: Account) -> list[tuple[float, Payment]]:
    """Return fraud against an account, each payment with its delay in seconds."""
    if world.random.random() < _BURST_SHARE:
        payments = burst(world, account, _START, _BURST_PACE)
    else:
        payments = [outlier(world, account, _START)]
    return [((p.occurred_at - _START).total_seconds(), p) for p in payments]


def _wave(at_s: float) -> float:
    return 1 + sum(height * sin(2 * pi * at_s / period_s) for period_s, height in _WAVES)
